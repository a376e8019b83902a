#!/bin/sh
# Build and install pointnet2_ops where a C++ compiler is at hand; npr works without it. Usage: install_ops.sh PYTHON
set -u
python=$1
if ! command -v "${CXX:-c++}" >/dev/null 2>&1; then
    echo "pointnet2_ops: no C++ compiler found, going on with plain PyTorch."
    exit 0
fi
log=$(mktemp)
if "$python" -m pip install --quiet --disable-pip-version-check setuptools wheel >"$log" 2>&1 &&
    "$python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps ./pointnet2_ops_lib >>"$log" 2>&1; then
    echo "pointnet2_ops: compiled and installed."
    rm -f "$log"
else
    echo "pointnet2_ops: could not be compiled (see $log), going on with plain PyTorch."
fi
