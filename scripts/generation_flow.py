"""See how a flow learns from poses as they are and from recombined ones: `python scripts/generation_flow.py`.

Both learn from 85 % of 50 training poses of bodies-2k and their mirrored copies, with the same options. With so few poses
minutes are enough to learn them by heart. The losses of the poses seen and of those held out go to
nbs/benchmark/generation_flow.json, which the page about flows draws. With --flow FILE it then trains the flow to ship, on
all 200 poses. Checkpoints are kept in runs/flow, so that an interrupted run goes on. On one core about 6 minutes, and 15
more with --flow.
"""
import argparse
import json
from pathlib import Path

import torch

from npr.data.datasets import load_dataset
from npr.generating.flow import FlowOptions, save_flow, train_flow
from npr.generating.pool import make_pool, skin_of_poses
from npr.geometry.mesh import write_atomically

ROOT = Path(__file__).resolve().parent.parent


def main(
    out: Path,  # the file to write
    steps: int,  # of each of the two runs
    flow_file: Path | None,  # the flow to ship; None: is not trained
    folder: Path,  # keeps checkpoints
) -> None:
    "Train, and write down the losses."
    poses = load_dataset("bodies-2k").train
    pools = [make_pool(poses.template, some, skin_of_poses(poses.template, some))
             for some in (poses.posed[::4], poses.posed)]
    options, histories = FlowOptions(steps=steps, batch_size=64), {}
    for title, whole in (("poses as they are", 1.0), ("recombined", options.whole)):
        options = options._replace(whole=whole)
        history = train_flow(pools[0], folder / f"{title.replace(' ', '-')}-{steps}", options)[1]
        histories[title] = [[entry.step, round(entry.train, 4), round(entry.held_out, 4)] for entry in history]
    found = {"command": "python scripts/generation_flow.py", "poses": len(pools[0].turns), "options": options._asdict(),
             "histories": histories}
    write_atomically(out, json.dumps(found, indent=1).encode())
    if flow_file is not None:
        flow = train_flow(pools[1], folder / "shipped", FlowOptions(held_out=0))[0]
        print(save_flow(flow_file, flow, pools[1].tree))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "nbs/benchmark/generation_flow.json", help="file to write")
    parser.add_argument("--steps", type=int, default=1500, help="steps of each of the two runs")
    parser.add_argument("--flow", type=Path, help="also train the flow to ship, and write it here")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs/flow", help="keeps checkpoints")
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.out, given.steps, given.flow, given.folder)
