#!/usr/bin/env bash
# Compiles every CUDA source, without linking: shows that they are sound where nvcc is but no GPU and no CUDA torch.
# Usage: compile_cuda.sh [python with torch]; ARCH=sm_80 compile_cuda.sh
set -euo pipefail
include=$("${1:-python}" -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "include"))')
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
for source in "$(dirname "$0")"/csrc/cuda/*.cu; do
  nvcc -c -arch="${ARCH:-sm_90}" -std=c++20 -O3 -fmad=false -DUSE_CUDA -DTORCH_TARGET_VERSION=0x020a000000000000 \
    -Xcompiler -fPIC -I"$include" "$source" -o "$objects/$(basename "$source").o"
  echo "compiled $(basename "$source")"
done
