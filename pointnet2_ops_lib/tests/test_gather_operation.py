"""Gathering and grouping: against the plain twins, and their gradients."""

import pytest
import torch
from examples import INDEX_DTYPES, random_features, random_indices, uneven
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from pointnet2_ops.naive import gather_operation_naive, grouping_operation_naive
from pointnet2_ops.pointnet2_utils import gather_operation, grouping_operation


@pytest.mark.parametrize("index_dtype", INDEX_DTYPES)
def test_agrees_with_naive(index_dtype, device, dtype):
    features = random_features(3, 5, 400, dtype)
    idx = random_indices(400, (3, 9000), index_dtype)
    got = gather_operation(features.to(device), idx.to(device))
    assert got.dtype == dtype and torch.equal(got.cpu(), gather_operation_naive(features, idx))
    groups = idx.view(3, 1000, 9)
    got = grouping_operation(features.to(device), groups.to(device))
    assert torch.equal(got.cpu(), grouping_operation_naive(features, groups))


@given(clouds=st.integers(0, 3), channels=st.integers(0, 4), points=st.integers(1, 50), chosen=st.integers(0, 60),
       seed=st.integers(0, 1000))
def test_agrees_with_naive_on_any_shape(clouds, channels, points, chosen, seed):
    features, idx = random_features(clouds, channels, points, seed=seed), random_indices(points, (clouds, chosen))
    features.requires_grad_()
    got, want = gather_operation(features, idx), gather_operation_naive(features, idx)
    assert torch.equal(got, want)
    torch.testing.assert_close(torch.autograd.grad(got.square().sum(), features),
                               torch.autograd.grad(want.square().sum(), features))


@pytest.mark.parametrize("index_dtype", INDEX_DTYPES)
def test_gradients(index_dtype, device):
    features = random_features(2, 3, 7, torch.float64).to(device).requires_grad_()
    idx = random_indices(7, (2, 4, 5), index_dtype).to(device)
    assert gradcheck(lambda x: gather_operation(x, idx[:, 0]), features, nondet_tol=1e-12)
    assert gradcheck(lambda x: grouping_operation(x, idx), features, nondet_tol=1e-12)
    assert gradgradcheck(lambda x: grouping_operation(x, idx), features, nondet_tol=1e-12)


def test_layout_does_not_matter(device):
    features, idx = random_features(3, 4, 50).to(device), random_indices(50, (3, 6, 7)).to(device)
    assert torch.equal(grouping_operation(uneven(features), uneven(idx)), grouping_operation(features, idx))


@pytest.mark.cuda
def test_half_features():
    features, idx = random_features(2, 3, 50).half(), random_indices(50, (2, 400))
    leaf = features.cuda().requires_grad_()
    got = gather_operation(leaf, idx.cuda())
    assert got.dtype == torch.float16 and torch.equal(got.cpu(), gather_operation_naive(features, idx))
    got.sum().backward()
    uses = torch.nn.functional.one_hot(idx.long(), 50).sum(1)
    assert leaf.grad.dtype == torch.float16
    assert torch.equal(leaf.grad.cpu(), uses.unsqueeze(1).expand(-1, 3, -1).half())


@pytest.mark.cuda
def test_an_index_out_of_range_gives_nan_on_cuda():
    features = random_features(1, 2, 5).cuda().requires_grad_()
    got = gather_operation(features, torch.tensor([[1, 5, -1]]).cuda())
    assert got.isnan().tolist() == [[[False, True, True]] * 2]
    got.nan_to_num().sum().backward()
    assert features.grad.tolist() == [[[0, 1, 0, 0, 0]] * 2]
