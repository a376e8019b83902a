"""Run the examples in scripts/cluster with a program in place of npr: `python scripts/check_cluster.py`.

Over all tasks each line of a list is given to npr once, in a command that npr's parser reads as it is meant.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import tyro
import yaml

from npr.app.many import is_list
from npr.app.settings import TrainSettings, TransferSettings

CLUSTER = Path(__file__).resolve().parent / "cluster"
STUB = f"""#!{sys.executable}
import json, sys
with open("calls.jsonl", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + chr(10))
"""
ENTRIES = ["fox.glb", "a dog.glb", "in/cat.obj", "horse.ply", "in the/cow.glb"]


def run(
    command: list[str],
    folder: Path,  # where the program in place of npr is, and where it notes its calls
    environment: dict[str, str],
) -> tuple[int, str]:  # exit status, and what it said
    "Run a task of an example."
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path} | environment, text=True,
                          stderr=subprocess.PIPE)
    return done.returncode, done.stderr


def calls(
    folder: Path,
) -> list[list[str]]:
    "What the program in place of npr was called with, since the last time."
    noted = folder / "calls.jsonl"
    found = [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
    noted.unlink(missing_ok=True)
    return found


def check_calls(
    found: list[list[str]],
    count: int,  # of the tasks
) -> None:
    "Each entry is in one call, and npr reads each call as a list that goes on after a bad mesh."
    given = []
    for name, *words in found:
        settings = tyro.cli(TrainSettings if name == "train" else TransferSettings, args=words)
        assert settings.keep_going and is_list(settings), words
        if isinstance(settings, TrainSettings):
            given += [settings.poses, *settings.more]
            assert settings.out == Path("runs"), words
        else:
            given += map(str, settings.paths[1:])
            assert (settings.paths[0], settings.out) == (Path("runs/bodies"), Path("posed")), words
    assert sorted(given) == sorted(ENTRIES), given
    assert len(found) == min(count, len(ENTRIES)), found


def write_list(
    folder: Path,
    entries: list[str],
) -> str:  # its name
    "A list with an empty line and no end of the last one."
    (folder / "list.txt").write_text("\n".join([entries[0], "", *entries[1:]]))
    return "list.txt"


def check_slurm(
    folder: Path,
) -> None:
    "The array, with its variables set by hand."
    script = str(CLUSTER / "slurm_array.sh")
    subprocess.run(["bash", "-n", script], check=True)
    options = [line.split()[1] for line in Path(script).read_text().splitlines() if line.startswith("#SBATCH")]
    assert "--requeue" in options and all(option.startswith("--") for option in options), options
    for words in ("npr transfer runs/bodies {} --out posed --keep-going", "npr train {} --out runs --keep-going"):
        for first, count in [(0, 1), (0, 2), (5, 3), (0, 9)]:
            for number in range(first, first + count):
                ids = {"ID": number, "MIN": first, "COUNT": count}
                environment = {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in ids.items()}
                task = ["bash", script, write_list(folder, ENTRIES), *words.split()]
                assert run(task, folder, environment) == (0, ""), (task, environment)
            check_calls(calls(folder), count)
    status, said = run(["bash", script, write_list(folder, [*ENTRIES, "out/FOX.obj"]), "npr"], folder, environment)
    assert (status, "called fox and" in said.lower(), calls(folder)) == (2, True, []), said
    if shutil.which("sbatch"):
        subprocess.run(["sbatch", "--test-only", "--array=0-1", script, "list.txt", "npr"], cwd=folder, check=True)


def check_kubernetes(
    folder: Path,
) -> None:
    "The indexed job: its fields, and its command with the index set by hand."
    job = yaml.safe_load((CLUSTER / "kubernetes_job.yaml").read_text())
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (job["apiVersion"], job["kind"], spec["completionMode"]) == ("batch/v1", "Job", "Indexed"), job
    assert pod["restartPolicy"] == "Never" and 0 < spec["parallelism"] <= spec["completions"], spec
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}, pod
    values = {entry["name"]: entry["value"] for entry in container["env"]}
    assert values["COUNT"] == str(spec["completions"]), values
    command = [*container["command"], *container["args"]]
    assert command[:2] == ["bash", "-euc"], command
    for number in range(spec["completions"]):
        environment = values | {"LIST": write_list(folder, ENTRIES), "JOB_COMPLETION_INDEX": str(number)}
        assert run(command, folder, environment) == (0, ""), number
    check_calls(calls(folder), spec["completions"])
    environment["LIST"] = write_list(folder, [*ENTRIES, "out/fox.obj"])
    assert run(command, folder, environment)[0] == 2 and not calls(folder)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "npr").write_text(STUB)
        (folder / "npr").chmod(0o755)
        check_slurm(folder)
        check_kubernetes(folder)
    print("each entry is done once, by 1, 2, 3 and 9 tasks for Slurm and by the pods of the job for Kubernetes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
