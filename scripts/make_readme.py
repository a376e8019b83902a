"""Make README.md from nbs/index.ipynb, or with --check see that it is up to date and that its Python lines run as written.

Where `make demo` has left its picture in runs/demo, the README's own is renewed from it.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from nbconvert import MarkdownExporter
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
README, PICTURE, DEMO_PICTURE = ROOT / "README.md", ROOT / "nbs/images/transfer.png", ROOT / "runs/demo/transfer.png"


def readme() -> str:
    "The index notebook as markdown, its links made relative to the top of the repository."
    text, _ = MarkdownExporter().from_filename(str(ROOT / "nbs" / "index.ipynb"))
    text = re.sub(r"\]\((?!https?:|#|\.\./)", "](nbs/", text)
    return text.replace("](../", "](").strip() + "\n"


def renew_picture() -> None:
    "Copy the demo's picture, in 256 colours."
    if DEMO_PICTURE.is_file():
        Image.open(DEMO_PICTURE).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


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
    renew_picture()
    temporary = README.with_suffix(".tmp")
    temporary.write_text(readme())
    os.replace(temporary, README)


if __name__ == "__main__":
    sys.exit(check() if "--check" in sys.argv else main())
