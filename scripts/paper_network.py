"""Measure trainings of the preset paper on bodies-2k: `python scripts/paper_network.py RUN ... [--out FILE.json]`.

A run is what `npr train bodies-2k --preset paper ...` leaves. Its last checkpoint is measured: mean PMD on poses of the
training, on held-out poses, and on the held-out poses of three other bodies, with both statistics of batch
normalisation. The curve of the training and its command go with it. The picture shows held-out poses on another body:
the source, the first run's network, the preset parts, and the truth. It takes four minutes a run on two cores.
"""
import argparse
import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from PIL import Image

from npr import PoseModel, load_dataset, load_pretrained
from npr.app.benchmark import describe_machine
from npr.app.runs import open_model
from npr.data.datasets import Dataset
from npr.geometry.mesh import Mesh
from npr.geometry.plot import CLAY, SAGE, SKY, show_sheet
from npr.metrics import pmd
from npr.model import STATISTICS
from npr.outputs import InputError, check_out, write_atomically
from npr.training import Validation, newest_checkpoint
from npr.transferring import decode_poses, encode_poses, transfer

ROOT = Path(__file__).resolve().parent.parent
BODIES = ("child", "heavy_man", "old_woman")
SHOWN, ON = (3, 8, 13, 22, 31), "heavy_man"  # held-out poses and body of the picture


@torch.no_grad()
def errors(
    model: PoseModel,
    dataset: Dataset,
) -> dict[str, float]:  # mean PMD in squared metres
    "Poses of the training, held-out poses, and those on three other bodies."
    codes, found = encode_poses(model, dataset.held_out, 1), {}
    for name, poses in (("training poses", dataset.train[:40]), ("held-out poses", dataset.held_out)):
        found[name] = Validation(model, [poses]).errors(model.eval())[0]
    model.eval()
    for body in BODIES:
        truth = dataset.targets[body].poses
        found[body] = pmd(decode_poses(model, codes, model.target(truth.template), 1), truth.posed).mean().item()
    return found


def of_run(
    run: Path,
    dataset: Dataset,
) -> dict:
    "What a training came to, and how."
    model, found = open_model(run, torch.device("cpu")), newest_checkpoint(run / "checkpoints")
    if found is None or model.preset.name != "paper":
        raise InputError(f"{run}: is no training of the preset paper; give the folder of one.")
    progress, options = (json.loads(found[2][name]) for name in ("progress", "options"))
    return {"command": (run / "cmd.txt").read_text().strip(), "options": options, "steps": progress["step"],
            "history": progress["history"],
            "errors": {mode: errors(model.use_statistics(mode), dataset) for mode in STATISTICS}}


def draw(
    model: PoseModel,  # of the preset paper
    dataset: Dataset,
    path: Path,
) -> None:
    "The picture."
    poses, truth = dataset.held_out[list(SHOWN)], dataset.targets[ON].poses[list(SHOWN)]
    network = decode_poses(model, encode_poses(model, poses, 1), model.target(truth.template), 1)
    parts = transfer(load_pretrained("bodies")[0], poses, truth.template, progress=False)
    by_network = [truth.template.with_verts(verts) for verts in network]
    rows: list[list[Mesh | None]] = [[meshes[i] for i in range(len(SHOWN))]
                                     for meshes in (poses, by_network, parts, truth)]
    titles = ["source", "preset paper", "preset parts", "truth"]
    figure = show_sheet(rows, titles, colors=[SKY, CLAY, CLAY, SAGE], width=6)
    figure.savefig(path, dpi=90, bbox_inches="tight")
    Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(path, optimize=True)
    plt.close(figure)


def main() -> int:
    "Measure, and write."
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, default=ROOT / "nbs" / "benchmark" / "paper_network.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "nbs" / "images" / "paper-network.png")
    options = parser.parse_args()
    check_out(options.out)
    dataset = load_dataset("bodies-2k")
    found = {run.name: of_run(run, dataset) for run in options.runs}
    parts = {"errors": errors(load_pretrained("bodies")[0], dataset)}
    table = {"command": "python scripts/paper_network.py " + " ".join(f"runs/{name}" for name in found),
             "machine": describe_machine(torch.device("cpu")), "runs": found, "parts": parts}
    write_atomically(options.out, json.dumps(table, indent=1).encode())
    draw(open_model(options.runs[0], torch.device("cpu")), dataset, options.picture)
    print(json.dumps({name: run["errors"] for name, run in found.items()} | {"parts": parts["errors"]}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
