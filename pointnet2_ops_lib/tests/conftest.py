"""The devices and precisions to try, and what is skipped where."""

import pytest
import torch
from hypothesis import settings

import pointnet2_ops

# No deadline: the first call of an operator is slower than the rest.
settings.register_profile("here", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("here")


def has_cuda_operators() -> bool:
    "Whether a GPU is here and the installed library was built for it."
    return torch.cuda.is_available() and pointnet2_ops.runs_on("cuda")


def pytest_collection_modifyitems(items):
    "Tests marked cuda are skipped where they cannot run."
    if has_cuda_operators():
        return
    for item in items:
        if item.get_closest_marker("cuda"):
            item.add_marker(pytest.mark.skip(reason="no GPU, or built without the CUDA operators"))


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request) -> str:
    "Runs a test on the CPU and, where there is one, on a GPU."
    return request.param


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request) -> torch.dtype:
    "Runs a test in both precisions that every device supports."
    return request.param
