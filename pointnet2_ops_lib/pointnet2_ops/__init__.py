"""Compiled operations on point clouds for PyTorch, on CPU and CUDA.

`pointnet2_ops.pointnet2_utils` has the calls of the package of 2018 under their old names; `farthest_point_sample` and
`nearest_neighbours` here are the two that it lacked; `pointnet2_ops.naive` says in plain torch what each one computes.
"""

from .ops import runs_on
from .points import farthest_point_sample, nearest_neighbours

__version__ = "0.1.0"
__all__ = ["farthest_point_sample", "nearest_neighbours", "runs_on"]
