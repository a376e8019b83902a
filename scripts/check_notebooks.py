"""Check that the notebooks keep the house rules: `python scripts/check_notebooks.py`. Prints one line for each breach.

With --graph it prints which module imports which, wing by wing, and checks the direction of the imports alone.
"""
import ast
import json
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
NBS, PACKAGE = ROOT / "nbs", ROOT / "npr"
MAX_CELLS, MAX_LINES, MAX_WIDTH, MAX_BYTES = 60, 45, 160, 700_000  # of a page, a code cell, a line of text, a file

# A module imports only from wings that stand before its own, and inside its wing from notebooks with lower numbers.
WINGS = ["outputs", "geometry", "files", "interface", "parallel", "paper", "parts", "model", "metrics", "training",
         "transferring", "refining", "generating", "data", "rigging", "viewer", "app"]
SUPPORT = {"testing", "diagrams", "worm"}  # for examples; they import what they need, no exported cell imports them
PICTURES = {"geometry.plot"}  # no exported cell outside npr.viewer and npr.app imports these
COMPILED = {"pointnet2_ops": "geometry.sampling"}  # a library that one module alone imports

ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:home|Users|root|tmp|work|mnt|opt|usr|var)/|[A-Z]:\\\\Users")
EXPORTED = re.compile(r"^#\s*\|\s*export[si]?\b", re.M)
MAGIC = re.compile(r"^\s*[%!].*$", re.M)
LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)")
NOT_CALLERS = {"isinstance", "issubclass", "hasattr", "getattr", "callable", "print", "type", "help", "test_fail"}


@dataclass(frozen=True)
class Page:
    "A notebook: its cells, its module and its code."

    path: Path  # the file

    @cached_property
    def name(self) -> str:
        "The path from the top of the checkout."
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def cells(self) -> list[dict]:
        "All cells, as nbformat has them, with the source in one piece."
        cells = json.loads(self.path.read_text(encoding="utf-8"))["cells"]
        return [cell | {"source": "".join(cell["source"])} for cell in cells]

    @cached_property
    def module(self) -> str | None:
        "The module that the page exports, without `npr.`, if it exports one."
        found = (re.search(r"^#\s*\|\s*default_exp (\S+)", cell["source"], re.M) for cell in self.of_type("code"))
        return next((match[1] for match in found if match), None)

    def of_type(self, cell_type: str) -> list[dict]:
        "The cells of type `code` or `markdown`."
        return [cell for cell in self.cells if cell["cell_type"] == cell_type]

    def trees(self, exported: bool) -> list[ast.Module]:
        "The parsed code of the cells that are exported, or of those that are not."
        code = [cell["source"] for cell in self.of_type("code")]
        return [ast.parse(MAGIC.sub("", text)) for text in code if bool(EXPORTED.search(text)) == exported]


def pages() -> list[Page]:
    "All notebooks, in the order of the wings and of their numbers."
    found = [Page(path) for path in NBS.rglob("*.ipynb")
             if not any(part[0] in "._" for part in path.relative_to(NBS).parts)]
    return sorted(found, key=lambda page: (page.module is None, place(page.module or "", page.path.stem)))


def place(
    module: str,  # such as geometry.mesh
    number: str = "",  # whatever orders the modules inside a wing: the name of the notebook
) -> tuple[int, str]:
    "Where a module stands in the house; support modules come last."
    wing = module.split(".")[0]
    return (WINGS.index(wing) if wing in WINGS else len(WINGS), number)


def imports(
    tree: ast.AST,
    modules: set[str],  # all modules of the package
) -> set[str]:  # such as npr.geometry.mesh or pointnet2_ops.ops
    "The full names of what some code imports; from a package of npr the modules, not the package."
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            inside = {name for name in inside if name.removeprefix("npr.") in modules}
            found |= inside if inside else {node.module}
    return found


def import_graph(
    exporting: list[Page],  # in order
) -> dict[str, set[str]]:  # for each module what its exported cells import
    "Which module imports which."
    modules = {page.module for page in exporting if page.module}
    return {page.module: set().union(*(imports(tree, modules) for tree in page.trees(exported=True)))
            for page in exporting if page.module}


def check_direction(
    everything: list[Page],  # in order
) -> list[str]:
    "Exported cells import modules that stand before their own; models do not draw; one module calls compiled code."
    graph = import_graph(everything)
    order = {module: number for number, module in enumerate(graph)}
    problems = []
    for module, imported in graph.items():
        for other in sorted(name.removeprefix("npr.") for name in imported if name.split(".")[0] == "npr"):
            if other == "npr" and module.split(".")[0] == "app":
                continue  # such as `from npr import __version__`
            if other in SUPPORT:
                problems.append(f"npr.{module}: imports npr.{other}, which is for examples and tests only")
            elif module not in SUPPORT and order.get(other, len(order)) >= order[module]:
                problems.append(f"npr.{module}: imports npr.{other}, which does not stand before it")
            elif other in PICTURES and module.split(".")[0] not in SUPPORT | {"viewer", "app"}:
                problems.append(f"npr.{module}: imports npr.{other}, which draws")
        for library, owner in COMPILED.items():
            if module != owner and any(name.split(".")[0] == library for name in imported):
                problems.append(f"npr.{module}: imports {library}, which npr.{owner} alone does")
    return problems


def print_graph(
    everything: list[Page],
) -> None:
    "The import graph wing by wing, in the order in which modules may import each other."
    graph, wing = import_graph(everything), None
    for module, imported in graph.items():
        if module.split(".")[0] != wing:
            wing = module.split(".")[0]
            print(f"\n{wing}")
        inside = [other for other in graph if f"npr.{other}" in imported] + ["npr"] * ("npr" in imported)
        print(f"    {module.split('.')[-1]:<16}{', '.join(inside) or '-'}")
    print()


def check_modules(
    everything: list[Page],
) -> list[str]:
    "Each module has a notebook, whose folder and name say which; nbdev_export deletes no module."
    problems, modules = [], {page.module for page in everything}
    for page in everything:
        of_file = ".".join([*page.path.relative_to(NBS).parts[:-1], re.sub(r"^\d+_", "", page.path.stem)])
        if page.module not in (None, of_file):
            problems.append(f"{page.name}: exports npr.{page.module}; by its place and name it should be npr.{of_file}")
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        if not path.stem.startswith("_") and module not in modules:
            problems.append(f"{path.relative_to(ROOT)}: no notebook exports it; delete it")
    return problems


def check_opening(
    page: Page,
) -> list[str]:
    "A title and a purpose line come first."
    text = next((cell["source"] for cell in page.cells if "default_exp" not in cell["source"]), "")
    first, second = [*text.splitlines(), "", ""][:2]
    problems = []
    if not first.startswith("# "):
        problems.append(f"{page.name}: the first cell must begin with a title")
    if page.module and not second.startswith("> "):
        problems.append(f"{page.name}: the line after the title must begin with '> ' and say the purpose")
    return problems


def check_size(
    page: Page,
) -> list[str]:
    "Short enough to read, light enough for a diff."
    problems = []
    if len(page.cells) > MAX_CELLS:
        problems.append(f"{page.name}: {len(page.cells)} cells, more than {MAX_CELLS}; split it")
    if page.path.stat().st_size > MAX_BYTES:
        size = page.path.stat().st_size
        problems.append(f"{page.name}: {size:,} bytes, more than {MAX_BYTES:,}; make its pictures smaller")
    for number, cell in enumerate(page.cells):
        lines = cell["source"].splitlines()
        if cell["cell_type"] == "code" and len(lines) > MAX_LINES:
            problems.append(f"{page.name}[{number}]: {len(lines)} lines of code, more than {MAX_LINES}; break it up")
        for line in lines if cell["cell_type"] == "markdown" else ():
            if len(line) > MAX_WIDTH and not line.startswith("|"):  # a row of a table cannot be broken
                problems.append(f"{page.name}[{number}]: a line of {len(line)} characters, more than {MAX_WIDTH}: "
                                f"{line[:40]!r} ...")
    return problems


def check_import_cells(
    page: Page,
) -> list[str]:
    "Imports stand alone in their cells."
    problems = []
    for tree in page.trees(exported=True) + page.trees(exported=False):
        are_imports = [isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body]
        if any(are_imports) and not all(are_imports):
            first = ast.unparse(tree).splitlines()[0]
            problems.append(f"{page.name}: imports and other code share a cell: {first!r} ...")
    return problems


def check_tests(
    page: Page,
) -> list[str]:
    "A failed comparison shows its numbers."
    problems = []
    for node in (node for tree in page.trees(exported=False) for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and dotted(node.func) == "test_eq" and isinstance(node.args[0], ast.Compare):
            if any(isinstance(sign, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for sign in node.args[0].ops):
                problems.append(f"{page.name}: {ast.unparse(node)[:60]}... would not show its numbers; "
                                "write test(a, b, operator.lt)")
    return problems


def output_texts(
    cell: dict,
) -> list[str]:
    "What a cell printed, and its value as text."
    kinds = ("text/plain", "text/markdown")
    return ["".join([*output.get("text", ""), *("".join(output.get("data", {}).get(kind, "")) for kind in kinds)])
            for output in cell.get("outputs", [])]


def check_outputs(
    page: Page,
) -> list[str]:
    "No output holds a path of the machine that made it, and no cell ended in an error."
    problems = []
    for number, cell in enumerate(page.cells):
        for text in output_texts(cell):
            if found := ABSOLUTE.search(text):
                problems.append(f"{page.name}[{number}]: an output holds an absolute path: {found[0]!r}")
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                problems.append(f"{page.name}[{number}]: the cell ended in {output['ename']}")
    return problems


def check_parameters(
    page: Page,
) -> list[str]:
    "A notebook that papermill runs has one cell tagged `parameters`."
    tagged = [cell for cell in page.cells if "parameters" in cell["metadata"].get("tags", [])]
    if page.path.parent.name != "runs" or len(tagged) == 1:
        return []
    return [f"{page.name}: one cell must have the tag parameters"]


def anchor(
    heading: str,  # the text of a heading, or what follows # in a link
) -> str:
    "A heading as links name it, with all that Jupyter and GitHub treat differently left out."
    return re.sub(r"[^\w]", "", unquote(heading)).casefold()


def prose(
    path: Path,  # notebook or markdown file
) -> str:
    "The text of a page, without code."
    if path.suffix == ".ipynb":
        text = "\n".join(cell["source"] for cell in Page(path).of_type("markdown"))
    else:
        text = path.read_text(encoding="utf-8")
    return re.sub(r"```.*?```", "", text, flags=re.S)


def headings(
    path: Path,  # notebook or markdown file
) -> set[str]:
    "The anchors of all headings of a page."
    return {anchor(line.lstrip("#")) for line in prose(path).splitlines() if line.startswith("#")}


def check_links(
    path: Path,  # notebook or markdown file
) -> list[str]:
    "Each link to a file or a heading of the checkout has a target."
    problems = []
    for link in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, heading = link.partition("#")
        target = (path.parent / unquote(file)).resolve() if file else path
        if not target.exists():
            problems.append(f"{path.relative_to(ROOT)}: links to {link}, which does not exist")
        elif heading and target.suffix in (".ipynb", ".md") and anchor(heading) not in headings(target):
            problems.append(f"{path.relative_to(ROOT)}: links to {link}, but there is no such heading")
    return problems


def dotted(
    node: ast.expr,
) -> str:  # such as plot.draw_faces; empty where it is no plain name
    "A name as it is written."
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}" if dotted(node.value) else ""
    return node.id if isinstance(node, ast.Name) else ""


class Uses(ast.NodeVisitor):
    "Which of npr's names some code calls, derives from, or mentions."

    def __init__(self):
        self.own: dict[str, str] = {}  # name in the code -> full name, such as mesh -> npr.geometry.mesh
        self.called: set[str] = set()  # full names
        self.mentioned: set[str] = set()

    def full(
        self,
        node: ast.expr,
    ) -> list[str]:  # npr.geometry.mesh.Mesh.to and every part of it; empty for names that are not npr's
        "The full name of what is written, and of what it is a part of."
        first, *rest = dotted(node).split(".")
        if first not in self.own:
            return []
        return [".".join([self.own[first], *rest[:length]]) for length in range(len(rest) + 1)]

    def visit_Import(self, node: ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] == "npr":
                self.own[alias.asname or "npr"] = alias.name if alias.asname else "npr"

    def visit_ImportFrom(self, node: ast.ImportFrom):
        if (node.module or "").split(".")[0] == "npr":
            self.own |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}

    def visit_Call(self, node: ast.Call):
        self.called |= set(self.full(node.func))
        if dotted(node.func).split(".")[-1] not in NOT_CALLERS:  # a function that is given to another, which calls it
            arguments = node.args + [keyword.value for keyword in node.keywords]
            self.called |= {name for argument in arguments for name in self.full(argument)}
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef):
        self.called |= {name for base in node.bases for name in self.full(base)}
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name):
        self.mentioned |= set(self.full(node))

    def visit_Attribute(self, node: ast.Attribute):
        self.mentioned |= set(self.full(node))
        self.generic_visit(node)


def uses(
    trees: list[ast.Module],
    own: dict[str, str] | None = None,  # names that need no import, such as those that the page itself exports
) -> Uses:
    "What some cells do with npr's names."
    found = Uses()
    found.own |= own or {}
    for tree in sorted(trees, key=lambda tree: not any(isinstance(node, ast.ImportFrom) for node in tree.body)):
        found.visit(tree)
    return found


def public_names(
    module: str,  # such as geometry.mesh
) -> dict[str, ast.stmt]:  # each name of __all__ with its definition
    "The public names of a module."
    path = PACKAGE / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    defined: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            defined[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    listed = defined.pop("__all__", None)
    names = ast.literal_eval(listed.value) if isinstance(listed, ast.Assign) else []
    return {name: defined[name] for name in names if name in defined}


def check_exports_shown(
    everything: list[Page],
) -> list[str]:
    "Each public function is called, and each public class made or printed, in an example or in a script."
    exporting = {page.module: public_names(page.module) for page in everything if page.module}
    tests = ("check", "run", "mutants")
    scripts = [path for path in (ROOT / "scripts").glob("*.py") if path.stem.split("_")[0] not in tests]
    found = [uses([ast.parse(path.read_text(encoding="utf-8"))]) for path in scripts]
    for page in everything:
        own = {name: f"npr.{page.module}.{name}" for name in exporting.get(page.module or "", {})}
        imported = [ast.Module([node], []) for tree in page.trees(exported=True) for node in tree.body
                    if isinstance(node, (ast.Import, ast.ImportFrom))]
        found.append(uses(imported + page.trees(exported=False), own))
    called, mentioned = (set().union(*(getattr(one, kind) for one in found)) for kind in ("called", "mentioned"))
    printed = "\n".join(text for page in everything for cell in page.of_type("code") for text in output_texts(cell))
    problems = []
    for module, names in exporting.items():
        for name, definition in names.items():
            if not is_shown(name, definition, {f"npr.{module}.{name}", f"npr.{name}"}, called, mentioned, printed):
                verbs = {ast.FunctionDef: "called", ast.ClassDef: "made or printed"}
                verb = verbs.get(type(definition), "used")
                problems.append(f"npr.{module}: {name} is exported but never {verb} in an example")
    return problems


def is_shown(
    name: str,
    definition: ast.stmt,
    full: set[str],  # by what names it can be imported
    called: set[str],
    mentioned: set[str],
    printed: str,  # all outputs of all pages
) -> bool:
    "Whether examples show a name: a function must be called, a class made or printed; constants and errors be used."
    if full & called:
        return True
    if isinstance(definition, ast.ClassDef):
        is_error = any(dotted(base).endswith(("Error", "Exception", "Warning")) for base in definition.bases)
        return bool(is_error and full & mentioned) or re.search(rf"\b{name}\(", printed) is not None
    return not isinstance(definition, ast.FunctionDef) and bool(full & mentioned)


def main() -> int:
    "Run all checks; the exit status is 1 where one found something."
    everything = pages()
    if "--graph" in sys.argv[1:]:
        print_graph(everything)
        problems = check_direction(everything)
        print("\n".join(problems) or "no module imports one that stands after it")
        return int(bool(problems))
    problems = check_modules(everything) + check_direction(everything) + check_exports_shown(everything)
    for page in everything:
        problems += check_opening(page) + check_size(page) + check_import_cells(page)
        problems += check_tests(page) + check_outputs(page) + check_parameters(page)
    for path in [page.path for page in everything] + sorted(ROOT.glob("*.md")):
        problems += check_links(path)
    print("\n".join(problems) or f"{len(everything)} notebooks keep the rules")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
