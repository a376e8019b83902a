"""Try the viewer in a real browser: `python scripts/check_browser.py`. Screenshots go to runs/browser.

A page opened from disk without a network, and a notebook in JupyterLab, both driven in headless Chromium. Skipped with
a reason where there is no Chromium (on Debian and Ubuntu: apt install chromium).
"""
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.request import urlopen

import nbformat
import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from npr import PoseSet, load_dataset
from npr.geometry.mesh import Mesh
from npr.geometry.plot import CLAY, SAGE, SKY
from npr.parts.skin import Skin, pose_skin
from npr.viewer.offscreen import available_engines, engine_for
from npr.viewer.scene import Actor, Camera, Field, Scene, View
from npr.viewer.widget import write_page

RUNS = Path(__file__).resolve().parent.parent / "runs" / "browser"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SOFTWARE_GL = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
               "--ignore-gpu-blocklist", "--disable-background-networking"]
AREA = ".npr-picture"
ASKS = ".jp-Dialog button.jp-mod-accept"  # JupyterLab's question
EXPLORER = ".npr-viewer:has(.npr-map:visible)"
IDLE = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
NOTEBOOK = [
    "from npr import explore, load_dataset, load_pretrained, view\n"
    "data = load_dataset('bodies-2k')\n"
    "poses = data.held_out[:12]",
    "view(poses, data.targets['child'].poses[:12], height=300)",
    "targets = [data.targets[name].poses.template for name in ('child', 'heavy_man')]\n"
    "explore(load_pretrained('bodies')[0], targets, poses, height=300)",
]


def nodding(
    mesh: Mesh,
    count: int,  # poses
) -> Skin:
    "Three joints above each other that lean forward, more and more."
    weights = torch.softmax(-20 * (mesh.verts[:, 2:] - torch.tensor([[0.3, 0.9, 1.5]])).square(), dim=1)
    angles = torch.linspace(0, 0.6, count, dtype=torch.float64)[:, None] * torch.arange(3)
    zero, one, cos, sin = torch.zeros_like(angles), torch.ones_like(angles), angles.cos(), angles.sin()
    rotations = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=-1).unflatten(-1, (3, 3))
    return Skin(weights, rotations, torch.zeros(count, 3, 3, dtype=torch.float64))


def example() -> Scene:
    "Two targets: one with the truth beside it, one that moves by a skin, with fields and keypoints."
    data = load_dataset("bodies-2k")
    source, child = data.held_out, data.targets["child"].poses
    guess = PoseSet(child.template, 0.9 * child.posed + 0.1 * child.template.verts, child.names)
    skin = nodding(source.template, len(source))
    skinned = PoseSet(source.template, pose_skin(source.template.verts, skin), source.names)
    heights = Field(source.template.verts[:, 2], 0, 1.8, "metres")
    alone = Actor("skinned", skinned, fields={"height": heights}, keypoints=skinned.posed[:, ::400],
                  influence=skin.weights, weights=skin.weights)
    return Scene({"child": [Actor("source", source, SKY), Actor("guess", guess, CLAY, truth=child.posed),
                            Actor("truth", child, SAGE)], "skinned": [alone]})


def pixels(
    png: bytes,
) -> np.ndarray:  # (H, W, 4) uint8
    "A PNG as an array."
    return np.asarray(Image.open(BytesIO(png)).convert("RGBA"))


def shot(
    page: Page,
    name: str,  # of the file in runs/browser
    area: str = AREA,  # what is looked at
) -> np.ndarray:  # (H, W, 4) uint8 of the picture area alone
    "Wait until what was wished for is drawn; keep a picture of the page."
    page.wait_for_timeout(400)
    page.screenshot(path=RUNS / f"{name}.png")
    return pixels(page.locator(area).first.screenshot())


def changed(
    before: np.ndarray,
    after: np.ndarray,
) -> float:
    "The share of pixels that differ visibly."
    if before.shape != after.shape:
        return 1.0
    return float((np.abs(before[..., :3].astype(int) - after[..., :3]).max(axis=-1) > 12).mean())


def expect(
    truth: bool,
    what: str,
) -> None:
    "One line for each thing that was tried; an error where it failed."
    print(f"    {'yes' if truth else 'NO '}  {what}")
    if not truth:
        raise SystemExit(f"The browser shows it otherwise: {what}. Look at {RUNS}.")


def box_of(
    page: Page,
    area: str,
) -> dict[str, float]:  # x, y, width, height in pixels
    "Where an element lies."
    box = page.locator(area).first.bounding_box()
    assert box is not None, f"{area} is not on the page"
    return dict(box)  # type: ignore[arg-type]


def drag(
    page: Page,
    area: str,
    by: tuple[int, int],  # pixels
    key: str | None = None,  # held down
) -> None:
    "Drag from the middle of an element."
    box = box_of(page, area)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if key:
        page.keyboard.down(key)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0] / 2, y + by[1] / 2)
    page.mouse.move(x + by[0], y + by[1])
    page.mouse.up()
    if key:
        page.keyboard.up(key)


def try_controls(
    page: Page,
    name: str,  # of the screenshots
) -> None:
    "Play, drag, pan, zoom, step, change colours: each must change the picture."
    first = shot(page, f"{name}-first")
    slider = page.locator(".npr-slider").first
    start = int(slider.input_value())
    page.get_by_title("Play").first.click()
    for _ in range(200):
        if abs(int(slider.input_value()) - start) >= 3:
            break
        page.wait_for_timeout(50)
    page.get_by_title("Pause").first.click()
    played = shot(page, f"{name}-played")
    expect(changed(first, played) > 0.003, "playing moves the bodies")
    drag(page, AREA, (120, 20))
    turned = shot(page, f"{name}-turned")
    expect(changed(played, turned) > 0.003, "dragging turns them")
    drag(page, AREA, (60, 30), key="Shift")
    panned = shot(page, f"{name}-panned")
    expect(changed(turned, panned) > 0.003, "dragging with shift moves them")
    page.locator(AREA).first.hover()
    page.mouse.wheel(0, -300)
    expect(changed(panned, shot(page, f"{name}-zoomed")) > 0.003, "the wheel zooms")
    page.keyboard.press("r")
    back = shot(page, f"{name}-reset")
    page.keyboard.press("ArrowRight")
    expect(changed(back, shot(page, f"{name}-stepped")) > 0.0005, "an arrow key steps to the next pose")
    page.get_by_label("Colour", exact=True).first.select_option("displacement")
    expect(changed(back, shot(page, f"{name}-displacement")) > 0.01, "a colouring changes the colours")


def silhouette_of(
    picture: np.ndarray,  # (H, W, 4) uint8; its left edge shows the background
) -> np.ndarray:  # (H, W) bool
    "Where something is drawn."
    return np.any(np.abs(picture[..., :3].astype(int) - picture[len(picture) // 2, 3, :3]) > 10, axis=-1)


def compare_engines(
    page: Page,
    scene: Scene,
) -> None:
    "WebGL and the engine on Python's side show the same silhouette and nearly the same colours."
    page.get_by_label("Colour", exact=True).first.select_option("plain")
    page.add_style_tag(content=".npr-picture > :not(canvas) { display: none !important }")  # names and hints
    page.locator(AREA).first.focus()
    page.keyboard.press("r")
    for _ in range(3):
        page.keyboard.press("+")  # 15 % nearer each time
    for key, frame in (("Home", 0), ("End", len(scene.pose_names) - 1)):
        page.keyboard.press(key)
        page.wait_for_timeout(400)
        here = pixels(page.locator(f"{AREA} canvas").first.screenshot())
        view = View("skinned", frame, camera=Camera(zoom=1.15**3))
        drawn = Image.fromarray(engine_for()(scene, view, here.shape[1], here.shape[0], True))
        paper = Image.new("RGBA", drawn.size, tuple(here[len(here) // 2, 3]))
        there = np.asarray(Image.alpha_composite(paper, drawn))
        masks = silhouette_of(here), silhouette_of(there)
        apart = (masks[0] ^ masks[1]).sum() / masks[1].sum()
        both = masks[0] & masks[1]
        colors = np.abs(here[both][:, :3].astype(float) - there[both][:, :3]).mean()
        expect(apart < 0.02, f"pose {frame}: {apart:.2%} of the silhouette differs between the engines")
        expect(colors < 8, f"pose {frame}: colours differ by {colors:.1f} of 255 on the mean")


def check_page(
    browser: Browser,
    folder: Path,
) -> None:
    "A page from disk, with the network off."
    scene = example()
    path = write_page(scene, folder / "page.html", View("child", 4, "error"))
    for scheme, width in (("light", 1100), ("dark", 380)):
        context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light", offline=True,
                                      viewport={"width": width, "height": 700})
        page, asked, faults = context.new_page(), [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("pageerror", lambda error, faults=faults: faults.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_selector(f"{AREA} canvas")
        expect(page.get_by_role("button", name="drag").count() == 0, "without a kernel nothing offers to pull the body")
        try_controls(page, f"page-{scheme}")
        before = shot(page, f"page-{scheme}-before")
        page.get_by_label("Target").first.select_option("skinned")
        expect(changed(before, shot(page, f"page-{scheme}-target")) > 0.01, "another target is shown")
        compare_engines(page, scene)
        page.get_by_label("Colour", exact=True).first.select_option("influence")
        page.get_by_label("Keypoints").first.check()
        one = shot(page, f"page-{scheme}-influence")
        page.get_by_label("Keypoint", exact=True).first.fill("2")
        page.keyboard.press("Enter")
        expect(changed(one, shot(page, f"page-{scheme}-keypoint")) > 0.003, "another keypoint has another influence")
        expect([url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == [], "nothing was fetched")
        expect(faults == [], f"no errors {faults}")
        context.close()


@contextmanager
def jupyter(
    folder: Path,  # its root
) -> Iterator[str]:  # the address
    "A JupyterLab for one test."
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
               "--IdentityProvider.token=", "--expose-app-in-browser", f"--notebook-dir={folder}",
               "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    log = open(RUNS / "jupyter.log", "w")
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        for _ in range(120):
            try:
                urlopen(f"http://127.0.0.1:{port}/api", timeout=1).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def write_notebook(
    path: Path,
    cells: list[str],
) -> None:
    "A notebook of some code cells, not run yet."
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}})
    nbformat.write(notebook, path)


def run_all(
    page: Page,
    viewers: int,  # how many are to appear
) -> None:
    "Run all cells and wait for the pictures."
    page.wait_for_function(IDLE, timeout=60_000)
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(f"document.querySelectorAll('{AREA} canvas').length >= {viewers}", timeout=120_000)
    page.wait_for_function(IDLE, timeout=120_000)
    page.wait_for_timeout(500)


def open_notebook(
    browser: Browser,
    address: str,
    name: str,
    viewers: int,
) -> Page:
    "Open a notebook in a window of its own and run it."
    page = browser.new_page(viewport={"width": 1300, "height": 1100})
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.add_style_tag(content=".Toastify { display: none }")  # JupyterLab's questions about news
    run_all(page, viewers)
    return page


def try_engines(
    page: Page,
) -> None:
    "Switch from engine to engine; each must draw the same body."
    menu = page.get_by_label("Drawn by").first
    pictures = {}
    for engine in [name for name, fault in available_engines().items() if not fault] + ["browser"]:
        menu.select_option(engine)
        page.wait_for_timeout(2500 if engine == "matplotlib" else 1200)
        pictures[engine] = shot(page, f"lab-{engine}")
        expect(silhouette_of(pictures[engine]).mean() > 0.01, f"{engine} draws")
    for engine, picture in pictures.items():
        share = changed(pictures["browser"], picture)
        expect(share < 0.05, f"{engine} shows what the browser itself draws: {share:.1%} of the pixels differ visibly")


def try_explorer(
    page: Page,
) -> None:
    "Points of the map show poses, a drag mixes them."
    area = f"{EXPLORER} {AREA}"
    page.wait_for_selector(f"{EXPLORER} canvas", timeout=120_000)
    page.locator(".npr-map:visible").scroll_into_view_if_needed()
    before = shot(page, "lab-explorer", area)
    box = box_of(page, ".npr-map:visible")
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + box["width"] * (0.45 + 0.01 * step), box["y"] + box["height"] * 0.5)
        page.wait_for_timeout(120)
    page.wait_for_timeout(800)
    mixed = shot(page, "lab-explorer-mixed", area)
    page.locator(EXPLORER).screenshot(path=RUNS / "viewer.png")  # for the README
    page.mouse.up()
    expect(changed(before, mixed) > 0.003, "dragging on the map shows another pose")
    expect("mix" in page.locator(EXPLORER).inner_text().lower(), "it says that it is a mixture")
    page.locator(EXPLORER).get_by_label("Target").select_option(index=1)
    expect(changed(mixed, shot(page, "lab-target", area)) > 0.003, "another target is shown")


def limb_of(
    picture: np.ndarray,  # (H, W, 4) uint8
    share: float,  # of the width that the first actor has
) -> tuple[float, float]:  # shares of the width and of the height
    "A place just inside the leftmost part of the first actor, below the names."
    mask = silhouette_of(picture)[:, : int(share * picture.shape[1])]
    mask[: len(mask) // 8] = mask[-8:] = mask[:, :8] = False  # names, and the border
    column = int(mask.any(axis=0).argmax()) + 4
    row = int(np.flatnonzero(mask[:, column])[0]) + 4
    return column / picture.shape[1], row / picture.shape[0]


def try_pulling(
    page: Page,
) -> None:
    "A press on the body and a move bend it; the point stays, and Escape removes it."
    area, root = f"{EXPLORER} {AREA}", page.locator(EXPLORER)
    page.locator(area).scroll_into_view_if_needed()
    page.locator(area).focus()
    page.keyboard.press("Home")
    before = shot(page, "lab-limb", area)
    root.get_by_role("button", name="drag").click()
    page.wait_for_function(IDLE, timeout=60_000)
    box, (right, down) = box_of(page, area), limb_of(before, 0.5)
    x, y = box["x"] + right * box["width"], box["y"] + down * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x + 2 * step, y - 5 * step)
        page.wait_for_timeout(100)
    page.mouse.up()
    root.get_by_text("by 1 point").wait_for(timeout=20_000)
    page.wait_for_function(IDLE, timeout=60_000)
    pulled = shot(page, "lab-pulled", area)
    expect(changed(before, pulled) > 0.003, "pulling at a limb bends the body, and the answer came back")
    line = page.locator(f"{EXPLORER} .npr-handles line")
    ends = [float(line.get_attribute(name) or "nan") for name in ("x1", "y1", "x2", "y2")]
    away = np.hypot(ends[0] - ends[2], ends[1] - ends[3])
    expect(away < 3, f"the limb is where the pointer left it, {away:.1f} pixels away")
    expect(abs(ends[0] - (x + 16 - box["x"])) < 8, "the point stands under the pointer")
    target = pulled[:, pulled.shape[1] // 2 :]
    expect(changed(before[:, before.shape[1] // 2 :], target) > 0.003, "the target bends, too")
    page.keyboard.press("Escape")
    expect(changed(before, shot(page, "lab-let-go", area)) < 0.003, "Escape lets the body go back")
    page.keyboard.press("g")


def try_sampling(
    page: Page,
) -> None:
    "The button draws new poses."
    root = page.locator(EXPLORER)
    root.get_by_role("button", name="Sample new poses").click()
    root.get_by_text("/ 32").wait_for(timeout=120_000)
    shot(page, "lab-sampled", f"{EXPLORER} {AREA}")
    expect(True, "twenty poses were added to the twelve")


def try_busy_kernel(
    page: Page,
) -> None:
    "While Python works on something else, the browser draws; then Python's pictures come back."
    page.get_by_label("Drawn by").first.select_option(index=0)
    page.locator(AREA).first.scroll_into_view_if_needed()
    page.locator(AREA).first.focus()
    page.keyboard.press("Home")
    before = shot(page, "lab-idle")
    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    page.evaluate(f"void {kernel}.requestExecute({{code: 'sum(range(6 * 10**8))'}})")  # lets no other thread run
    page.wait_for_timeout(1500)
    page.keyboard.press("End")
    note = page.locator(".npr-note").first
    note.filter(has_text="Python is busy").wait_for(timeout=8000)
    expect(changed(before, shot(page, "lab-busy")) > 0.003, "while the kernel is busy the browser draws, and says so")
    note.wait_for(state="hidden", timeout=60_000)
    expect(not note.is_visible(), "the note goes when Python is back")


def check_lab(
    browser: Browser,
    folder: Path,
) -> None:
    "Two notebooks at once in a real JupyterLab, and a kernel that is restarted."
    write_notebook(folder / "first.ipynb", NOTEBOOK)
    write_notebook(folder / "second.ipynb", NOTEBOOK[:2])
    with jupyter(folder) as address:
        page = open_notebook(browser, address, "first.ipynb", 1)
        page.locator(AREA).first.scroll_into_view_if_needed()
        try_controls(page, "lab")
        try_engines(page)
        try_explorer(page)
        try_pulling(page)
        try_sampling(page)
        other = open_notebook(browser, address, "second.ipynb", 1)
        shown = shot(other, "lab-second")
        expect(shown.std() > 3, "a second notebook draws at the same time")
        other.close()
        try_busy_kernel(page)
        page.evaluate("void window.jupyterapp.commands.execute('kernelmenu:restart')")
        page.locator(ASKS).click()
        page.wait_for_timeout(3000)
        page.evaluate("void window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
        page.wait_for_timeout(500)
        run_all(page, 1)
        page.locator(AREA).first.scroll_into_view_if_needed()
        first = shot(page, "lab-restarted")
        page.locator(AREA).first.focus()
        page.keyboard.press("End")
        page.wait_for_timeout(600)
        expect(changed(first, shot(page, "lab-restarted-end")) > 0.003, "after a restart of the kernel it works again")
        page.close()


def main() -> None:
    chromium = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if chromium is None:
        print("skipped: there is no Chromium here (on Debian and Ubuntu: apt install chromium)")
        return
    RUNS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=SOFTWARE_GL)
        print("a page from disk, without a network")
        check_page(browser, Path(folder))
        print("JupyterLab")
        check_lab(browser, Path(folder))
        browser.close()
    print(f"screenshots are in {RUNS.relative_to(RUNS.parent.parent)}")


if __name__ == "__main__":
    main()
