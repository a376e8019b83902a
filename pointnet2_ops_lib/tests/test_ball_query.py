"""Ball query: against its plain twin, and its rules one by one."""

import pytest
import torch
from examples import KINDS, clouds, make_cloud, uneven
from hypothesis import given
from hypothesis import strategies as st

from pointnet2_ops.naive import ball_query_naive
from pointnet2_ops.pointnet2_utils import ball_query


@pytest.mark.parametrize("radius", [1e-3, 0.5, 1.0, 100.0])
@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_naive(kind, radius, device, dtype):
    points, centres = make_cloud(kind, 2, 700, dtype=dtype), make_cloud(kind, 2, 40, seed=1, dtype=dtype)
    for nsample in (1, 32, 800):
        got = ball_query(radius, nsample, points.to(device), centres.to(device))
        assert torch.equal(got.cpu(), ball_query_naive(radius, nsample, points, centres))


@given(points=clouds, radius=st.sampled_from([0.1, 1.0, 2.0, 1e7]), nsample=st.integers(1, 64))
def test_agrees_with_naive_on_any_cloud(points, radius, nsample):
    centres = points[:, ::3]
    got = ball_query(radius, nsample, points, centres)
    assert got.dtype == torch.int32 and got.shape == (*centres.shape[:2], nsample)
    assert torch.equal(got, ball_query_naive(radius, nsample, points, centres))


def test_fills_up_with_the_first_and_leaves_zeros_where_nothing_is_near(device):
    points = torch.tensor([[[9.0, 0, 0], [1, 0, 0], [5, 0, 0], [1.5, 0, 0]]], device=device)
    centres = torch.tensor([[[1.0, 0, 0], [-50, 0, 0]]], device=device)
    assert ball_query(1.0, 3, points, centres).tolist() == [[[1, 3, 1], [0, 0, 0]]]


def test_a_point_on_the_sphere_is_outside(device):
    points = torch.tensor([[[2.0, 0, 0], [0, 1.9, 0]]], device=device)
    assert ball_query(2.0, 2, points, torch.zeros(1, 1, 3, device=device)).tolist() == [[[1, 1]]]


def test_layout_does_not_matter(device):
    points, centres = make_cloud("normal", 3, 100).to(device), make_cloud("normal", 3, 20, seed=1).to(device)
    assert torch.equal(ball_query(1, 8, uneven(points), uneven(centres)), ball_query(1, 8, points, centres))
