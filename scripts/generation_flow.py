"""See how a flow learns from poses as they are and from recombined ones: `python scripts/generation_flow.py`.

Both learn from 85 % of 50 training poses of bodies-2k, then of all 200, and from the mirrored copies. The losses of the
poses seen and of those held out go to nbs/benchmark/generation_flow.json, which the page about flows draws. With --flow
FILE it then trains the flow to ship, on all poses. Checkpoints are kept in runs/flow, so that an interrupted run goes
on. On one core about 15 minutes, and 15 more with --flow.
"""
import argparse
import json
from pathlib import Path

import torch

from npr.data.datasets import load_dataset
from npr.generating.flow import FlowOptions, save_flow, train_flow
from npr.generating.pool import make_pool, skin_of_poses
from npr.outputs import write_atomically

ROOT = Path(__file__).resolve().parent.parent


def main(
    out: Path,  # the file to write
    flow_file: Path | None,  # the flow to ship; None: is not trained
    folder: Path,  # keeps checkpoints
) -> None:
    "Train, and write down the losses."
    poses = load_dataset("bodies-2k").train
    histories: dict[str, dict[str, list]] = {}
    for every, steps in ((4, 1500), (1, 2000)):
        some = poses.posed[::every]
        pool, count = make_pool(poses.template, some, skin_of_poses(poses.template, some)), f"{len(some)} poses"
        histories[count] = {}
        for title, whole in (("poses as they are", 1.0), ("recombined", 0.3)):
            options = FlowOptions(steps=steps, batch_size=64, whole=whole)
            history = train_flow(pool, folder / f"{count}, {title}", options)[1]
            histories[count][title] = [[step, round(train, 4), round(held_out, 4)] for step, train, held_out in history]
    found = {"command": "python scripts/generation_flow.py", "batch size": 64, "histories": histories}
    write_atomically(out, json.dumps(found).encode())
    if flow_file is not None:
        flow = train_flow(pool, folder / "shipped", FlowOptions(held_out=0))[0]
        print(save_flow(flow_file, flow, pool.tree))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "nbs/benchmark/generation_flow.json", help="file to write")
    parser.add_argument("--flow", type=Path, help="also train the flow to ship, and write it here")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs/flow", help="keeps checkpoints")
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.out, given.flow, given.folder)
