"""Damage meshes at random and follow them through npr: `python scripts/damaged_meshes.py [--examples N]`.

Each example is a mesh with one to three kinds of damage, written to a file as it is. It is read, checked, repaired,
posed by identity Jacobians, written and read again. Every vertex must come back to its place, within 1e-4 of the
diagonal, or the file is refused by one sentence that names it. Anything else fails and prints the smallest example. The
examples are chosen by hypothesis, always the same ones. `--out` writes a JSON that counts what happened.
"""
import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import torch
import trimesh
from hypothesis import strategies as draw

from npr.files.models import read_file
from npr.geometry.mesh import Mesh, diagonal, find_repair, write_mesh
from npr.geometry.poisson import PoissonSolver
from npr.outputs import InputError, write_atomically

Arrays = tuple[np.ndarray, np.ndarray]  # positions (V, 3) and faces (F, 3)


def bases() -> dict[str, Arrays]:
    "Sound meshes: closed, with a boundary, and of two pieces."
    ball, box = trimesh.creation.icosphere(subdivisions=2), trimesh.creation.box().subdivide().subdivide()
    rows, columns = np.mgrid[0:7, 0:9]
    points = np.stack([columns, rows, np.sin(columns)], axis=-1).reshape(-1, 3).astype(float)
    corner = (rows[:-1, :-1] * 9 + columns[:-1, :-1]).ravel()
    lower, upper = [corner, corner + 1, corner + 9], [corner + 1, corner + 10, corner + 9]
    sheet = np.concatenate([np.stack(lower, axis=1), np.stack(upper, axis=1)])
    two = (np.concatenate([ball.vertices, ball.vertices + [3, 0, 0]]),
           np.concatenate([ball.faces, ball.faces + len(ball.vertices)]))
    return {"ball": (ball.vertices, ball.faces), "box": (box.vertices, box.faces), "sheet": (points, sheet), "two": two}


def merge(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "Two corners of a face fall together."
    verts, faces = mesh
    face = faces[chance.integers(len(faces))]
    faces = np.where(faces == face[1], face[0], faces)
    return verts, faces


def delete(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "Some faces are missing."
    verts, faces = mesh
    return verts, faces[chance.random(len(faces)) > chance.uniform(0, 0.5)]


def flip(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "Some faces are turned over."
    verts, faces = mesh
    turned = chance.random(len(faces)) < chance.uniform(0, 1)
    return verts, np.where(turned[:, None], faces[:, ::-1], faces)


def duplicate(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "Some faces are there twice."
    verts, faces = mesh
    return verts, np.concatenate([faces, faces[chance.random(len(faces)) < 0.2]])


def tear(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "Every face of a random half has vertices of its own."
    verts, faces = mesh
    faces, own = faces.copy(), chance.random(len(faces)) < 0.5
    copies = verts[faces[own].ravel()]
    faces[own] = len(verts) + np.arange(len(copies)).reshape(-1, 3)
    return np.concatenate([verts, copies]), faces


def needle(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "An edge is cut at a point that lies off it by a little."
    verts, faces = mesh
    number = chance.integers(len(faces))
    a, b, c = faces[number]
    middle = (verts[a] + verts[b]) / 2
    point = middle + 10.0 ** chance.uniform(-16, -2) * (verts[c] - middle)
    new = len(verts)
    cut = [[a, new, c], [new, b, c], [a, b, new]]
    return np.concatenate([verts, point[None]]), np.concatenate([np.delete(faces, number, axis=0), cut])


def far(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "One vertex is far away."
    verts, faces = mesh[0].copy(), mesh[1]
    verts[chance.integers(len(verts))] *= 10.0 ** chance.uniform(1, 12)
    return verts, faces


def scale(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "Other units."
    return mesh[0] * 10.0 ** chance.uniform(-12, 12), mesh[1]


def shift(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "Far from the origin, up to 1e9 times its size."
    verts = mesh[0]
    size = np.linalg.norm(np.ptp(verts, axis=0))
    return verts + size * 10.0 ** chance.uniform(0, 9) * chance.normal(size=3), mesh[1]


def loose(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "A vertex without a face."
    return np.concatenate([mesh[0], mesh[0].mean(axis=0)[None] + chance.normal(size=(1, 3))]), mesh[1]


def wrong_index(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "A face names a vertex that is not there."
    faces = mesh[1].copy()
    faces[chance.integers(len(faces)), chance.integers(3)] = len(mesh[0]) + chance.integers(5)
    return mesh[0], faces


def not_a_number(mesh: Arrays, chance: np.random.Generator) -> Arrays:
    "A coordinate is NaN or infinite."
    verts = mesh[0].copy()
    verts[chance.integers(len(verts)), chance.integers(3)] = chance.choice([np.nan, np.inf, 1e300])
    return verts, mesh[1]


DAMAGE: dict[str, Callable[[Arrays, np.random.Generator], Arrays]] = {
    damage.__name__.replace("_", " "): damage for damage in
    (merge, delete, flip, duplicate, tear, needle, far, scale, shift, loose, wrong_index, not_a_number)}


def write_as_it_is(
    mesh: Arrays,
    path: Path,  # .obj or .off
) -> None:
    "All digits, whatever is wrong."
    verts, faces = mesh
    points = [" ".join(f"{number:.17g}" for number in vert) for vert in verts]
    if path.suffix == ".obj":
        lines = [f"v {point}" for point in points] + ["f " + " ".join(str(i + 1) for i in face) for face in faces]
    else:
        lines = ["OFF", f"{len(verts)} {len(faces)} 0", *points, *("3 " + " ".join(map(str, face)) for face in faces)]
    path.write_text("\n".join(lines) + "\n")


def follow(
    path: Path,
    kind: str,  # suffix of the file that is written
) -> float:  # how far a vertex comes back from its place at most, in diagonals; raises `InputError`
    "Read, repair, solve, write, read."
    mesh = read_file(path)
    repair = find_repair(mesh)
    identity = torch.eye(3, dtype=torch.float64).expand(1, len(repair.mesh.faces), 3, 3)
    solved = repair.restore(PoissonSolver(repair.mesh).solve(identity))[0]
    written = write_mesh(Mesh(solved, mesh.faces, f"result of {path}"), path.with_name(f"result{kind}"))
    again = read_file(written)
    assert torch.equal(again.faces, mesh.faces), "the faces are others"
    return ((again.verts - mesh.verts).norm(dim=1).max() / diagonal(mesh)).item()


def outcome(
    mesh: Arrays,
    kind: str,  # suffix of the file that is read
    result: str,  # suffix of the file that is written
) -> str:  # "given back", or what was said
    "What becomes of one mesh."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"damaged{kind}"
        write_as_it_is(mesh, path)
        try:
            away = follow(path, result)
        except InputError as error:
            said = str(error)
            assert str(path) in said or "result" in said, f"names no file: {said}"
            assert said.endswith(".") and "\n" not in said, f"is no sentence: {said}"
            return re.sub(r"[-+\d][\d.,e+-]*", "N", said.replace(str(path), "FILE").partition(": ")[2])
    assert away <= 1e-4, f"a vertex comes back {away:.1e} diagonals from its place"
    return "given back"


def main() -> int:
    "Follow all examples; prints and writes what happened to them."
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument("--out", type=Path, help="write the counts as JSON")
    settings = parser.parse_args()
    sound, outcomes = bases(), Counter()
    by_damage: dict[str, Counter] = {name: Counter() for name in DAMAGE}

    @hypothesis.settings(max_examples=settings.examples, derandomize=True, database=None, deadline=None,
                         suppress_health_check=[hypothesis.HealthCheck.too_slow])
    @hypothesis.given(draw.sampled_from(sorted(sound)),
                      draw.lists(draw.sampled_from(sorted(DAMAGE)), min_size=1, max_size=3),
                      draw.integers(0, 2**32 - 1), draw.sampled_from([".obj", ".off"]),
                      draw.sampled_from([".obj", ".off", ".ply", ".glb"]))
    def try_one(base: str, damages: list[str], seed: int, kind: str, result: str) -> None:
        mesh, chance = sound[base], np.random.default_rng(seed)
        for name in sorted(damages, key=lambda name: name == "wrong index"):  # that one last, the others take indices
            if len(mesh[1]):
                mesh = DAMAGE[name](mesh, chance)
        found = outcome(mesh, kind, result)
        outcomes[found] += 1
        for name in set(damages):
            by_damage[name]["given back" if found == "given back" else "refused"] += 1

    try_one()
    total, whole = sum(outcomes.values()), outcomes["given back"]
    for name, count in outcomes.most_common():
        print(f"{count:6} {name}")
    for name, counts in by_damage.items():
        print(f"{name:14} {counts['given back']:6} given back {counts['refused']:6} refused")
    print(f"{whole} of {total} given back, the others refused by a sentence")
    if settings.out is not None:
        table = {"command": f"python scripts/damaged_meshes.py --examples {settings.examples}", "examples": total,
                 "outcomes": dict(outcomes.most_common()),
                 "by_damage": {name: dict(counts) for name, counts in by_damage.items()}}
        write_atomically(settings.out, (json.dumps(table, indent=1) + "\n").encode())
    return 0 if whole > total / 2 else 1


if __name__ == "__main__":
    sys.exit(main())
