"""Checks of arguments: a TypeError or ValueError that names the operation and the argument.

Only shapes, dtypes and devices are looked at, never values, so a check neither waits for a GPU nor stops a trace. What
needs values is checked by the CPU kernels; on CUDA `marked` shows it in the result.
"""

import math
import numbers
import operator

import torch
from torch import Tensor

COORDINATES = (torch.float32, torch.float64)
INDICES = (torch.int32, torch.int64)
LARGEST = 2**31 - 1


def _names(dtypes: tuple) -> str:
    return " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)


def tensor(
    op: str,  # name of the operation, for the message
    argument: str,  # name of the argument, for the message
    value: Tensor,  # what the caller passed
    shape: tuple,  # expected shape: a number is required, a letter stands for any size
    dtypes: tuple,  # dtypes that are accepted
) -> None:
    "Raises TypeError for what is no tensor of these dtypes, ValueError for another shape."
    if not isinstance(value, Tensor):
        raise TypeError(f"{op}: {argument} must be a tensor, got {type(value).__name__}")
    if value.dtype not in dtypes:
        raise TypeError(f"{op}: {argument} must be {_names(dtypes)}, got {_names((value.dtype,))}")
    fits = value.dim() == len(shape) and all(
        isinstance(want, str) or size == want for size, want in zip(value.shape, shape))
    if not fits:
        want = ", ".join(map(str, shape))
        raise ValueError(f"{op}: {argument} must be of shape ({want}), got {tuple(value.shape)}")
    if value.device.type not in ("cpu", "cuda", "meta"):
        raise ValueError(f"{op}: {argument} must be on the CPU or a CUDA device, got {value.device}")


def points(op: str, argument: str, value: Tensor, empty: bool = False) -> None:
    "Checks a (B, N, 3) cloud; `empty` allows N = 0."
    tensor(op, argument, value, ("B", "N", 3), COORDINATES)
    if not empty and value.shape[1] == 0:
        raise ValueError(f"{op}: {argument} has no points, its shape is {tuple(value.shape)}")


def features(op: str, argument: str, value: Tensor) -> None:
    "Checks (B, C, N) features; half precision exists on CUDA only."
    half = isinstance(value, Tensor) and value.device.type != "cpu"
    tensor(op, argument, value, ("B", "C", "N"), (*COORDINATES, torch.float16) if half else COORDINATES)


def together(
    op: str,  # name of the operation, for the message
    argument: str,  # name of the first argument
    value: Tensor,  # the first argument, already checked
    other_argument: str,  # name of the other
    other: Tensor,  # the other, already checked
) -> None:
    "Raises ValueError unless two arguments share their device and batch size."
    if value.device != other.device:
        raise ValueError(f"{op}: {argument} is on {value.device} but {other_argument} is on {other.device}")
    if value.shape[0] != other.shape[0]:
        raise ValueError(f"{op}: {argument} has {value.shape[0]} clouds but {other_argument} has {other.shape[0]}")


def features_of(op: str, value: Tensor, xyz: Tensor) -> None:
    "Checks features that belong to the points of a cloud, which was checked before."
    features(op, "features", value)
    together(op, "xyz", xyz, "features", value)
    if value.shape[2] != xyz.shape[1]:
        raise ValueError(f"{op}: xyz has {xyz.shape[1]} points but features have {value.shape[2]}")


def same_dtype(op: str, argument: str, value: Tensor, other_argument: str, other: Tensor) -> None:
    "Raises TypeError unless two arguments share their dtype."
    if value.dtype != other.dtype:
        dtype, other_dtype = _names((value.dtype,)), _names((other.dtype,))
        raise TypeError(f"{op}: {argument} is {dtype} but {other_argument} is {other_dtype}")


def count(op: str, argument: str, value: int, largest: int | None = None) -> int:
    "The number as an int; TypeError unless it is a whole number, ValueError outside 1 .. `largest`."
    if isinstance(value, bool):
        raise TypeError(f"{op}: {argument} must be a whole number, got {value}")
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{op}: {argument} must be a whole number, got {type(value).__name__}") from None
    if value < 1:
        raise ValueError(f"{op}: {argument} must be at least 1, got {value}")
    if largest is not None and value > largest:
        raise ValueError(f"{op}: {argument} is {value}, but there are only {largest} points")
    return value


def radius(op: str, argument: str, value: float) -> float:
    "The number as a float; TypeError for what is no number, ValueError unless positive and finite."
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{op}: {argument} must be a number, got {type(value).__name__}")
    value = float(value)
    if not 0 < value < math.inf:
        raise ValueError(f"{op}: {argument} must be positive and finite, got {value}")
    return value


def entries(op: str, argument: str, value: int, shape: tuple[int, ...]) -> None:
    "Raises ValueError where `value` makes a result of this shape too large for int32 indices."
    if math.prod(shape) > LARGEST:
        raise ValueError(f"{op}: {argument} is {value}, so the result would be of shape {shape}; choose a smaller one, "
                         f"a result has at most {LARGEST} entries")


def marked(
    result: Tensor,  # (B, ...), computed from the clouds
    mark: float,  # what stands for "undefined"
    *clouds: Tensor,  # each (B, N, 3)
) -> Tensor:  # (B, ...)
    "The result, with the mark in all places of a batch element one of whose clouds has a NaN or an infinity."
    sound = torch.stack([cloud.isfinite().flatten(1).all(dim=1) for cloud in clouds]).all(dim=0)
    return result.where(sound.view(-1, *[1] * (result.dim() - 1)), mark)
