"""Check that `npr transfer` of many poses needs no more memory than of few: `python scripts/check_memory.py`.

Each transfer is a process of its own, whose peak the system counts. The target is the source itself, which needs no
registration: that has a peak of its own, which would hide the growth. Prints the peaks; the exit status is 1 where many
poses need more than few, beyond a part of what one copy of their positions fills.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from npr import PoseSet, save_poses, write_mesh, write_poses
from npr.geometry.frames import rotation_matrices
from npr.worm import chain, make_worm

AROUND, FEW, MANY = 64, 100, 600  # vertices of a ring of the worm; poses
SHARE = 0.5  # of the size of the added poses in double precision that the peak may grow by


def worm_poses(
    count: int,
) -> PoseSet:
    "A worm of three bones that bends in many ways."
    worm = make_worm((1.0, 1.0, 1.0), 0.2, around=AROUND)
    vectors = 0.8 * torch.randn(count, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    rotations, translations = chain(rotation_matrices(vectors), worm.joints)
    moved = torch.einsum("pbij,vj->pvbi", rotations, worm.mesh.verts) + translations[:, None]
    return PoseSet(worm.mesh, (worm.weights[..., None] * moved).sum(dim=2))


PROGRAM = """import sys
from npr.app.faults import program
status = program()
print(open("/proc/self/status").read())
sys.exit(status)"""


def peak(
    command: list[str],  # of npr
) -> float:  # megabytes
    "The largest memory of a process, as Linux counts it since its start."
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM, *command], text=True, capture_output=True)
    if ended.returncode:
        raise SystemExit(f"npr {' '.join(command)} failed:\n{ended.stderr}")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", ended.stdout)[-1]) / 1024


def main() -> int:
    "One line for each form of the poses and of the results."
    grown = {}
    with tempfile.TemporaryDirectory() as folder:
        here, poses = Path(folder), worm_poses(MANY)
        added = poses.posed[FEW:].numel() * 8 / 2**20
        print(f"{len(poses.template.verts)} vertices; the positions of {MANY - FEW} poses fill {added:.1f} MB")
        target = write_mesh(poses.template, here / "worm.obj")
        for count in (FEW, MANY):
            save_poses(poses[:count], here / f"{count}.npz")
            write_poses(poses[:count], here / f"{count}")
            write_mesh(poses.template, here / f"{count}" / "rest.obj")
        peak(["train", str(here / f"{FEW}.npz"), "--out", str(here / "run"), "--keypoints", "40", "--parts", "4"])
        for given, result in ((".npz", "meshes"), ("", "meshes"), (".npz", "poses.npz")):
            peaks = [peak(["transfer", str(here / "run"), str(target), "--poses", str(here / f"{count}{given}"),
                           "--out", str(here / f"{count}-{result}")]) for count in (FEW, MANY)]
            what = f"{given or 'a folder'} -> {result}"
            grown[what] = peaks[1] - peaks[0]
            many = f"{peaks[1]:5.0f} MB for {MANY}: {grown[what]:+5.1f} MB"
            print(f"{what:22} {peaks[0]:5.0f} MB for {FEW} poses, {many}")
    return int(max(grown.values()) > SHARE * added)


if __name__ == "__main__":
    sys.exit(main())
