"""Run the pages of nbs/runs in a quick setting and check what they leave: `python scripts/check_end_to_end.py`."""
import json
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import nbformat
import papermill
from torch import device

from npr import load_dataset, load_model, read_mesh, write_mesh
from npr.app.runs import open_model
from npr.app.settings import TrainSettings, TransferSettings
from npr.training import list_checkpoints

NBS = Path(__file__).resolve().parent.parent / "nbs"
STEPS = 100
ROWS = {"rest", "copy", "oracle", "npr"}


def run(
    name: str,  # of a notebook in nbs/runs
    folder: Path,  # for the executed notebook
    **parameters,
) -> None:
    "Execute a notebook on the CPU."
    papermill.execute_notebook(NBS / "runs" / f"{name}.ipynb", folder / f"{name}.ipynb", cwd=str(NBS),
                               kernel_name="python3", parameters=parameters | {"device": "cpu"}, progress_bar=True)


def check_numbers(
    metrics: dict,
) -> None:
    "The rows are complete, the baselines in their known order, and the rigid parts that were found beat them all."
    mean, registered, codes = metrics["pmd"], metrics["registered_copy"]["pmd"], metrics["from_codes"]["pmd"]
    assert metrics["dataset"] == "bodies-2k" and metrics["poses"] == 40 and len(metrics["bodies"]) == 8, metrics
    assert set(mean) == ROWS and all(set(metrics["per_body"][body]) == ROWS for body in metrics["bodies"]), metrics
    assert metrics["train_seconds"] > 0
    assert 0 < mean["oracle"] < registered < mean["copy"] < mean["rest"] / 50, metrics
    assert codes < mean["oracle"], metrics  # few steps at a high learning rate must not spoil what was found
    assert mean["npr"] < codes, metrics  # a model that has found no parts is a registered copy
    better = [body for body, row in metrics["per_body"].items() if row["npr"] < row["copy"]]
    assert len(better) >= 6, better


def check_training(
    out: Path,
) -> None:
    "The steps were taken: the applier's last layer starts at zero. Their gain is tested in 03_training."
    model = load_model(list_checkpoints(out / "checkpoints")[-1])
    change = model.decoder.get_parameter("correct.weight").abs().mean().item()
    assert 1e-4 < change < 1, change


def check_files(
    out: Path,
    bodies: list[str],
) -> None:
    "The picture, meshes that can be read, and a checkpoint that can be loaded."
    assert (out / "transfer.png").stat().st_size > 50_000
    for body in ["source", *bodies]:
        for path in (out / "meshes" / body).glob("*.obj"):
            assert len(read_mesh(path).faces) == 2000
        assert len(list((out / "meshes" / body).glob("*.obj"))) == 3
    model = open_model(list_checkpoints(out / "checkpoints")[-1], device("cpu"))
    assert model.template is not None and len(model.template.faces) == 2000


def check_parameters(
    name: str,  # of a notebook in nbs/runs
    kind: type,  # the options of the command that it stands for
) -> None:
    "A notebook has the options of its command as parameters, all of them and in the same order."
    cells = nbformat.read(NBS / "runs" / f"{name}.ipynb", as_version=4).cells
    lines = next(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])).splitlines()
    assert [line.split(" = ")[0] for line in lines] == [option.name for option in fields(kind)], name


def check_train_and_transfer(
    out: Path,
) -> None:
    "The two notebooks leave what the two commands leave."
    run("train", out, out=str(out / "run"), steps=20)
    write_mesh(load_dataset("bodies-2k").targets["child"].poses.template, out / "child.obj")
    run("transfer", out, paths=f"{out / 'run'} {out / 'child.obj'}", out=str(out / "posed"))
    left = {".lock", "config.yaml", "cmd.txt", "checkpoints", "tensorboard"}
    assert {path.name for path in (out / "run").iterdir()} == left
    assert len(list((out / "posed" / "child").glob("*.obj"))) == 240


def main() -> int:
    check_parameters("train", TrainSettings)
    check_parameters("transfer", TransferSettings)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        run("end_to_end", out, out=str(out), steps=STEPS)
        metrics = json.loads((out / "metrics.json").read_text())
        check_numbers(metrics)
        check_training(out)
        check_files(out, metrics["bodies"])
        check_train_and_transfer(out)
    print({name: round(1e3 * value, 2) for name, value in metrics["pmd"].items()}, "x 10^-3 squared metres")
    return 0


if __name__ == "__main__":
    sys.exit(main())
