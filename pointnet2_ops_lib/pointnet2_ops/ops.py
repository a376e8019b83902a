"""What torch has to know about the compiled operators beyond their kernels: shapes for tracing, and gradients.

Importing this module loads the library; the operators are then `torch.ops.pointnet2_ops.*`. Nothing is compiled here.
"""

import torch
from torch import Tensor
from torch.library import register_autograd, register_fake

try:
    from . import _C  # noqa: F401  (loading it registers the operators)
except ImportError as error:
    raise ImportError(
        "pointnet2_ops._C cannot be loaded. In a source folder it is not built: "
        "run `pip install --no-build-isolation ./pointnet2_ops_lib` and import from elsewhere. "
        "It needs torch >= 2.10."
    ) from error

compiled = torch.ops.pointnet2_ops


def runs_on(
    device_type: str,  # "cpu" or "cuda"
) -> bool:
    "Whether this installation has kernels for such devices: always for the CPU, for CUDA if it was built for it."
    return torch._C._dispatch_has_kernel_for_dispatch_key("pointnet2_ops::ball_query", device_type.upper())


@register_fake("pointnet2_ops::furthest_point_sample")
def _(points, count, skip_near_origin):
    return points.new_empty((points.shape[0], count), dtype=torch.int32)


@register_fake("pointnet2_ops::gather_operation")
def _(features, indices):
    return features.new_empty((*features.shape[:2], indices.shape[1]))


@register_fake("pointnet2_ops::gather_operation_backward")
def _(gradient, indices, points):
    return gradient.new_empty((*gradient.shape[:2], points))


@register_fake("pointnet2_ops::three_interpolate")
def _(features, indices, weights):
    return features.new_empty((*features.shape[:2], indices.shape[1]))


@register_fake("pointnet2_ops::three_interpolate_backward")
def _(gradient, indices, weights, points):
    return gradient.new_empty((*gradient.shape[:2], points))


@register_fake("pointnet2_ops::ball_query")
def _(points, centres, radius, count):
    return points.new_empty((*centres.shape[:2], count), dtype=torch.int32)


@register_fake("pointnet2_ops::nearest_neighbours")
def _(queries, points, count):
    shape = (*queries.shape[:2], count)
    return queries.new_empty(shape), queries.new_empty(shape, dtype=torch.int32)


def _wide(gradient: Tensor) -> Tensor:
    "Gradients of half precision are added up in float32."
    return gradient.float() if gradient.dtype == torch.float16 else gradient


def _save_gather(ctx, inputs, output):
    features, indices = inputs
    ctx.save_for_backward(indices)
    ctx.points = features.shape[2]


def _gather_gradient(ctx, gradient):
    (indices,) = ctx.saved_tensors
    summed = compiled.gather_operation_backward(_wide(gradient), indices, ctx.points)
    return summed.to(gradient.dtype), None


def _save_gather_backward(ctx, inputs, output):
    ctx.save_for_backward(inputs[1])


def _gather_second_gradient(ctx, gradient):
    "The sum back into the points is linear: its own gradient is the gathering again."
    (indices,) = ctx.saved_tensors
    return compiled.gather_operation(gradient, indices), None, None


def _save_interpolate(ctx, inputs, output):
    features, indices, weights = inputs
    ctx.save_for_backward(indices, weights)
    ctx.points = features.shape[2]


def _interpolate_gradient(ctx, gradient):
    "Weights are constants, as in the package of 2018."
    indices, weights = ctx.saved_tensors
    summed = compiled.three_interpolate_backward(_wide(gradient), indices, weights, ctx.points)
    return summed.to(gradient.dtype), None, None


def _save_interpolate_backward(ctx, inputs, output):
    ctx.save_for_backward(inputs[1], inputs[2])


def _interpolate_second_gradient(ctx, gradient):
    indices, weights = ctx.saved_tensors
    return compiled.three_interpolate(gradient, indices, weights), None, None, None


register_autograd("pointnet2_ops::gather_operation", _gather_gradient, setup_context=_save_gather)
register_autograd("pointnet2_ops::gather_operation_backward", _gather_second_gradient,
                  setup_context=_save_gather_backward)
register_autograd("pointnet2_ops::three_interpolate", _interpolate_gradient, setup_context=_save_interpolate)
register_autograd("pointnet2_ops::three_interpolate_backward", _interpolate_second_gradient,
                  setup_context=_save_interpolate_backward)
