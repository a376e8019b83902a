"""Kill npr at random moments, start it again, and compare what it leaves: `python scripts/kill_and_resume.py`.

Each command runs once undisturbed. Then, again and again in a fresh folder, it is killed (SIGKILL) at a random moment
and started again until it is through. Every file must be the same, bit for bit, and no other may lie about. Left out is
what tells the time: logs of TensorBoard, times.json and the lock. `--moments N` (50) over all commands, `--out` writes
a JSON with the numbers.
"""
import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, sleep

import torch

from npr.app import benchmark, check, rigs, samplers, viewer  # noqa: F401  imported once, not in each child
from npr.app.benchmark import describe_machine
from npr.app.cli import main as npr
from npr.generating.flow import FlowOptions
from npr.generating.sampler import learn_flow, load_sampler, save_sampler
from npr.geometry.mesh import write_mesh
from npr.geometry.poses import PoseSet, save_poses
from npr.outputs import write_atomically
from npr.worm import chain, make_worm, random_rotations

COMMANDS = {  # run in a folder that holds poses.npz, target.obj and run/
    "train": "train poses.npz --out out",
    "train the network": "train poses.npz --out out --preset paper --steps 6 --save-every 1 --test-every 3",
    "generate": "generate run --count 40 --out out",
    "transfer to a folder": "transfer run target.obj --out out",
    "transfer to .npz": "transfer run target.obj --out out.npz",
    "transfer to .glb": "transfer run target.obj --out out.glb",
}


def learn_to_draw() -> int:
    "What `npr generate --learn` does, in a few steps."
    sampler = learn_flow(load_sampler("run/sampler.safetensors"), Path("out"), FlowOptions(steps=20))
    save_sampler(Path("out/sampler.safetensors"), sampler, {})
    return 0


def child(
    task: Callable[[], int],
    folder: Path,
    kill_after: float | None = None,  # seconds
) -> int:  # exit status; -9 where it was killed
    "Do a task in a copy of this process, which has imported everything already."
    if (number := os.fork()) == 0:
        status = 70
        try:
            os.chdir(folder)
            with open(os.devnull, "w") as nothing, open("errors.txt", "w") as errors:
                os.dup2(nothing.fileno(), 1)
                os.dup2(errors.fileno(), 2)
            status = task()
        finally:
            os._exit(status)
    if kill_after is not None:
        sleep(kill_after)
        os.kill(number, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


UNLIKE = (".lock", "errors.txt", "times.json")  # files that tell the time or the process, and what was printed


def files_of(
    folder: Path,
) -> dict[str, bytes]:  # by path
    "All files in a folder but those of TensorBoard and of `UNLIKE`."
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and "tensorboard" not in path.parts and path.name not in UNLIKE}


def prepare(
    folder: Path,
) -> None:
    "A few poses of a worm, another worm, and a trained run with its sampler."
    worm, other = make_worm((1.0, 1.2, 0.9), 0.3), make_worm((1.3, 0.9, 1.1), 0.35, 10)
    rotations, translations = chain(random_rotations(5, 20, 3), worm.joints)
    posed = torch.einsum("vb,pbij,vj->pvi", worm.weights, rotations, worm.mesh.verts)
    posed += torch.einsum("vb,pbi->pvi", worm.weights, translations)
    save_poses(PoseSet(worm.mesh, posed), folder / "poses.npz")
    write_mesh(other.mesh, folder / "target.obj")
    for words in ("train poses.npz --out run", "generate run --count 2 --out unused"):
        if child(partial(npr, words.split()), folder):
            raise SystemExit(f"npr {words}: failed undisturbed")
    shutil.rmtree(folder / "unused")


def compare(
    task: Callable[[], int],
    start: Path,  # a folder with what the task needs
    moments: int,
    chance: random.Random,
) -> dict:  # the numbers
    "Kill and resume one task at some moments; raises SystemExit where a file differs."
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "here"  # always the same, since a run's settings name it
        shutil.copytree(start, folder)
        before = perf_counter()
        if child(task, folder):
            raise SystemExit("failed undisturbed")
        seconds, expected, killed = perf_counter() - before, files_of(folder), 0
        for _ in range(moments):
            shutil.rmtree(folder)
            shutil.copytree(start, folder)
            killed += child(task, folder, chance.uniform(0, seconds)) == -signal.SIGKILL
            if child(task, folder):
                raise SystemExit("failed when it was started again")
            found = files_of(folder)
            different = [name for name in expected | found if expected.get(name) != found.get(name)]
            if different:
                raise SystemExit(f"after a kill these files differ: {', '.join(different)}")
    return {"seconds": round(seconds, 2), "files": len(expected), "moments": moments, "killed": killed}


def main() -> int:
    "All commands; prints a line for each and writes the table."
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=50, help="over all commands")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    settings = parser.parse_args()
    torch.set_num_threads(1)  # a process with threads cannot be copied
    table: dict = {"command": f"python scripts/kill_and_resume.py --moments {settings.moments}",
                   "machine": describe_machine(torch.device("cpu")), "rows": {}}
    tasks: dict[str, Callable[[], int]] = {name: partial(npr, words.split()) for name, words in COMMANDS.items()}
    with tempfile.TemporaryDirectory() as place:
        start, chance = Path(place) / "start", random.Random(settings.seed)
        start.mkdir()
        prepare(start)
        tasks["learn to draw"] = learn_to_draw
        for number, (name, task) in enumerate(tasks.items()):
            try:
                moments = (settings.moments + number) // len(tasks)
                table["rows"][name] = compare(task, start, moments, chance)
            except SystemExit as stop:
                print(f"{name}: {stop}", file=sys.stderr)
                return 1
            row = table["rows"][name]
            print(f"{name:22} {row['killed']:3} of {row['moments']} killed within {row['seconds']} s, "
                  f"{row['files']} files alike", flush=True)
    if settings.out is not None:
        write_atomically(settings.out, (json.dumps(table, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
