"""Check that the notebooks keep the house rules: `python scripts/check_notebooks.py`. Prints one line for each breach."""
import ast
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NBS, PACKAGE = ROOT / "nbs", ROOT / "npr"
MAX_CELLS, MAX_BYTES = 60, 700_000
PICTURE_MODULES = {"plot", "viewer"}  # for notebooks and the command line, never for a model module
ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:home|Users|root|tmp|work|mnt|opt|usr|var)/|[A-Z]:\\\\Users")


def source(
    cell: dict,  # a notebook cell
) -> str:
    "The text of a cell, in one piece."
    return "".join(cell["source"])


def code_cells(
    notebook: dict,
) -> list[str]:
    "The code of a notebook, cell by cell, with magics taken out."
    cells = [source(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return ["\n".join(line for line in cell.splitlines() if not line.startswith(("%", "!"))) for cell in cells]


def exported_module(
    notebook: dict,
) -> str | None:
    "The module a notebook exports, if any."
    found = re.search(r"^#\| default_exp (\S+)", "\n".join(code_cells(notebook)), re.M)
    return found and found[1]


def imported_modules(
    code: str,
) -> set[str]:  # names of npr's own modules
    "Which modules of the package some code imports."
    names = {node.module for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom) and node.module}
    names |= {alias.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("npr.")}


def check_opening(
    name: str,
    notebook: dict,
) -> list[str]:
    "A title and a purpose line come first."
    first = source(notebook["cells"][0]).splitlines()
    problems = []
    if not (first and first[0].startswith("# ")):
        problems.append(f"{name}: the first cell must begin with a title")
    if not (len(first) > 1 and first[1].startswith("> ") or exported_module(notebook) is None):
        problems.append(f"{name}: the line after the title must begin with '> ' and say the purpose")
    return problems


def check_size(
    name: str,
    path: Path,
    notebook: dict,
) -> list[str]:
    "Short enough to read, light enough for a diff."
    problems = []
    if len(notebook["cells"]) > MAX_CELLS:
        problems.append(f"{name}: {len(notebook['cells'])} cells, more than {MAX_CELLS}; split it")
    if path.stat().st_size > MAX_BYTES:
        problems.append(f"{name}: {path.stat().st_size:,} bytes, more than {MAX_BYTES:,}; make its pictures smaller")
    return problems


def check_imports(
    name: str,
    notebook: dict,
    order: dict[str, int],  # number of each module
) -> list[str]:
    "Imports stand alone in their cells, come from lower-numbered modules, and models do not draw."
    problems, module = [], exported_module(notebook)
    for code in code_cells(notebook):
        statements = ast.parse(code).body
        are_imports = [isinstance(node, (ast.Import, ast.ImportFrom)) for node in statements]
        if any(are_imports) and not all(are_imports):
            problems.append(f"{name}: imports and other code share a cell: {code.splitlines()[0]!r} ...")
        for other in imported_modules(code) if module in order else ():
            if order.get(other, -1) > order[module] or other not in order:
                problems.append(f"{name}: imports {other}, which is not a lower-numbered module")
            if code.startswith("#| export") and other in PICTURE_MODULES and module not in PICTURE_MODULES | {"cli"}:
                problems.append(f"{name}: the module {module} must not import {other}")
    return problems


def check_outputs(
    name: str,
    notebook: dict,
) -> list[str]:
    "No output betrays where it was made, and no cell was left in error."
    problems = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            text = "".join(output.get("text", "")) + "".join(output.get("data", {}).get("text/plain", ""))
            if ABSOLUTE.search(text):
                problems.append(f"{name}: an output holds an absolute path: {ABSOLUTE.search(text)[0]!r}")
            if output["output_type"] == "error":
                problems.append(f"{name}: a cell ended in {output['ename']}")
    return problems


def check_parameters(
    name: str,
    notebook: dict,
) -> list[str]:
    "A notebook that papermill runs has one cell tagged `parameters`."
    tagged = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    return [] if "runs/" not in name or len(tagged) == 1 else [f"{name}: one cell must have the tag parameters"]


def check_exports_shown(
    notebooks: dict[str, dict],
) -> list[str]:
    "Every public name of the package appears in some cell that is not exported: used, shown or tested."
    shown = "\n".join(cell for notebook in notebooks.values() for cell in code_cells(notebook)
                      if not cell.startswith(("#| export", "#| default_exp")))
    problems = []
    for path in sorted(PACKAGE.glob("*.py")):
        listed = re.search(r"__all__ = (\[.*?\])", path.read_text(), re.S)
        for public in ast.literal_eval(listed[1]) if listed else []:
            if not re.search(rf"\b{public}\b", shown):
                problems.append(f"npr/{path.name}: {public} is exported but never shown in a notebook")
    return problems


def main() -> int:
    "Run all checks; the exit status is 1 where one found something."
    paths = [*sorted(NBS.glob("*.ipynb")), *sorted((NBS / "runs").glob("*.ipynb"))]
    notebooks = {str(path.relative_to(ROOT)): json.loads(path.read_text()) for path in paths}
    modules = [module for notebook in notebooks.values() if (module := exported_module(notebook))]
    order = {module: number for number, module in enumerate(modules)}
    problems = [f"npr/{path.name}: no notebook exports it; delete it" for path in PACKAGE.glob("*.py")
                if path.stem not in order and not path.stem.startswith("_")]
    for (name, notebook), path in zip(notebooks.items(), paths):
        problems += check_opening(name, notebook) + check_size(name, path, notebook)
        problems += check_imports(name, notebook, order) + check_outputs(name, notebook) + check_parameters(name, notebook)
    problems += check_exports_shown(notebooks)
    print("\n".join(problems) or f"{len(notebooks)} notebooks keep the rules")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
