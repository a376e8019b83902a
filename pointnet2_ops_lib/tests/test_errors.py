"""Every bad input is a TypeError or ValueError that names the call and the argument."""

import pytest
import torch

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

CASES = [
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
    errors = (error, RuntimeError) if argument == "idx" and error is ValueError else error
    with pytest.raises(errors, match=rf"^[\w, ]*\b{name}\b[\w, ]*: .*\b{argument}\b"):
        call(*values)


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
])
def test_the_raw_operators_read_nothing_out_of_range(name, values):
    "torch.ops.pointnet2_ops is open to everyone: less friendly, but as safe."
    with pytest.raises((ValueError, RuntimeError)):
        getattr(torch.ops.pointnet2_ops, name)(*values)
