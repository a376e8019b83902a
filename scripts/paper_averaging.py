"""Does averaging of weights help the preset paper? `python scripts/paper_averaging.py RUN [--steps 200] [--rate 1e-4]`.

RUN is a training of the preset paper on bodies-2k that came to its end. It goes on at one rate. Measured are the
weights it starts from, the last ones, and their exponential average with a factor of 0.99 a step: mean PMD on poses of
the training, on held-out poses, and on three other bodies. It takes ten minutes on one core.
"""
import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch
from paper_network import errors
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import trange

from npr import PoseModel, load_dataset
from npr.app.benchmark import describe_machine
from npr.app.runs import open_model
from npr.outputs import check_out, write_atomically
from npr.training import Run, Sources, take_step

ROOT = Path(__file__).resolve().parent.parent
FACTOR, WARM = 0.99, 20


def main() -> int:
    "Train, measure, and write."
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--out", type=Path, default=ROOT / "nbs" / "benchmark" / "paper_averaging.json")
    options = parser.parse_args()
    check_out(options.out)
    dataset, model = load_dataset("bodies-2k"), open_model(options.run, torch.device("cpu"))
    found = {"start": errors(model, dataset)}
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(FACTOR))
    average.update_parameters(model)  # the first call only copies
    sources = Sources(model.train(), [dataset.train])
    run = Run(model, replace(model.preset.training, steps=10**6), options.run, "")

    def rate(step: int, _: object) -> float:
        return options.rate * min(1, (step + 1) / WARM)

    with patch("npr.training.learning_rate", rate):
        for run.progress.step in trange(options.steps):
            take_step(run, sources)
            average.update_parameters(model)
    assert isinstance(average.module, PoseModel)
    found |= {"last": errors(model, dataset), "average": errors(average.module, dataset)}
    table = {"command": f"python scripts/paper_averaging.py runs/{options.run.name} --steps {options.steps} "
                        f"--rate {options.rate}",
             "machine": describe_machine(torch.device("cpu")), "factor": FACTOR, "errors": found}
    write_atomically(options.out, json.dumps(table, indent=1).encode())
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
