"""The calls of the package of 2018 that networks on point clouds are written against, under its names.

Shapes use B clouds, N points, C channels. Coordinates are float32 or float64; features also float16 on CUDA. Indices
that come out are int32, indices that go in may be int32 or int64. Tensors need not be contiguous. A bad argument raises
TypeError or ValueError with the name of the call and the argument. What only a look at values tells is different on
CUDA, where looking would make the host wait: coordinates that are not finite give -1 for all indices of their cloud,
and an index out of range gives NaN.
"""

import torch
from torch import Tensor, nn

from . import _checks as check
from .ops import compiled


def furthest_point_sample(
    xyz: Tensor,  # (B, N, 3) coordinates, finite
    npoint: int,  # how many points to pick, 1 .. N
) -> Tensor:  # (B, npoint) int32, in the order of picking
    """Farthest point sampling from point 0, without the points whose squared norm is at most 1e-3.

    That exception is the old package's and decides what published networks saw. Without it:
    `pointnet2_ops.farthest_point_sample`. Where it leaves no candidate, point 0 is repeated.
    """
    check.points("furthest_point_sample", "xyz", xyz)
    npoint = check.count("furthest_point_sample", "npoint", npoint, xyz.shape[1])
    picks = compiled.furthest_point_sample(xyz.detach(), npoint, True)
    return picks if xyz.device.type == "cpu" else check.marked(picks, -1, xyz)


def gather_operation(
    features: Tensor,  # (B, C, N)
    idx: Tensor,  # (B, npoint), each 0 .. N - 1
) -> Tensor:  # (B, C, npoint), dtype of the features
    """The features of the chosen points; differentiable with respect to `features`.

    An index out of range raises ValueError on the CPU. On CUDA, where looking would make the host wait, it gives NaN.
    """
    check.features("gather_operation", "features", features)
    check.tensor("gather_operation", "idx", idx, ("B", "npoint"), check.INDICES)
    check.together("gather_operation", "features", features, "idx", idx)
    return compiled.gather_operation(features, idx)


def grouping_operation(
    features: Tensor,  # (B, C, N)
    idx: Tensor,  # (B, npoint, nsample), each 0 .. N - 1
) -> Tensor:  # (B, C, npoint, nsample), dtype of the features
    "The features of each group's points: `gather_operation` for indices in two dimensions, same rules."
    check.features("grouping_operation", "features", features)
    check.tensor("grouping_operation", "idx", idx, ("B", "npoint", "nsample"), check.INDICES)
    check.together("grouping_operation", "features", features, "idx", idx)
    return compiled.gather_operation(features, idx.flatten(1)).unflatten(2, idx.shape[1:])


def three_nn(
    unknown: Tensor,  # (B, n, 3) query coordinates; n may be 0
    known: Tensor,  # (B, m, 3) coordinates to search, m >= 3
) -> tuple[Tensor, Tensor]:  # distances (B, n, 3), and indices (B, n, 3) int32
    "The three nearest known points and their distances, nearest first; no gradients."
    check.points("three_nn", "unknown", unknown, empty=True)
    check.points("three_nn", "known", known)
    check.together("three_nn", "unknown", unknown, "known", known)
    check.same_dtype("three_nn", "unknown", unknown, "known", known)
    if known.shape[1] < 3:
        raise ValueError(f"three_nn: known must have at least 3 points, got {known.shape[1]}")
    squared, idx = compiled.nearest_neighbours(unknown.detach(), known.detach(), 3)
    if unknown.device.type == "cpu":
        return squared.sqrt(), idx
    return check.marked(squared.sqrt(), torch.nan, unknown, known), check.marked(idx, -1, unknown, known)


def three_interpolate(
    features: Tensor,  # (B, c, m)
    idx: Tensor,  # (B, n, 3), each 0 .. m - 1
    weight: Tensor,  # (B, n, 3), dtype of the features; for float16 features float32 too
) -> Tensor:  # (B, c, n), dtype of the features
    """Sums of three points' features, weighted; differentiable with respect to `features` only.

    Indices out of range are treated as in `gather_operation`.
    """
    op = "three_interpolate"
    check.features(op, "features", features)
    check.tensor(op, "idx", idx, ("B", "n", 3), check.INDICES)
    check.together(op, "features", features, "idx", idx)
    half = features.dtype == torch.float16
    check.tensor(op, "weight", weight, ("B", idx.shape[1], 3), (features.dtype, torch.float32) if half
                 else (features.dtype,))
    check.together(op, "features", features, "weight", weight)
    return compiled.three_interpolate(features, idx, weight.detach().float() if half else weight.detach())


def ball_query(
    radius: float,  # of the balls, positive
    nsample: int,  # points to take from each ball, at least 1; may be more than N
    xyz: Tensor,  # (B, N, 3) coordinates to search
    new_xyz: Tensor,  # (B, npoint, 3) centres of the balls; npoint may be 0
) -> Tensor:  # (B, npoint, nsample) int32
    """The first `nsample` points, in the order of their indices, closer to each centre than `radius`.

    Where a ball holds fewer, its first point fills the rest; where it holds none, zeros do. The radius is rounded to
    the dtype of the points before it is squared.
    """
    radius = check.radius("ball_query", "radius", radius)
    nsample = check.count("ball_query", "nsample", nsample)
    check.points("ball_query", "xyz", xyz)
    check.points("ball_query", "new_xyz", new_xyz, empty=True)
    check.together("ball_query", "xyz", xyz, "new_xyz", new_xyz)
    check.same_dtype("ball_query", "xyz", xyz, "new_xyz", new_xyz)
    check.entries("ball_query", "nsample", nsample, (*new_xyz.shape[:2], nsample))
    idx = compiled.ball_query(xyz.detach(), new_xyz.detach(), radius, nsample)
    return idx if xyz.device.type == "cpu" else check.marked(idx, -1, xyz, new_xyz)


class QueryAndGroup(nn.Module):
    "Collects, around each centre, points of a ball: coordinates relative to the centre, then features."

    def __init__(
        self,
        radius: float,  # of the balls, positive
        nsample: int,  # points to take from each ball
        use_xyz: bool = True,  # put the relative coordinates before the features
    ):
        super().__init__()
        self.radius = check.radius("QueryAndGroup", "radius", radius)
        self.nsample = check.count("QueryAndGroup", "nsample", nsample)
        self.use_xyz = use_xyz

    def forward(
        self,
        xyz: Tensor,  # (B, N, 3) coordinates
        new_xyz: Tensor,  # (B, npoint, 3) centres
        features: Tensor | None = None,  # (B, C, N)
    ) -> Tensor:  # (B, 3 + C, npoint, nsample); without coordinates or features, fewer channels
        "Differentiable with respect to all three."
        if features is None and not self.use_xyz:
            raise ValueError("QueryAndGroup: features must be given when use_xyz is False")
        if features is not None:
            check.points("QueryAndGroup", "xyz", xyz)
            check.features_of("QueryAndGroup", features, xyz)
        idx = ball_query(self.radius, self.nsample, xyz, new_xyz)
        if not self.use_xyz:
            return grouping_operation(features, idx)
        offsets = grouping_operation(xyz.transpose(1, 2), idx) - new_xyz.transpose(1, 2).unsqueeze(3)
        return offsets if features is None else torch.cat([offsets, grouping_operation(features, idx)], dim=1)


class GroupAll(nn.Module):
    "Puts all points into one group: what `QueryAndGroup` is to a layer that looks at the whole cloud."

    def __init__(
        self,
        use_xyz: bool = True,  # put the coordinates before the features
    ):
        super().__init__()
        self.use_xyz = use_xyz

    def forward(
        self,
        xyz: Tensor,  # (B, N, 3) coordinates, taken as they are
        new_xyz: Tensor | None,  # ignored: one group needs no centre
        features: Tensor | None = None,  # (B, C, N)
    ) -> Tensor:  # (B, 3 + C, 1, N); without features (B, 3, 1, N)
        "Differentiable with respect to `xyz` and `features`."
        check.points("GroupAll", "xyz", xyz)
        coordinates = xyz.transpose(1, 2).unsqueeze(2)
        if features is None:
            return coordinates
        check.features_of("GroupAll", features, xyz)
        return torch.cat([coordinates, features.unsqueeze(2)], dim=1) if self.use_xyz else features.unsqueeze(2)
