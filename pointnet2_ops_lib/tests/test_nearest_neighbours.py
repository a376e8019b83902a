"""Nearest neighbours and three_nn: against the plain twins."""

import pytest
import torch
from examples import KINDS, clouds, make_cloud, uneven
from hypothesis import given
from hypothesis import strategies as st

from pointnet2_ops import nearest_neighbours
from pointnet2_ops.naive import nearest_neighbours_naive, three_nn_naive
from pointnet2_ops.pointnet2_utils import three_nn

FINITE_SQUARES = [kind for kind in KINDS if kind != "huge"]


@pytest.mark.parametrize("k", [1, 3, 16, 300])
@pytest.mark.parametrize("kind", FINITE_SQUARES)
def test_agrees_with_naive(kind, k, device, dtype):
    points, queries = make_cloud(kind, 2, 300, dtype=dtype), make_cloud(kind, 2, 77, seed=1, dtype=dtype)
    distances, indices = nearest_neighbours(queries.to(device), points.to(device), k)
    want_distances, want_indices = nearest_neighbours_naive(queries, points, k)
    assert torch.equal(indices.cpu(), want_indices) and torch.equal(distances.cpu(), want_distances)


@given(points=clouds.filter(lambda points: points.abs().max() < 1e18 if points.numel() else True),
       share=st.floats(0, 1), queries=st.integers(0, 40), seed=st.integers(0, 1000))
def test_agrees_with_naive_on_any_cloud(points, share, queries, seed):
    k = max(1, round(share * points.shape[1]))
    near = torch.randint(points.shape[1], (queries,), generator=torch.Generator().manual_seed(seed))
    distances, indices = nearest_neighbours(points[:, near], points, k)
    want_distances, want_indices = nearest_neighbours_naive(points[:, near], points, k)
    assert torch.equal(indices, want_indices) and torch.equal(distances, want_distances)


def test_a_point_is_its_own_nearest_neighbour(device):
    points = make_cloud("normal", 2, 500).to(device)
    distances, indices = nearest_neighbours(points, points, 1)
    assert torch.equal(indices[..., 0].cpu(), torch.arange(500, dtype=torch.int32).expand(2, -1))
    assert distances.max() == 0


def test_distances_that_overflow_keep_point_zero(device):
    points = make_cloud("huge", 1, 20).to(device)
    distances, indices = nearest_neighbours(points[:, :2], points, 20)
    assert indices.min() >= 0 and indices.max() < 20 and distances[..., 0].max() == 0


def test_three_nn_gives_distances_not_squares(device, dtype):
    known, unknown = make_cloud("normal", 2, 100, dtype=dtype), make_cloud("normal", 2, 50, seed=1, dtype=dtype)
    distances, indices = three_nn(unknown.to(device), known.to(device))
    want_distances, want_indices = three_nn_naive(unknown, known)
    assert distances.dtype == dtype and indices.dtype == torch.int32
    assert torch.equal(indices.cpu(), want_indices)
    torch.testing.assert_close(distances.cpu(), want_distances)


def test_layout_does_not_matter(device):
    points, queries = make_cloud("normal", 3, 100).to(device), make_cloud("normal", 3, 20, seed=1).to(device)
    got, want = nearest_neighbours(uneven(queries), uneven(points), 5), nearest_neighbours(queries, points, 5)
    assert torch.equal(got[0], want[0]) and torch.equal(got[1], want[1])
