"""Compare fitted rigs with Dem Bones: `python scripts/rigs.py [--data FOLDER ...] [--dem-bones PYTHON]`.

bodies-2k, the animals' fox and the quaternius fox, each on the source's training poses and on one target in its true
held-out poses; groups whose files are in none of the folders are left out. Dem Bones (py-dem-bones) is first asked
for 24 bones, four weights a vertex and its default settings; ours then gets as many bones as it found. Its package is
not needed by npr: name the Python of an environment that has it with --dem-bones; without it the rows have our
numbers alone.
Seconds are processor time on one core. RMS and the largest distance are in percent of the rest pose's diagonal.
OMP_NUM_THREADS=1 python scripts/rigs.py --data FOLDER --dem-bones /path/to/python
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import torch

from npr.app.benchmark import describe_machine
from npr.data.pairs import find_pairs
from npr.geometry.mesh import diagonal
from npr.geometry.poses import PoseSet
from npr.outputs import write_atomically
from npr.rigging.fitting import RigOptions, rig_poses
from npr.rigging.skeleton import rigged_verts

ROOT = Path(__file__).resolve().parent.parent
BONES = 24
PAIRS = {"bodies-2k to heavy_man": "bodies", "fox to dog": "animals", "fox to cow": "quaternius"}
DEM_BONES = """
import sys, time
import numpy as np
from py_dem_bones import __version__, solve_skinning
given = np.load(sys.argv[1])
start = time.process_time()
found = solve_skinning(given["rest"], given["posed"], int(given["bones"]), faces=given["faces"].tolist())
seconds = time.process_time() - start
points = np.concatenate([given["rest"], np.ones((len(given["rest"]), 1))], axis=1)
places = np.einsum("bv,pbij,vj->pvi", found.weights, found.transforms[:, :, :3], points, optimize=True)
np.savez(sys.argv[2], places=places, weights=found.weights, seconds=seconds, version=__version__)
"""


def poses_of(
    folders: list[Path],
) -> dict[str, PoseSet]:
    "Exact vertices to fit rigs to, by name: source and target of each group whose files are there."
    found: dict[str, PoseSet] = {}
    for group in dict.fromkeys(PAIRS.values()):
        for folder in folders or [None]:
            pairs = [pair for pair in find_pairs(folder, [group])[0] if PAIRS.get(pair.name) == group]
            for pair in pairs[:1]:
                found[f"{group}, source"] = pair.train
                if pair.truth is not None:
                    found[f"{group}, {pair.name.split()[-1]}"] = pair.truth
        if f"{group}, source" not in found:
            print(f"{group}: its files are in none of the folders; left out.")
    return found


def measured(
    poses: PoseSet,
    verts: torch.Tensor,  # (P, V, 3) what a rig shows
    seconds: float,
) -> dict[str, float]:
    "Distances in percent of the diagonal, and seconds."
    away = 100 * (verts - poses.posed).norm(dim=-1) / diagonal(poses.template)
    return {"rms": away.square().mean().sqrt().item(), "largest": away.max().item(), "seconds": seconds}


def dem_bones(
    python: str,  # of an environment with py-dem-bones
    poses: PoseSet,
) -> dict[str, float | str] | None:  # none where the package is missing
    "What Dem Bones makes of the poses."
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder, "given.npz"), Path(folder, "result.npz")
        np.savez(given, rest=poses.template.verts, faces=poses.template.faces, posed=poses.posed, bones=BONES)
        done = subprocess.run([python, "-c", DEM_BONES, given, result], capture_output=True, text=True,
                              env={**os.environ, "OMP_NUM_THREADS": "1"})
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            print(f"Dem Bones did not run: {reason}; its rows are left out.")
            return None
        with np.load(result) as arrays:
            row = measured(poses, torch.from_numpy(arrays["places"]), float(arrays["seconds"]))
            weights = int((arrays["weights"] > 0).sum(axis=0).max())
            return {**row, "bones": len(arrays["weights"]), "weights": weights, "version": str(arrays["version"])}


def ours(
    poses: PoseSet,
    bones: int,
) -> dict[str, float]:
    "What `rig_poses` makes of the poses."
    start = process_time()
    rig = rig_poses(poses, options=RigOptions(bones))
    seconds = process_time() - start
    weights = int((rig.weights > 0).sum(dim=1).max())
    return {**measured(poses, rigged_verts(rig), seconds), "bones": len(rig.skeleton.parents), "weights": weights}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", default=[], help="folder with data; may be given again")
    parser.add_argument("--dem-bones", default=sys.executable, help="Python of an environment with py-dem-bones")
    parser.add_argument("--out", type=Path, default=ROOT / "nbs/benchmark/rigs.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, dict] = {}
    for name, poses in poses_of(options.data).items():
        theirs = dem_bones(options.dem_bones, poses)
        row: dict = {"verts": len(poses.template.verts), "poses": len(poses)}
        row["npr"] = ours(poses, BONES if theirs is None else int(theirs["bones"]))
        rows[name] = row | ({} if theirs is None else {"dem_bones": theirs})
        print(name, json.dumps(rows[name]), flush=True)
    content = {"command": "python scripts/rigs.py --data FOLDER --dem-bones PYTHON",
               "machine": describe_machine(torch.device("cpu")), "rows": rows}
    write_atomically(options.out, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
