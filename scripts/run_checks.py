"""Run every check of the project, as `make test` does: `python scripts/run_checks.py`.

Goes on after a failure; sums up at the end, with the time of each check and of the slowest notebooks. The last checks
run two at a time, each on one thread; what one prints appears when it ends.
"""
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(sys.executable).parent
PYTHON = sys.executable
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # two notebooks run side by side
FOLDER = ROOT.parent / "shared" / "data"  # may hold the files of the data set animals; without them cells are skipped
DATA = {"NPR_DATA": os.environ.get("NPR_DATA", str(FOLDER))} if "NPR_DATA" in os.environ or FOLDER.is_dir() else {}
NOTEBOOKS = "every notebook runs"
SLOWEST = 8  # notebooks whose time is printed


def checks() -> dict[str, tuple[list, dict]]:  # by name: command and environment
    "What is run, in this order: quick ones first."
    found = {
        "npr/ is what the notebooks export": ([PYTHON, "scripts/check_export.py"], {}),
        "the notebooks keep the house rules": ([PYTHON, "scripts/check_notebooks.py"], {}),
        "ruff finds nothing": ([HERE / "ruff", "check", "--quiet", "--output-format", "concise"], {}),
        "pyright finds nothing": ([HERE / "pyright", "--pythonpath", PYTHON], {}),
        "the texts of the mutants are found": ([PYTHON, "scripts/mutants.py", "--check"], {}),
        "the examples for clusters do each entry once": ([PYTHON, "scripts/check_cluster.py"], ONE_THREAD),
        NOTEBOOKS: ([HERE / "nbdev_test", "--n_workers", "2", "--do_print"], ONE_THREAD | DATA),
    }
    return found


def checks_side_by_side() -> dict[str, tuple[list, dict]]:  # by name: command and environment
    "What is run at the end, two at a time, the longest first."
    found = {
        "the viewer in a browser, on a page and in JupyterLab": ([PYTHON, "scripts/check_browser.py"], ONE_THREAD),
        "end to end, in a quick setting": ([PYTHON, "scripts/check_end_to_end.py"], ONE_THREAD),
        "GLB files in Khronos's validator and in three.js": ([PYTHON, "scripts/check_glb.py"], ONE_THREAD),
        "what is killed and started again ends bit for bit alike":
            ([PYTHON, "-W", "ignore", "scripts/kill_and_resume.py", "--moments", "7"], ONE_THREAD),
        "several processes train as one does": ([PYTHON, "-W", "ignore", "scripts/check_parallel.py"], ONE_THREAD),
        "damaged meshes come back or are refused":
            ([PYTHON, "-W", "ignore", "scripts/damaged_meshes.py", "--examples", "300"], ONE_THREAD),
        "many poses need no more memory than few": ([PYTHON, "-W", "ignore", "scripts/check_memory.py"], ONE_THREAD),
        "the README's Python lines run": ([PYTHON, "scripts/make_readme.py", "--check"], ONE_THREAD),
    }
    if importlib.util.find_spec("pointnet2_ops"):
        found["pointnet2_ops"] = ([PYTHON, "-m", "pytest", "-q", "pointnet2_ops_lib/tests"], {})
    if shutil.which("nvcc"):
        found["the CUDA sources compile"] = (["bash", "pointnet2_ops_lib/compile_cuda.sh", PYTHON], {})
    return found


def run_timed(
    command: list,
    environment: dict[str, str],
) -> tuple[bool, dict[str, float]]:  # whether it passed; seconds by notebook
    "Run nbdev_test, print what it prints, and take the time of each notebook."
    started, seconds = {}, {}
    with subprocess.Popen(command, cwd=ROOT, env=environment | {"PYTHONUNBUFFERED": "1"}, text=True,
                          stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            for event, path in re.findall(r"(Starting|Completed) (\S+?\.ipynb)", line):
                if event == "Starting":
                    started[path] = perf_counter()
                elif path in started:
                    seconds[Path(path).relative_to(ROOT).as_posix()] = perf_counter() - started[path]
    return process.returncode == 0, seconds


def run_quietly(
    command: list,
    environment: dict[str, str],
) -> tuple[bool, float, str]:  # whether it passed, its seconds, what it printed
    "Run a check and keep what it prints, so that two at a time do not mix."
    start = perf_counter()
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | environment, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    return ended.returncode == 0, perf_counter() - start, ended.stdout


def main() -> int:
    "One line for each check, then how many passed."
    results, seconds, began = {}, {}, perf_counter()
    for name, (command, environment) in checks().items():
        print(f"=== {name}", flush=True)
        start = perf_counter()
        if name == NOTEBOOKS:
            passed, seconds = run_timed(command, os.environ | environment)
        else:
            passed = subprocess.run(command, cwd=ROOT, env=os.environ | environment).returncode == 0
        results[name] = passed, perf_counter() - start
        print(f"--- {'passed' if passed else 'FAILED'} in {results[name][1]:.0f} s", flush=True)
    with ThreadPoolExecutor(2) as pool:
        running = {pool.submit(run_quietly, *check): name for name, check in checks_side_by_side().items()}
        for ended in as_completed(running):
            passed, time, printed = ended.result()
            results[running[ended]] = passed, time
            print(f"=== {running[ended]}\n{printed}--- {'passed' if passed else 'FAILED'} in {time:.0f} s", flush=True)
    print("=== the slowest notebooks" if seconds else "")
    for name, time in sorted(seconds.items(), key=lambda item: -item[1])[:SLOWEST]:
        print(f"{time:6.1f} s  {name}")
    print(f"=== all checks, in {perf_counter() - began:.0f} s")
    for name, (passed, time) in results.items():
        print(f"{'passed' if passed else 'FAILED'} {time:6.1f} s  {name}")
    count = sum(passed for passed, _ in results.values())
    print(f"{count} passed, {len(results) - count} failed")
    return int(count < len(results))


if __name__ == "__main__":
    sys.exit(main())
