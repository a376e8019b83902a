"""Interpolation between three points: against its plain twin, and its gradient."""

import pytest
import torch
from examples import INDEX_DTYPES, make_cloud, random_features, random_indices, uneven
from torch.autograd import gradcheck, gradgradcheck

from pointnet2_ops.naive import three_interpolate_naive
from pointnet2_ops.pointnet2_utils import three_interpolate, three_nn


def random_weights(shape, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.mark.parametrize("index_dtype", INDEX_DTYPES)
def test_agrees_with_naive(index_dtype, device, dtype):
    features, idx = random_features(3, 5, 40, dtype), random_indices(40, (3, 5000, 3), index_dtype)
    weight = random_weights(idx.shape, dtype)
    got = three_interpolate(features.to(device), idx.to(device), weight.to(device))
    assert got.dtype == dtype
    torch.testing.assert_close(got.cpu(), three_interpolate_naive(features, idx, weight))


@pytest.mark.parametrize("clouds, channels, queries", [(0, 2, 4), (2, 0, 4), (2, 3, 0), (1, 1, 1)])
def test_empty_shapes(clouds, channels, queries, device):
    features, idx = random_features(clouds, channels, 4).to(device), random_indices(4, (clouds, queries, 3)).to(device)
    features.requires_grad_()
    got = three_interpolate(features, idx, random_weights(idx.shape).to(device))
    assert got.shape == (clouds, channels, queries)
    got.sum().backward()
    assert features.grad.shape == features.shape


def test_gradients(device):
    features = random_features(2, 3, 6, torch.float64).to(device).requires_grad_()
    idx = random_indices(6, (2, 8, 3)).to(device)
    weight = random_weights(idx.shape, torch.float64).to(device)
    assert gradcheck(lambda x: three_interpolate(x, idx, weight), features, nondet_tol=1e-12)
    assert gradgradcheck(lambda x: three_interpolate(x, idx, weight), features, nondet_tol=1e-12)


def test_gives_back_the_features_at_the_known_points(device):
    "With weights of inverse distance, as PointNet++ uses them."
    known = make_cloud("normal", 2, 60).to(device)
    features = random_features(2, 4, 60).to(device)
    distances, idx = three_nn(known, known)
    weight = 1 / (distances + 1e-10)
    got = three_interpolate(features, idx, weight / weight.sum(-1, keepdim=True))
    torch.testing.assert_close(got, features)


def test_layout_does_not_matter(device):
    features, idx = random_features(3, 4, 50).to(device), random_indices(50, (3, 20, 3)).to(device)
    weight = random_weights(idx.shape).to(device)
    assert torch.equal(three_interpolate(uneven(features), uneven(idx), uneven(weight)),
                       three_interpolate(features, idx, weight))


@pytest.mark.cuda
@pytest.mark.parametrize("weight_dtype", [torch.float16, torch.float32])
def test_half_features(weight_dtype):
    features, idx = random_features(2, 3, 50).half(), random_indices(50, (2, 400, 3))
    weight = random_weights(idx.shape).to(weight_dtype)
    leaf = features.cuda().requires_grad_()
    got = three_interpolate(leaf, idx.cuda(), weight.cuda())
    assert got.dtype == torch.float16
    want_leaf = features.float().requires_grad_()
    want = three_interpolate_naive(want_leaf, idx, weight.float())
    torch.testing.assert_close(got.cpu().float(), want.detach(), rtol=1e-3, atol=1e-3)
    got.sum().backward()
    want.sum().backward()
    torch.testing.assert_close(leaf.grad.cpu().float(), want_leaf.grad, rtol=1e-3, atol=1e-3)
