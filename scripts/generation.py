"""Measure whether generated poses are any good: `python scripts/generation.py --data FOLDER [--only GROUP ...]`.

bodies-2k has 200 training poses. FOLDER holds bodies-2k-fresh.npz, from `npr data build bodies-2k-fresh`: 1,000 other
poses of the same body from the same sampler. Every figure of the groups "source" and "sizes" is a mean over 7 sets of
200 samples and 7 sets of 200 fresh poses: over all 49 pairs, where both sets matter. Fresh truth is compared with sets
that it has no pose in common with. "targets" carries samples to the 8 other bodies. "pictures" shows them to a small
network of our own, for figures of the kind that the paper gives. "animals" needs quaternius/ and mesh2motion/, or
animals.npz, in FOLDER, and compares with clips that are held out whole.
Groups that are in the file already are kept unless they are named after --only: delete it when the code has changed.
OMP_NUM_THREADS=1 python scripts/generation.py --data FOLDER --flow FILE
"""
import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from pathlib import Path
from time import process_time

import torch
from generation_pictures import measure_pictures
from torch import Tensor

from npr import InputError, load_pretrained, transfer
from npr.app.benchmark import describe_machine
from npr.data.datasets import Dataset, load_dataset
from npr.data.pairs import animal_pairs, quaternius_pairs
from npr.generating.flow import load_flow
from npr.generating.measures import (
    buried_vertices,
    coverage,
    folded_edges,
    kept_apart,
    matching_distance,
    mean_pair_distance,
    near_copies,
    polynomial_discrepancy,
    pose_distances,
    volume_change,
)
from npr.generating.mirror import find_mirror, mirror_poses
from npr.generating.pool import PosePool, Turns, measure_turns, pose_turns, some_poses
from npr.generating.recombining import recombine
from npr.generating.sampler import generate, learn_sampler
from npr.geometry.frames import mean_rotations, rotation_matrices, rotation_vectors
from npr.geometry.mesh import Mesh, diagonal
from npr.geometry.poses import PoseSet
from npr.geometry.sampling import spread_evenly
from npr.metrics import edge_ratio
from npr.outputs import write_atomically

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("source", "sizes", "targets", "pictures", "animals")
COUNT = 200  # poses in a set
CARRIED = ("mirrored training poses", "kernel density, 50 components, 0.5", "kernel density, rotations, 0.10 rad",
           "recombination", "recombination, buried ones drawn anew", "flow")  # rows that go to other bodies
SHOWN = {"1-NN %": ".1f", "1-NN deviation": ".1f", "samples apart %": ".0f", "truth apart %": ".0f",
         "coverage %": ".0f", "matching cm": ".1f", "discrepancy x 100": ".1f", "copy ratio": ".2f",
         "copy ratio with mirror": ".2f", "near copies %": ".0f", "diversity": ".2f", "stretch": ".3f",
         "volume": ".3f", "folded %": ".2f", "buried %": ".2f", "turns beyond fresh %": ".2f", "seconds": ".2f"}
ABOUT = {
    "1-NN %": "how often a pose's nearest other pose is of its own kind; 50 is best",
    "1-NN deviation": "from pair to pair of sets", "samples apart %": "samples whose nearest other pose is a sample",
    "truth apart %": "true poses whose nearest is true", "coverage %": "true poses that are the nearest of some sample",
    "matching cm": "from a true pose to the nearest sample", "discrepancy x 100": "unbiased polynomial MMD, squared",
    "copy ratio": "distance to the nearest training pose, beside that of fresh truth",
    "copy ratio with mirror": "the same, to the nearest of training and mirrored training poses",
    "near copies %": "three times nearer to one training pose than to the next",
    "diversity": "mean distance of two poses, beside that of truth", "stretch": "factor by which edges are off",
    "volume": "factor by which the volume is off", "folded %": "edges bent by more than 120 degrees",
    "buried %": "vertices inside the body",
    "turns beyond fresh %": "turns of parts about three axes beyond those of 800 fresh poses; no skeleton is fitted",
    "seconds": "of the processor, for 200 poses"}
Draw = Callable[[int], Tensor]  # from a seed to COUNT poses, (COUNT, V, 3)


def seeded(
    seed: int,
) -> torch.Generator:
    "Random numbers that are the same every time."
    return torch.Generator().manual_seed(seed)


def centred(
    verts: Tensor,  # (P, V, 3)
) -> Tensor:  # (P, V, 3) float64
    "Poses with the mean of their vertices at the origin."
    return verts.double() - verts.double().mean(dim=1, keepdim=True)


def stretch(
    verts: Tensor,  # (P, V, 3)
    mesh: Mesh,  # rest pose
) -> float:
    "The mean factor by which edges are too long or too short."
    return edge_ratio(verts, mesh.verts.expand_as(verts), mesh.faces).log().mean().exp().item()


def turns_of(
    pool: PosePool,
    verts: Tensor,  # (P, V, 3) any poses of its template
) -> Tensor:  # (P, B, 3) radians
    "How the parts turn in some poses, relative to their mean turn in the pool."
    equal = torch.full((1, len(pool.turns)), 1 / len(pool.turns), dtype=torch.float64)
    return rotation_vectors(mean_rotations(pool.turns, equal)[0].mT @ measure_turns(pool, verts, sweeps=8).turns)


class Truth:
    "What generated poses of the source are compared with."

    def __init__(
        self,
        fresh: Tensor,  # (Q, V, 3) poses that no sampler has seen
        sets: int,  # sets of COUNT of them to compare with
    ):
        self.fresh = centred(fresh)
        numbers = [torch.randperm(len(fresh), generator=seeded(seed)) for seed in range(sets)]
        self.sets, self.others = ([order[rows] for order in numbers] for rows in (slice(COUNT), slice(COUNT, None)))
        self.among = [pose_distances(self.fresh[chosen], self.fresh[chosen]) for chosen in self.sets]

    def other_poses(
        self,
        against: int,  # the number of a set
        seed: int,
    ) -> Tensor:  # (COUNT, V, 3)
        "Fresh poses that are not in a set."
        others = self.others[against]
        return self.fresh[others[torch.randperm(len(others), generator=seeded(seed))[:COUNT]]]

    def compare(
        self,
        samples: Tensor,  # (COUNT, V, 3) centred
        against: int,  # the number of a set
    ) -> dict[str, float]:
        "The measures that need a set of samples and a set of true poses."
        truth, true = self.fresh[self.sets[against]], self.among[against]
        among, across = pose_distances(samples, samples), pose_distances(samples, truth)
        own, others = kept_apart(among, across, true)
        return {"1-NN %": 50 * (own + others), "samples apart %": 100 * own, "truth apart %": 100 * others,
                "coverage %": 100 * coverage(across), "matching cm": 100 * matching_distance(across),
                "discrepancy x 100": 100 * polynomial_discrepancy(samples, truth),
                "diversity": mean_pair_distance(among) / mean_pair_distance(true)}


class Source:
    "Training poses, and what belongs to them: mirrored poses, the sampler that learned them, usual distances to them."

    def __init__(
        self,
        train: PoseSet,
        truth: Truth,
    ):
        self.mesh, self.train = train.template, centred(train.posed)
        self.mirrored, start = centred(mirror_poses(find_mirror(self.mesh), self.train)), process_time()
        self.sampler = learn_sampler(train)
        self.about = {"neighbours": self.sampler.neighbours, "noise": self.sampler.noise,
                      "parts": len(self.sampler.pool.tree.parents), "preparation seconds": process_time() - start}
        self.known = torch.cat([self.train, self.mirrored])
        usual = [pose_distances(truth.fresh, known).amin(dim=1).mean().item() for known in (self.train, self.known)]
        self.usual, self.usual_with_mirror = usual

    def judge(
        self,
        samples: Tensor,  # (P, V, 3) centred
    ) -> dict[str, float]:
        "The measures of one set of samples beside the training poses."
        back = pose_distances(samples, self.known)
        to_train = back[:, : len(self.train)]
        return {"copy ratio": to_train.amin(dim=1).mean().item() / self.usual,
                "copy ratio with mirror": back.amin(dim=1).mean().item() / self.usual_with_mirror,
                "near copies %": 100 * near_copies(to_train)} | shape_figures(samples, self.mesh)


def shape_figures(
    samples: Tensor,  # (P, V, 3)
    mesh: Mesh,  # rest pose
) -> dict[str, float]:
    "The measures that look at one pose at a time."
    return {"stretch": stretch(samples, mesh), "volume": volume_change(samples, mesh),
            "folded %": 100 * folded_edges(samples, mesh.faces),
            "buried %": 100 * buried_vertices(samples, mesh).mean().item()}


def mean_figures(
    found: list[dict[str, float]],
) -> dict[str, float]:
    "The mean of each figure."
    return {name: sum(one[name] for one in found) / len(found) for name in found[0]}


def component_draws(
    train: Tensor,  # (N, V, 3)
) -> dict[str, Draw]:
    "Samplers that know the principal components of the vertices alone."
    middle = train.flatten(1).mean(dim=0)
    left, sizes, axes = torch.linalg.svd(train.flatten(1) - middle, full_matrices=False)
    scores, spread = left * sizes, (left * sizes).std(dim=0)

    def gaussian(count: int) -> Draw:
        def draw(seed: int) -> Tensor:
            drawn = spread[:count] * torch.randn(COUNT, count, generator=seeded(seed), dtype=torch.float64)
            return (middle + drawn @ axes[:count]).view(COUNT, *train.shape[1:])
        return draw

    def kernel(width: float) -> Draw:
        def draw(seed: int) -> Tensor:
            noise = width * spread[:50] * torch.randn(len(train), 50, generator=seeded(seed), dtype=torch.float64)
            return (middle + (scores[:, :50] + noise) @ axes[:50]).view(train.shape)[:COUNT]
        return draw

    return {"Gaussian, 10 components": gaussian(10), "Gaussian, 50 components": gaussian(50),
            "kernel density, 50 components, 0.2": kernel(0.2), "kernel density, 50 components, 0.5": kernel(0.5)}


def mixing_draws(
    train: Tensor,  # (N, V, 3)
    pool: PosePool,  # of these poses, without mirrored ones
) -> dict[str, Draw]:
    "Samplers that mix poses of a pair, or turn parts for themselves; joints stay together."
    N, B = pool.turns.shape[:2]
    assert len(train) == N  # no pose was left out as too near to another

    def posed(turns: Tensor) -> Tensor:
        return pose_turns(pool, Turns(turns, torch.zeros(*turns.shape[:2], 3, dtype=turns.dtype)))

    def mates(seed: int) -> tuple[Tensor, Tensor]:  # for each pose one of the 8 nearest, and how far to go to it
        numbers = torch.randint(8, (N,), generator=seeded(seed))
        return pool.near[torch.arange(N), 1 + numbers], torch.rand(N, 1, 1, generator=seeded(seed), dtype=train.dtype)

    def mixed_verts(seed: int) -> Tensor:
        mate, part = mates(seed)
        return torch.lerp(train, train[mate], part)[:COUNT]

    def mixed_turns(seed: int) -> Tensor:
        mate, part = mates(seed)
        between = part * rotation_vectors(pool.turns.mT @ pool.turns[mate])
        return posed(pool.turns @ rotation_matrices(between))[:COUNT]

    def independent(seed: int) -> Tensor:
        return posed(pool.turns[torch.randint(N, (COUNT, B), generator=seeded(seed)), torch.arange(B)])

    def shaken(seed: int) -> Tensor:
        noise = 0.1 * torch.randn(N, B, 3, generator=seeded(seed), dtype=train.dtype)
        return posed(pool.turns @ rotation_matrices(noise))[:COUNT]

    return {"mixing with one of 8 nearest, vertices": mixed_verts,
            "mixing with one of 8 nearest, rotations": mixed_turns, "parts drawn independently": independent,
            "kernel density, rotations, 0.10 rad": shaken}


def recombined(
    source: Source,
) -> Draw:
    "Recombination of parts, no pose left out."
    sampler = source.sampler
    return lambda seed: pose_turns(
        sampler.pool, recombine(sampler.pool, COUNT, seeded(seed), sampler.neighbours, sampler.noise))


def all_draws(
    source: Source,
    flow: Path | None,
) -> dict[str, Draw]:  # by row
    "Every sampler of the table; raises `InputError` where the flow is of other parts."
    pool, sampler = source.sampler.pool, source.sampler
    own = some_poses(pool, torch.arange(len(pool.twins.unique())))  # mirrored ones come after all others
    draws = {"training poses": lambda seed: source.train, "mirrored training poses": lambda seed: source.mirrored,
             **component_draws(source.train), **mixing_draws(source.train, own), "recombination": recombined(source),
             "recombination, buried ones drawn anew": lambda seed: generate(sampler, COUNT, seed).posed}
    if flow is None:
        return draws
    with_flow = replace(sampler, flow=load_flow(flow, pool.tree))
    return draws | {"flow": lambda seed: generate(with_flow, COUNT, seed).posed}


def judge_row(
    source: Source,
    truth: Truth,
    draw: Draw | None,  # none: fresh truth
) -> dict[str, float]:
    "All figures of one sampler: means over all sets, and the deviation of the 1-NN accuracy from pair to pair."
    sets, start = range(len(truth.sets)), process_time()
    drawn = [] if draw is None else [centred(draw(1000 + number)) for number in sets]
    seconds = (process_time() - start) / len(sets)
    pairs = [(truth.other_poses(against, 1000 + number) if draw is None else drawn[number], against)
             for number, against in product(sets, sets)]
    found = [truth.compare(samples, against) for samples, against in pairs]
    alone = mean_figures([source.judge(samples) for samples in drawn or [pair[0] for pair in pairs[: len(sets)]]])
    deviation = torch.tensor([one["1-NN %"] for one in found]).std(correction=0).item()
    return mean_figures(found) | {"1-NN deviation": deviation} | alone | ({"seconds": seconds} if drawn else {})


def measure_source(
    data: Dataset,
    fresh: Dataset,
    settings: argparse.Namespace,
) -> dict[str, dict[str, float]]:  # by row
    "The table of the source: every sampler, and fresh truth as the ceiling."
    truth = Truth(torch.cat([fresh.train.posed, fresh.held_out.posed]), settings.sets)
    source = Source(data.train, truth)
    limits = turns_of(source.sampler.pool, fresh.train.posed)
    low, high, rows = limits.amin(dim=0), limits.amax(dim=0), {}
    draws: dict[str, Draw | None] = {"fresh truth": None, **all_draws(source, settings.flow)}
    for row, draw in draws.items():
        rows[row] = judge_row(source, truth, draw)
        turns = turns_of(source.sampler.pool, fresh.held_out.posed if draw is None else draw(1000))
        rows[row]["turns beyond fresh %"] = 100 * ((turns < low) | (turns > high)).double().mean().item()
        print(markdown({row: rows[row]}).splitlines()[-1], flush=True)
    rows["recombination"] |= source.about
    return rows


def measure_sizes(
    data: Dataset,
    fresh: Dataset,
    settings: argparse.Namespace,
) -> dict[str, dict[str, float]]:  # by row
    "Recombination of fewer training poses, with parts and numbers found from these alone."
    truth, rows = Truth(torch.cat([fresh.train.posed, fresh.held_out.posed]), settings.sets), {}
    for count in (25, 50, 100, 200):
        source = Source(data.train[spread_evenly(len(data.train), count).tolist()], truth)
        rows[f"{count} poses"] = judge_row(source, truth, recombined(source)) | source.about
        print(markdown({f"{count} poses": rows[f"{count} poses"]}).splitlines()[-1], flush=True)
    return rows


class Shared:
    "What the groups targets and pictures have in common; made when it is first needed."

    def __init__(
        self,
        data: Dataset,
        fresh: Dataset,
        settings: argparse.Namespace,
    ):
        self.data, self.fresh, self.settings, self.count = data, fresh, settings, settings.poses

    def poses(
        self,
        verts: Tensor,  # (P, V, 3)
        names: Sequence[str] = (),
    ) -> PoseSet:
        "Poses of the source."
        return PoseSet(self.data.train.template, verts, list(names))

    @cached_property
    def draws(self) -> dict[str, Draw]:  # by row
        "All samplers."
        source = Source(self.data.train, Truth(torch.cat([self.fresh.train.posed, self.fresh.held_out.posed]), 1))
        return all_draws(source, self.settings.flow)

    @cached_property
    def on_bodies(self) -> dict[str, dict[str, PoseSet]]:  # by row and body
        "Samples carried to the other bodies, and the truth there: the bodies in other fresh poses."
        model, bodies, count = load_pretrained("bodies")[0], dict(self.fresh.targets), self.count
        some = (train[spread_evenly(len(train), count).tolist()] for train in (self.fresh.train, self.data.train))
        samples = dict(zip(("fresh poses", "training poses"), some))
        samples |= {row: self.poses(self.draws[row](1000)[:count]) for row in CARRIED if row in self.draws}
        rows = {"true poses": {name: body.poses[:count] for name, body in bodies.items()},
                "other true poses": {name: body.poses[count : 2 * count] for name, body in bodies.items()}}
        targets = {name: model.target(body.poses.template) for name, body in bodies.items()}
        for row, poses in samples.items():
            rows[row] = {name: transfer(model, poses, target, progress=False) for name, target in targets.items()}
        return rows

    def on_source(self) -> dict[str, dict[str, PoseSet]]:  # by row, each with the body "source"
        "400 samples of each sampler, and 540 and 400 true poses."
        fresh = centred(torch.cat([self.fresh.held_out.posed, self.fresh.train.posed]))
        rows = {"true poses": fresh[:540], "other true poses": fresh[540:940]}
        rows |= {row: torch.cat([draw(1000), draw(1001)]) for row, draw in self.draws.items()}
        return {row: {"source": self.poses(verts)} for row, verts in rows.items()}

    def to_learn(self) -> dict[str, PoseSet]:  # by body
        "All bodies in true poses that are in no row, to train the network of pictures with."
        bodies = {name: (body.poses[2 * self.count :], self.data.targets[name].poses)
                  for name, body in self.fresh.targets.items()}
        bodies["source"] = (self.fresh.train[740:], self.data.held_out)
        return {name: PoseSet(one.template, torch.cat([one.posed, two.posed]), one.names + two.names)
                for name, (one, two) in bodies.items()}


def measure_targets(
    rows: dict[str, dict[str, PoseSet]],  # from `Shared`
) -> dict[str, dict[str, dict[str, float]]]:  # by row and body
    "Stretch, folds and self-intersection on the other bodies, and 1-NN against true poses there."
    found = {}
    for row, bodies in rows.items():
        found[row] = {}
        for name, poses in bodies.items():
            true, verts = rows["true poses"][name].posed, poses.posed
            found[row][name] = figures = shape_figures(verts, poses.template)
            if row != "true poses":
                pairs = ((verts, verts), (verts, true), (true, true))
                own, others = kept_apart(*(pose_distances(*pair) for pair in pairs))
                figures |= {"1-NN %": 50 * (own + others), "samples apart %": 100 * own, "truth apart %": 100 * others}
        found[row]["mean"] = mean = mean_figures(list(found[row].values()))
        print(f"targets, {row}", *(f"{name} {value:.3f}" for name, value in mean.items()), sep="; ", flush=True)
    return found


def measure_animal(
    train: PoseSet,
    held_out: PoseSet,  # clips that are not in `train`
) -> dict:
    "How near samples come to clips held out whole, beside training frames; distances in percent of the diagonal."
    mesh, size = train.template, diagonal(train.template) / 100
    posed, true, start = centred(train.posed), centred(held_out.posed), process_time()
    sampler = learn_sampler(train)
    pool, generator = sampler.pool, seeded(1000)
    about = {"frames": len(posed), "pool": len(pool.turns), "mirrored": len(pool.twins.unique()) < len(pool.twins),
             "parts": len(pool.tree.parents), "neighbours": sampler.neighbours, "noise": sampler.noise,
             "held-out frames": len(true), "preparation seconds": process_time() - start}
    samples = centred(pose_turns(pool, recombine(pool, 1000, generator, sampler.neighbours, sampler.noise)))
    noisy = 0.1 * torch.randn(1000, *pool.turns.shape[1:3], generator=generator, dtype=torch.float64)
    numbers = torch.randint(len(pool.turns), (1000,), generator=generator)
    shaken = Turns(pool.turns[numbers] @ rotation_matrices(noisy), torch.zeros_like(pool.slack)[numbers])
    rows = {"training frames": posed, "recombination": samples, "kernel density, rotations, 0.10 rad":
            centred(pose_turns(pool, shaken)), "held-out clips": true}
    found = {}
    for row, verts in rows.items():
        found[row] = {"stretch": stretch(verts, mesh), "volume": volume_change(verts, mesh)}
        if row != "held-out clips":
            near = pose_distances(true, verts)
            found[row] |= {"nearest to held-out, all": near.amin(dim=1).mean().item() / size,
                           "nearest to held-out, as many": near[:, : len(posed)].amin(dim=1).mean().item() / size}
        if row != "training frames":
            found[row]["to training frames"] = pose_distances(verts, posed).amin(dim=1).mean().item() / size
    return {"about": about, "rows": found}


def measure_animals(
    folder: Path | None,
) -> dict[str, dict]:  # by animal
    "The foxes whose files are there; raises `InputError` where none is."
    found = {}
    for name, pairs in {"quaternius fox": quaternius_pairs, "Mesh2Motion fox": animal_pairs}.items():
        try:
            pair = pairs(folder)[0]
        except InputError as error:
            print(f"left out: {name}: {error}")
            continue
        found[name] = measure_animal(pair.train, pair.poses)
        print(name, json.dumps(found[name]), flush=True)
    if not found:
        raise InputError("animals: no files of animals are there; name their folder after --data, or leave them out.")
    return found


def markdown(
    rows: dict[str, dict[str, float]],
) -> str:
    "A table of all rows that have figures of `SHOWN`."
    columns = [name for name in SHOWN if any(name in figures for figures in rows.values())]
    lines = [" | ".join(["", "row", *columns, ""]), "|".join(["", *["---"] * (len(columns) + 1), ""])]
    for row, figures in rows.items():
        cells = [format(figures[name], SHOWN[name]) if name in figures else "" for name in columns]
        lines.append(" | ".join(["", row, *cells, ""]))
    return "\n".join(line.strip() for line in lines)


def measure(
    group: str,  # one of `GROUPS`
    shared: Shared,
) -> dict:
    "One group of the table."
    data, fresh, settings = shared.data, shared.fresh, shared.settings
    if group == "source":
        return measure_source(data, fresh, settings)
    if group == "sizes":
        return measure_sizes(data, fresh, settings)
    if group == "animals":
        return measure_animals(settings.data)
    if group == "targets":
        return measure_targets(shared.on_bodies)
    return measure_pictures(shared.to_learn(), {"source": shared.on_source(), "other bodies": shared.on_bodies})


def fresh_poses(
    folder: Path | None,
) -> Dataset:
    "The fresh poses, of the folder or where `npr data build` puts them; raises `InputError` where they are missing."
    path = None if folder is None else folder / "bodies-2k-fresh.npz"
    return load_dataset(path if path and path.is_file() else "bodies-2k-fresh")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data; NPR_DATA where it is not given")
    parser.add_argument("--flow", type=Path, help="a trained flow of bodies-2k, for its row")
    parser.add_argument("--sets", type=int, default=7, help="of samples and of fresh poses (default 7)")
    parser.add_argument("--poses", type=int, default=70, help="that go to each other body, at most 80 (default 70)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, help="some of the groups; they are measured anew")
    parser.add_argument("--out", type=Path, default=ROOT / "nbs/benchmark/generation.json", help="where it is kept")
    settings = parser.parse_args()
    table = json.loads(settings.out.read_text()) if settings.out.is_file() else {"groups": {}}
    kept, seconds = table["groups"], table.get("seconds", {})
    shared = Shared(load_dataset("bodies-2k"), fresh_poses(settings.data), settings)
    for group in settings.only or [group for group in GROUPS if group not in kept]:
        start = process_time()
        try:
            kept[group] = measure(group, shared)
        except InputError as error:
            print(f"left out: {error}")
            continue
        seconds[group] = round(process_time() - start)
        about = {"command": "python scripts/generation.py --data FOLDER" + (" --flow FILE" if settings.flow else ""),
                 "columns": ABOUT, "sets": settings.sets, "poses in a set": COUNT,
                 "poses on each other body": settings.poses,
                 "machine": describe_machine(torch.device("cpu")), "threads": torch.get_num_threads(),
                 "seconds": seconds, "groups": kept}
        write_atomically(settings.out, json.dumps(about, indent=1).encode())
    print(markdown(kept.get("source", {}) | kept.get("sizes", {})))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(str(error))
