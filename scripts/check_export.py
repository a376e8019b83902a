"""Check that npr/ is what the notebooks export: `python scripts/check_export.py`. The exported files are put in place."""
import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "npr"


def main() -> int:
    "Export, and name the files that were not as exported."
    with tempfile.TemporaryDirectory() as folder:
        before = Path(shutil.copytree(PACKAGE, Path(folder) / "npr"))
        subprocess.run([Path(sys.executable).with_name("nbdev_export")], check=True, cwd=PACKAGE.parent)
        names = {path.name for path in [*before.glob("*.py"), *PACKAGE.glob("*.py")]}
        _, changed, missing = filecmp.cmpfiles(before, PACKAGE, sorted(names), shallow=False)
    for name in changed + missing:
        print(f"npr/{name} was not what its notebook exports; run nbdev_export and commit")
    return int(bool(changed + missing))


if __name__ == "__main__":
    sys.exit(main())
