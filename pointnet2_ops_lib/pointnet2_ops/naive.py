"""The same operations in plain torch: short enough to read, and the witnesses of the compiled ones.

They give the same indices, also for ties, because they round alike: squares are added x, y, z, never fused. Some store
a whole table of distances; none checks its arguments.
"""

import torch
from torch import Tensor


def squared_distances_naive(
    queries: Tensor,  # (B, M, 3)
    points: Tensor,  # (B, N, 3)
) -> Tensor:  # (B, M, N)
    "Squared distances of all pairs."
    x, y, z = (queries.unsqueeze(2) - points.unsqueeze(1)).unbind(-1)
    return x * x + y * y + z * z


def farthest_point_sample_naive(
    points: Tensor,  # (B, N, 3)
    count: int,  # points to pick
    skip_near_origin: bool = False,  # leave out points whose squared norm is at most 1e-3, as the old package does
) -> Tensor:  # (B, count) int32
    "Keeps each point's distance to the picks so far; the largest is the next pick, the first of equals."
    picks = torch.zeros(points.shape[0], count, dtype=torch.int64, device=points.device)
    distances = torch.full_like(points[..., 0], torch.inf)
    if skip_near_origin:
        norms = squared_distances_naive(points, torch.zeros_like(points[:, :1])).squeeze(2)
        distances[norms.double() <= 1e-3] = -1
    for step in range(1, count):
        last = points.take_along_dim(picks[:, step - 1, None, None], dim=1)
        distances = torch.minimum(distances, squared_distances_naive(last, points).squeeze(1))
        farthest = distances == distances.amax(1, keepdim=True)
        picks[:, step] = farthest.int().argmax(1)
    return picks.int()


def nearest_neighbours_naive(
    queries: Tensor,  # (B, M, 3)
    points: Tensor,  # (B, N, 3)
    k: int,  # neighbours for each query
) -> tuple[Tensor, Tensor]:  # squared distances (B, M, k), indices (B, M, k) int32
    "Sorts all distances; a stable sort leaves equals in the order of their indices."
    distances, indices = squared_distances_naive(queries, points).sort(dim=2, stable=True)
    return distances[..., :k], indices[..., :k].int()


def three_nn_naive(
    unknown: Tensor,  # (B, n, 3)
    known: Tensor,  # (B, m, 3)
) -> tuple[Tensor, Tensor]:  # distances (B, n, 3), indices (B, n, 3) int32
    "The three nearest, by sorting."
    squared, indices = nearest_neighbours_naive(unknown, known, 3)
    return squared.sqrt(), indices


def ball_query_naive(
    radius: float,  # of the balls
    nsample: int,  # points to take from each
    xyz: Tensor,  # (B, N, 3)
    new_xyz: Tensor,  # (B, npoint, 3)
) -> Tensor:  # (B, npoint, nsample) int32
    "Numbers the points inside, sorts the numbers, and fills up with the first."
    count = xyz.shape[1]
    inside = squared_distances_naive(new_xyz, xyz) < torch.tensor(radius, dtype=xyz.dtype) ** 2
    numbers = torch.where(inside, torch.arange(count, device=xyz.device), count)
    numbers = torch.nn.functional.pad(numbers, (0, max(0, nsample - count)), value=count)
    taken = numbers.sort(dim=2).values[..., :nsample]
    taken = torch.where(taken == count, taken[..., :1], taken)
    return torch.where(taken == count, 0, taken).int()


def gather_operation_naive(
    features: Tensor,  # (B, C, N)
    idx: Tensor,  # (B, npoint)
) -> Tensor:  # (B, C, npoint)
    "Chosen columns."
    return features.take_along_dim(idx.long().unsqueeze(1), dim=2)


def grouping_operation_naive(
    features: Tensor,  # (B, C, N)
    idx: Tensor,  # (B, npoint, nsample)
) -> Tensor:  # (B, C, npoint, nsample)
    "Chosen columns, in groups."
    return gather_operation_naive(features, idx.flatten(1)).unflatten(2, idx.shape[1:])


def three_interpolate_naive(
    features: Tensor,  # (B, c, m)
    idx: Tensor,  # (B, n, 3)
    weight: Tensor,  # (B, n, 3)
) -> Tensor:  # (B, c, n)
    "Weighted sums of three columns."
    return (grouping_operation_naive(features, idx) * weight.unsqueeze(1)).sum(-1)
