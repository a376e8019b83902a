"""Train the models of npr/data/shipped: `python scripts/make_pretrained.py [bodies] [animals]`.

Each is the run that `npr benchmark` makes of the data set of the same row, with some poses to give away.
"""
import sys
from pathlib import Path

from npr import load_dataset
from npr.app.pipeline import run_training
from npr.app.runs import choose_device, open_model, save_pretrained
from npr.app.settings import TrainSettings
from npr.data.downloads import DATA

DATA_SETS = {"bodies": "bodies-2k", "animals": "animals"}


def main() -> int:
    "Train, or take the run where it is finished, and write the file."
    for name in sys.argv[1:] or DATA_SETS:
        run = Path("runs/benchmark") / DATA_SETS[name] / "npr"
        run_training(TrainSettings(DATA_SETS[name], run, device="cpu"))
        dataset = load_dataset(DATA_SETS[name])
        model = open_model(run, choose_device("cpu"))
        path = save_pretrained(model, dataset.held_out, DATA / f"pretrained-{name}.safetensors")
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {len(dataset.held_out)} poses")
    return 0


if __name__ == "__main__":
    sys.exit(main())
