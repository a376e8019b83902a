"""Every bad input is a TypeError or ValueError that names the call and the argument."""

import pytest
import torch

from pointnet2_ops import _checks as check
from pointnet2_ops import farthest_point_sample, nearest_neighbours
from pointnet2_ops.pointnet2_utils import (
    GroupAll,
    QueryAndGroup,
    ball_query,
    furthest_point_sample,
    gather_operation,
    grouping_operation,
    three_interpolate,
    three_nn,
)

XYZ = torch.rand(2, 10, 3)
FEATURES = torch.rand(2, 4, 10)
IDX = torch.zeros(2, 5, dtype=torch.int32)
GROUPS = torch.zeros(2, 5, 3, dtype=torch.int32)
WEIGHT = torch.rand(2, 5, 3)



def spoilt(value: float, point: int = 7) -> torch.Tensor:
    "The cloud with one coordinate that is not finite."
    xyz = XYZ.clone()
    xyz[1, point, 2] = value
    return xyz


CASES = [
    (furthest_point_sample, "xyz", (spoilt(float("nan")), 3), ValueError),
    (furthest_point_sample, "xyz", (spoilt(float("inf"), 0), 3), ValueError),
    (farthest_point_sample, "points", (spoilt(float("-inf")).double(), 3), ValueError),
    (nearest_neighbours, "queries", (spoilt(float("nan")), XYZ, 2), ValueError),
    (nearest_neighbours, "points", (XYZ, spoilt(float("nan")), 2), ValueError),
    (three_nn, "unknown", (spoilt(float("inf")), XYZ), ValueError),
    (three_nn, "known", (XYZ, spoilt(float("nan"))), ValueError),
    (ball_query, "xyz", (1.0, 3, spoilt(float("nan"), 9), XYZ), ValueError),
    (ball_query, "new_xyz", (1.0, 3, XYZ, spoilt(float("nan"), 0)), ValueError),
    (ball_query, "nsample", (1.0, 2**31, XYZ, XYZ), ValueError),
    (ball_query, "nsample", (1.0, 2**27, XYZ, XYZ), ValueError),
    (ball_query, "nsample", (1.0, 3.0, XYZ, XYZ), TypeError),
    (QueryAndGroup(1.0, 3), "features", (XYZ, XYZ, FEATURES[..., :4]), ValueError),
    (QueryAndGroup(1.0, 3), "features", (XYZ, XYZ, FEATURES[:1]), ValueError),
    (QueryAndGroup(1.0, 3, use_xyz=False), "features", (XYZ, XYZ, FEATURES.repeat(1, 1, 5)), ValueError),
    (QueryAndGroup(1.0, 3), "features", (XYZ, XYZ, FEATURES.int()), TypeError),
    (QueryAndGroup(1.0, 3), "xyz", (XYZ[0], XYZ, FEATURES), ValueError),
    (QueryAndGroup, "nsample", (1.0, 2.5), TypeError),
    (furthest_point_sample, "xyz", (XYZ.tolist(), 3), TypeError),
    (furthest_point_sample, "xyz", (XYZ.half(), 3), TypeError),
    (furthest_point_sample, "xyz", (XYZ.int(), 3), TypeError),
    (furthest_point_sample, "xyz", (XYZ[0], 3), ValueError),
    (furthest_point_sample, "xyz", (XYZ[..., :2], 3), ValueError),
    (furthest_point_sample, "xyz", (XYZ[:, :0], 1), ValueError),
    (furthest_point_sample, "npoint", (XYZ, 0), ValueError),
    (furthest_point_sample, "npoint", (XYZ, -1), ValueError),
    (furthest_point_sample, "npoint", (XYZ, 11), ValueError),
    (furthest_point_sample, "npoint", (XYZ, 2.5), TypeError),
    (furthest_point_sample, "npoint", (XYZ, True), TypeError),
    (farthest_point_sample, "count", (XYZ, 11), ValueError),
    (farthest_point_sample, "points", (XYZ[:, :0], 1), ValueError),
    (nearest_neighbours, "k", (XYZ, XYZ, 11), ValueError),
    (nearest_neighbours, "k", (XYZ, XYZ, 0), ValueError),
    (nearest_neighbours, "queries", (XYZ[0], XYZ, 1), ValueError),
    (nearest_neighbours, "points", (XYZ, XYZ[:, :0], 1), ValueError),
    (nearest_neighbours, "points", (XYZ, XYZ[:1], 1), ValueError),
    (nearest_neighbours, "points", (XYZ, XYZ.double(), 1), TypeError),
    (nearest_neighbours, "points", (XYZ, XYZ.to("meta"), 1), ValueError),
    (three_nn, "known", (XYZ, XYZ[:, :2]), ValueError),
    (three_nn, "known", (XYZ, XYZ[:, :0]), ValueError),
    (three_nn, "unknown", (XYZ.half(), XYZ), TypeError),
    (three_nn, "known", (XYZ, XYZ.double()), TypeError),
    (ball_query, "radius", (0, 3, XYZ, XYZ), ValueError),
    (ball_query, "radius", (-1.0, 3, XYZ, XYZ), ValueError),
    (ball_query, "radius", (float("nan"), 3, XYZ, XYZ), ValueError),
    (ball_query, "radius", ("1", 3, XYZ, XYZ), TypeError),
    (ball_query, "nsample", (1.0, 0, XYZ, XYZ), ValueError),
    (ball_query, "xyz", (1.0, 3, XYZ[:, :0], XYZ), ValueError),
    (ball_query, "new_xyz", (1.0, 3, XYZ, XYZ[..., :2]), ValueError),
    (ball_query, "new_xyz", (1.0, 3, XYZ, XYZ[:1]), ValueError),
    (ball_query, "new_xyz", (1.0, 3, XYZ, XYZ.double()), TypeError),
    (gather_operation, "features", (FEATURES.half(), IDX), TypeError),
    (gather_operation, "features", (FEATURES[0], IDX), ValueError),
    (gather_operation, "idx", (FEATURES, IDX.float()), TypeError),
    (gather_operation, "idx", (FEATURES, IDX.to(torch.int16)), TypeError),
    (gather_operation, "idx", (FEATURES, GROUPS), ValueError),
    (gather_operation, "idx", (FEATURES, IDX[:1]), ValueError),
    (gather_operation, "idx", (FEATURES, IDX.to("meta")), ValueError),
    (gather_operation, "idx", (FEATURES, IDX + 10), ValueError),
    (gather_operation, "idx", (FEATURES, IDX.long() + 2**32), ValueError),
    (gather_operation, "idx", (FEATURES, IDX - 1), ValueError),
    (gather_operation, "idx", (FEATURES[..., :0], IDX), ValueError),
    (grouping_operation, "idx", (FEATURES, IDX), ValueError),
    (grouping_operation, "idx", (FEATURES, GROUPS[:1]), ValueError),
    (grouping_operation, "idx", (FEATURES, GROUPS + 10), ValueError),
    (three_interpolate, "features", (FEATURES.int(), GROUPS, WEIGHT), TypeError),
    (three_interpolate, "idx", (FEATURES, GROUPS[..., :2], WEIGHT), ValueError),
    (three_interpolate, "idx", (FEATURES, GROUPS + 10, WEIGHT), ValueError),
    (three_interpolate, "idx", (FEATURES, GROUPS - 1, WEIGHT), ValueError),
    (three_interpolate, "weight", (FEATURES, GROUPS, WEIGHT[:, :4]), ValueError),
    (three_interpolate, "weight", (FEATURES, GROUPS, WEIGHT.double()), TypeError),
    (three_interpolate, "weight", (FEATURES, GROUPS, WEIGHT.to("meta")), ValueError),
    (QueryAndGroup, "radius", (0, 3), ValueError),
    (QueryAndGroup, "nsample", (1.0, 0), ValueError),
    (QueryAndGroup(1.0, 3, use_xyz=False), "features", (XYZ, XYZ), ValueError),
    (GroupAll(), "features", (XYZ, None, FEATURES[..., :4]), ValueError),
    (GroupAll(), "xyz", (XYZ[0], None), ValueError),
]


@pytest.mark.parametrize("call, argument, values, error", CASES)
def test_bad_input(call, argument, values, error):
    name = getattr(call, "__name__", type(call).__name__)
    # What only a kernel can see comes through torch's stable ABI, and newer torch makes a RuntimeError of it.
    errors = (error, RuntimeError) if error is ValueError else error
    with pytest.raises(errors, match=rf"^[\w, ]*\b{name}\b[\w, ]*: .*\b{argument}\b"):
        call(*values)


def test_the_message_says_where():
    with pytest.raises((ValueError, RuntimeError), match="new_xyz must be finite, found nan at point 7 of cloud 1"):
        ball_query(1.0, 3, XYZ, spoilt(float("nan")))


def test_marked():
    "What CUDA gives for clouds that are not finite, computed here on the CPU; the other clouds are untouched."
    squared, idx = nearest_neighbours(XYZ, XYZ, 2)
    for clouds in ((spoilt(float("nan")), XYZ), (XYZ, spoilt(float("inf")))):
        got, marks = check.marked(squared, torch.nan, *clouds), check.marked(idx, -1, *clouds)
        assert torch.equal(got[0], squared[0]) and got[1].isnan().all() and got.dtype == squared.dtype
        assert torch.equal(marks[0], idx[0]) and (marks[1] == -1).all() and marks.dtype == idx.dtype
    assert torch.equal(check.marked(idx, -1, XYZ, XYZ), idx)


@pytest.mark.cuda
def test_cuda_marks_what_is_not_finite():
    "No host waits for the look at values: the indices of such a cloud are -1, and what they gather is NaN."
    xyz, bad, features = XYZ.cuda(), spoilt(float("nan")).cuda(), FEATURES.cuda()
    distances, idx = three_nn(xyz, bad)
    assert distances[1].isnan().all() and distances[0].isfinite().all()
    for found in (idx, furthest_point_sample(bad, 3), farthest_point_sample(bad, 3), ball_query(1.0, 3, bad, xyz)):
        assert (found[1] == -1).all() and (found[0] >= 0).all()
    grouped = QueryAndGroup(1.0, 3)(bad, xyz, features)
    assert grouped[1].isnan().all() and grouped[0].isfinite().all()


def test_features_may_hold_nan():
    features = FEATURES.clone()
    features[0, 1, 0] = torch.nan
    got = gather_operation(features, IDX)
    assert got[0, 1].isnan().all() and got[0, 0].isfinite().all() and got[1].isfinite().all()


@pytest.mark.cuda
def test_mixed_devices():
    with pytest.raises(ValueError, match="gather_operation: features is on cuda:0 but idx is on cpu"):
        gather_operation(FEATURES.cuda(), IDX)
    with pytest.raises(ValueError, match="three_nn: unknown is on cuda:0 but known is on cpu"):
        three_nn(XYZ.cuda(), XYZ)


@pytest.mark.parametrize("name, values", [
    ("furthest_point_sample", (XYZ[0], 1, False)),
    ("furthest_point_sample", (XYZ, 11, False)),
    ("furthest_point_sample", (XYZ, 0, False)),
    ("furthest_point_sample", (XYZ.half(), 1, False)),
    ("gather_operation", (FEATURES, IDX[:1])),
    ("gather_operation", (FEATURES, IDX.float())),
    ("gather_operation_backward", (FEATURES, IDX, 10)),
    ("gather_operation_backward", (FEATURES[..., :5], IDX + 9, 5)),
    ("gather_operation_backward", (FEATURES[..., :5], IDX, -1)),
    ("three_interpolate", (FEATURES, GROUPS, WEIGHT[:1])),
    ("three_interpolate_backward", (FEATURES, GROUPS, WEIGHT, 10)),
    ("three_interpolate_backward", (FEATURES[..., :5], GROUPS + 9, WEIGHT, 5)),
    ("ball_query", (XYZ, XYZ.double(), 1.0, 3)),
    ("ball_query", (XYZ, XYZ, 1.0, 0)),
    ("nearest_neighbours", (XYZ, XYZ[:1], 3)),
    ("nearest_neighbours", (XYZ, XYZ, 11)),
    ("nearest_neighbours", (XYZ, spoilt(float("nan")), 2)),
    ("furthest_point_sample", (spoilt(float("inf")), 2, False)),
    ("ball_query", (spoilt(float("nan")), XYZ, 1.0, 3)),
    ("ball_query", (XYZ, XYZ, 1.0, 2**40)),
])
def test_the_raw_operators_read_nothing_out_of_range(name, values):
    "torch.ops.pointnet2_ops is open to everyone: less friendly, but as safe."
    with pytest.raises((ValueError, RuntimeError)):
        getattr(torch.ops.pointnet2_ops, name)(*values)
