"""Measure the preset parts with one thing changed at a time: `python scripts/ablation.py [--out FILE.json]`.

bodies-2k and faces, and, where they have been built, animals and bodies-dqs; held-out poses only. Rows that are in the
file already are not measured again: delete it when the code has changed. It takes about forty minutes on one thread:
OMP_NUM_THREADS=1 python scripts/ablation.py
"""
import argparse
import json
import math
import shlex
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor

from npr import InputError, PoseModel, PoseSet, load_dataset, train
from npr.app.benchmark import describe_machine, prepare_targets
from npr.data.datasets import Dataset
from npr.geometry.mesh import diagonal
from npr.geometry.sampling import spread_evenly
from npr.metrics import copy_baselines, edge_ratio, pmd, rotation_error
from npr.model import PreparedTarget
from npr.outputs import write_atomically
from npr.parts.binding import BoundTarget, TrustOptions, relative_to_stance
from npr.parts.matching import RegistrationOptions
from npr.parts.preset import PartsPreset
from npr.transferring import carry_poses, decode_poses, encode_poses

ROOT = Path(__file__).resolve().parent.parent
DATA = ("bodies-2k", "animals", "faces", "bodies-dqs")
USUAL = PartsPreset()


class Change(NamedTuple):
    "What one row does differently."

    about: str
    preset: PartsPreset | None = USUAL  # None: with sizes that follow the poses
    steps: int = 0  # of training
    poses: int | None = None  # how many to learn from; all where None
    data: tuple[str, ...] = DATA  # the sets on which it is measured


def registration(
    **changed,  # fields of RegistrationOptions
) -> PartsPreset:
    "The usual preset with another registration."
    return replace(USUAL, registration=replace(RegistrationOptions(), **changed))


CHANGES = {
    "as it is": Change("sizes follow the poses, no step of training", None),
    "160 keypoints, 24 parts": Change("the smallest sizes"),
    "480 keypoints, 60 parts": Change("the next larger", replace(USUAL, keypoints=480, parts=60)),
    "600 steps": Change("of training, with the smallest sizes", steps=600),
    "3,000 steps": Change("of training, with the smallest sizes", steps=3000, data=("faces", "bodies-dqs")),
    "9 poses": Change("to learn from, evenly spread", poses=9),
    "one rigid part": Change("nothing carried by parts", replace(USUAL, parts=1)),
    "12 parts": Change("12 rigid parts instead of 24", replace(USUAL, parts=12)),
    "target not bound": Change("trust 0: no difference of the skins is added",
                               replace(USUAL, trust=TrustOptions(highest=0.0))),
    "target trusted fully": Change("trust 1: all of the difference that noise leaves",
                                   replace(USUAL, trust=TrustOptions(highest=1.0, limit=math.inf))),
    "match by bounding box": Change("no registration: nearest by position and normal after fitting to the box",
                                    registration(placements=("box",), stiffness=())),
    "one placement": Change("registered from the bounding box only", registration(placements=("box",))),
    "no regression": Change("motion of the parts estimated as if the skin were perfect",
                            replace(USUAL, regression=False)),
}


def bound(
    target: PreparedTarget,
) -> BoundTarget:
    "What this preset prepares of a target."
    assert isinstance(target.queries, BoundTarget)
    return target.queries


def figures(
    results: dict[str, dict[str, Tensor]],  # by row and body: (P, V, 3)
    truths: dict[str, PoseSet],  # by body
    unit: float,  # squared diagonal of the source
) -> dict[str, dict]:  # by row: means over the bodies, and PMD of each
    "PMD in squared diagonals, rotation in degrees and edge ratio of every fifth pose."
    found = {}
    for row, bodies in results.items():
        errors = {body: pmd(verts, truths[body].posed).mean().item() / unit for body, verts in bodies.items()}
        fifth = [(verts[::5], truths[body].posed[::5], truths[body].template.faces) for body, verts in bodies.items()]
        means = {name: sum(measure(*part).mean().item() for part in fifth) / len(fifth)
                 for name, measure in (("rotation", rotation_error), ("edges", edge_ratio))}
        found[row] = {"pmd": sum(errors.values()) / len(errors), **means, "bodies": errors}
    return found


class Bench:
    "A data set, with the models and targets that several rows share."

    def __init__(
        self,
        dataset: Dataset,
        seed: int,
    ):
        self.dataset, self.seed = dataset, seed
        self.unit = diagonal(dataset.train.template) ** 2
        self.truths = {body: target.poses for body, target in dataset.targets.items()}
        self.states: dict[str, dict[str, Tensor]] = {}
        self.prepared: dict[str, dict[str, PreparedTarget]] = {}

    def model(
        self,
        change: Change,
    ) -> PoseModel:
        "The model of a row. Registration and trust have no part in learning: rows that differ in these share it."
        preset = change.preset or USUAL.fitted(self.dataset.train)
        sizes = {name: value for name, value in asdict(preset).items() if name not in ("registration", "trust")}
        key = json.dumps([sizes, change.steps, change.poses])
        if key not in self.states:
            self.states[key] = self.learn(change, preset).state_dict()
        model = PoseModel(self.dataset.train.template, preset)
        model.load_state_dict(self.states[key])
        return model.eval()

    def learn(
        self,
        change: Change,
        preset: PartsPreset,
    ) -> PoseModel:
        "Train a model."
        learn = self.dataset.train
        some = spread_evenly(len(learn), change.poses or len(learn)).tolist()
        torch.manual_seed(self.seed)
        model = PoseModel(learn.template, preset)
        between = max(1, change.steps)
        options = replace(preset.training, steps=change.steps, seed=self.seed, validate_every=between,
                          save_every=between)
        with tempfile.TemporaryDirectory() as folder:
            train(model, learn[some], self.dataset.held_out, folder, options, progress=False)
        return model

    def targets(
        self,
        model: PoseModel,
    ) -> dict[str, PreparedTarget]:
        "All targets, prepared for a model; models with the same parts, registration and trust share them."
        preset, digest = model.preset, bound(model.target(self.dataset.train.template)).parts
        assert isinstance(preset, PartsPreset)
        key = json.dumps([asdict(preset.registration), asdict(preset.trust), preset.keypoints, digest])
        if key not in self.prepared:
            self.prepared[key] = prepare_targets(model, self.dataset, progress=False)
        return self.prepared[key]

    def measure(
        self,
        change: Change,
    ) -> dict:
        "One row: from meshes, from codes, and the source itself from codes."
        start, model = perf_counter(), self.model(change)
        targets, poses = self.targets(model), self.dataset.held_out
        code = encode_poses(model, poses)
        results = {"meshes": {body: carry_poses(model, poses, target) for body, target in targets.items()},
                   "codes": {body: decode_poses(model, code, target) for body, target in targets.items()}}
        own = decode_poses(model, code, model.target(poses.template))
        sizes = {name: getattr(model.preset, name) for name in ("keypoints", "parts")}
        return figures(results, self.truths, self.unit) | {
            "source": pmd(own, poses.posed).mean().item() / self.unit, **sizes,
            "seconds": round(perf_counter() - start, 1)}

    def ways(self) -> dict[str, dict]:  # by name; the oracle only where it is known
        "What learns nothing, and what is left of ours without one of its two parts, with the usual registration."
        model, results = self.model(CHANGES["as it is"]), {}
        poses, code = self.dataset.held_out, encode_poses(model, self.dataset.held_out)
        fields = model.prepare(poses).jacobians
        for body, prepared in self.targets(model).items():
            queries, solver = bound(prepared), prepared.solver
            carried = model.decoder.carry(fields, code, queries)
            assert carried is not None and carried.places is not None
            copied = relative_to_stance(fields[:, queries.source_faces], queries)
            rows = copy_baselines(poses, solver, queries.source_faces, self.dataset.targets[body].source_faces,
                                  queries.undo)
            rows["copied and screened"] = solver.solve_near(copied, carried.places, carried.pull)
            rows["difference added, not screened"] = solver.solve(carried.jacobians, rough_verts=carried.places)
            for row, verts in rows.items():
                results.setdefault(row, {})[body] = verts
        return {row: {"meshes": part} for row, part in figures(results, self.truths, self.unit).items()}


WAYS = {"copy": "no registration: the nearest face", "registered": "Jacobians of the matched face", "oracle":
        "Jacobians of the truly corresponding face", "copied and screened": "registered, pulled to the skinned target",
        "difference added, not screened": "registered, and the difference of the skins"}


def begin(
    out: Path,
    seed: int,
) -> dict:  # what is in the file, or a table without rows
    "The table to go on with; raises `InputError` where it was made in another way."
    table = {"command": shlex.join(["python", "scripts/ablation.py", *sys.argv[1:]]), "seed": seed,
             "unit": "mean squared distance of vertices over the held-out poses, squared diagonals of the source",
             "source": "the source itself in the held-out poses, from codes",
             "seconds": "of a row include learning and registration only where no earlier row had the same",
             "machine": describe_machine(torch.device("cpu")), "threads": torch.get_num_threads(), "rows": {}}
    if not out.is_file():
        return table
    earlier = json.loads(out.read_text())
    if earlier["seed"] != seed or earlier["unit"] != table["unit"]:
        raise InputError(f"{out}: was made with seed {earlier['seed']} or by an earlier version; give that seed, or "
                         "another --out.")
    return earlier


def fill(
    table: dict,  # from `begin`
    data: str,  # name of a data set
    out: Path,
) -> None:
    "Measure all rows that are not in the table yet, and write the file after each."
    rows, bench = table["rows"], None
    for name in [*(name for name, change in CHANGES.items() if data in change.data), "ways"]:
        if data in rows.get("registered" if name == "ways" else name, {}):
            continue
        bench = bench or Bench(load_dataset(data), table["seed"])
        new = bench.ways() if name == "ways" else {name: bench.measure(CHANGES[name])}
        for row, measured in new.items():
            rows.setdefault(row, {"change": CHANGES[row].about if row in CHANGES else WAYS[row]})[data] = measured
            print(f"{data}, {row}: {1e6 * measured['meshes']['pmd']:.3f}", flush=True)
        table["rows"] = rows = {row: rows[row] for row in [*WAYS, *CHANGES] if row in rows}
        write_atomically(out, json.dumps(table, indent=1).encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT / "nbs/benchmark/ablation.json"
    parser.add_argument("--out", type=Path, default=default, help="where the table is kept")
    parser.add_argument("--seed", type=int, default=2024, help="of weights and order of poses (default 2024)")
    parser.add_argument("--data", choices=DATA, nargs="*", default=DATA, help="which data sets (default: all)")
    settings = parser.parse_args()
    try:
        table = begin(settings.out, settings.seed)
        for data in settings.data:
            try:
                load_dataset(data)
            except InputError as error:
                print(f"left out: {error}")
                continue
            fill(table, data, settings.out)
    except InputError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
