"""What makes the operators citizens of torch: opcheck, torch.compile, threads, empty batches."""

import pytest
import torch
from examples import make_cloud, random_features, random_indices, uneven
from torch.library import opcheck

from pointnet2_ops import farthest_point_sample, nearest_neighbours
from pointnet2_ops.pointnet2_utils import (
    QueryAndGroup,
    ball_query,
    furthest_point_sample,
    gather_operation,
    three_interpolate,
    three_nn,
)

compiled = torch.ops.pointnet2_ops


def samples(device: str) -> list:
    "Operators with arguments, some of them not contiguous, some with gradients."
    xyz = make_cloud("normal", 2, 40).to(device)
    features = random_features(2, 3, 40).to(device)
    leaf, gradient = features.clone().requires_grad_(), random_features(2, 3, 6).to(device).requires_grad_()
    idx, corners = random_indices(40, (2, 6)).to(device), random_indices(40, (2, 6, 3), torch.int64).to(device)
    weight = torch.rand(2, 6, 3, device=device)
    return [
        (compiled.furthest_point_sample, (xyz, 7, True)),
        (compiled.furthest_point_sample, (uneven(xyz), 7, False)),
        (compiled.gather_operation, (leaf, idx)),
        (compiled.gather_operation, (uneven(features).requires_grad_(), idx.long())),
        (compiled.gather_operation_backward, (gradient, idx, 40)),
        (compiled.three_interpolate, (leaf, corners, weight)),
        (compiled.three_interpolate_backward, (gradient, corners, weight, 40)),
        (compiled.ball_query, (xyz, xyz[:, ::2], 1.0, 5)),
        (compiled.nearest_neighbours, (xyz[:, ::2], xyz, 4)),
    ]


@pytest.mark.parametrize("number", range(9))
def test_opcheck(number, device):
    operator, arguments = samples(device)[number]
    opcheck(operator, arguments)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compile_traces_through(dynamic, device):
    "A PointNet++ layer down and up again, forward and backward, in one graph."
    group = QueryAndGroup(1.0, 8)

    def network(xyz, features):
        centres_idx = furthest_point_sample(xyz, 12)
        centres = gather_operation(xyz.transpose(1, 2), centres_idx).transpose(1, 2)
        grouped = group(xyz, centres, features).amax(3)
        distances, idx = three_nn(xyz, centres)
        weight = 1 / (distances + 1e-8)
        return three_interpolate(grouped, idx, weight / weight.sum(-1, keepdim=True))

    traced = torch.compile(network, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for count in (60, 75):
        xyz = make_cloud("normal", 2, count).to(device)
        features = random_features(2, 4, count).to(device)
        leaves = [features.clone().requires_grad_() for _ in range(2)]
        want, got = network(xyz, leaves[0]), traced(xyz, leaves[1])
        torch.testing.assert_close(got, want)
        want.square().sum().backward()
        got.square().sum().backward()
        torch.testing.assert_close(leaves[1].grad, leaves[0].grad)


def test_compile_traces_the_searches(device):
    def network(xyz):
        return farthest_point_sample(xyz, 10), *nearest_neighbours(xyz, xyz, 3), ball_query(1, 4, xyz, xyz)

    xyz = make_cloud("normal", 2, 50).to(device)
    for got, want in zip(torch.compile(network, fullgraph=True, backend="aot_eager")(xyz), network(xyz)):
        assert torch.equal(got, want)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_does_not_matter(threads):
    xyz, features = make_cloud("normal", 3, 2000), random_features(3, 4, 2000).requires_grad_()

    def results():
        picks = furthest_point_sample(xyz, 50)
        balls = ball_query(0.5, 16, xyz, xyz)
        grouped = gather_operation(features, balls.flatten(1))
        (gradient,) = torch.autograd.grad(grouped.square().sum(), features)
        return picks, balls, grouped, gradient, *three_nn(xyz, xyz)

    before = torch.get_num_threads()
    want = results()
    try:
        torch.set_num_threads(threads)
        got = results()
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(got, want))


def test_an_empty_batch(device):
    xyz, features = torch.empty(0, 10, 3, device=device), torch.empty(0, 4, 10, device=device)
    assert furthest_point_sample(xyz, 3).shape == (0, 3)
    assert [part.shape for part in three_nn(xyz, xyz)] == [(0, 10, 3), (0, 10, 3)]
    assert QueryAndGroup(1.0, 6)(xyz, xyz, features).shape == (0, 7, 10, 6)


@pytest.mark.cuda
def test_runs_on_the_current_stream():
    "Work queued before on the same stream is seen; another device or stream is left alone."
    xyz = make_cloud("normal", 4, 5000).cuda()
    want = furthest_point_sample(xyz, 64)
    stream = torch.cuda.Stream()
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        moved = torch.zeros_like(xyz)
        torch.cuda._sleep(10_000_000)
        moved.copy_(xyz)
        got = furthest_point_sample(moved, 64)
    stream.synchronize()
    assert torch.equal(got, want)
