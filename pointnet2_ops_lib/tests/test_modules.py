"""QueryAndGroup and GroupAll, from the plain twins."""

import torch
from examples import make_cloud, random_features

from pointnet2_ops.naive import ball_query_naive, grouping_operation_naive
from pointnet2_ops.pointnet2_utils import GroupAll, QueryAndGroup


def test_query_and_group(device):
    xyz, features = make_cloud("normal", 2, 200).to(device), random_features(2, 5, 200).to(device)
    centres = xyz[:, ::10]
    got = QueryAndGroup(1.0, 16)(xyz, centres, features)
    idx = ball_query_naive(1.0, 16, xyz, centres)
    offsets = grouping_operation_naive(xyz.transpose(1, 2), idx) - centres.transpose(1, 2).unsqueeze(3)
    assert got.shape == (2, 8, 20, 16)
    assert torch.equal(got[:, :3], offsets)
    assert torch.equal(got[:, 3:], grouping_operation_naive(features, idx))
    assert torch.equal(QueryAndGroup(1.0, 16)(xyz, centres), offsets)
    assert torch.equal(QueryAndGroup(1.0, 16, use_xyz=False)(xyz, centres, features), got[:, 3:])


def test_query_and_group_has_gradients_to_points_centres_and_features():
    xyz = make_cloud("normal", 1, 30, dtype=torch.float64).requires_grad_()
    centres = xyz[:, :4].detach().clone().requires_grad_()
    features = random_features(1, 2, 30, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(QueryAndGroup(1.0, 5), (xyz, centres, features))


def test_group_all(device):
    xyz, features = make_cloud("normal", 2, 50).to(device), random_features(2, 5, 50).to(device)
    got = GroupAll()(xyz, None, features)
    assert got.shape == (2, 8, 1, 50)
    assert torch.equal(got[:, :3, 0], xyz.transpose(1, 2)) and torch.equal(got[:, 3:, 0], features)
    assert torch.equal(GroupAll()(xyz, None), got[:, :3])
    assert torch.equal(GroupAll(use_xyz=False)(xyz, None, features), got[:, 3:])
