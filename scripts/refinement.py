"""Measure whether refinement helps, where the truth is known: `python scripts/refinement.py [--only GROUP ...]`.

bodies-2k, faces and a figure of 41 pieces, and, where their files are in --data, the animals and the quaternius set. At
most 40 held-out poses of each target. Refinement of codes is trained on 40 training poses of the source. The weights of
the vertices' pull and of the row "codes, tuned" were chosen on the first four targets of bodies-2k. quaternius and the
figure were looked at while the step on the vertices was built; the other bodies, faces and animals were not. The group
"longer" has two bodies, with 500 steps in place of 120. Rows of groups that are in the file already are kept: delete it
when the code has changed.
With --paper it also measures a model of the preset paper on two bodies, such as one from
npr train bodies-2k --preset paper --steps 600 --out runs/paper.
OMP_NUM_THREADS=1 python scripts/refinement.py --data FOLDER --paper runs/paper/checkpoints/best.safetensors
"""
import argparse
import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time

import torch
from torch import Tensor

from npr import InputError, PoseModel
from npr.app.benchmark import describe_machine
from npr.data.pairs import Pair, find_pairs
from npr.geometry.mesh import diagonal
from npr.geometry.poses import PoseSet
from npr.geometry.sampling import spread_evenly
from npr.interface import PoseCode
from npr.metrics import copy_baselines, edge_ratio, flipped_faces, intersecting_faces, pmd, rotation_error
from npr.model import PreparedTarget, load_model
from npr.outputs import write_atomically
from npr.paper.refinement import RefinementOptions
from npr.refining import refine_codes, refine_verts, train_refinement
from npr.transferring import carry_poses, decode_poses, encode_poses

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("bodies", "faces", "animals", "quaternius", "figure", "longer")
TUNED_ON = 4  # targets of bodies-2k on which weights were chosen
WAYS = {"codes, paper": RefinementOptions(), "codes, rotated": RefinementOptions(rotated=True),
        "codes, tuned": RefinementOptions(10.0, 0.0, 0.5, rotated=True)}
ABOUT = {
    "registered": "Jacobians of the matched face, no learning", "codes": "from codes, not refined",
    "codes, paper": "codes refined with the paper's terms and weights",
    "codes, rotated": "the same, the rest pose's Laplacians rotated with the surface",
    "codes, tuned": "the same, with weights 10, 0 and 0.5",
    "codes, vertices": "from codes, then a step on the vertices",
    "meshes": "from meshes, not refined", "meshes, vertices": "from meshes, then a step on the vertices",
    "truth": "the true poses", "rest": "the target's rest pose"}


def pairs_of(
    group: str,  # one of `GROUPS`
    data: Path | None,
) -> list[Pair]:
    "The pairs of a group; raises `InputError` where its files are missing."
    source = {"figure": "pieces", "longer": "bodies"}.get(group, group)
    found, missing = find_pairs(data, [source])
    if missing:
        raise InputError(f"{group}: {missing[source]}")
    return {"figure": found[:1], "longer": found[::5]}.get(group, found)


def measure(
    verts: Tensor,  # (P, V, 3) result
    truth: PoseSet,
    unit: float,  # squared diagonal of the source
) -> dict[str, float]:
    "PMD in squared diagonals; of every fifth pose degrees, edge ratio, shares of flipped and of intersecting faces."
    faces, fifth, true = truth.template.faces, verts[::5], truth.posed[::5]
    crossing = torch.stack([intersecting_faces(one, faces) for one in fifth])
    return {"pmd": pmd(verts, truth.posed).mean().item() / unit,
            "rotation": rotation_error(fifth, true, faces).mean().item(),
            "edges": edge_ratio(fifth, true, faces).mean().item(),
            "flipped": flipped_faces(fifth, true, faces).double().mean().item(),
            "intersecting": crossing.double().mean().item()}


def results_of(
    model: PoseModel,
    poses: PoseSet,  # held out
    learn: PoseCode,  # of training poses
    target: PreparedTarget,
    batch_size: int,
    changed: dict,  # fields of `RefinementOptions` that differ from the usual
) -> dict[str, tuple[Tensor, float]]:  # by row: vertices, and processor seconds for all poses, with training
    "The target in all poses, in each way."
    found, start = {}, process_time()

    def add(row: str, verts: Tensor, since: float) -> Tensor:
        found[row] = (verts, process_time() - since)
        return verts

    code = encode_poses(model, poses, batch_size)
    coded = add("codes", decode_poses(model, code, target, batch_size), start)
    for row, options in WAYS.items():
        start = process_time()
        network = train_refinement(model, learn, target, replace(options, **changed))
        with torch.no_grad():
            refined = refine_codes(model, network, code)
        add(row, decode_poses(model, refined, target, batch_size), start)
    start = process_time()
    add("codes, vertices", refine_verts(target.solver, coded), start)
    if model.preset.name != "paper":
        start = process_time()
        carried = add("meshes", carry_poses(model, poses, target), start)
        start = process_time()
        add("meshes, vertices", refine_verts(target.solver, carried), start)
        queries, start = target.queries, process_time()
        copies = copy_baselines(poses, target.solver, queries.source_faces, undo=queries.undo)
        add("registered", copies["registered"], start)
    return found


def measure_pair(
    model: PoseModel,
    pair: Pair,
    learn: PoseCode,  # of training poses
    most: int,  # poses, at most
    at_once: int = 8,  # poses that pass the networks together
    **changed,  # fields of `RefinementOptions` that differ from the usual
) -> dict[str, dict[str, float]]:  # by row
    "All rows of one target."
    assert pair.truth is not None
    chosen = spread_evenly(len(pair.poses), most).tolist()
    poses, truth, target = pair.poses[chosen], pair.truth[chosen], model.target(pair.target)
    unit = diagonal(pair.train.template) ** 2
    results = results_of(model, poses, learn, target, at_once, changed)
    results |= {"truth": (truth.posed, 0.0), "rest": (truth.template.verts.expand_as(truth.posed), 0.0)}
    return {row: measure(results[row][0], truth, unit) | {"seconds": round(results[row][1], 2), "poses": len(poses)}
            for row in ABOUT if row in results}


def measure_group(
    group: str,
    data: Path | None,
    seed: int,
) -> dict[str, dict]:  # by target and row
    "All targets of a group, with the preset parts without a step of training."
    pairs, changed, found = pairs_of(group, data), {"steps": 500} if group == "longer" else {}, {}
    train = pairs[0].train
    torch.manual_seed(seed)
    model = PoseModel(train.template, "parts")
    model.initialise(train)
    learn = encode_poses(model.eval(), train[spread_evenly(len(train), 40).tolist()])
    for pair in pairs:
        found[pair.name.split(" to ")[-1]] = rows = measure_pair(model, pair, learn, 40, **changed)
        print(f"{group}, {pair.name}", *(f"{row} {1e6 * rows[row]['pmd']:.2f}" for row in rows), sep="; ", flush=True)
    return found


def measure_paper(
    path: Path,  # a model of the preset paper, trained on bodies-2k
) -> dict[str, dict]:  # by target and row
    "Two bodies in six poses, and 40 steps of two poses: this preset takes a second for each pose."
    pairs, model, found = pairs_of("bodies", None), load_model(path), {}
    learn = encode_poses(model, pairs[0].train[spread_evenly(len(pairs[0].train), 12).tolist()], 1)
    for pair in (pairs[0], pairs[4]):
        found[pair.name.split(" to ")[-1]] = rows = measure_pair(model, pair, learn, 6, 1, steps=40, batch_size=2)
        print(f"paper, {pair.name}", *(f"{row} {1e6 * rows[row]['pmd']:.2f}" for row in rows), sep="; ", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data; NPR_DATA where it is not given")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, help="some of the groups")
    parser.add_argument("--paper", type=Path, help="a model of the preset paper, trained on bodies-2k")
    parser.add_argument("--seed", type=int, default=2024, help="of the models' weights (default 2024)")
    parser.add_argument("--out", type=Path, default=ROOT / "nbs/benchmark/refinement.json", help="where it is kept")
    settings = parser.parse_args()
    table = {"command": shlex.join(["python", "scripts/refinement.py", *sys.argv[1:]]), "seed": settings.seed,
             "unit": "mean squared distance of vertices, squared diagonals of the source", "rows": ABOUT,
             "seconds": "of the processor, for all poses, with the training of refinement",
             "tuned on": f"the first {TUNED_ON} targets of bodies", "machine": describe_machine(torch.device("cpu")),
             "threads": torch.get_num_threads(), "groups": {}}
    if settings.out.is_file():
        table["groups"] = json.loads(settings.out.read_text())["groups"]
    for group in [*settings.only, *(["paper"] if settings.paper else [])]:
        if group in table["groups"]:
            continue
        try:
            table["groups"][group] = (measure_paper(settings.paper) if group == "paper" else
                                      measure_group(group, settings.data, settings.seed))
        except InputError as error:
            print(f"left out: {error}")
            continue
        write_atomically(settings.out, json.dumps(table, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
