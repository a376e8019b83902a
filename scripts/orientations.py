"""Turn the target of every pair in the 24 ways and count how often it is turned back: `python scripts/orientations.py`.

Every pair of `npr.data.pairs` that stands as its source does and whose files are on this machine. The columns: how many
of the 24 turned targets stand right afterwards, how many were left as they were with a warning, how many came out
wrong without a warning; what became of the target that was not turned; the smallest ratio, see
`npr.parts.orientation`; processor seconds for a target, the mean over the 24. The 24 take
about two minutes for a pair; `--turns 4` takes only four of them.
OMP_NUM_THREADS=1 python scripts/orientations.py --data /work/shared/data --only quaternius
"""
import argparse
import sys
from pathlib import Path
from time import process_time
from typing import NamedTuple

import torch
from torch import Tensor

from npr import InputError, PoseModel
from npr.data.pairs import GROUPS, Pair, find_pairs
from npr.geometry.poses import PoseSet
from npr.interface import Orientation
from npr.parts.orientation import axis_rotations


class Row(NamedTuple):
    "What became of the 24 targets of a pair."

    pair: str
    right: int
    undecided: int  # left as they were, with a warning, though turned
    wrong: int  # without a warning
    aligned: str  # what became of the target that was not turned
    ratio: float
    seconds: float


def learned(
    train: PoseSet,
) -> PoseModel:
    "The preset parts without a step of training."
    torch.manual_seed(2024)
    model = PoseModel(train.template, "parts")
    model.initialise(train)
    return model.eval()


def judge(
    turns: Tensor,  # (N, 3, 3) how the target was turned
    found: list[Orientation],
    seconds: float,  # for all
    pair: Pair,
) -> Row:
    "Compare what was found with what was done."
    stands = [torch.allclose(one.rotation @ turn, torch.eye(3).double()) for one, turn in zip(found, turns)]
    decided = [one.decided for one in found]
    first = ("stays" if stands[0] else "TURNED") + ("" if decided[0] else ", warned")
    wrong = [sure for good, sure in zip(stands, decided) if not good]
    return Row(f"{pair.group}: {pair.name}", sum(stands), len(wrong) - sum(wrong), sum(wrong), first,
               min(one.ratio for one in found), seconds / len(found))


def measure(
    model: PoseModel,
    pair: Pair,
    turns: Tensor,  # (N, 3, 3), the first is the identity
) -> Row:
    "Turn the target, and let the model say how it stands."
    start, rotations = process_time(), axis_rotations()
    found = []
    for turn in turns:
        turned = pair.target.with_verts(pair.target.verts @ turn.T)
        orientation = model.decoder.orientation(turned, rotations, rotations[0])
        assert orientation is not None
        found.append(orientation)
    return judge(turns, found, process_time() - start, pair)


def table(
    rows: list[Row],
    count: int,  # turns of a target
) -> str:
    "All rows and their sums, in markdown."
    lines = [f"| pair | right of {count} | undecided | wrong | as it stands | ratio | seconds |", "|---" * 7 + "|"]
    lines += [f"| {row.pair} | {row.right} | {row.undecided} | {row.wrong} | {row.aligned} | {row.ratio:.2f} "
              f"| {row.seconds:.1f} |" for row in rows]
    right, undecided, wrong = (sum(counts) for counts in zip(*((row.right, row.undecided, row.wrong) for row in rows)))
    share = 100 * right / max(1, count * len(rows))
    return "\n".join([*lines, f"| all {len(rows)} | {right} ({share:.1f} %) | {undecided} | {wrong} |||"
                              f" {sum(row.seconds for row in rows) / max(1, len(rows)):.1f} |"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data; NPR_DATA where it is not given")
    parser.add_argument("--only", nargs="+", metavar="GROUP", help=f"some of {', '.join(GROUPS)}")
    parser.add_argument("--pairs", nargs="+", metavar="WORD", help="only pairs whose names hold one of these words")
    parser.add_argument("--turns", type=int, default=24, metavar="N", help="only N of the 24")
    settings = parser.parse_args()
    try:
        pairs, missing = find_pairs(settings.data, settings.only)
    except InputError as error:
        print(error)
        return 1
    for group, reason in missing.items():
        print(f"{group} left out: {reason}")
    words, models, rows = settings.pairs or [""], {}, []
    turns = axis_rotations()[torch.linspace(0, 23, max(1, min(24, settings.turns))).long()]
    for pair in (pair for pair in pairs if pair.aligned and any(word in pair.name for word in words)):
        if id(pair.train) not in models:
            models[id(pair.train)] = learned(pair.train)
        rows.append(measure(models[id(pair.train)], pair, turns))
        print(table(rows[-1:], len(turns)).splitlines()[2], flush=True)
    print(table(rows, len(turns)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
