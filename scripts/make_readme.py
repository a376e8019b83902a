"""Make README.md from nbs/index.ipynb, or with --check see that it is up to date and that its Python lines run as written."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def readme() -> str:
    "The index notebook as markdown, its links made relative to the top of the repository."
    text, _ = MarkdownExporter().from_filename(str(ROOT / "nbs" / "index.ipynb"))
    text = re.sub(r"\]\((?!https?:|#|\.\./)", "](nbs/", text)
    return text.replace("](../", "](").strip() + "\n"


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
    assert lines, "README.md has no Python lines"
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([sys.executable, "-c", lines], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}).returncode


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(check())
    temporary = README.with_suffix(".tmp")
    temporary.write_text(readme())
    os.replace(temporary, README)
