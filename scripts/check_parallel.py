"""Check that several processes train as one does: `python scripts/check_parallel.py`.

Trains a small network of the preset `paper` on two worms with `accelerate launch` and two processes on the CPU (gloo),
and with one process. The two are stopped by a signal to one of them and go on, once again as two and once as one. All
must end alike: the same number of processes bit for bit, another to rounding. In double precision, since Adam makes
large steps of gradients that are nothing but rounding errors. Then the command `npr train` leaves the same files, and
prints its last line once.
"""
import copy
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch

from npr import PoseModel, PoseSet, TrainingOptions, train
from npr.geometry.poses import save_poses
from npr.interface import PreparedPoses
from npr.model import load_tensors
from npr.paper.preset import PaperPreset
from npr.parallel import join_processes
from npr.training import Run, Sources, list_checkpoints, take_step
from npr.worm import chain, make_worm, random_rotations

SMALL = PaperPreset(samples=(60, 20), widths=(16, 24), neighbours=(6, 8), applier_width=16, applier_hidden=16)
OPTIONS = TrainingOptions(9, 4, 1e-3, jacobian_weight=0.0, validate_every=3, save_every=50)
STOP = 5  # after this step, which is no step of a checkpoint
CLOSE = 1e-9  # largest difference of weights, which are of the order of one; rounding leaves 1e-11


class InDouble(Sources):
    "Sources in double precision."

    def __init__(
        self,
        model: PoseModel,
        pose_sets: Sequence[PoseSet],
    ):
        super().__init__(copy.deepcopy(model).float(), pose_sets)
        for part in self.parts:
            part.poses = PreparedPoses(part.poses.features.double(), part.poses.neighbours)
            queries = part.target.queries
            part.target = part.target._replace(queries=replace(queries, points=queries.points.double()))


def worm_poses(
    girth: float,  # radius of the worm, metres
    count: int,  # poses
) -> PoseSet:
    "Random poses of a worm."
    worm = make_worm((1.0, 1.2, 0.9), girth)
    rotations, translations = chain(random_rotations(5, count, 3), worm.joints)
    posed = torch.einsum("vb,pbij,vj->pvi", worm.weights, rotations, worm.mesh.verts)
    return PoseSet(worm.mesh, posed + torch.einsum("vb,pbi->pvi", worm.weights, translations))


def work(
    folder: Path,  # of the run
    stop: bool,  # whether the last process gets a signal in the midst
) -> None:
    "What each process does."
    torch.set_num_threads(1)
    processes, poses = join_processes("cpu"), [worm_poses(0.3, 6), worm_poses(0.2, 3)]  # steps with 4, 4 and 1 poses

    def step(run: Run, sources: Sources) -> float:
        if stop and run.progress.step + 1 == STOP and processes.number == processes.count - 1:
            signal.raise_signal(signal.SIGTERM)
        return take_step(run, sources)

    torch.manual_seed(0)
    with patch("npr.training.Sources", InDouble), patch("npr.training.take_step", step):
        try:
            train(PoseModel(None, SMALL).double(), poses, worm_poses(0.3, 9)[6:], folder, OPTIONS, progress=False)
        except KeyboardInterrupt as stopped:
            if processes.is_main:
                print(str(stopped).replace(str(folder), folder.name), flush=True)


def launched(
    count: int,  # of processes
    command: list,  # of a Python program
) -> str:  # what it printed
    "Start a program in some processes; raises CalledProcessError where it fails."
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = [Path(sys.executable).with_name("accelerate"), "launch", "--multi_gpu", "--num_machines", "1",
              "--num_processes", str(count), "--mixed_precision", "no", "--dynamo_backend", "no",
              "--main_process_port", str(port)]
    command = [*(launch if count > 1 else [sys.executable]), *map(str, command)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


def start(
    count: int,  # of processes
    folder: Path,
    stop: bool = False,
) -> None:
    "Train the small network, until the end or until it is stopped."
    print(launched(count, [__file__, folder, *["stop"] * stop]), end="", flush=True)


def check_command(
    place: Path,  # an empty folder
) -> None:
    "The command leaves what one process leaves, and says it once."
    save_poses(worm_poses(0.3, 8), place / "poses.npz")
    words = ["train", place / "poses.npz", "--preset", "paper", "--steps", "2", "--batch-size", "2", "--out"]
    program = Path(sys.executable).with_name("npr")
    printed = [launched(count, [program, *words, place / str(count)]) for count in (1, 2)]
    assert printed[1].count("2 steps; ") == 1, printed[1]
    runs = [place / "1", place / "2"]
    files = [{path.relative_to(run) for path in run.rglob("*") if "tensorboard" not in path.parts} for run in runs]
    assert files[0] == files[1] and Path("config.yaml") in files[0], files
    texts = [load_tensors(run / "checkpoints" / "checkpoint-0000001.safetensors")[1]["progress"] for run in runs]
    (_, loss, error, _), theirs = (json.loads(text)["history"][0] for text in texts)
    assert abs(loss / theirs[1] - 1) < 1e-4 and abs(error / theirs[2] - 1) < 1e-2, texts  # in single precision


def compare(
    one: Path,
    two: Path,
) -> float:  # largest difference of any number in their last checkpoints
    "Compare two runs."
    found = [load_tensors(list_checkpoints(folder / "checkpoints")[-1])[0] for folder in (one, two)]
    assert set(found[0]) == set(found[1]) and any(name.startswith("optimizer") for name in found[0])
    return max((tensor - found[1][name]).abs().max().item() for name, tensor in found[0].items())


def main() -> int:
    "Four trainings, and what differs; the exit status is 1 where too much does."
    with tempfile.TemporaryDirectory() as place:
        folders = {name: Path(place) / name for name in ("one", "two", "two, stopped, two", "two, stopped, one")}
        one, two, again, other = folders.values()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(start, (1, 2), (one, two)))
            list(pool.map(start, (2, 2), (again, other), (True, True)))
            for folder in (again, other):
                path = list_checkpoints(folder / "checkpoints")[-1]
                assert path.name == f"checkpoint-{STOP:07d}.safetensors", path
            list(pool.map(start, (2, 1), (again, other)))
        rounding = {name: compare(one, folder) for name, folder in folders.items() if folder != one}
        for name, difference in rounding.items():
            print(f"{name:18} differs from one process by at most {difference:.0e}")
        exact = compare(two, again)
        (Path(place) / "command").mkdir()
        check_command(Path(place) / "command")
        print(f"two processes, undisturbed and stopped, differ by {exact:.0e}")
    return int(max(rounding.values()) > CLOSE or exact > 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(Path(sys.argv[1]), "stop" in sys.argv[2:])
    else:
        sys.exit(main())
