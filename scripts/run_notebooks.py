"""Run notebooks from top to bottom and keep their outputs in place: `python scripts/run_notebooks.py [NOTEBOOK ...]`.

Without names it runs all of nbs/, but not the long ones of nbs/runs/. A notebook that fails is left as it was on disk.
For example: `python scripts/run_notebooks.py nbs/geometry/05_sampling.ipynb`.
"""
import base64
import os
import sys
from io import BytesIO
from pathlib import Path

import nbformat
from execnb.nbio import read_nb, write_nb
from nbclient import NotebookClient
from nbdev.clean import clean_nb
from PIL import Image
from tqdm import tqdm

NBS = Path(__file__).resolve().parent.parent / "nbs"


def keep_pictures_of_widgets(
    notebook: nbformat.NotebookNode,
) -> None:
    "A widget needs a kernel, so a page that is read unrun shows the static picture that the widget brings along."
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output["data"].pop("application/vnd.jupyter.widget-view+json", None)
                output["data"].pop("text/plain", None)


def shrink_pictures(
    notebook: nbformat.NotebookNode,
) -> None:
    "Keep PNG outputs as 256 colours, a third of the bytes."
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                small = BytesIO()
                picture = Image.open(BytesIO(base64.b64decode(output["data"]["image/png"]))).convert("RGB")
                picture.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
                output["data"]["image/png"] = base64.b64encode(small.getvalue()).decode() + "\n"


def run_notebook(
    path: Path,  # notebook to execute, in its own folder, and to overwrite
) -> None:
    "Execute one notebook in nbs/, then write it back without run-dependent metadata."
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False, store_widget_state=False,
                   extra_arguments=["--IPKernelApp.log_level=40"],  # no remarks about how the kernel is reached
                   resources={"metadata": {"path": str(path.parent)}}).execute()
    keep_pictures_of_widgets(notebook)
    shrink_pictures(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]  # progress bars
    temporary = path.with_suffix(".running")
    nbformat.write(notebook, temporary)
    cleaned = read_nb(temporary)
    clean_nb(cleaned, allowed_cell_metadata_keys=["tags"])  # papermill finds its parameters by a tag
    write_nb(cleaned, temporary)
    os.replace(temporary, path)


def main() -> None:
    named = [Path(name).resolve() for name in sys.argv[1:]]
    paths = named or sorted(path for path in NBS.rglob("*.ipynb") if path.parent.name != "runs")
    for path in (bar := tqdm(paths)):
        bar.set_description(path.stem)
        run_notebook(path)


if __name__ == "__main__":
    main()
