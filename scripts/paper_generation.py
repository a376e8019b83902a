"""Measure the paper's generator: `python scripts/paper_generation.py [--only ROW ...] [--paper CHECKPOINT]`.

On bodies-2k, whose 200 training poses everything learns from: two diffusion models in cascade on the codes of the
shipped model of the preset parts, and with --paper on those of a model of the preset paper. Each is trained on the
codes of the training poses alone, as published; on codes of recombined poses with 30 % true ones among them; and on
these with a loss in which all times count alike.
Each training has --minutes of processor time on one core. On the way, and at the end, new poses are measured against
fresh ones that nobody has learned from: the data set bodies-2k-fresh (`npr data build bodies-2k-fresh`). Rows that are
in the file already are kept: delete it when the code has changed.
OMP_NUM_THREADS=1 python scripts/paper_generation.py --paper runs/paper/checkpoints/best.safetensors
"""
import argparse
import json
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from time import process_time
from typing import NamedTuple

import torch
from torch import Tensor

from npr import load_pretrained
from npr.app.benchmark import describe_machine
from npr.data.datasets import load_dataset
from npr.generating.measures import generation_report, pose_distances
from npr.generating.mirror import find_mirror, mirror_poses
from npr.generating.pool import PosePool, make_pool, pose_turns, skin_of_poses
from npr.generating.recombining import fit_sampler, recombine
from npr.geometry.poses import PoseSet
from npr.geometry.sampling import spread_evenly
from npr.interface import PoseCode
from npr.model import PoseModel, load_model
from npr.outputs import write_atomically
from npr.paper.generation import CascadedGenerator, Codes, GeneratorOptions, train_generator
from npr.transferring import decode_poses, encode_poses

ROOT = Path(__file__).resolve().parent.parent
ABOUT = {
    "truth": "other fresh poses", "training": "the training poses themselves",
    "codes": "the training poses through the codes of the model", "recombination": "recombined poses, no network",
    "published": "both stages learn the codes of the 200 training poses", "noise 1000": "the same, all 1000 steps",
    "recombined": "both stages learn the codes of recombined poses, 30 % of a batch true ones",
    "even": "the same, with a loss in which all times count alike",
    "paper codes": "the training poses through the codes of the preset paper",
    "paper published": "codes of the preset paper, whose keypoints have no order",
    "paper recombined": "the same, with recombined poses",
    "paper even": "the same, with a loss in which all times count alike"}
CHECKS = (0.07, 0.14, 0.27, 0.5, 1.0)  # of the time of a training
SET = 200  # poses that are compared with as many


class Truth(NamedTuple):
    "What new poses are compared with."

    train: PoseSet
    held_out: PoseSet
    fresh: Tensor  # (N, V, 3)
    learned: Tensor  # (2P, V, 3) training poses and their mirrored copies


def read_truth() -> Truth:
    "The shipped poses, and fresh ones in random order."
    data, fresh = load_dataset("bodies-2k"), load_dataset("bodies-2k-fresh")
    posed = torch.cat([fresh.train.posed, fresh.held_out.posed]).double()
    order = torch.randperm(len(posed), generator=torch.Generator().manual_seed(5))
    mirrored = mirror_poses(find_mirror(data.train.template), data.train.posed)
    return Truth(data.train, data.held_out, posed[order], torch.cat([data.train.posed, mirrored]))


def measures(
    verts: Tensor,  # (S * SET, V, 3)
    truth: Truth,
    sets: int,  # sets of poses, each compared with other fresh ones
    skip: int = 0,  # sets of fresh poses to leave out
) -> dict[str, float]:
    "All measures, the mean over the sets; copying also modulo the mirror."
    train, rows = truth.train, []
    usual, usual_mirror = (pose_distances(truth.fresh, poses).amin(dim=1).mean().item()
                           for poses in (train.posed, truth.learned))
    for i in range(sets):
        some, true = verts[i * SET:(i + 1) * SET].double(), truth.fresh[(skip + i) * SET:][:len(verts)][:SET]
        row = generation_report(some, true, train.posed, train.template, usual)
        row["copy modulo mirror"] = pose_distances(some, truth.learned).amin(dim=1).mean().item() / usual_mirror
        rows.append(row)
    return {name: sum(row[name] for row in rows) / sets for name in rows[0]}


def decoded(
    model: PoseModel,
    codes: Codes | PoseCode,
) -> Tensor:  # (P, V, 3)
    "Vertices of the template for codes."
    assert model.template is not None  # both models were saved with it
    code = PoseCode(codes[0], codes[1], model.encoder.global_code(codes[1]).detach())
    return decode_poses(model, code, model.target(model.template))


def pool_of(
    poses: PoseSet,
) -> PosePool:
    "The poses on a tree of parts, mirrored ones among them."
    return make_pool(poses.template, poses.posed, skin_of_poses(poses.template, poses.posed))


def drawn_codes(
    model: PoseModel,
    pool: PosePool,
    count: int,
) -> PoseCode:
    "Codes of recombined poses: parts of eight neighbours, without noise, since the network smooths by itself."
    poses = recombine(pool, count, torch.Generator().manual_seed(1), neighbours=8, noise=0.0)
    names = [f"drawn {i}" for i in range(count)]
    return encode_poses(model, PoseSet(pool.template, pose_turns(pool, poses), names))


def learn(
    model: PoseModel,
    truth: Truth,
    drawn: PoseCode | None,
    minutes: float,  # of processor time
    options: GeneratorOptions,
    ordered: bool,
    progress: list[dict],  # gets what is measured on the way
    place: Path,  # where the generator is kept
) -> CascadedGenerator:
    "Train both stages; now and then measure the losses and, where decoding is quick, 200 samples."
    codes, unseen = encode_poses(model, truth.train), Codes(*encode_poses(model, truth.held_out)[:2])
    some = Codes(*(part[spread_evenly(len(part), 40)] for part in codes[:2]))
    start, spent = process_time(), [0.0]

    def watch(step: int, generator: CascadedGenerator) -> bool:
        done = (process_time() - start - spent[0]) / (60 * minutes)
        if done >= CHECKS[len(progress)]:
            before = process_time()
            progress.append({"minutes": round(done * minutes, 2), "step": step} | check(generator))
            print(progress[-1], flush=True)
            spent[0] += process_time() - before
        return done >= 1

    def check(generator: CascadedGenerator) -> dict[str, float]:
        found = {}
        for name, judged in (("train", some), ("held out", unseen)):
            with torch.no_grad():
                losses = [generator.losses(judged, torch.Generator().manual_seed(seed)) for seed in range(10)]
            keypoints, features = (torch.stack(part).mean().item() for part in zip(*losses))
            found |= {f"{name}, keypoints": keypoints, f"{name}, features": features}
        torch.save(generator.state_dict(), place)
        if not ordered:  # the preset paper takes minutes to decode
            return found
        verts = decoded(model, generator.sample(SET, torch.Generator().manual_seed(0), 50))
        return found | measures(verts, truth, 1)

    return train_generator(codes, options, ordered, drawn, watch)


def reference_rows(
    truth: Truth,
    pool: PosePool,
    model: PoseModel,
    sets: int,
) -> dict[str, dict]:
    "Rows that need no network."
    best, noise, _ = fit_sampler(pool)
    drawn = torch.cat([pose_turns(pool, recombine(pool, SET, torch.Generator().manual_seed(i), best, noise))
                       for i in range(sets)])  # the anchors of one set are spread evenly over the training poses
    again, repeated = decoded(model, encode_poses(model, truth.train)), len(truth.train) // SET
    return {"truth": measures(truth.fresh[:2 * SET], truth, 2, skip=2),
            "training": measures(truth.train.posed, truth, repeated), "codes": measures(again, truth, repeated),
            "recombination": measures(drawn, truth, sets) | {"neighbours": best, "noise": noise}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(ABOUT), default=list(ABOUT), help="some of the rows")
    parser.add_argument("--paper", type=Path, help="a model of the preset paper, trained on bodies-2k")
    parser.add_argument("--minutes", type=float, default=15, help="processor time of each training (default 15)")
    parser.add_argument("--drawn", type=int, default=2000, help="recombined poses (default 2000; preset paper half)")
    parser.add_argument("--sets", type=int, default=5, help="sets of 200 poses that are measured (default 5)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/generation", help="where generators are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "nbs/benchmark/paper_generation.json", help="the figures")
    settings = parser.parse_args()
    torch.set_num_threads(1)
    truth, shipped = read_truth(), load_pretrained("bodies")[0]
    options = GeneratorOptions(layers=2, batch_size=8, learning_rate=2e-3, steps=10**9)  # time ends it
    settings.runs.mkdir(parents=True, exist_ok=True)

    def keep(rows: dict[str, dict]) -> None:
        table = {"command": shlex.join(["python", "scripts/paper_generation.py", *sys.argv[1:]]), "rows": ABOUT,
                 "options": asdict(options), "machine": describe_machine(torch.device("cpu")), "threads": 1,
                 "minutes": "of the processor", "found": found_before(settings.out) | rows}
        write_atomically(settings.out, json.dumps(table, indent=1).encode())
        for name, row in rows.items():
            print(name, {key: round(value, 3) for key, value in row.items() if isinstance(value, float)}, flush=True)

    known, wanted = found_before(settings.out), set(settings.only)
    if wanted & {"truth", "training", "codes", "recombination"} - set(known):
        keep(reference_rows(truth, pool_of(truth.train), shipped, settings.sets))
    models = [("", shipped, settings.drawn, settings.sets)]
    if settings.paper:
        models.append(("paper ", load_model(settings.paper), settings.drawn // 2, 1))
    for prefix, model, drawn, sets in models:
        if prefix and "paper codes" in wanted - set(known):
            keep({"paper codes": measures(decoded(model, encode_poses(model, truth.train)), truth, 1)})
        for row in (name for name in (f"{prefix}published", f"{prefix}recombined", f"{prefix}even")
                    if name in wanted - set(known)):
            extra = None if row.endswith("published") else drawn_codes(model, pool_of(truth.train), drawn)
            changed = replace(options, even=row.endswith("even"))
            progress: list[dict] = []
            generator = learn(model, truth, extra, settings.minutes, changed, not prefix, progress,
                              settings.runs / f"{row.replace(' ', '-')}.pt")
            samples = generator.sample(sets * SET, torch.Generator().manual_seed(1), 50)
            keep({row: measures(decoded(model, samples), truth, sets) | {"progress": progress}})
            if row == "published" and "noise 1000" in wanted - set(known):
                samples = generator.sample(SET, torch.Generator().manual_seed(1))
                keep({"noise 1000": measures(decoded(model, samples), truth, 1)})
    return 0


def found_before(
    path: Path,
) -> dict[str, dict]:  # by row
    "What an earlier run left."
    return json.loads(path.read_text())["found"] if path.is_file() else {}


if __name__ == "__main__":
    sys.exit(main())
