#!/bin/sh
# Build and install pointnet2_ops where a C++ compiler is at hand; npr works without it. Usage: install_ops.sh PYTHON
set -u
python=$1
if ! command -v "${CXX:-c++}" >/dev/null 2>&1; then
    echo "pointnet2_ops: no C++ compiler found, going on with plain PyTorch."
    exit 0
fi
log=$(mktemp)
pip="$python -m pip install --quiet --disable-pip-version-check"
build="$pip --no-build-isolation --no-deps --force-reinstall ./pointnet2_ops_lib"
if $pip setuptools wheel >"$log" 2>&1 && $build >>"$log" 2>&1; then
    echo "pointnet2_ops: compiled and installed."
    rm -f "$log"
elif FORCE_CUDA=0 $build >>"$log" 2>&1; then
    echo "pointnet2_ops: compiled for the CPU alone, since its CUDA part could not be built (see $log)."
else
    echo "pointnet2_ops: could not be compiled (see $log), going on with plain PyTorch."
fi
