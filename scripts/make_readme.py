"""Make README.md from nbs/index.ipynb, or with --check see that it is up to date and that its Python lines run.

Where `make demo` has left its results in runs/demo, the picture and table of the index are renewed from them, and the
picture of the viewer from what scripts/check_browser.py leaves in runs/browser. The table of benchmarks is made from
nbs/benchmark, the pictures of the method are drawn by npr.diagrams.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from PIL import Image

from npr.app.benchmark import mean_of
from npr.diagrams import METHODS, draw_method

ROOT = Path(__file__).resolve().parent.parent
README, INDEX, IMAGES = ROOT / "README.md", ROOT / "nbs/index.ipynb", ROOT / "nbs/images"
DEMO, RESULTS, BROWSER = ROOT / "runs/demo", ROOT / "nbs/benchmark", ROOT / "runs/browser"


def readme() -> str:
    "The index notebook as markdown, its links made relative to the top of the repository."
    text, _ = MarkdownExporter().from_filename(str(INDEX))
    text = re.sub(r"\]\((?!https?:|#|\.\./)", "](nbs/", text)
    return text.replace("](../", "](").strip() + "\n"


def renew_picture(
    path: Path,  # what a command has left in runs
) -> None:
    "Copy a picture, in 256 colours."
    picture = Image.open(path).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(IMAGES / path.name, optimize=True)


def draw_methods() -> None:
    "Draw the way of a pose through each of the two presets, in 256 colours."
    for method in METHODS:
        content = BytesIO()
        draw_method(method).savefig(content, dpi=110, bbox_inches="tight")
        picture = Image.open(content).convert("RGB")
        picture.quantize(256, dither=Image.Dither.NONE).save(IMAGES / f"method-{method}.png", optimize=True)


def demo_table() -> str:
    "The demo's figures as a markdown table, in 10^-3 squared metres."
    metrics = json.loads((DEMO / "metrics.json").read_text())
    extra = {name: metrics[name.replace(" ", "_")] for name in ("registered copy", "from codes")}
    rows = {body.replace("_", " "): row | {name: errors["per_body"][body] for name, errors in extra.items()}
            for body, row in metrics["per_body"].items()}
    rows["mean"] = metrics["pmd"] | {name: errors["pmd"] for name, errors in extra.items()}
    keys = ["rest", "copy", "registered copy", "oracle", "from codes", "npr"]
    return markdown_table(["PMD x 10^-3", *keys], [[name, *(f"{1e3 * row[key]:.2f}" for key in keys)]
                                                   for name, row in rows.items()])


BENCHMARKS = {
    "bodies-2k-held_out": "bodies-2k, held-out poses",
    "bodies-train": "bodies, the paper's protocol",
    "bodies-held_out": "bodies, held-out poses",
    "bodies-remeshed-train": "bodies remeshed one by one, trained poses",
    "bodies-remeshed-held_out": "bodies remeshed one by one, held-out poses",
    "animals-held_out": "animals, held-out clips",
    "faces-held_out": "faces, held-out expressions (10^-6)",
    "bodies-dqs-held_out": "bodies-dqs, held-out poses",
}


def benchmark_table() -> str:
    "All benchmarks as a markdown table: mean PMD of all methods; rotation and edges of registered copying and ours."
    methods = ["rest", "copy", "registered", "oracle", "paper", "codes", "npr"]
    rows = []
    for name, title in BENCHMARKS.items():
        table = json.loads((RESULTS / f"{name}.json").read_text())
        mean, factor = mean_of(table)["mean"], 1e6 if "10^-6" in title else 1e3
        others = [f"{mean_of(table, figure)['mean'][method]:.{digits}f}"
                  for figure, digits in (("rotation", 2), ("edges", 4)) for method in ("registered", "npr")]
        below = sum(row["npr"]["pmd"] < row["registered"]["pmd"] for row in table["bodies"].values())
        rows.append([title, *(f"{factor * mean[method]:.3f}" if method in mean else "" for method in methods), *others,
                     f"{below} of {len(table['bodies'])}"])
    head = ["benchmark", "rest", "copy", "registered copy", "oracle", "preset paper", "from codes", "npr"]
    head += ["copy, degrees", "npr, degrees", "copy, edges", "npr, edges", "bodies below copy"]
    return markdown_table(head, rows)


PAIRS = {
    "bodies": "people of `bodies-2k`, standing as the source does",
    "postures": "four of them in held-out poses of their own",
    "faces": "a face of `faces` to the eight others",
    "animals": "fox to dog, panda, horse",
    "quaternius": "fox to wolf, cow, alpaca",
    "people": "dressed woman to man, and man to woman, in a T-pose",
    "people-postures": "the same, with arms down, in mid-stride, sitting",
    "pieces": "figures of many pieces",
    "horse": "a sculpted horse to itself with fewer faces: gallop to poses, ten poses to gallop",
}


def pairs_table() -> str:
    "The means over the pairs of each group as a markdown table, PMD in 10^-3 squared diagonals."
    table = json.loads((RESULTS / "matches.json").read_text())
    means = {(row["group"], row["variant"]): row for row in table["means"]}
    rows = []
    for group, title in PAIRS.items():
        ways = [means[group, way] for way in ("registered", "posture undone", "npr")]
        count = ways[-1]["pair"].split()[-1]
        digits = 4 if group in ("faces", "horse") else 2
        rows.append([title, count, f"{1e3 * means[group, 'rest pose']['pmd']:.{digits - 1}f}",
                     *(f"{1e3 * way['pmd']:.{digits}f}" for way in ways), *(f"{way['rotation']:.1f}" for way in ways),
                     str(ways[-1]["warned"])])
    head = ["pairs", "number", "rest", "registered copy", "posture undone", "npr", "registered copy, degrees"]
    return markdown_table([*head, "posture undone, degrees", "npr, degrees", "warned"], rows)


SAMPLERS = [
    "fresh truth", "training poses", "mirrored training poses", "Gaussian, 50 components",
    "kernel density, 50 components, 0.5", "mixing with one of 8 nearest, rotations", "parts drawn independently",
    "kernel density, rotations, 0.10 rad", "recombination, buried ones drawn anew", "flow",
]


def sampler_table() -> str:
    "How drawn poses compare with fresh true ones, as a markdown table."
    found = json.loads((RESULTS / "generation.json").read_text())["groups"]["source"]
    rows = [[name.replace(", buried ones drawn anew", " (`npr generate`)"), f"{row['1-NN %']:.1f}",
             f"{row['samples apart %']:.0f} / {row['truth apart %']:.0f}", f"{row['copy ratio']:.2f}",
             f"{row['copy ratio with mirror']:.2f}", f"{row['stretch']:.3f}", f"{row['buried %']:.1f} %"]
            for name in SAMPLERS if (row := found.get(name))]
    head = ["sampler", "1-NN", "of drawn / of true", "copies", "copies, mirrored too", "stretch", "buried vertices"]
    return markdown_table(head, rows)


RIGS = {
    "bodies, source": "`bodies-2k`, the source, 200 poses", "bodies, heavy_man": "the heavy man, 40 poses",
    "animals, source": "fox, 311 frames", "animals, dog": "dog, 47 frames",
    "quaternius, source": "another fox, 145 frames", "quaternius, cow": "cow, 28 frames",
}


def rigs_table() -> str:
    "Fitted rigs beside those of Dem Bones, as a markdown table."
    found = json.loads((RESULTS / "rigs.json").read_text())["rows"]
    rows = []
    for name, title in RIGS.items():
        ours, theirs = found[name]["npr"], found[name]["dem_bones"]
        rows.append([title, str(ours["bones"]), *(f"{row['rms']:.3f}" for row in (ours, theirs)),
                     *(f"{row['largest']:.2f}" for row in (ours, theirs)),
                     *(f"{row['seconds']:.1f} s" for row in (ours, theirs))])
    head = ["rig", "bones", "npr, RMS", "Dem Bones, RMS", "npr, largest", "Dem Bones, largest", "npr", "Dem Bones"]
    return markdown_table(head, rows)


def sizes_table() -> str:
    "Ways to store a clip, as a markdown table."
    rows = json.loads((RESULTS / "rig_sizes.json").read_text())["rows"]
    made = [[name, f"{row['megabytes']:.1f} MB", str(row["morphs"]), f"{row['rms %']:.3f} %",
             f"{row['largest %']:.2f} %",
             f"{row['seconds']:.0f} s" if "seconds" in row else ""] for name, row in rows.items()]
    return markdown_table(["file", "size", "morph targets", "RMS", "largest", "time"], made)


def markdown_table(
    head: list[str],
    rows: list[list[str]],
) -> str:
    "A table in markdown."
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)])


def renew_tables() -> None:
    "Put the demo's and the benchmarks' figures into the index notebook."
    tables = {"benchmark": benchmark_table(), "pairs": pairs_table(), "sampler": sampler_table(), "rig": rigs_table(),
              "file": sizes_table()}
    if (DEMO / "metrics.json").is_file():
        tables["PMD x 10^-3"] = demo_table()
    notebook = nbformat.read(INDEX, as_version=4)
    for cell in notebook.cells:
        for head, table in tables.items():
            old = rf"\| {re.escape(head)} \|.*?\n(?=\n)"
            cell.source = re.sub(old, lambda _, new=table: new + "\n", cell.source, flags=re.S)
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
    for path in (DEMO / "transfer.png", BROWSER / "viewer.png"):
        if path.is_file():
            renew_picture(path)
    draw_methods()
    renew_tables()
    temporary = README.with_suffix(".tmp")
    temporary.write_text(readme())
    os.replace(temporary, README)


if __name__ == "__main__":
    sys.exit(check() if "--check" in sys.argv else main())
