"""Run every check of the project, as `make test` does: `python scripts/run_checks.py`. Goes on after a failure and sums up."""
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(sys.executable).parent
PYTHON = sys.executable
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # two notebooks run side by side
FOLDER = ROOT.parent / "shared" / "data"  # where the files of the data set animals may lie; without them some checks are skipped
DATA = {"NPR_DATA": os.environ.get("NPR_DATA", str(FOLDER))} if "NPR_DATA" in os.environ or FOLDER.is_dir() else {}


def checks() -> dict[str, tuple[list, dict]]:  # by name: command and environment
    "What is run, in this order: quick ones first."
    found = {
        "npr/ is what the notebooks export": ([PYTHON, "scripts/check_export.py"], {}),
        "the notebooks keep the house rules": ([PYTHON, "scripts/check_notebooks.py"], {}),
        "every notebook runs": ([HERE / "nbdev_test", "--n_workers", "2", "--do_print"], ONE_THREAD | DATA),
        "the README's Python lines run": ([PYTHON, "scripts/make_readme.py", "--check"], {}),
        "end to end, in a quick setting": ([PYTHON, "scripts/check_end_to_end.py"], {}),
    }
    if importlib.util.find_spec("pointnet2_ops"):
        found["pointnet2_ops"] = ([PYTHON, "-m", "pytest", "-q", "pointnet2_ops_lib/tests"], {})
    if shutil.which("nvcc"):
        found["the CUDA sources compile"] = (["bash", "pointnet2_ops_lib/compile_cuda.sh", PYTHON], {})
    return found


def main() -> int:
    "One line for each check, then how many passed."
    results = {}
    for name, (command, environment) in checks().items():
        print(f"=== {name}", flush=True)
        start = perf_counter()
        results[name] = subprocess.run(command, cwd=ROOT, env=os.environ | environment).returncode == 0
        print(f"--- {'passed' if results[name] else 'FAILED'} in {perf_counter() - start:.0f} s", flush=True)
    for name, passed in results.items():
        print(f"{'passed' if passed else 'FAILED'}  {name}")
    print(f"{sum(results.values())} passed, {len(results) - sum(results.values())} failed")
    return int(not all(results.values()))


if __name__ == "__main__":
    sys.exit(main())
