"""Run every notebook, GPU cells included, and the full end-to-end run on a GPU: `python scripts/run_on_gpu.py`.

Each notebook runs in its own folder; executed notebooks and results are left in runs/gpu.
Needs a CUDA build of torch: make gpu CONSTRAINTS=
"""
import sys
from pathlib import Path

import papermill
import torch
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
NBS, OUT = ROOT / "nbs", ROOT / "runs" / "gpu"


def main() -> int:
    "Papermill runs all cells, whatever their flags; those for a GPU then do their work."
    if not torch.cuda.is_available():
        print("torch sees no GPU here; install its CUDA build with: make gpu CONSTRAINTS=")
        return 1
    paths = sorted(path for path in NBS.rglob("*.ipynb") if path.parent.name != "runs")
    for path in (bar := tqdm(paths)):
        bar.set_description(path.stem)
        executed = OUT / path.relative_to(NBS)
        executed.parent.mkdir(parents=True, exist_ok=True)
        papermill.execute_notebook(path, executed, cwd=str(path.parent), kernel_name="python3", progress_bar=False)
    papermill.execute_notebook(NBS / "runs" / "end_to_end.ipynb", OUT / "end_to_end.ipynb", cwd=str(NBS),
                               kernel_name="python3", parameters={"out": str(OUT), "device": "cuda"}, log_output=True)
    print(f"Results and executed notebooks are in {OUT.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
