"""Measure how well poses go to targets whose true result is known: `python scripts/matches.py [--only GROUP ...]`.

Every pair of `npr.data.pairs` whose files are on this machine, and every way of `VARIANTS`. The columns of the table:
PMD x 10^-3 in squared diagonals of the target's rest pose; PMD x 10^-3 in the data's own unit (squared metres, or
squared lengths of the source); mean angle of the face frames in degrees; factor by which edges are too long or too
short; processor seconds for matching and preparing the target, which a busy machine changes little; whether a warning
was due. `--out` writes all of it as JSON.
OMP_NUM_THREADS=1 python scripts/matches.py --data /work/shared/data --only quaternius --out /tmp/matches.json
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

import torch
from torch import Tensor

from npr import InputError, PoseModel
from npr.app.benchmark import describe_machine
from npr.data.pairs import GROUPS, Pair, find_pairs
from npr.geometry.mesh import Mesh, diagonal
from npr.geometry.poisson import PoissonSolver
from npr.geometry.poses import PoseSet
from npr.metrics import copy_baselines, copy_poses, edge_ratio, pmd, rotation_error
from npr.outputs import write_atomically
from npr.parts.matching import RegistrationOptions, match_by_box, nearest_faces, register
from npr.parts.motion import PartMotions
from npr.parts.posture import PostureOptions, match_target
from npr.transferring import transfer


class Outcome(NamedTuple):
    "What one way makes of one pair."

    verts: Tensor  # (P, V, 3) the target in the held-out poses
    seconds: float  # of the processor, for matching and preparing the target
    warned: bool | None = None  # whether the way itself doubts its result; None where it cannot
    notes: dict[str, float] = {}  # numbers to keep with the row, such as the residual


class Source:
    "Poses to learn from, and the model that learns them when a variant first asks for it."

    def __init__(
        self,
        train: PoseSet,
    ):
        self.train, self._model = train, None

    @property
    def model(self) -> PoseModel:
        "The preset parts without a step of training."
        if self._model is None:
            start = process_time()
            torch.manual_seed(2024)
            self._model = PoseModel(self.train.template, "parts")
            self._model.initialise(self.train)
            print(f"    {Path(self.train.template.name).name}: learnt its parts in {process_time() - start:.1f} s")
        return self._model.eval()


def stay_at_rest(
    pair: Pair,
    source: Source,
) -> Outcome:
    "The target's rest pose, whatever the source does."
    return Outcome(pair.target.verts.expand(len(pair.poses), -1, -1), 0.0)


def copy_by_box(
    pair: Pair,
    source: Source,
) -> Outcome:
    "Jacobians of the nearest face, after fitting the bounding boxes."
    start = process_time()
    match = match_by_box(pair.poses.template, pair.target)
    seconds = process_time() - start
    return Outcome(copy_poses(pair.poses, PoissonSolver(pair.target), match), seconds)


def copy_registered(
    pair: Pair,
    source: Source,
) -> Outcome:
    "Jacobians of the nearest face, after deforming the source onto the target."
    start = process_time()
    found = register(pair.poses.template, pair.target)
    match, seconds = nearest_faces(found), process_time() - start
    verts = copy_poses(pair.poses, PoissonSolver(pair.target), match)
    return Outcome(verts, seconds, found.residual > RegistrationOptions().doubtful, {"residual": found.residual})


def copy_articulated(
    pair: Pair,
    source: Source,
) -> Outcome:
    "Jacobians of the nearest face, after a registration that starts from the articulated fit; postures are not undone."
    motions, start = source.model.decoder.motions, process_time()
    assert isinstance(motions, PartMotions)
    match = match_target(motions.template, motions.samples, pair.target, posture=PostureOptions(bent=math.inf))
    seconds, found = process_time() - start, match.registration
    verts = copy_poses(pair.poses, PoissonSolver(pair.target), nearest_faces(found))
    return Outcome(verts, seconds, bool(match.doubt), {"residual": found.residual})


def copy_from_stance(
    pair: Pair,
    source: Source,
) -> Outcome:
    "The same with the posture of the target undone, where one is found."
    model, start = source.model, process_time()
    target = model.target(pair.target)
    seconds, queries = process_time() - start, target.queries
    verts = copy_baselines(pair.poses, target.solver, queries.source_faces, undo=queries.undo)["registered"]
    return Outcome(verts, seconds, bool(queries.doubt), {"residual": target.residual or 0.0})


def transfer_parts(
    pair: Pair,
    source: Source,
) -> Outcome:
    "What `npr transfer` makes with the preset parts, without a step of training."
    model, start = source.model, process_time()
    target = model.target(pair.target)
    seconds, residual = process_time() - start, target.residual or 0.0
    verts = transfer(model, pair.poses, target, progress=False).posed
    return Outcome(verts, seconds, bool(target.queries.doubt), {"residual": residual})


VARIANTS: dict[str, Callable[[Pair, Source], Outcome]] = {
    "rest pose": stay_at_rest, "copy": copy_by_box, "registered": copy_registered,
    "articulated": copy_articulated, "posture undone": copy_from_stance, "npr": transfer_parts}


def errors_of(
    verts: Tensor,  # (P, V, 3) result
    truth: Tensor,  # (P, V, 3)
    target: Mesh,  # rest pose
) -> dict[str, float]:
    "All figures of a result, each a mean over the poses; PMD is not multiplied yet."
    own = pmd(verts, truth).mean().item()
    return {"pmd": own / diagonal(target) ** 2, "pmd_own_unit": own,
            "rotation": rotation_error(verts, truth, target.faces).mean().item(),
            "edge_ratio": edge_ratio(verts, truth, target.faces).mean().item()}


def measure(
    variant: str,  # a key of `VARIANTS`
    pair: Pair,  # with its truth
    source: Source,
) -> dict:  # a row; with the key "error" where the variant refuses the pair
    "One row of the table."
    row = {"group": pair.group, "pair": pair.name, "variant": variant}
    try:
        outcome = VARIANTS[variant](pair, source)
    except InputError as error:
        return row | {"error": str(error)}
    assert pair.truth is not None
    errors = errors_of(outcome.verts, pair.truth.posed, pair.target)
    return row | errors | {"seconds": outcome.seconds, "warned": outcome.warned} | outcome.notes


def mean_rows(
    rows: list[dict],
) -> list[dict]:  # for each group and variant one row
    "Means over the pairs of a group; the warnings are counted."
    found = []
    for group, variant in dict.fromkeys((row["group"], row["variant"]) for row in rows):
        own = [row for row in rows if (row["group"], row["variant"]) == (group, variant) and "error" not in row]
        if own:
            keys = ("pmd", "pmd_own_unit", "rotation", "edge_ratio", "seconds")
            means = {key: sum(row[key] for row in own) / len(own) for key in keys}
            warned = None if own[0]["warned"] is None else f"{sum(row['warned'] for row in own)} of {len(own)}"
            found.append({"group": group, "pair": f"mean of {len(own)}", "variant": variant, "warned": warned} | means)
    return found


def line(
    row: dict,
) -> str:
    "One row in markdown."
    if "error" in row:
        return f"| {row['group']} | {row['pair']} | {row['variant']} | {row['error']} |||||||"
    warned = {True: "yes", False: "no", None: ""}.get(row["warned"], row["warned"])
    return (f"| {row['group']} | {row['pair']} | {row['variant']} | {1e3 * row['pmd']:.3f} "
            f"| {1e3 * row['pmd_own_unit']:.3f} | {row['rotation']:.2f} | {row['edge_ratio']:.3f} "
            f"| {row['seconds']:.1f} | {warned} |")


def table(
    rows: list[dict],
) -> str:
    "All rows, then the means of the groups, in markdown."
    heads = ["group", "pair", "variant", "PMD, diagonals", "PMD, own unit", "degrees", "edges", "seconds", "warned"]
    return "\n".join(["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|", *map(line, rows + mean_rows(rows))])


def finite(
    row: dict,
) -> dict:  # with None for what JSON cannot hold
    "A row as it is written."
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}


def run(
    pairs: list[Pair],
    variants: list[str],
    out: Path | None,
) -> list[dict]:
    "Measure all pairs; the file is written after each."
    sources: dict[int, Source] = {}
    rows: list[dict] = []
    about = {"command": shlex.join(["python", "scripts/matches.py", *sys.argv[1:]]),
             "machine": describe_machine(torch.device("cpu")), "threads": torch.get_num_threads(),
             "pmd": "squared diagonals of the target's rest pose", "pmd_own_unit": "in the data's own unit, squared"}
    for number, pair in enumerate(pairs):
        source = sources.setdefault(id(pair.train), Source(pair.train))
        for variant in variants:
            rows.append(measure(variant, pair, source))
            print(f"{number + 1}/{len(pairs)} {line(rows[-1])}", flush=True)
        if out is not None:
            content = about | {"rows": [finite(row) for row in rows], "means": [finite(row) for row in mean_rows(rows)]}
            write_atomically(out, json.dumps(content, indent=1).encode())
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data; NPR_DATA where it is not given")
    parser.add_argument("--only", nargs="+", metavar="GROUP", help=f"some of {', '.join(GROUPS)}")
    parser.add_argument("--pairs", nargs="+", metavar="WORD", help="only pairs whose names hold one of these words")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--out", type=Path, help="where to write the rows as JSON")
    settings = parser.parse_args()
    try:
        found, missing = find_pairs(settings.data, settings.only)
    except InputError as error:
        print(error)
        return 1
    for group, reason in missing.items():
        print(f"{group} left out: {reason}")
    pairs = [pair for pair in found if pair.truth is not None]
    if settings.pairs:
        pairs = [pair for pair in pairs if any(word in pair.name for word in settings.pairs)]
    if not pairs:
        print("There is no such pair with a known result; give another --data, --only or --pairs.")
        return 1
    print(table(run(pairs, settings.variants, settings.out)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
