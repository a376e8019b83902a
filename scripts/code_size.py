"""Measure how small the code of a pose can be: `python scripts/code_size.py [--out FILE.json]`.

bodies-2k and faces, held-out poses. Each row is a preset parts with another number of keypoints, learned without
gradients. A code is K keypoints and the mean change of their K cells: 12 numbers each, in single precision. Beside it,
the principal components of the training poses with as many numbers, and for bodies the turns of the rigid parts (three
numbers each), from which detail follows by ridge regression. Components and turns belong to the source alone; what a
code of keypoints gives to other bodies is measured on three targets. It takes about ten minutes on one thread.
"""
import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from npr import PoseModel, PoseSet, load_dataset
from npr.app.benchmark import describe_machine
from npr.data.datasets import Dataset
from npr.generating.detail import add_detail, learn_detail
from npr.generating.pool import make_pool, measure_turns, skin_of_poses
from npr.geometry.mesh import diagonal
from npr.metrics import edge_ratio, pmd
from npr.outputs import write_atomically
from npr.parts.preset import PartsPreset
from npr.transferring import decode_poses, encode_poses

ROOT = Path(__file__).resolve().parent.parent
KEYPOINTS = {"bodies-2k": (10, 25, 50, 100, 160, 300), "faces": (10, 25, 50, 100, 160, 300, 480)}
TARGETS = 3


def figures(
    verts: Tensor,  # (P, V, 3)
    truth: Tensor,  # (P, V, 3)
    faces: Tensor,  # (F, 3)
) -> dict[str, float]:
    "Mean PMD and edge ratio."
    return {"pmd": pmd(verts, truth).mean().item(), "edges": edge_ratio(verts, truth, faces).log().mean().exp().item()}


def of_components(
    dataset: Dataset,
    numbers: int,  # of a code
) -> dict[str, float]:
    "Held-out poses from their principal components, no more than there are training poses less one."
    train, held_out = (centred(poses) for poses in (dataset.train, dataset.held_out))
    mean = train.mean(dim=0)
    axes = torch.linalg.svd((train - mean).flatten(1), full_matrices=False)[2][: min(numbers, len(train) - 1)]
    amounts = (held_out - mean).flatten(1) @ axes.T
    found = mean + (amounts @ axes).view_as(held_out)
    return figures(found, held_out, dataset.train.template.faces) | {"bytes": 4 * len(axes)}


def centred(
    poses: PoseSet,
) -> Tensor:  # (P, V, 3)
    "Vertices of each pose about their mean."
    return poses.posed - poses.posed.mean(dim=1, keepdim=True)


def of_turns(
    dataset: Dataset,
) -> dict[str, float]:
    "Held-out poses from the turns of the parts alone."
    train, held_out = dataset.train, dataset.held_out
    pool = make_pool(train.template, train.posed, skin_of_poses(train.template, train.posed))
    detail = learn_detail(pool, *measure_turns(pool, train.posed), train.posed)
    verts = add_detail(pool, detail, measure_turns(pool, held_out.posed).turns)
    return figures(verts, held_out.posed, train.template.faces) | {"bytes": 4 * 3 * pool.turns.shape[1]}


def of_keypoints(
    dataset: Dataset,
    keypoints: int,
) -> dict[str, dict[str, float]]:
    "Held-out poses from codes, on the source and on other identities."
    preset = replace(PartsPreset(), keypoints=keypoints, parts=min(24, keypoints))
    model = PoseModel(dataset.train.template, preset)
    model.initialise(dataset.train)
    code = encode_poses(model.eval(), dataset.held_out)
    rows = []
    for target in [PoseSet(dataset.train.template, dataset.held_out.posed, dataset.held_out.names),
                   *(dataset.targets[name].poses for name in list(dataset.targets)[:TARGETS])]:
        verts = decode_poses(model, code, model.target(target.template))
        rows.append(figures(verts, target.posed, target.template.faces))
    others = {key: sum(row[key] for row in rows[1:]) / TARGETS for key in rows[0]}
    return {"source": rows[0], "others": others, "bytes": {"code": 4 * 12 * code.keypoints.shape[1]}}


def measure(
    name: str,  # of a data set
) -> dict:
    "All rows of a data set."
    dataset = load_dataset(name)
    rows: dict = {"diagonal": diagonal(dataset.train.template), "keypoints": {}, "components": {}}
    if name.startswith("bodies"):
        rows["turns"] = of_turns(dataset)
        print(f"{name}: turns {rows['turns']}", flush=True)
    for keypoints in KEYPOINTS[name]:
        rows["keypoints"][keypoints] = of_keypoints(dataset, keypoints)
        rows["components"][keypoints] = of_components(dataset, 12 * keypoints)
        print(f"{name}: {keypoints} keypoints {rows['keypoints'][keypoints]}", flush=True)
    for numbers in (10, 25, 50, 100):
        rows["components"][f"{numbers} numbers"] = of_components(dataset, numbers)
    return rows


def main() -> int:
    "Measure both sets and write the file."
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "nbs/benchmark/code_size.json")
    options = parser.parse_args()
    torch.manual_seed(0)
    table = {"command": "python scripts/code_size.py", "machine": describe_machine(torch.device("cpu")),
             "unit": "squared units of the mesh, which are metres for bodies",
             "sets": {name: measure(name) for name in KEYPOINTS}}
    write_atomically(options.out, (json.dumps(table, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
