"""Farthest point sampling: against its plain twin, and against the indices of the authors' release."""

from pathlib import Path

import numpy as np
import pytest
import torch
from examples import KINDS, clouds, make_cloud, uneven
from hypothesis import given
from hypothesis import strategies as st

from pointnet2_ops import farthest_point_sample
from pointnet2_ops.naive import farthest_point_sample_naive
from pointnet2_ops.pointnet2_utils import furthest_point_sample


def test_agrees_with_the_release():
    """The fixture: 2000 face centroids of a posed body, and the 500 picks of the authors' release.

    None of them lies near the origin, so both names have to give these picks.
    """
    fixture = np.load(Path(__file__).parent / "release_fps.npz")
    points = torch.from_numpy(fixture["points"])[None]
    for sample in (furthest_point_sample, farthest_point_sample):
        assert sample(points, 500)[0].tolist() == fixture["picks"].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_naive(kind, device, dtype):
    points = make_cloud(kind, 2, 1500, dtype=dtype)
    want = farthest_point_sample_naive(points, 200)
    assert torch.equal(farthest_point_sample(points.to(device), 200).cpu(), want)
    want = farthest_point_sample_naive(points, 200, skip_near_origin=True)
    assert torch.equal(furthest_point_sample(points.to(device), 200).cpu(), want)


@given(points=clouds, share=st.floats(0, 1), skip=st.booleans())
def test_agrees_with_naive_on_any_cloud(points, share, skip):
    count = max(1, round(share * points.shape[1]))
    sample = furthest_point_sample if skip else farthest_point_sample
    picks = sample(points, count)
    assert picks.dtype == torch.int32 and picks.shape == (points.shape[0], count)
    assert torch.equal(picks, farthest_point_sample_naive(points, count, skip))


def test_skips_points_near_the_origin(device):
    points = torch.tensor([[[1.0, 0, 0], [0.03, 0, 0], [0, 0.04, 0], [0, 0, 2.0]]], device=device)
    assert furthest_point_sample(points, 4).tolist() == [[0, 3, 2, 0]]
    assert farthest_point_sample(points, 4).tolist() == [[0, 3, 2, 1]]


def test_repeats_point_zero_without_candidates(device):
    points = torch.full((1, 5, 3), 0.01, device=device)
    assert furthest_point_sample(points, 3).tolist() == [[0, 0, 0]]


def test_equally_far_points_give_the_lowest_index(device):
    points = torch.tensor([[[0.0, 0, 0], [0, 3, 0], [3, 0, 0], [0, 0, 3], [-3, 0, 0]]], device=device)
    assert farthest_point_sample(points, 2).tolist() == [[0, 1]]


def test_a_small_pick_leaves_no_gap():
    "The property the sampling is for: no point is farther from the picks than the last pick was from the others."
    points = make_cloud("normal", 1, 3000)
    picks = points[:, farthest_point_sample(points, 100)[0].long()]
    cover = torch.cdist(points, picks).amin(2).max()
    spread = torch.cdist(picks[:, :-1], picks[:, -1:]).min()
    assert cover <= spread * (1 + 1e-5)


def test_layout_does_not_matter(device):
    points = make_cloud("normal", 3, 200).to(device)
    assert torch.equal(farthest_point_sample(uneven(points), 50), farthest_point_sample(points, 50))


@pytest.mark.cuda
def test_undefined_coordinates_do_no_harm_on_cuda():
    "The picks of the raw operator mean nothing then, but they are valid indices."
    points = make_cloud("normal", 2, 300).cuda()
    points[0, 5], points[1] = torch.nan, torch.inf
    picks = torch.ops.pointnet2_ops.furthest_point_sample(points, 100, False)
    assert picks.min() >= 0 and picks.max() < 300
