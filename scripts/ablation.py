"""Measure the preset parts with one field changed at a time: `python scripts/ablation.py [--out FILE.json]`.

People (bodies-2k) and, where they have been built, animals; held-out poses only. Rows that are in the file already are
not measured again: delete it when the code has changed. It takes about a quarter of an hour on one thread:
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

from npr import InputError, PoseModel, TrainingOptions, load_dataset, train
from npr.app.benchmark import describe_machine, evaluate_transfer, prepare_targets
from npr.data.datasets import Dataset
from npr.geometry.mesh import write_atomically
from npr.metrics import copy_baselines, pmd
from npr.model import PreparedTarget
from npr.parts.binding import BoundTarget, TrustOptions
from npr.parts.matching import RegistrationOptions
from npr.parts.preset import PartsPreset
from npr.transferring import decode_poses, encode_poses

ROOT = Path(__file__).resolve().parent.parent
DATA = ("bodies-2k", "animals")
REFERENCES = ("copy", "registered", "oracle")  # which learn nothing
USUAL = PartsPreset()


class Change(NamedTuple):
    "What one row does differently."

    about: str
    preset: PartsPreset = USUAL
    seed: int = 0  # added to the seed of all
    trained: bool = True


def registration(
    **changed,  # fields of RegistrationOptions
) -> PartsPreset:
    "The usual preset with another registration."
    return replace(USUAL, registration=replace(RegistrationOptions(), **changed))


CHANGES = {
    "as it is": Change("the preset parts"),
    "as it is, second seed": Change("other weights to begin with, another order of poses", seed=1),
    "as it is, third seed": Change("other weights to begin with, another order of poses", seed=2),
    "no steps of training": Change("rigid parts, and residuals blended with the weights that training begins with",
                                   trained=False),
    "rigid parts alone": Change("rigid parts without residuals", replace(USUAL, residuals=False), trained=False),
    "one rigid part": Change("a trained blend of residuals", replace(USUAL, parts=1)),
    "target not bound": Change("trust 0: Jacobians of the skinned source",
                               replace(USUAL, trust=TrustOptions(highest=0.0))),
    "target trusted fully": Change("trust 1: Jacobians of the skinned target",
                                   replace(USUAL, trust=TrustOptions(highest=1.0, limit=math.inf))),
    "trust without ceiling": Change("trust up to 1 instead of 0.75", replace(USUAL, trust=TrustOptions(highest=1.0))),
    "match by bounding box": Change("no registration: nearest by position and normal after fitting to the box",
                                    registration(starts=("box",), stiffness=())),
    "softer registration": Change("trimesh's usual stages of stiffness", registration(stiffness=None)),
    "one start": Change("registered from the bounding box only", registration(starts=("box",))),
    "no regression": Change("motion of the parts estimated as if the skin were perfect",
                            replace(USUAL, regression=False)),
    "12 parts": Change("12 rigid parts instead of 24", replace(USUAL, parts=12)),
    "40 parts": Change("40 rigid parts instead of 24", replace(USUAL, parts=40)),
    "80 keypoints": Change("80 keypoints instead of 160", replace(USUAL, keypoints=80)),
    "240 keypoints": Change("240 keypoints instead of 160", replace(USUAL, keypoints=240)),
}


def bound(
    target: PreparedTarget,
) -> BoundTarget:
    "What this preset prepares of a target."
    assert isinstance(target.queries, BoundTarget)
    return target.queries


class Bench:
    "A data set, with the models and targets that several rows share."

    def __init__(
        self,
        dataset: Dataset,
        seed: int,
        steps: int,  # of training
    ):
        self.dataset, self.seed, self.steps = dataset, seed, steps
        self.states: dict[str, dict[str, torch.Tensor]] = {}
        self.prepared: dict[str, dict[str, PreparedTarget]] = {}

    def model(
        self,
        change: Change,
    ) -> PoseModel:
        "The model of a row. Registration and trust have no part in training: rows that differ in these share it."
        sizes = {name: value for name, value in asdict(change.preset).items() if name not in ("registration", "trust")}
        key = json.dumps([sizes, change.seed, change.trained])
        if key not in self.states:
            self.states[key] = self.learn(change).state_dict()
        model = PoseModel(self.dataset.train.template, change.preset)
        model.load_state_dict(self.states[key])
        return model.eval()

    def learn(
        self,
        change: Change,
    ) -> PoseModel:
        "Train a model, or let it find its parts alone."
        torch.manual_seed(self.seed + change.seed)
        model = PoseModel(self.dataset.train.template, change.preset)
        if not change.trained:
            model.initialise(self.dataset.train)
            return model
        options = TrainingOptions(steps=self.steps, seed=self.seed + change.seed, validate_every=self.steps,
                                  save_every=self.steps)
        with tempfile.TemporaryDirectory() as folder:
            train(model, self.dataset.train, self.dataset.held_out, folder, options, progress=False)
        return model

    def targets(
        self,
        model: PoseModel,
    ) -> dict[str, PreparedTarget]:
        "All targets, prepared for a model; models with the same parts, registration and trust share them."
        preset, digest = model.preset, bound(model.target(self.dataset.train.template)).parts
        assert isinstance(preset, PartsPreset)
        key = json.dumps([asdict(preset.registration), asdict(preset.trust), digest])
        if key not in self.prepared:
            self.prepared[key] = prepare_targets(model, self.dataset, progress=False)
        return self.prepared[key]

    def measure(
        self,
        change: Change,
    ) -> dict:
        "One row."
        start, model = perf_counter(), self.model(change)
        targets, poses = self.targets(model), self.dataset.held_out
        errors = evaluate_transfer(model, self.dataset, targets)
        own = decode_poses(model, encode_poses(model, poses), model.target(poses.template))
        return {"mean": sum(errors.values()) / len(errors), "pmd": errors,
                "source": pmd(own, poses.posed).mean().item(), "seconds": round(perf_counter() - start, 1),
                "residual": {body: target.residual for body, target in targets.items()},
                "trust": {body: bound(target).trust.mean().item() for body, target in targets.items()}}

    def references(self) -> dict[str, dict]:  # by name; the oracle only where it is known
        "What learns nothing, with the usual registration."
        errors = {}
        for body, prepared in self.targets(self.model(CHANGES["as it is"])).items():
            target = self.dataset.targets[body]
            matched = prepared.queries.source_faces
            rows = copy_baselines(self.dataset.held_out, prepared.solver, matched, target.source_faces)
            for row, verts in rows.items():
                errors.setdefault(row, {})[body] = pmd(verts, target.poses.posed).mean().item()
        return {row: {"mean": sum(part.values()) / len(part), "pmd": part} for row, part in errors.items()}


def begin(
    out: Path,
    seed: int,
    steps: int,
) -> dict:  # what is in the file, or a table without rows
    "The table to go on with; raises `InputError` where it was made in another way."
    table = {"command": shlex.join(["python", "scripts/ablation.py", *sys.argv[1:]]), "seed": seed, "steps": steps,
             "unit": "mean squared distance of vertices over the held-out poses, squared metres",
             "source": "the source itself in the held-out poses",
             "seconds": "of a row include training and registration only where no earlier row had the same",
             "machine": describe_machine(torch.device("cpu")), "threads": torch.get_num_threads(), "rows": {}}
    if not out.is_file():
        return table
    earlier = json.loads(out.read_text())
    if (earlier["seed"], earlier["steps"]) != (seed, steps):
        raise InputError(f"{out}: was made with seed {earlier['seed']} and {earlier['steps']} steps; "
                         "give those, or another --out.")
    return earlier


def fill(
    table: dict,  # from `begin`
    data: str,  # name of a data set
    out: Path,
) -> None:
    "Measure all rows that are not in the table yet, and write the file after each."
    rows, bench = table["rows"], None
    for name in [*CHANGES, "references"]:
        if data in rows.get("copy" if name == "references" else name, {}):
            continue
        bench = bench or Bench(load_dataset(data), table["seed"], table["steps"])
        new = bench.references() if name == "references" else {name: bench.measure(CHANGES[name])}
        for row, measured in new.items():
            rows.setdefault(row, {"change": CHANGES[row].about if row in CHANGES else "no model"})[data] = measured
            print(f"{data}, {row}: {1e3 * measured['mean']:.3f}", flush=True)
        table["rows"] = rows = {row: rows[row] for row in [*REFERENCES, *CHANGES] if row in rows}
        write_atomically(out, json.dumps(table, indent=1).encode())


def markdown(
    table: dict,
) -> str:
    "All rows: the mean of the people, and each animal."
    columns = [("bodies-2k", None), *(("animals", body) for body in ("dog", "panda", "horse"))]
    lines = ["| PMD x 10^-3 | bodies-2k, mean | dog | panda | horse |", "|---" * 5 + "|"]
    for name, row in table["rows"].items():
        values = [row[data]["pmd"].get(body, row[data]["mean"]) if data in row else None for data, body in columns]
        shown = ["" if value is None else f"{1e3 * value:.3f}" for value in values]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT / "nbs/benchmark/ablation.json"
    parser.add_argument("--out", type=Path, default=default, help="where the table is kept")
    parser.add_argument("--seed", type=int, default=2024, help="of weights and order of poses (default 2024)")
    parser.add_argument("--steps", type=int, default=200, help="of training in each row (default 200)")
    settings = parser.parse_args()
    try:
        table = begin(settings.out, settings.seed, settings.steps)
        for data in DATA:
            try:
                load_dataset(data)
            except InputError as error:
                print(f"left out: {error}")
                continue
            fill(table, data, settings.out)
    except InputError as error:
        print(error)
        return 1
    print(markdown(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
