"""Make README.md from nbs/index.ipynb, or with --check see that it is up to date and that its Python lines run as written.

Where `make demo` has left its results in runs/demo, the index's picture and table are renewed from them; the table of the benchmarks from
nbs/benchmark.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from npr.app.benchmark import mean_of
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
README, INDEX, PICTURE, DEMO, RESULTS = (ROOT / name for name in
                                         ("README.md", "nbs/index.ipynb", "nbs/images/transfer.png", "runs/demo", "nbs/benchmark"))


def readme() -> str:
    "The index notebook as markdown, its links made relative to the top of the repository."
    text, _ = MarkdownExporter().from_filename(str(INDEX))
    text = re.sub(r"\]\((?!https?:|#|\.\./)", "](nbs/", text)
    return text.replace("](../", "](").strip() + "\n"


def renew_picture() -> None:
    "Copy the demo's picture, in 256 colours."
    Image.open(DEMO / "transfer.png").convert("RGB").quantize(256, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


def demo_table() -> str:
    "The demo's figures as a markdown table, in 10^-3 squared metres."
    metrics = json.loads((DEMO / "metrics.json").read_text())
    rows = {body.replace("_", " "): row | {"registered copy": metrics["registered_copy"]["per_body"][body],
                                           "parts alone": metrics["parts_alone"]["per_body"][body]}
            for body, row in metrics["per_body"].items()}
    rows["mean"] = metrics["pmd"] | {name: metrics[name.replace(" ", "_")]["pmd"] for name in ("registered copy", "parts alone")}
    keys = ["rest", "copy", "registered copy", "oracle", "parts alone", "npr"]
    lines = ["| PMD x 10^-3 | " + " | ".join(keys) + " |", "|---" * (len(keys) + 1) + "|"]
    return "\n".join(lines + [f"| {name} | " + " | ".join(f"{1e3 * row[key]:.2f}" for key in keys) + " |"
                              for name, row in rows.items()])


BENCHMARKS = {"bodies-2k-held_out": "bodies-2k, held-out poses", "bodies-train": "bodies, the paper's protocol",
              "bodies-held_out": "bodies, held-out poses", "bodies-remeshed-train": "bodies remeshed one by one, trained poses",
              "bodies-remeshed-held_out": "bodies remeshed one by one, held-out poses", "animals-held_out": "animals, held-out clips"}


def benchmark_table() -> str:
    "The means of all benchmarks as a markdown table, in 10^-3."
    methods = ["rest", "copy", "registered", "oracle", "paper", "npr"]
    lines = ["| benchmark | rest | copy | registered copy | oracle | preset paper | npr | its steps |", "|---" * 8 + "|"]
    for name, title in BENCHMARKS.items():
        table = json.loads((RESULTS / f"{name}.json").read_text())
        mean = mean_of(table)["mean"]
        cells = [f"{1e3 * mean[method]:.3f}" if method in mean else "" for method in methods]
        steps = f"{table['paper']['steps']:,}" if "paper" in mean else ""
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {steps} |")
    return "\n".join(lines)


def renew_tables() -> None:
    "Put the demo's and the benchmarks' figures into the index notebook."
    notebook = nbformat.read(INDEX, as_version=4)
    for cell in notebook.cells:
        if (DEMO / "metrics.json").is_file():
            cell.source = re.sub(r"\| PMD x 10\^-3 \|.*?\n(?=\n)", lambda _: demo_table() + "\n", cell.source, flags=re.S)
        cell.source = re.sub(r"\| benchmark \|.*?\n(?=\n)", lambda _: benchmark_table() + "\n", cell.source, flags=re.S)
    nbformat.write(notebook, INDEX)


def python_lines(
    text: str,
) -> str:
    "All Python blocks of a markdown text, in order."
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))


def check() -> int:
    "Compare, then run the Python lines in an empty folder."
    if README.read_text() != readme():
        print("README.md is not what nbs/index.ipynb says; run: make readme")
        return 1
    lines = python_lines(README.read_text())
    if not lines:
        print("README.md has no Python lines")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([sys.executable, "-c", lines], cwd=folder).returncode


def main() -> None:
    "Write README.md."
    if (DEMO / "metrics.json").is_file():
        renew_picture()
    renew_tables()
    temporary = README.with_suffix(".tmp")
    temporary.write_text(readme())
    os.replace(temporary, README)


if __name__ == "__main__":
    sys.exit(check() if "--check" in sys.argv else main())
