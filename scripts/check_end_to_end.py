"""Run nbs/runs/end_to_end.ipynb through papermill in a quick setting and check what it leaves: `python scripts/check_end_to_end.py`."""
import json
import sys
import tempfile
from pathlib import Path

import papermill
from npr.mesh import read_mesh
from npr.model import load_model
from npr.training import list_checkpoints

NBS = Path(__file__).resolve().parent.parent / "nbs"
STEPS = 200
ROWS = {"rest", "copy", "oracle", "npr"}


def run(
    out: Path,  # folder for the results
) -> dict:  # the metrics
    "Execute the notebook with few steps on the CPU."
    papermill.execute_notebook(NBS / "runs" / "end_to_end.ipynb", out / "end_to_end.ipynb", cwd=str(NBS), kernel_name="python3",
                               parameters={"out": str(out), "steps": STEPS, "device": "cpu"}, progress_bar=True)
    return json.loads((out / "metrics.json").read_text())


def check_numbers(
    metrics: dict,
) -> None:
    "The rows are complete, the baselines in their known order, and the model has learned."
    mean = metrics["pmd"]
    assert metrics["dataset"] == "bodies-2k" and metrics["poses"] == 40 and len(metrics["bodies"]) == 8, metrics
    assert set(mean) == ROWS and all(set(metrics["per_body"][body]) == ROWS for body in metrics["bodies"]), metrics
    assert metrics["train_seconds"] > 0
    assert 0 < mean["oracle"] < mean["copy"] < mean["rest"] / 50, mean
    assert metrics["registered_copy"]["pmd"] < mean["copy"], metrics
    assert mean["npr"] < 0.8 * metrics["untrained"]["pmd"], metrics
    assert mean["npr"] < mean["copy"], mean
    for body, row in metrics["per_body"].items():
        assert row["npr"] < row["rest"] / 50, (body, row)


def check_files(
    out: Path,
    bodies: list[str],
) -> None:
    "The picture, meshes that can be read, and a checkpoint that can be loaded."
    assert (out / "transfer.png").stat().st_size > 50_000
    assert (out / "end_to_end.ipynb").is_file()
    for body in ["source", *bodies]:
        for path in (out / "meshes" / body).glob("*.obj"):
            assert len(read_mesh(path).faces) == 2000
        assert len(list((out / "meshes" / body).glob("*.obj"))) == 3
    assert len(load_model(list_checkpoints(out)[-1]).template.faces) == 2000


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        metrics = run(Path(folder))
        check_numbers(metrics)
        check_files(Path(folder), metrics["bodies"])
    print({name: round(1e3 * value, 2) for name, value in metrics["pmd"].items()}, "x 10^-3 squared metres")
    return 0


if __name__ == "__main__":
    sys.exit(main())
