"""Measure what feet do in transferred clips whose truth is known: `python scripts/clips.py [--only GROUP ...]`.

Two groups. animals: the clips of the fox of the data set animals, carried to dog, panda and horse by the shipped model;
their truth has the fox's rotations of joints and no travel of its own. bodies: a walk made from joint angles with anny,
on the meshes of bodies-2k, carried by the shipped model; in the truth the standing foot holds the body. A group whose
data or package is missing is left out, and a line says so.
The ways: the source itself; the truth; the truth with its root moved by `npr.rigging.feet`; `npr.transferring.place`,
which moves a body by its size; `npr.rigging.feet.place_clips`. `--out` writes all rows and their means as JSON.
With --own-rig the joints in the files of dog, panda and horse are fitted to every fourth pose, see npr.rigging.own_rig.
NPR_DATA=data OMP_NUM_THREADS=1 python scripts/clips.py --own-rig files --out nbs/benchmark/clips.json
"""
import argparse
import json
import math
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from npr import InputError, load_pretrained
from npr.app.benchmark import describe_machine
from npr.data.animals import FILES, read_animal
from npr.data.bodies import NAMED_BODIES, SOURCE_BODY, Body, BodyModel, body_on_mesh
from npr.data.datasets import load_dataset
from npr.data.human_poses import Pose, pose_matrices
from npr.geometry.mesh import Mesh, diagonal
from npr.geometry.poses import PoseSet
from npr.model import PoseModel
from npr.outputs import write_atomically
from npr.rigging.clips import Clip, find_clips
from npr.rigging.feet import (
    FootMeasures,
    find_footing,
    find_up,
    leg_ratio,
    measure_feet,
    model_hips,
    place_clips,
    travel_of_feet,
)
from npr.rigging.own_rig import driven_joints, fit_own_rig
from npr.transferring import carry_poses, place, scale_ratio


class Study(NamedTuple):
    "Clips of a source, and bodies whose truth in these clips is known."

    group: str
    model: PoseModel  # trained on the source
    poses: PoseSet  # of the source
    clips: list[Clip]
    bodies: dict[str, tuple[Mesh, Tensor]]  # by name the rest pose and the truth (P, V, 3)


def joined(
    first: PoseSet,
    second: PoseSet,
) -> PoseSet:
    "Poses of one mesh, one set after the other."
    return PoseSet(first.template, torch.cat([first.posed, second.posed]), first.names + second.names)


def animals() -> Study:
    "The fox's clips, 20 frames a second."
    data = load_dataset("animals")
    poses, bodies = joined(data.train, data.held_out), {}
    for name, target in data.targets.items():
        if target.train_poses is not None:
            bodies[name] = target.poses.template, joined(target.train_poses, target.poses).posed
    return Study("animals", load_pretrained("animals")[0], poses, find_clips(poses.names, None, 20), bodies)


def walk_pose(
    phase: float,  # of the left leg: it stands from 0 to pi
) -> Pose:
    "A moment of a walk: joint angles in degrees."
    pose: Pose = {"spine_bend": 4.0}
    for side, turn in (("L", phase), ("R", phase + math.pi)):
        swing = max(0.0, -math.sin(turn))
        hip, knee = 8 + 22 * math.cos(turn), 6 + 64 * swing**0.8
        ankle = float(np.clip(hip - knee, -20, 25)) * (1 - swing) - 10 * swing
        pose |= {f"hip_flex.{side}": hip, f"knee_flex.{side}": knee, f"ankle_flex.{side}": ankle,
                 f"arm_raise.{side}": 22.0, f"arm_forward.{side}": 20 - 35 * math.cos(turn), f"elbow_flex.{side}": 20.0}
    return pose


def walking(
    body: Body,
    rest: Tensor,  # (V, 3) z up, looking along -y, so that its left is along x
    matrices: np.ndarray,  # (P, B, 4, 4)
) -> Tensor:  # (P, V, 3)
    "A body that is held by its lower foot, and whose lowest vertex is at the height of its sole at rest."
    verts, ground = torch.from_numpy(body.posed(matrices)).double(), rest[:, 2].min()
    verts[..., 2] += ground - verts[..., 2].amin(dim=1, keepdim=True)
    low = rest[:, 2] < ground + 0.06 * (rest[:, 2].max() - ground)
    soles = low & (rest[:, 0] > 0), low & (rest[:, 0] < 0)
    heights = torch.stack([verts[:, sole, 2].amin(dim=1) for sole in soles])
    for pose in range(1, len(verts)):
        sole = soles[int(heights[:, pose - 1 : pose + 1].sum(dim=1).argmin())]
        verts[pose, :, :2] += (verts[pose - 1, sole] - verts[pose, sole]).mean(dim=0)[:2]
    return verts


def bodies() -> Study:
    "Two strides of a walk, 24 frames a second."
    model, data = BodyModel(), load_dataset("bodies-2k")
    phases = [2 * math.pi * pose / 24 for pose in range(48)]
    matrices = np.stack([pose_matrices(walk_pose(phase), model.axes, model.bones) for phase in phases])
    rest, found = data.train.template, {}
    source = walking(body_on_mesh(model, SOURCE_BODY, rest), rest.verts, matrices)
    for name, target in data.targets.items():
        mesh = target.poses.template
        found[name] = mesh, walking(body_on_mesh(model, NAMED_BODIES[name], mesh), mesh.verts, matrices)
    poses = PoseSet(rest, source, [f"Walk-{pose:03d}" for pose in range(48)])
    return Study("bodies", load_pretrained("bodies")[0], poses, find_clips(poses.names, None, 24), found)


def own_rigs(
    folder: Path,  # holds the .glb files of the data set animals
) -> list[dict]:
    "Rows of dog, panda and horse: their own joints fitted to the truth, and to what is transferred from the fox."
    study, rows, files = animals(), [], {path.name: path for path in folder.rglob("*.glb")}
    missing = [file for file in FILES.values() if file not in files]
    if missing:
        raise InputError(f"{folder}: has no file {missing[0]}; give the folder with the files of animals.")
    for name, (mesh, truth) in study.bodies.items():
        animal, some = read_animal(files[FILES[name]]), slice(0, len(truth), 4)
        verts = carry_poses(study.model, study.poses[some], study.model.target(mesh))
        for wanted, places in {"truth": truth[some], "transfer": verts}.items():
            in_file = places.numpy()[..., [0, 2, 1]] * np.array([1, 1, -1]) / animal.scale  # y up, as the file is
            start = process_time()
            fit = fit_own_rig(animal.rig, torch.from_numpy(in_file), torch.from_numpy(animal.surface.kept))
            away, size = fit.distances * animal.scale / diagonal(mesh), animal.scale / diagonal(mesh)
            own = fit.verts[:, animal.surface.kept]
            shakes = [(part.diff(n=2, dim=0) * size * 25).norm(dim=-1).mean().item() for part in
                      (torch.from_numpy(in_file), own)]
            rows.append({"body": name, "wanted": wanted, "poses": len(places), "joints": len(driven_joints(fit.rig)),
                         "rms": away.square().mean().sqrt().item(), "largest": away.max().item(),
                         "shaking_wanted": shakes[0], "shaking": shakes[1],
                         "seconds": (process_time() - start) / len(places)})
            print(f"{name}, own rig, {wanted}: {rows[-1]['rms']:.5f} of the diagonal", flush=True)
    return rows


GROUPS: dict[str, Callable[[], Study]] = {"animals": animals, "bodies": bodies}


def measure_body(
    study: Study,
    name: str,  # of a body
) -> list[dict]:
    "The rows of one body: each clip and each way."
    mesh, truth = study.bodies[name]
    target, source, up = study.model.target(mesh), study.poses.template, find_up(study.poses.posed)
    hips, faces = model_hips(study.model, target), target.queries.source_faces
    assert faces is not None
    verts = carry_poses(study.model, study.poses, target)
    travel = study.poses.posed.mean(dim=1) - source.verts.mean(dim=0)
    legs = leg_ratio(source, mesh, up, hips)
    ways = {"truth": truth, "truth on its feet": place_clips(truth, study.poses, mesh, faces, up=up, hips=hips,
                                                             clips=study.clips),
            "place": place(verts, travel, source, mesh),
            "place_clips": place_clips(verts, study.poses, mesh, faces, up=up, hips=hips, clips=study.clips)}
    rows = []
    for clip in study.clips:
        posed, about = study.poses.posed[clip.poses], {"group": study.group, "body": name, "clip": clip.name}
        for way, placed in ways.items():
            own = placed[clip.poses]
            footing = find_footing(posed, source, own, mesh, faces, up)
            values = measure_feet(own, footing, float((mesh.verts @ up).min()), diagonal(mesh), clip.times, up)
            rows.append(about | {"way": way} | values._asdict())
            if way == "truth":
                centred = own - own.mean(dim=1, keepdim=True)
                footing = find_footing(posed, source, centred, mesh, faces, up)
                stride = travel_of_feet(footing, travel[clip.poses], legs, diagonal(source), up)[1]
                rows[-1] |= {"size": scale_ratio(source, mesh), "legs": legs, "stride": stride}
    return rows


def measure_source(
    study: Study,
) -> list[dict]:
    "The rows of the source itself."
    mesh, up, rows = study.poses.template, find_up(study.poses.posed), []
    for clip in study.clips:
        posed = study.poses.posed[clip.poses]
        footing = find_footing(posed, mesh, posed, mesh, torch.arange(len(mesh.faces)), up)
        values = measure_feet(posed, footing, float((mesh.verts @ up).min()), diagonal(mesh), clip.times, up)
        rows.append({"group": study.group, "body": "source", "clip": clip.name, "way": "source"} | values._asdict())
    return rows


def mean_rows(
    rows: list[dict],
) -> dict[str, dict[str, dict[str, float]]]:  # by group and way
    "Means over clips and bodies."
    found: dict[str, dict[str, dict[str, float]]] = {}
    for group, way in dict.fromkeys((row["group"], row["way"]) for row in rows):
        own = [row for row in rows if (row["group"], row["way"]) == (group, way)]
        means = {key: sum(row[key] for row in own) / len(own) for key in FootMeasures._fields}
        found.setdefault(group, {})[way] = means
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(GROUPS), metavar="GROUP", default=list(GROUPS))
    parser.add_argument("--own-rig", type=Path, metavar="FOLDER", help="with fox-dog.glb and others: fit their joints")
    parser.add_argument("--out", type=Path, help="where to write the rows as JSON")
    settings, rows = parser.parse_args(), []
    for group in settings.only:
        try:
            study = GROUPS[group]()
        except InputError as error:
            print(f"{group} left out: {error}")
            continue
        rows += measure_source(study)
        for name in study.bodies:
            rows += measure_body(study, name)
            print(f"{group}: {name} measured", flush=True)
    for group, ways in mean_rows(rows).items():
        print(f"{group:20} " + " ".join(f"{key:>10}" for key in FootMeasures._fields) + "  thousandths of the diagonal")
        for way, values in ways.items():
            print(f"  {way:18} " + " ".join(f"{1e3 * value:10.1f}" for value in values.values()))
    try:
        own_rows = own_rigs(settings.own_rig) if settings.own_rig else []
    except InputError as error:
        print(f"own rigs left out: {error}")
        own_rows = []
    if settings.out is not None:
        about = {"command": shlex.join(["python", "scripts/clips.py", *sys.argv[1:]]),
                 "machine": describe_machine(torch.device("cpu")), "threads": torch.get_num_threads(),
                 "units": "diagonals of the body, seconds"}
        content = about | {"means": mean_rows(rows), "rows": rows, "own_rig": own_rows}
        write_atomically(settings.out, json.dumps(content, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
