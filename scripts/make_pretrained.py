"""Train the models of npr/data/shipped: `python scripts/make_pretrained.py [bodies] [animals] [--flow]`.

Each is the run that `npr benchmark` makes of the data set of the same row, with some poses to give away, and the
sampler that draws new poses like those of its training. With --flow the bodies also get the network that draws them,
which takes a quarter of an hour and goes on where it was interrupted.
"""
import sys
from pathlib import Path

from npr import load_dataset
from npr.app.pipeline import run_training
from npr.app.runs import choose_device, open_model, save_pretrained
from npr.app.samplers import sampler_path
from npr.app.settings import TrainSettings
from npr.data.downloads import DATA
from npr.generating.sampler import learn_flow, learn_sampler, save_sampler
from npr.training import fingerprint

DATA_SETS = {"bodies": "bodies-2k", "animals": "animals"}


def main() -> int:
    "Train, or take the run where it is finished, and write the files."
    with_flow = "--flow" in sys.argv
    for name in [word for word in sys.argv[1:] if word != "--flow"] or DATA_SETS:
        run = Path("runs/benchmark") / DATA_SETS[name] / "npr"
        run_training(TrainSettings(DATA_SETS[name], run, device="cpu"))
        dataset = load_dataset(DATA_SETS[name])
        model = open_model(run, choose_device("cpu"))
        path = save_pretrained(model, dataset.held_out, DATA / f"pretrained-{name}.safetensors")
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {len(dataset.held_out)} poses")
        sampler = learn_sampler(dataset.train)
        if with_flow and name == "bodies":
            sampler = learn_flow(sampler, run / "flow")
        path = save_sampler(sampler_path(None, name) or DATA, sampler, {"poses": fingerprint(dataset.train)})
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, of {len(dataset.train)} poses")
    return 0


if __name__ == "__main__":
    sys.exit(main())
