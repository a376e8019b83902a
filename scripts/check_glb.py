"""Try GLB files that the package writes in other people's programs: `python scripts/check_glb.py`.

Khronos's validator must find nothing, and three.js, in headless Chromium, must show what `npr` computes. Skipped with a
reason where Node.js, its packages or Chromium are missing (on Debian and Ubuntu: apt install chromium nodejs npm).
"""
import base64
import copy
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import torch
from check_browser import BROWSERS, SOFTWARE_GL, changed, pixels
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from torch import Tensor

from npr import PoseSet
from npr.files.document import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    Document,
    accessor_values,
    add_accessor,
    empty_document,
    read_document,
    write_document,
)
from npr.files.gltf import rig_of
from npr.files.models import Model, as_document, model_of
from npr.geometry.mesh import Repair, find_repair, write_mesh
from npr.rigging.clips import find_clips
from npr.rigging.files import morph_poses, write_channels, write_morphs, write_rig
from npr.rigging.own_rig import fit_own_rig, rig_channels
from npr.rigging.skeleton import RiggedPoses, Skeleton, fewest_weights, rigged_verts
from npr.worm import make_worm, random_rotations

HERE = Path(__file__).resolve().parent / "glb"
WARNING = 1  # severity of the validator; 0 is an error, greater ones are hints
SECONDS = [0.0, 0.3, 0.7, 1.0, 1.6]  # when the poses of a clip are shown


def missing_tools() -> str | None:  # why nothing can be checked
    "What is missing; the packages for Node.js are installed where they are not there yet."
    if not shutil.which("node") or not shutil.which("npm"):
        return "there is no Node.js here (on Debian and Ubuntu: apt install nodejs npm)"
    if not any(shutil.which(name) for name in BROWSERS):
        return "there is no Chromium here (on Debian and Ubuntu: apt install chromium)"
    if not (HERE / "node_modules" / ".package-lock.json").is_file():  # npm writes it last
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"]
        if subprocess.run(command, cwd=HERE, capture_output=True, text=True).returncode:
            return "npm cannot install the packages of scripts/glb/package.json (is there a network?)"
    return None


def validate(
    paths: Sequence[Path],  # GLB files
) -> dict[Path, list[dict[str, Any]]]:  # messages with code, message, severity and pointer
    "What Khronos's validator says about files."
    command = ["node", "validate.mjs", *(str(path.resolve()) for path in paths)]
    ended = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True)
    return dict(zip(paths, json.loads(ended.stdout)))


def faults(
    messages: list[dict[str, Any]],  # from `validate`
) -> list[str]:
    "Errors and warnings alone, one line each."
    return [f"{one['code']} at {one.get('pointer', '')}: {one['message']}" for one in messages
            if one["severity"] <= WARNING]


class _Handler(SimpleHTTPRequestHandler):
    "Serves scripts/glb, and one GLB file at /model.glb."

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript", ".glb": "model/gltf-binary"}

    def translate_path(self, path: str) -> str:
        "Where the file is."
        return str(self.server.model) if path.startswith("/model.glb") else super().translate_path(path)  # type: ignore

    def log_message(self, *_: Any) -> None:
        "Print nothing."


class Player(NamedTuple):
    "A page with three.js."

    page: Page
    server: ThreadingHTTPServer
    faults: list[str]  # that the page reported

    def load(
        self,
        path: Path,  # a GLB file
        size: tuple[int, int],  # of the picture, in pixels
    ) -> dict[str, float]:  # seconds by name of a clip
        "Show a file instead of the one before."
        self.server.model = path.resolve()  # type: ignore[attr-defined]
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        return dict(self.page.evaluate("([w, h]) => load(`/model.glb?${performance.now()}`, w, h)", list(size)))

    def frame(
        self,
        moments: Sequence[tuple[str | None, float]],  # clip and seconds; no clip: the rest pose
        front: tuple[float, float, float] | None = None,  # from where to look; y is up
    ) -> None:
        "Put the camera where everything that these moments show fits."
        self.page.evaluate("([moments, front]) => frame(moments, front)", [list(map(list, moments)), front])

    def shot(
        self,
        clip: str | None,
        seconds: float,
        path: Path,  # ending in .png
    ) -> Path:
        "Write a picture."
        self.page.evaluate("([clip, seconds]) => show(clip, seconds)", [clip, seconds])
        self.page.locator("canvas").screenshot(path=path)
        return path

    def vertices(
        self,
        clip: str | None,
        seconds: float,
    ) -> np.ndarray:  # (V, 3) float32, in the order of `npr.files.models.read_model`
        "All vertices in the scene, after morph targets and skins."
        rows = self.page.evaluate("([clip, seconds]) => vertices(clip, seconds)", [clip, seconds])
        return np.concatenate([np.frombuffer(base64.b64decode(part), np.float32).reshape(-1, 3) for part in rows])


@contextmanager
def open_player() -> Iterator[Player]:
    "A browser and a server, for as long as they are used; raises `RuntimeError` where the page reports a fault."
    chromium = next(found for name in BROWSERS if (found := shutil.which(name)))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(HERE)))
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=SOFTWARE_GL)
        page, faults = browser.new_page(), []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type in ("error", "warning") else None)
        try:
            page.goto(f"http://127.0.0.1:{server.server_port}/player.html")
            page.wait_for_function("window.ready", timeout=60_000)
            yield Player(page, server, faults)
        finally:
            browser.close()
            server.shutdown()
            server.server_close()


def play(
    player: Player,
    path: Path,  # a GLB file
    clip: str | None,  # its name; None: the rest pose
    seconds: Sequence[float],
    folder: Path,  # where pictures go
    size: tuple[int, int] = (240, 240),  # of a picture, in pixels
) -> tuple[list[Path], np.ndarray]:  # pictures, and vertices (moments, V, 3)
    "Show a file at some moments of a clip."
    lengths, moments = player.load(path, size), [(clip, float(moment)) for moment in seconds]
    steps = np.linspace(0, lengths[clip], 8) if clip is not None else []
    player.frame(moments + [(clip, float(moment)) for moment in steps])
    name = f"{path.stem}-{clip or 'rest'}"
    pictures = [player.shot(*moment, folder / f"{name}-{number}.png") for number, moment in enumerate(moments)]
    return pictures, np.stack([player.vertices(*moment) for moment in moments])


def box(
    size: tuple[float, float, float],  # width, height, depth; its middle is at the origin
) -> tuple[dict[str, np.ndarray], np.ndarray]:  # attributes (24, ...) float32, and faces (12, 3)
    "A box whose sides have their own corners, normals and texture coordinates."
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    verts, normals = [], []
    for axis in range(3):
        for sign in (1, -1):
            side = np.zeros((4, 3))
            side[:, axis], side[:, (axis + 1) % 3], side[:, (axis + 2) % 3] = sign, sign * corners[:, 0], corners[:, 1]
            verts.append(side * np.array(size) / 2)
            normals.append(np.tile(sign * np.eye(3)[axis], (4, 1)))
    uvs = np.tile((corners + 1) / 2, (6, 1))
    faces = (4 * np.arange(6)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
    rows = {"POSITION": np.concatenate(verts), "NORMAL": np.concatenate(normals), "TEXCOORD_0": uvs}
    return {name: values.astype(np.float32) for name, values in rows.items()}, faces


def divided(
    attributes: dict[str, np.ndarray],  # (V, ...)
    faces: np.ndarray,  # (F, 3)
    times: int = 2,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    "Each triangle becomes four, so that a box can bend."
    for _ in range(times):
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        unique, numbers = np.unique(edges, axis=0, return_inverse=True)
        middle = len(attributes["POSITION"]) + numbers.reshape(3, -1).T
        attributes = {name: np.concatenate([values, values[unique].mean(axis=1)]).astype(np.float32)
                      for name, values in attributes.items()}
        a, b, c, (ab, bc, ca) = *faces.T, middle.T
        faces = np.concatenate([np.stack(part, axis=1) for part in
                                ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return attributes, faces


def add_mesh(
    document: Document,  # gets a mesh
    name: str,
    boxes: list[tuple[tuple[float, float, float], tuple[float, float, float], int]],  # size, place, material
) -> dict[str, Any]:  # the entry of the mesh
    "A mesh with one primitive for each box."
    primitives = []
    for size, place, material in boxes:
        attributes, faces = divided(*box(size))
        attributes["POSITION"] += np.array(place, np.float32)
        attributes["_HEAT"] = attributes["POSITION"][:, :1].copy()
        numbers = {key: add_accessor(document, values, "SCALAR" if key == "_HEAT" else f"VEC{values.shape[1]}",
                                     ARRAY_BUFFER, bounds=key == "POSITION") for key, values in attributes.items()}
        indices = add_accessor(document, faces.reshape(-1, 1).astype(np.uint16), "SCALAR", ELEMENT_ARRAY_BUFFER)
        primitives.append({"attributes": numbers, "indices": indices, "material": material})
    document.json.setdefault("meshes", []).append({"name": name, "primitives": primitives, "extras": {"made": "up"}})
    return document.json["meshes"][-1]


def add_picture(
    document: Document,  # gets a buffer, an image and a texture
) -> None:
    "A chequered picture."
    squares = np.kron(np.indices((4, 4)).sum(axis=0) % 2, np.ones((8, 8)))[..., None]
    content = BytesIO()
    colors = squares * np.array([220, 120, 60]) + (1 - squares) * np.array([60, 110, 160])
    Image.fromarray(colors.astype(np.uint8)).save(content, "PNG")
    document.json["bufferViews"].append({"buffer": len(document.buffers), "byteLength": len(content.getvalue())})
    document.json["buffers"].append({"byteLength": len(content.getvalue())})
    document.buffers.append(content.getvalue())
    picture = {"name": "squares", "mimeType": "image/png", "bufferView": len(document.json["bufferViews"]) - 1}
    document.json |= {"images": [picture], "textures": [{"source": 0, "sampler": 0, "extras": {"kept": True}}],
                      "samplers": [{"magFilter": 9728, "wrapS": 33071}]}


def box_man() -> Document:
    "A man of boxes: four meshes, three materials, a picture, turned and scaled nodes, an arm that is shown twice."
    document = empty_document("box-man.glb")
    add_mesh(document, "body", [((0.5, 0.7, 0.3), (0, 0, 0), 0), ((0.52, 0.12, 0.32), (0, -0.35, 0), 1)])
    add_mesh(document, "arm", [((0.7, 0.16, 0.16), (0.35, 0, 0), 2)])
    add_mesh(document, "leg", [((0.2, 0.8, 0.24), (0, -0.4, 0), 1)])
    head = add_mesh(document, "head", [((0.3, 0.34, 0.3), (0, 0.17, 0), 0)])
    smile = accessor_values(document, head["primitives"][0]["attributes"]["POSITION"]) * np.array([0.4, 0, 0])
    target = add_accessor(document, smile.astype(np.float32), "VEC3", ARRAY_BUFFER, bounds=True)
    head["primitives"][0]["targets"] = [{"POSITION": target}]
    head |= {"weights": [0.5], "extras": {"targetNames": ["smile"]}}
    add_picture(document)
    colors = {"skin": [0.9, 0.7, 0.6, 1], "trousers": [0.2, 0.25, 0.4, 1]}
    plain = [{"name": name, "pbrMetallicRoughness": {"baseColorFactor": color, "metallicFactor": 0}}
             for name, color in colors.items()]
    shirt = {"name": "shirt", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0}}
    turned = [0, 0, np.sin(0.2), np.cos(0.2)]
    document.json["materials"] = [shirt | {"extras": {"wash": 30}}, plain[1], plain[0]]
    document.json["nodes"] = [
        {"name": "man", "translation": [0.2, 1.15, 0], "scale": [1.1, 1.1, 1.1], "children": [1, 5, 6]},
        {"name": "body", "mesh": 0, "children": [2, 3, 4], "extras": {"note": "keep me"}},
        {"name": "arm left", "mesh": 1, "translation": [0.25, 0.25, 0], "rotation": turned},
        {"name": "arm right", "mesh": 1, "translation": [-0.25, 0.25, 0], "scale": [-1, 1, 1]},
        {"name": "head", "mesh": 3, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0.35, 0, 1]},
        {"name": "leg left", "mesh": 2, "translation": [0.14, -0.4, 0]},
        {"name": "leg right", "mesh": 2, "translation": [-0.14, -0.4, 0]}]
    document.json |= {"scenes": [{"nodes": [0], "name": "stage"}], "extras": {"author": "nobody"}}
    return document


def made_up_rig(
    model: Model,
    joints: dict[str, tuple[tuple[float, float, float], str | None]],  # by name: place, parent; parents first
    seed: int = 3,
    travels: float = 0.3,  # how far the root goes
) -> tuple[RiggedPoses, Repair]:
    "Random turns of some joints, in two clips; the last joint moves off its parent, too."
    repair, names = find_repair(model.mesh), list(joints)
    mesh, P, B = repair.mesh, len(SECONDS) + 2, len(names)
    places = torch.tensor([place for place, _ in joints.values()], dtype=torch.float64)
    parents = [names.index(parent) if parent else -1 for _, parent in joints.values()]
    weights = fewest_weights(torch.softmax(-6 * torch.cdist(mesh.verts, places), dim=1))
    turns, rotations = random_rotations(seed, P, B, most=0.7), torch.empty(P, B, 3, 3).double()
    moved = places.repeat(P, 1, 1)
    shift = torch.linspace(0, travels, P).double()[:, None] * torch.tensor([0.5, 0.2, 1]).double()
    for joint, parent in enumerate(parents):
        above = rotations[:, parent] if parent >= 0 else torch.eye(3).double().expand(P, 3, 3)
        rotations[:, joint] = above @ turns[:, joint]
        if parent >= 0:
            moved[:, joint] = moved[:, parent] + (above @ (places[joint] - places[parent])[:, None])[..., 0]
    moved[:, -1] += 0.5 * shift
    translations = moved + shift[:, None] - (rotations @ places[..., None])[..., 0]
    frames = [f"Walk-{i:03d}" for i in range(len(SECONDS))] + ["Wave 1", "Wave 2"]
    return RiggedPoses(mesh, Skeleton(parents, list(range(B)), places, names), weights, rotations, translations,
                       torch.zeros(0, *mesh.verts.shape).double(), torch.zeros(P, 0).double(), frames,
                       torch.tensor(SECONDS + [0, 0.5]).double()), repair


MAN = {"root": ((0.2, 1.1, 0), None), "chest": ((0.2, 1.4, 0), "root"), "head": ((0.2, 1.6, 0), "chest"),
       "limb-1": ((0.6, 1.45, 0), "chest"), "limb-2": ((-0.2, 1.4, 0), "chest"), "limb-3": ((0.35, 0.6, 0), "root"),
       "limb-4": ((0.05, 0.6, 0), "root")}  # of the box-man, in metres


def with_morphs(
    rig: RiggedPoses,
    count: int = 3,
) -> RiggedPoses:
    "Random morph targets on top."
    rng = np.random.default_rng(1)
    morphs = 0.03 * torch.from_numpy(rng.normal(size=(count, *rig.mesh.verts.shape)))
    return replace(rig, morphs=morphs, morph_weights=torch.from_numpy(rng.uniform(size=(len(rig), count))))


class Case(NamedTuple):
    "A file, what it was made from, and where its vertices must be."

    path: Path
    given: Document
    expected: Tensor  # (P, V, 3) in the order of the given file
    names: list[str]  # of the poses
    times: Tensor  # (P,) seconds
    baked: bool = False  # whether positions at rest are stored anew


def rig_case(
    rig: RiggedPoses,
    repair: Repair,
    model: Model,
    path: Path,
    write: Callable[..., Path] = write_rig,  # or write_morphs
    baked: bool = False,
) -> Case:
    "Write a rig."
    assert model.document is not None and rig.times is not None
    write(rig, repair, model, find_clips(rig.names, rig.times), path)
    return Case(path, model.document, repair.restore(rigged_verts(rig)), rig.names, rig.times, baked)


def own_rig_case(
    model: Model,  # that has joints
    wanted: RiggedPoses,  # of the same file
    repair: Repair,
    path: Path,
) -> Case:
    "Write clips for the joints that a file has."
    assert model.document is not None and wanted.times is not None
    fit = fit_own_rig(rig_of(model.document), repair.restore(rigged_verts(wanted)))
    write_channels(model, fit.rig, rig_channels(fit, find_clips(wanted.names, wanted.times)), path)
    return Case(path, model.document, fit.verts, wanted.names, wanted.times)


def out_of_bind(
    document: Document,  # with a skeleton
) -> Document:
    "The same with joints that are turned at rest, so that the stored vertices are not where they are shown."
    bent = Document(document.path, copy.deepcopy(document.json), document.buffers)
    for node in bent.json["nodes"]:
        if node.get("name", "").startswith("limb"):
            node["rotation"] = [0.1, 0, 0.3, np.sqrt(0.9)]
    return bent


def held(
    document: Document,  # with a skeleton
) -> Document:  # that the validator warns of
    "The same below a node that turns and scales all."
    below = Document(document.path, copy.deepcopy(document.json), document.buffers)
    roots = below.json["scenes"][0]["nodes"]
    below.json["nodes"].append({"name": "holder", "rotation": [0, 0.6, 0, 0.8], "scale": [2, 2, 2], "children": roots})
    below.json["scenes"][0]["nodes"] = [len(below.json["nodes"]) - 1]
    return below


def cases(
    folder: Path,
) -> list[Case]:
    "All files that are tried."
    worm = model_of(as_document(write_mesh(make_worm((1.2, 1.0, 0.8), 0.2).mesh, folder / "worm-rest.obj")))
    stack = {"root": ((0, 0, 0.2), None), "spine-1": ((0, 0, 1.2), "root"), "spine-2": ((0, 0, 2.2), "spine-1")}
    man = model_of(read_document(write_document(box_man(), folder / "man-rest.glb")))
    rig, repair = made_up_rig(man, MAN)  # type: ignore[arg-type]
    pushed = with_morphs(rig)
    flat = morph_poses(PoseSet(rig.mesh, rigged_verts(rig), rig.names, times=rig.times), 1e-6)
    found = [rig_case(*made_up_rig(worm, stack), worm, folder / "worm.glb"),  # type: ignore[arg-type]
             rig_case(rig, repair, man, folder / "man.glb"),
             rig_case(pushed, repair, man, folder / "man-correctives.glb"),
             rig_case(flat, repair, man, folder / "man-morphs.glb", write_morphs)]
    rigged = model_of(read_document(found[2].path))
    other, again = made_up_rig(rigged, MAN, seed=8)  # type: ignore[arg-type]
    bent = model_of(out_of_bind(read_document(found[1].path)))
    below = model_of(held(read_document(found[1].path)))
    wanted, whole = made_up_rig(below, MAN, seed=7)  # type: ignore[arg-type]
    flat = morph_poses(PoseSet(wanted.mesh, rigged_verts(wanted), wanted.names, times=wanted.times), 1e-6)
    return [*found, own_rig_case(below, wanted, whole, folder / "man-own-rig.glb"),
            rig_case(flat, whole, below, folder / "man-unrigged.glb", write_morphs),
            rig_case(other, again, rigged, folder / "man-again.glb"),
            rig_case(*made_up_rig(bent, MAN, seed=9), bent, folder / "man-bent.glb", baked=True)]  # type: ignore[arg-type]


def same_order(
    given: Document,
    written: Document,
) -> np.ndarray:  # (V,) int64 for each vertex of the given file its row in the written one
    "Find vertices again by the names of nodes, since a mesh may have moved to another node of the same name."
    pieces = {}
    for document in (written, given):
        for piece in model_of(document).pieces:
            node = document.json["nodes"][piece.node]
            pieces.setdefault((node.get("name", piece.node), piece.primitive), []).append(piece.rows)
    pairs = sorted((rows[-1].start, rows[0]) for rows in pieces.values())
    return np.concatenate([np.arange(rows.start, rows.stop) for _, rows in pairs])


def stored(
    document: Document,
    baked: bool,  # leave out positions and directions
) -> dict[tuple[str, int, str], bytes]:  # by name of a node, primitive, and attribute
    "What the primitives of all nodes hold, but for joints and weights."
    skipped = ("JOINTS", "WEIGHTS") + (("POSITION", "NORMAL", "TANGENT") if baked else ())
    found = {}
    for node in (node for node in document.json["nodes"] if "mesh" in node):
        for number, primitive in enumerate(document.json["meshes"][node["mesh"]]["primitives"]):
            for name, accessor in (primitive["attributes"] | {"faces": primitive.get("indices")}).items():
                if accessor is not None and not name.startswith(skipped):
                    content = accessor_values(document, accessor).tobytes()
                    found[node.get("name", ""), number, name] = content
    return found


def pictures_of(
    document: Document,
) -> list[bytes]:
    "The pictures of a file that stand in it."
    views = [document.json["bufferViews"][image["bufferView"]] for image in document.json.get("images", [])]
    starts = [view.get("byteOffset", 0) for view in views]
    return [document.buffers[view["buffer"]][start:start + view["byteLength"]] for view, start in zip(views, starts)]


def lost(
    case: Case,
) -> list[str]:  # nothing, where all is there
    "What is in the given file and not in the written one."
    given, written = case.given, read_document(case.path)
    before, after = (stored(document, case.baked) for document in (given, written))
    missing = [str(key) for key, content in before.items() if after.get(key) != content]
    if pictures_of(given) != pictures_of(written):
        missing.append("pictures")
    made_by = {"generator": None}  # npr names itself there
    if given.json["asset"] | made_by != written.json["asset"] | made_by:
        missing.append("asset")
    for name in ("materials", "textures", "samplers", "extras"):
        if given.json.get(name) != written.json.get(name):
            missing.append(name)
    for kind in ("nodes", "meshes", "scenes"):
        entries = zip(given.json[kind], written.json.get(kind, []))
        missing += [f"{kind} {old.get('name')}" for old, new in entries if old.get("name") != new.get("name")
                    or any(new.get("extras", {}).get(key) is None for key in old.get("extras", {}))]
        missing += [f"some {kind}"] * (len(written.json.get(kind, [])) < len(given.json[kind]))
    return missing


def expect(
    truth: bool,
    what: str,
) -> bool:
    "One line for each thing that was tried."
    print(f"    {'yes' if truth else 'NO '}  {what}")
    return truth


def try_case(
    player: Player,
    case: Case,
    messages: list[dict[str, Any]],  # of the validator
    folder: Path,  # for pictures
) -> bool:  # whether all is well
    "Everything about one file."
    print(case.path.name)
    found, away = faults(messages), 0.0
    well = [expect(not found, f"the validator finds no error and no warning {found[:5] or ''}")]
    missing = lost(case)
    well.append(expect(not missing, f"all that the given file holds is in it {missing[:5] or ''}"))
    order = same_order(case.given, read_document(case.path))
    for clip in find_clips(case.names, case.times):
        halfway = (clip.times[:1] + clip.times[1:2]) / 2
        pictures, verts = play(player, case.path, clip.name, [*clip.times.tolist(), *halfway.tolist()], folder)
        away = max(away, np.linalg.norm(verts[:-1, order] - case.expected[clip.poses].numpy(), axis=-1).max())
        bend = np.abs(verts[-1] - (verts[0] + verts[1]) / 2).max() / np.abs(verts[1] - verts[0]).max()
        well.append(expect(bend < 0.3, f"{clip.name} goes from key to key without jumps"))
        share = changed(*(pixels(picture.read_bytes()) for picture in pictures[:2]))
        well.append(expect(share > 0.003, f"{clip.name} moves: {share:.1%} of the pixels change"))
    size = float(np.linalg.norm(np.ptp(case.expected[0].numpy(), axis=0)))
    well.append(expect(away < 1e-4 * size, f"three.js shows what npr computes, to {away / size:.1e} of the diagonal"))
    return all(well)


def main() -> int:
    if fault := missing_tools():
        print(f"skipped: {fault}")
        return 0
    with tempfile.TemporaryDirectory() as name:
        tried = cases(Path(name))
        messages = validate([case.path for case in tried])
        with open_player() as player:
            well = [try_case(player, case, messages[case.path], Path(name)) for case in tried]
            well.append(expect(not player.faults, f"the page reports no faults {player.faults[:5] or ''}"))
    return int(not all(well))


if __name__ == "__main__":
    raise SystemExit(main())
