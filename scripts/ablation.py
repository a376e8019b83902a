"""Measure the preset small with one thing changed at a time: `python scripts/ablation.py [--out nbs/benchmark/ablation.json]`.

People (bodies-2k) and, where they have been built, animals; held-out poses only. Rows that are in the file already are not
measured again: delete it when the code has changed. Targets are registered once, and a model is trained once, for all rows that
change neither. All of it takes less than ten minutes on one thread: OMP_NUM_THREADS=1 python scripts/ablation.py
"""
import argparse
import copy
import hashlib
import json
import math
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partialmethod
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from unittest import mock

import npr.decoder
import npr.match
import npr.model
import torch
import trimesh.registration
from npr.app.benchmark import describe_machine
from npr.data.datasets import Dataset, load_dataset
from npr.parts.applier import PartsApplier
from npr.parts.motion import PartMotions
from npr.parts.matching import fit_to_source, Registration
from npr.geometry.mesh import InputError, Mesh, write_atomically
from npr.metrics import copy_baselines, pmd
from npr.model import PoseModel, PreparedTarget
from npr.interface import TrainingOptions
from npr.training import train
from npr.transferring import decode_poses, encode_poses
from npr.app.benchmark import evaluate_transfer
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
DATA = ("bodies-2k", "animals")
REFERENCES = ("copy", "registered", "oracle")  # which learn nothing
Patch = tuple[Any, str, Any]  # whose attribute, its name, and what takes its place


class Found(NamedTuple):
    "A target's registration, and how it was made."

    registration: Registration
    steps: list  # for each start the stages of stiffness that trimesh was given


class Evidence(NamedTuple):
    "What can be looked at to see whether a change took effect."

    model: PoseModel
    targets: list[PreparedTarget]
    found: list[Found]  # of each target

    @property
    def skin(self) -> PartMotions:
        return self.model.decoder.skin

    @property
    def trust(self) -> Tensor:  # (N,) of all faces of all targets
        return torch.cat([target.queries.trust for target in self.targets])

    @property
    def starts(self) -> list[int]:  # of each target's registration
        return [len(found.steps) for found in self.found]

    @property
    def blends(self) -> bool:  # whether the applier makes anything of what the keypoints say
        decoder, queries = self.model.decoder, self.targets[0].queries
        return bool(decoder.weights(queries.points, decoder.neighbours(None, queries)[0]).any())

    @property
    def reads_by_skin_alone(self) -> bool:  # then reading what perfect parts show twice changes nothing: a projection
        projection = self.skin.reader @ self.skin.reading.flatten(1)
        return (projection @ projection - projection).abs().max().item() < 1e-6


class Change(NamedTuple):
    "What one row does differently, and how to see that it did."

    about: str
    took_effect: Callable[[Evidence], bool]
    sizes: dict[str, dict[str, int]] = {}  # of extractor and applier
    seed: int = 0  # added to the seed of all
    trained: bool = True
    learning: tuple[Patch, ...] = ()  # while the model learns
    registering: tuple[Patch, ...] = ()  # while a target is registered
    carrying: tuple[Patch, ...] = ()  # while targets are prepared from their registrations, and posed


def by_box(
    source: Mesh,
    target: Mesh,
) -> Registration:
    "No registration: the target is stretched to the source's bounding box, the source stays as it is."
    return Registration(fit_to_source(target, source), source, math.nan)


def trust_all(
    share: float,
) -> Patch:
    "Trust the carried skin equally in all places."
    return PartMotions, "trust", lambda self, queries: torch.full_like(queries.trust, share)


def as_it_is(
    seen: Evidence,
) -> bool:
    "The default model in all that the rows change."
    usual = len(seen.skin.reading) // 4 == 160 and seen.skin.shares.shape[1] == 24 and not seen.reads_by_skin_alone
    stages = all(steps == npr.match._STIFFNESS for found in seen.found for steps in found.steps)
    trusted = 0 < seen.trust.min() < seen.trust.max() <= 0.75
    return bool(usual and stages and trusted and seen.blends and set(seen.starts) <= {1, 3} and is_trained(seen))


def is_trained(
    seen: Evidence,
) -> bool:
    "The last layer of the applier begins at zero and leaves it with the first step."
    return bool(seen.model.decoder.correct.weight.any())


def keypoints(
    count: int,
) -> Change:
    "Another number of keypoints."
    return Change(f"{count} keypoints instead of 160", lambda seen: len(seen.skin.reading) == 4 * count and is_trained(seen),
                  {"extractor": {"keypoints": count}})


def parts(
    count: int,
    about: str,
) -> Change:
    "Another number of rigid parts, most of them followed by some vertex."
    return Change(about, lambda seen: seen.skin.shares.shape[1] == count and is_trained(seen)
                  and int(seen.skin.shares.any(dim=0).sum()) > 0.8 * count, {"applier": {"parts": count}})


CHANGES = {
    "as it is": Change("the preset small", as_it_is),
    "as it is, second seed": Change("other weights to begin with, another order of poses", as_it_is, seed=1),
    "as it is, third seed": Change("other weights to begin with, another order of poses", as_it_is, seed=2),
    "no steps of training": Change("the skin, and what it leaves over blended with the weights that training begins with",
                                   lambda seen: not is_trained(seen), trained=False),
    "skin alone": Change("the skin, and nothing of what it leaves over", lambda seen: not seen.blends, trained=False,
                         carrying=((PartsApplier, "weights", lambda self, points, near: torch.zeros_like(near).float()),)),
    "no skin": parts(1, "one rigid part: a trained blend of what the keypoints say"),
    "skin not carried": Change("trust 0: Jacobians of the source's own skin", lambda seen: not seen.trust.any(),
                               carrying=(trust_all(0.0),)),
    "skin trusted fully": Change("trust 1: Jacobians of the carried skin", lambda seen: bool((seen.trust == 1).all()),
                                 carrying=(trust_all(1.0),)),
    "trust without ceiling": Change("trust up to 1 instead of 0.75", lambda seen: bool(0.75 < seen.trust.max() <= 1),
                                    carrying=((PartMotions, "trust", partialmethod(PartMotions.trust, most=1.0)),)),
    "match by bounding box": Change("no registration: nearest by position and normal after fitting to the box",
                                    lambda seen: not any(seen.starts), registering=((npr.match, "register", by_box),)),
    "softer registration": Change("trimesh's usual stages of stiffness",
                                  lambda seen: all(found.steps and not any(found.steps) for found in seen.found),
                                  registering=((npr.match, "_STIFFNESS", None),)),
    "one start": Change("registered from the bounding box only", lambda seen: set(seen.starts) == {1},
                        registering=((npr.match, "DOUBTFUL", math.inf),)),
    "reading without regression": Change("motion of the parts read as if the skin were perfect",
                                         lambda seen: seen.reads_by_skin_alone,
                                         learning=((PartMotions, "_improve_reader", lambda self, posed: None),)),
    "12 parts": parts(12, "12 rigid parts instead of 24"),
    "40 parts": parts(40, "40 rigid parts instead of 24"),
    "80 keypoints": keypoints(80),
    "240 keypoints": keypoints(240),
}


@contextmanager
def patched(
    patches: tuple[Patch, ...],
) -> Iterator[None]:
    "While entered, the patches are in place."
    with ExitStack() as stack:
        for patch in patches:
            stack.enter_context(mock.patch.object(*patch))
        yield


def learn(
    dataset: Dataset,
    change: Change,
    seed: int,
    steps: int,
) -> PoseModel:
    "A model with its sizes changed, trained; or with its skin alone."
    sizes = copy.deepcopy(npr.model.PRESETS["small"])
    for network, changed in change.sizes.items():
        sizes[network] |= changed
    torch.manual_seed(seed)
    with patched(((npr.model, "PRESETS", {"small": sizes}), *change.learning)), tempfile.TemporaryDirectory() as folder:
        model = PoseModel(dataset.train.template, "small")
        if change.trained:
            options = TrainingOptions(steps=steps, seed=seed, validate_every=steps, save_every=steps)
            train(model, dataset.train, dataset.held_out, folder, options, progress=False)
        else:
            model.initialise(dataset.train)
    return model.eval()


class Bench:
    "A data set, with models and registrations that several rows share."

    def __init__(
        self,
        dataset: Dataset,
        seed: int,
        steps: int,  # of training
    ):
        self.dataset, self.seed, self.steps = dataset, seed, steps
        self.models: dict[str, PoseModel] = {}
        self.registrations: dict[str, Found] = {}

    def model(
        self,
        change: Change,
    ) -> PoseModel:
        "The model of a row, trained if no earlier row had the same."
        key = json.dumps([change.sizes, change.seed, change.trained, [name for _, name, _ in change.learning]])
        if key not in self.models:
            self.models[key] = learn(self.dataset, change, self.seed + change.seed, self.steps)
        return self.models[key]

    def found(
        self,
        change: Change,
        target: Mesh,
    ) -> Found:
        "The registration of a target, made if no earlier row had the same."
        digest = hashlib.sha256(target.verts.cpu().numpy().tobytes() + target.faces.cpu().numpy().tobytes()).hexdigest()
        key = json.dumps([digest, [name for _, name, _ in change.registering]])
        if key not in self.registrations:
            bend = mock.Mock(wraps=trimesh.registration.nricp_amberg)
            with patched((*change.registering, (trimesh.registration, "nricp_amberg", bend))):
                registration = npr.match.register(self.dataset.train.template, target.to("cpu"))
            self.registrations[key] = Found(registration, [call.kwargs["steps"] for call in bend.call_args_list])
        return self.registrations[key]

    def targets(
        self,
        change: Change,
    ) -> dict[str, PreparedTarget]:
        "All targets, prepared as the row wants it."
        def register(source: Mesh, target: Mesh) -> Registration:
            return self.found(change, target).registration

        with patched(((npr.decoder, "register", register), *change.carrying)):
            return {body: self.model(change).target(target.poses.template) for body, target in self.dataset.targets.items()}

    def measure(
        self,
        name: str,  # of a row, for the message
        change: Change,
    ) -> dict:
        "One row; raises AssertionError where the change did not take effect."
        start, model, targets = perf_counter(), self.model(change), self.targets(change)
        found = [self.found(change, target.mesh) for target in targets.values()]
        with patched(change.carrying):
            assert change.took_effect(Evidence(model, list(targets.values()), found)), f"{name}: did not take effect"
            errors, own = evaluate_transfer(model, self.dataset, targets), self.own_error(model)
        return {"mean": sum(errors.values()) / len(errors), "pmd": errors, "source": own,
                "seconds": round(perf_counter() - start, 1), "parts": int(model.decoder.skin.shares.any(dim=0).sum()),
                "residual": {body: None if math.isnan(part.registration.residual) else part.registration.residual
                             for body, part in zip(targets, found)},
                "starts": {body: len(part.steps) for body, part in zip(targets, found)},
                "trust": {body: target.queries.trust.mean().item() for body, target in targets.items()}}

    def own_error(
        self,
        model: PoseModel,
    ) -> float:
        "How well the source itself is posed, in the held-out poses."
        poses = self.dataset.held_out
        return pmd(decode_poses(model, encode_poses(model, poses), model.target(poses.template)), poses.posed).mean().item()

    def references(self) -> dict[str, dict]:  # by name; the oracle only where it is known
        "What learns nothing, with the usual registration."
        errors = {}
        for body, prepared in self.targets(CHANGES["as it is"]).items():
            target = self.dataset.targets[body]
            for row, verts in copy_baselines(self.dataset.held_out, target, prepared.solver, prepared.queries.faces).items():
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
             "source": "the source itself in the held-out poses; parts: those that any vertex follows",
             "seconds": "of a row include training and registering only where no earlier row had the same",
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
        new = bench.references() if name == "references" else {name: bench.measure(name, CHANGES[name])}
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
        lines.append(f"| {name} | " + " | ".join("" if value is None else f"{1e3 * value:.3f}" for value in values) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "nbs/benchmark/ablation.json", help="where the table is kept")
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
