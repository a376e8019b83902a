"""A skin of rigid parts, found in the poses themselves, that can be carried to another body."""

__all__ = ['Skin', 'frames_of', 'vertex_areas', 'closest_turns', 'skin_reading', 'rigid_parts', 'pose_skin', 'skin_weights', 'turn_parts', 'fit_skin', 'carried_shifts']

from typing import NamedTuple

import torch
from torch import Tensor

from .mesh import Mesh, face_areas

class Skin(NamedTuple):
    "Rigid parts that each vertex follows in shares, and how they move in P poses."

    weights: Tensor  # (V, B) how much each vertex follows each part; rows add up to 1
    turns: Tensor  # (P, B, 3, 3) rotation of each part in each pose
    shifts: Tensor  # (P, B, 3) and its translation: a point x of part b goes to turns @ x + shifts


def pose_skin(
    verts: Tensor,  # (V, 3) rest pose
    skin: Skin,
) -> Tensor:  # (P, V, 3)
    "Where the parts take the vertices: linear blend skinning."
    P, B = skin.shifts.shape[:2]
    maps = torch.cat([skin.turns, skin.shifts[..., None]], dim=-1).permute(1, 0, 2, 3).reshape(B, -1)
    blended = (skin.weights @ maps).view(len(verts), P, 3, 4)
    return (blended[..., :3] @ verts[:, None, :, None])[..., 0].add(blended[..., 3]).transpose(0, 1)


def frames_of(
    verts: Tensor,  # (..., V, 3)
    faces: Tensor,  # (F, 3) int64
) -> Tensor:  # (..., F, 3, 3) columns: two edges and the unit normal
    "A frame that moves with each face; posed frames times inverse rest frames are completed Jacobians."
    a, b, c = verts[..., faces, :].unbind(dim=-2)
    normals = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1, eps=1e-30)
    return torch.stack([b - a, c - a, normals], dim=-1)


def vertex_areas(
    mesh: Mesh,
) -> Tensor:  # (V,) float64
    "A third of the area of the faces around each vertex."
    areas = face_areas(mesh.verts, mesh.faces) / 3
    return areas.new_zeros(len(mesh.verts)).index_add(0, mesh.faces.flatten(), areas.repeat_interleave(3))


class _Sums(NamedTuple):
    "All that must be known of some vertices to tell how rigidly they move; sums of two sets are those of their union."

    weight: Tensor  # (N,)
    rest: Tensor  # (N, 3)
    posed: Tensor  # (N, P, 3)
    product: Tensor  # (N, P, 3, 3)
    rest_square: Tensor  # (N,)
    posed_square: Tensor  # (N, P)

    def __getitem__(self, rows) -> "_Sums":
        return _Sums(*(getattr(self, name)[rows] for name in self._fields))

    def plus(self, other: "_Sums") -> "_Sums":
        return _Sums(*(getattr(self, name) + getattr(other, name) for name in self._fields))

    def rigid_errors(self) -> Tensor:  # (N,) mean over poses of the squared distances left by the best rigid motion
        spread = self.product - self.posed[..., :, None] * self.rest[:, None, None, :] / self.weight[:, None, None, None]
        left, sizes, right = torch.linalg.svd(spread)
        signed = sizes[..., :2].sum(dim=-1) + sizes[..., 2] * torch.linalg.det(left @ right).sign()
        inner = (self.rest_square - self.rest.square().sum(dim=-1) / self.weight)[:, None]
        outer = self.posed_square - self.posed.square().sum(dim=-1) / self.weight[:, None]
        return (inner + outer - 2 * signed).mean(dim=1)


def _cell_sums(
    mesh: Mesh,
    posed: Tensor,  # (P, V, 3)
    cells: Tensor,  # (F,) int64
) -> _Sums:
    "The sums over the corners of the faces of each cell, larger faces counting more."
    K, P = int(cells.max()) + 1, len(posed)
    corners, owners = mesh.faces.flatten(), cells.repeat_interleave(3)
    weight = (face_areas(mesh.verts, mesh.faces) / 3).repeat_interleave(3)
    shares = torch.zeros(K, len(mesh.verts), dtype=weight.dtype).index_put_((owners, corners), weight, accumulate=True)
    x, y = mesh.verts, posed.transpose(0, 1)
    sums = [shares @ part.reshape(len(x), -1) for part in (torch.ones_like(x[:, :1]), x, y, y[..., None] * x[:, None, None],
                                                           x.square().sum(dim=1), y.square().sum(dim=2))]
    return _Sums(sums[0][:, 0], sums[1], sums[2].view(K, P, 3), sums[3].view(K, P, 3, 3), sums[4][:, 0], sums[5].view(K, P))


def _touching(
    faces: Tensor,  # (F, 3)
    labels: Tensor,  # (F,) int64
) -> Tensor:  # (N, N) bool
    "Which groups of faces share a vertex."
    count = int(labels.max()) + 1
    member = torch.zeros(int(faces.max()) + 1, count, dtype=torch.float32)
    member[faces.flatten(), labels.repeat_interleave(3)] = 1
    return member.T @ member > 0


def rigid_parts(
    template: Mesh,  # rest pose
    posed: Tensor,  # (P, V, 3) some of its poses
    cells: Tensor,  # (F,) int64 small patches of faces to start from
    count: int = 24,  # parts wanted
) -> Tensor:  # (F,) int64 which part each face belongs to
    "Join neighbouring cells, always the two that still move most like one rigid thing, until `count` are left."
    sums, touching = _cell_sums(template, posed, cells), _touching(template.faces, cells).fill_diagonal_(False)
    errors, labels = sums.rigid_errors(), torch.arange(len(touching))
    costs = torch.full(touching.shape, torch.inf, dtype=errors.dtype)
    first, second = touching.triu().nonzero().T
    costs[first, second] = sums[first].plus(sums[second]).rigid_errors() - errors[first] - errors[second]
    for _ in range(len(touching) - min(count, len(touching))):
        if costs.isinf().all():
            break  # as many parts as there are pieces
        kept, gone = divmod(int(costs.argmin()), len(costs))
        for mine, joined in zip(sums, sums[[kept]].plus(sums[[gone]])):
            mine[kept] = joined[0]
        errors[kept] = sums[[kept]].rigid_errors()[0]
        labels[labels == gone] = kept
        touching[kept] |= touching[gone]
        touching[:, kept] |= touching[:, gone]
        touching[gone], touching[:, gone], touching[kept, kept] = False, False, False
        costs[gone], costs[:, gone], costs[kept], costs[:, kept] = torch.inf, torch.inf, torch.inf, torch.inf
        others = touching[kept].nonzero()[:, 0]
        if len(others):
            rises = sums[[kept] * len(others)].plus(sums[others]).rigid_errors() - errors[kept] - errors[others]
            costs[torch.minimum(others, torch.tensor(kept)), torch.maximum(others, torch.tensor(kept))] = rises
    return labels.unique(return_inverse=True)[1][cells]


def _onto_simplex(
    values: Tensor,  # (..., k)
) -> Tensor:  # (..., k)
    "The nearest numbers that are not negative and add up to 1."
    ordered = values.sort(dim=-1, descending=True)[0]
    excess = (ordered.cumsum(dim=-1) - 1) / torch.arange(1, values.shape[-1] + 1, dtype=values.dtype, device=values.device)
    last = (ordered > excess).sum(dim=-1, keepdim=True) - 1
    return (values - excess.gather(-1, last)).clamp(min=0)


def skin_weights(
    verts: Tensor,  # (V, 3) rest pose
    posed: Tensor,  # (P, V, 3)
    skin: Skin,  # whose parts move already
    allowed: Tensor,  # (V, B) bool, the parts that each vertex may follow
    k: int = 5,  # parts a vertex follows at most
    steps: int = 200,  # of accelerated projected gradient descent
) -> Tensor:  # (V, B)
    "Shares with which the parts take each vertex closest to where it goes."
    weights = torch.zeros_like(skin.weights)
    for rows in torch.arange(len(verts)).split(500):
        away = torch.stack([verts[rows] @ turn.mT + shift[:, None] - posed[:, rows] for turn, shift in
                            zip(skin.turns.transpose(0, 1), skin.shifts.transpose(0, 1))], dim=2)  # (P, n, B, 3)
        missed = away.square().sum(dim=-1).mean(dim=0).masked_fill(~allowed[rows], torch.inf)
        errors, near = missed.topk(min(k, missed.shape[1]), largest=False)
        usable = errors.isfinite()
        away = away.gather(2, near[None, :, :, None].expand(len(posed), -1, -1, 3))
        products = torch.einsum("pnki,pnli->nkl", away, away).masked_fill(~(usable[:, :, None] & usable[:, None]), 0)
        steepest = products.diagonal(dim1=1, dim2=2).sum(dim=-1, keepdim=True) + 1e-12
        found = ahead = usable / usable.sum(dim=1, keepdim=True).to(verts.dtype)
        pace = 1.0
        for _ in range(steps):
            moved = (ahead - (products @ ahead[..., None])[..., 0] / steepest).masked_fill(~usable, -1e9)
            new, faster = _onto_simplex(moved), (1 + (1 + 4 * pace**2) ** 0.5) / 2
            found, ahead, pace = new, new + (pace - 1) / faster * (new - found), faster
        weights[rows] = weights[rows].scatter(1, near, found)
    return weights


def closest_turns(
    matrices: Tensor,  # (..., 3, 3)
) -> Tensor:  # (..., 3, 3)
    "The rotations closest to some matrices."
    left, _, right = torch.linalg.svd(matrices)
    signs = torch.ones_like(matrices[..., 0])
    signs[..., 2] = torch.linalg.det(left @ right)
    return left @ (signs[..., None] * right)


def turn_parts(
    verts: Tensor,  # (V, 3) rest pose
    posed: Tensor,  # (P, V, 3)
    skin: Skin,
    sweeps: int = 2,
) -> Skin:  # with the same weights
    "Move one part after the other so that the vertices come closest to where they go."
    turns, shifts = skin.turns.clone(), skin.shifts.clone()
    missing = posed - pose_skin(verts, skin)
    for _ in range(sweeps):
        for part in range(skin.weights.shape[1]):
            rows = skin.weights[:, part].nonzero()[:, 0]
            weight = skin.weights[rows, part, None]
            if len(rows) < 4 or weight.square().sum() < 1e-3:
                continue
            wanted = missing[:, rows] + weight * (verts[rows] @ turns[:, part].mT + shifts[:, None, part])
            total = weight.square().sum()
            middle, goal = (weight**2 * verts[rows]).sum(dim=0) / total, (weight * wanted).sum(dim=1) / total
            turns[:, part] = closest_turns((wanted - weight * goal[:, None]).mT @ (weight * (verts[rows] - middle)))
            shifts[:, part] = goal - turns[:, part] @ middle
            missing[:, rows] = wanted - weight * (verts[rows] @ turns[:, part].mT + shifts[:, None, part])
    return Skin(skin.weights, turns, shifts)


def fit_skin(
    template: Mesh,  # rest pose
    posed: Tensor,  # (P, V, 3) poses to learn from
    parts: Tensor,  # (F,) int64 from `rigid_parts`
    rounds: int = 6,
) -> Skin:  # in the same poses
    "Shares and motions, improved in turns, starting from parts that each move on their own."
    B = int(parts.max()) + 1
    shares = torch.zeros(len(template.verts), B, dtype=torch.float64)
    areas = face_areas(template.verts, template.faces).repeat_interleave(3)
    shares.index_put_((template.faces.flatten(), parts.repeat_interleave(3)), areas, accumulate=True)
    alone = torch.zeros_like(shares).scatter(1, shares.argmax(dim=1, keepdim=True), 1.0)
    still = torch.eye(3, dtype=torch.float64).expand(len(posed), B, 3, 3), torch.zeros(len(posed), B, 3, dtype=torch.float64)
    skin = turn_parts(template.verts, posed, Skin(alone, *still), sweeps=1)
    allowed = (shares > 0).double() @ _touching(template.faces, parts).double() > 0
    for _ in range(rounds):
        skin = turn_parts(template.verts, posed, skin._replace(weights=skin_weights(template.verts, posed, skin, allowed)))
    return skin


def carried_shifts(
    skin: Skin,  # how the parts move on the source
    shares: Tensor,  # (V, B) how much each vertex of the target follows each part
    areas: Tensor,  # (V,) of the target's vertices
    offsets: Tensor,  # (V, 3) target vertex minus `scale` times the point of the source it was matched to
    scale: float,  # size of the target beside the source
) -> Tensor:  # (P, B, 3) translations of the parts on the target
    "Translations with which parts agree, where they overlap, on what lies between target and scaled source."
    overlaps = shares.T @ (areas[:, None] * shares)
    moments = torch.einsum("v,vb,vc,vi->bci", areas, shares, shares, offsets)
    torn = torch.einsum("pbij,bcj->pbi", skin.turns, moments) - torch.einsum("pcij,bcj->pbi", skin.turns, moments)
    laplacian = overlaps.sum(dim=1).diag() - overlaps
    ridge = 1e-12 * areas.sum() * torch.eye(len(laplacian), dtype=laplacian.dtype, device=laplacian.device)
    return scale * skin.shifts - torch.linalg.solve(laplacian + ridge, torn)


def skin_reading(
    template: Mesh,  # rest pose
    weights: Tensor,  # (V, B) shares of the parts
    cells: Tensor,  # (F,) int64 the cell of each face
    shares: Tensor,  # (F,) of the area of its cell
) -> Tensor:  # (4 K, 4 B): middle of each cell and its three mean derivatives, from turns (transposed) and shifts of the parts
    "What a skin makes of the cells is linear in how its parts move: this is the matrix (normals taken to turn with the parts)."
    K, B, corners = int(cells.max()) + 1, weights.shape[1], template.faces
    places = torch.cat([template.verts, torch.ones_like(template.verts[:, :1])], dim=1)
    follow = weights[corners][..., None] * places[corners][:, :, None]  # (F, 3, B, 4): one corner each
    frames = torch.linalg.inv(frames_of(template.verts, corners))
    normal = torch.cat([frames[:, 2], torch.zeros_like(frames[:, 2, :1])], dim=1)  # the unit normal is its own dual
    along = [follow[:, 1] - follow[:, 0], follow[:, 2] - follow[:, 0], weights[corners].mean(dim=1)[..., None] * normal[:, None]]
    derivatives = sum(frames[:, edge, :, None, None] * part[:, None] for edge, part in enumerate(along))  # (F, 3, B, 4)
    rows = torch.cat([follow.mean(dim=1)[:, None], derivatives], dim=1).flatten(1) * shares[:, None]
    return rows.new_zeros(K, rows.shape[1]).index_add(0, cells, rows).view(4 * K, 4 * B)
