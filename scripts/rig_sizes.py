"""Measure rigged files: `python scripts/rig_sizes.py`. Writes nbs/benchmark/rig_sizes.json.

A body of 16,002 vertices in 300 frames, in-betweens of shipped poses, is written with a skeleton and correctives, with
morph targets found by principal components, and with a morph target for each frame, which is the plain way. The
table has the time on one core, the size of the file and how far its vertices are from the exact ones.
"""
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import torch
import trimesh

from npr import load_dataset
from npr.app.benchmark import describe_machine
from npr.files.models import mesh_document, model_of
from npr.generating.sampler import learn_sampler, mix
from npr.geometry.mesh import Mesh, diagonal, find_repair
from npr.geometry.poses import PoseSet
from npr.outputs import write_atomically
from npr.rigging.clips import find_clips
from npr.rigging.correctives import add_correctives, rig_error
from npr.rigging.files import morph_poses, write_morphs, write_rig
from npr.rigging.fitting import rig_poses

ROOT = Path(__file__).resolve().parent.parent
KEYS, FRAMES = 13, 300  # poses that are passed, and frames in all
TOLERANCE = 0.005  # of the diagonal, as in `npr transfer`


def clip() -> PoseSet:
    "A motion through shipped poses, on a mesh with four times four as many faces."
    poses = load_dataset("bodies-2k").train
    sampler = learn_sampler(poses)
    passed = poses[list(range(0, len(poses), len(poses) // KEYS))[:KEYS]]
    moments = torch.linspace(0, KEYS - 1, FRAMES, dtype=torch.float64)
    shares = (1 - (moments[:, None] - torch.arange(KEYS)).abs()).clamp(min=0)
    frames = mix(sampler, passed, shares).posed
    everything = torch.cat([poses.template.verts[None], frames]).transpose(0, 1).flatten(1).numpy()  # (V, 3 (P + 1))
    faces = poses.template.faces.numpy()
    for _ in range(2):
        everything, faces = trimesh.remesh.subdivide(everything, faces)[:2]
    placed = torch.from_numpy(np.ascontiguousarray(everything)).view(len(everything), -1, 3).transpose(0, 1)
    template = Mesh(placed[0], torch.from_numpy(faces), "clip")
    return PoseSet(template, placed[1:], [f"Clip-{i:03d}" for i in range(len(frames))],
                   times=torch.arange(len(frames)).double() / 30)


def main() -> int:
    torch.set_num_threads(1)
    poses = clip()
    model, clips = model_of(mesh_document(poses.template)), find_clips(poses.names, poses.times)
    repair, size, rows = find_repair(model.mesh), diagonal(poses.template), {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("skeleton", "skeleton and correctives", "morph targets"):
            start = process_time()
            rig = morph_poses(poses) if name == "morph targets" else rig_poses(poses)
            if name == "skeleton and correctives":
                rig = add_correctives(rig, poses.posed, TOLERANCE * size)
            write = write_morphs if name == "morph targets" else write_rig
            path = write(replace(rig, mesh=repair.mesh), repair, model, clips, Path(folder) / f"{name}.glb")
            away = rig_error(rig, poses.posed)
            rows[name] = {"seconds": process_time() - start, "megabytes": path.stat().st_size / 1e6,
                          "morphs": len(rig.morphs), "rms %": 100 * away[0] / size, "largest %": 100 * away[1] / size}
            print(name, rows[name], flush=True)
    plain = poses.posed.numel() * 4 / 1e6
    rows["a morph target for each frame"] = {"megabytes": plain, "morphs": len(poses), "rms %": 0.0, "largest %": 0.0}
    table = {"command": "python scripts/rig_sizes.py", "machine": describe_machine(torch.device("cpu")), "threads": 1,
             "vertices": len(poses.template.verts), "frames": len(poses), "rows": rows}
    write_atomically(ROOT / "nbs/benchmark/rig_sizes.json", json.dumps(table, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
