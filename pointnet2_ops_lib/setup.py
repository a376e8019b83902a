"""Builds the wheel of pointnet2_ops: always the CPU operators, and the CUDA operators where torch and a toolkit allow.

FORCE_CUDA=1 makes a missing toolkit an error, FORCE_CUDA=0 leaves the CUDA operators out. Architectures are those of
the user's TORCH_CUDA_ARCH_LIST, or of the GPUs that torch sees, or, where it sees none, all that the toolkit
builds for.
"""

import os
from pathlib import Path

import torch
from setuptools import setup
from torch.utils.cpp_extension import CUDA_HOME, BuildExtension, CppExtension, CUDAExtension

HERE = Path(__file__).parent
# One binary for Python 3.10 and later, torch 2.10 and later (torch itself adds Py_LIMITED_API, in this spelling).
STABLE = ["-DPy_LIMITED_API=0x030A0000", "-DTORCH_TARGET_VERSION=0x020a000000000000"]
# No fused multiply-add anywhere: processors of all kinds and the GPU then agree to the last bit, and so on every tie.
COMPILER = [*STABLE, "-O3", "-g0", "-fopenmp-simd", "-ffp-contract=off", "-Wall", "-Wno-unknown-pragmas"]
CUDA_COMPILER = [*STABLE, "-O3", "-fmad=false", "-DUSE_CUDA"]


def want_cuda() -> bool:
    "Whether to build the CUDA operators; raises where FORCE_CUDA=1 asks for what cannot be had."
    possible = torch.version.cuda is not None and CUDA_HOME is not None
    forced = os.environ.get("FORCE_CUDA", "")
    if forced not in ("", "0", "1"):
        raise ValueError(f"FORCE_CUDA must be 0, 1 or unset, got {forced!r}")
    if forced == "1" and not possible:
        raise RuntimeError(f"FORCE_CUDA=1, but torch.version.cuda is {torch.version.cuda}, CUDA_HOME is {CUDA_HOME}")
    return possible and forced != "0"


def architectures() -> list[str]:
    "What to tell nvcc where neither the user nor a GPU says it: torch would then have nothing to choose from."
    return [] if "TORCH_CUDA_ARCH_LIST" in os.environ or torch.cuda.is_available() else ["-arch=all-major"]


def sources(*patterns: str) -> list[str]:
    "Source files, relative to this folder as setuptools wants them."
    return sorted(str(path.relative_to(HERE)) for pattern in patterns for path in (HERE / "csrc").glob(pattern))


def extension():
    "The one extension module, for the CPU alone or for both."
    if not want_cuda():
        return CppExtension("pointnet2_ops._C", sources("*.cpp", "cpu/*.cpp"), py_limited_api=True,
                            extra_compile_args={"cxx": COMPILER})
    return CUDAExtension("pointnet2_ops._C", sources("*.cpp", "cpu/*.cpp", "cuda/*.cu"), py_limited_api=True,
                         extra_compile_args={"cxx": [*COMPILER, "-DUSE_CUDA"],
                                             "nvcc": [*CUDA_COMPILER, *architectures()]})


setup(
    name="pointnet2_ops",
    version="0.1.0",
    description="Compiled operations on point clouds for PyTorch, on CPU and CUDA",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    install_requires=["torch>=2.10"],
    packages=["pointnet2_ops"],
    ext_modules=[extension()],
    cmdclass={"build_ext": BuildExtension},
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
