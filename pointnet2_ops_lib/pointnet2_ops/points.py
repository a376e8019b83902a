"""Searches among points that the package of 2018 did not have in this form."""

from math import nan

from torch import Tensor

from . import _checks as check
from .ops import compiled


def farthest_point_sample(
    points: Tensor,  # (B, N, 3) coordinates, float32 or float64, finite
    count: int,  # how many points to pick, 1 .. N
) -> Tensor:  # (B, count) int32, in the order of picking
    """Starts at point 0 and picks, again and again, the point that is farthest from all picks so far.

    Every point is a candidate (`pointnet2_utils.furthest_point_sample` leaves out those near the origin). Among equally
    far points the lowest index wins, on every device. A cloud with fewer distinct places than `count` repeats some.
    Raises TypeError or ValueError.
    """
    check.points("farthest_point_sample", "points", points)
    count = check.count("farthest_point_sample", "count", count, points.shape[1])
    picks = compiled.furthest_point_sample(points.detach(), count, False)
    return picks if points.device.type == "cpu" else check.marked(picks, -1, points)


def nearest_neighbours(
    queries: Tensor,  # (B, M, 3) coordinates, float32 or float64, finite; M may be 0
    points: Tensor,  # (B, N, 3) coordinates, same dtype and device
    k: int,  # neighbours for each query, 1 .. N
) -> tuple[Tensor, Tensor]:  # squared distances (B, M, k), dtype of the points, and indices (B, M, k) int32
    """The `k` points nearest to each query, nearest first; at the same distance the lower index comes first.

    Compares each query with each point but never stores the N x M table. No gradients. Raises TypeError or ValueError.
    """
    op = "nearest_neighbours"
    check.points(op, "queries", queries, empty=True)
    check.points(op, "points", points)
    check.together(op, "queries", queries, "points", points)
    check.same_dtype(op, "queries", queries, "points", points)
    k = check.count(op, "k", k, points.shape[1])
    squared, indices = compiled.nearest_neighbours(queries.detach(), points.detach(), k)
    if points.device.type == "cpu":
        return squared, indices
    return check.marked(squared, nan, queries, points), check.marked(indices, -1, queries, points)
