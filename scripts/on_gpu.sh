#!/bin/sh
# Everything worth doing on a machine with an NVIDIA GPU, with or without a network, in stretches of some minutes.
#
#   sh scripts/on_gpu.sh wheels [HAS]    where there is a network: fetch what the other machine needs into wheels/;
#                                        HAS: a file with its `pip freeze`, whose packages are left out
#   sh scripts/on_gpu.sh run [MINUTES]   on the GPU: go on for at most MINUTES (10); call it again until all is done
#
# `run` needs a Python with torch, built for CUDA (PYTHON=..., otherwise python3), and nvcc. Results, logs and executed
# notebooks are left in runs/gpu: what is done there is not done again, and the training goes on where it stopped.
set -u
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-python3}
OUT=$PWD/runs/gpu
NPR="import sys; from npr.app.cli import main; sys.exit(main())"
START=$(date +%s)

fetch_wheels() {  # for the Python and the platform of the other machine: PYTHON_VERSION=3.12, x86-64
    needed=$(sed -n 's/^\([a-z0-9_-]*\)==\([^ ;+]*\).*/\1==\2/p' constraints.txt |
             grep -E '^(libigl|cholespy|trimesh|rtree|tyro|pooch|nbdev|execnb|fastcore|ghapi|papermill|nbclient|nbformat)==')
    platforms=$(for glibc in 39 34 31 28 27 26 24 17 12 5; do printf -- '--platform manylinux_2_%s_x86_64 ' $glibc; done)
    # shellcheck disable=SC2086
    "$PYTHON" -m pip download --quiet --dest wheels --only-binary=:all: --implementation cp \
        --python-version "${PYTHON_VERSION:-3.12}" $platforms --platform manylinux2014_x86_64 \
        $needed ipykernel nbconvert safetensors tensorboard hypothesis pytest || exit 1
    rm -f wheels/torch-* wheels/nvidia_*
    [ -z "${1:-}" ] && return 0
    for wheel in wheels/*.whl; do
        package=$(basename "$wheel" | sed 's/-.*//; s/[_.]/[-_.]/g')
        grep -qi "^$package[=@ ]" "$1" && rm "$wheel"
    done
    du -sh wheels
}

left() { echo $(( MINUTES * 60 - $(date +%s) + START )); }

step() {  # NAME SECONDS COMMAND...: once, if so much time is left; its output goes to a log
    name=$1 needed=$2
    shift 2
    [ -e "$OUT/$name.done" ] && return 0
    [ "$(left)" -lt "$needed" ] && { echo "$name: not now, it takes up to $needed s"; PENDING=1; return 0; }
    if timeout "$(left)" "$@" >"$OUT/$name.log" 2>&1; then
        touch "$OUT/$name.done"
        echo "$name: done"
    else
        echo "$name: FAILED (see runs/gpu/$name.log): $(tail -n 1 "$OUT/$name.log")"
        FAILED=1
    fi
}

run() {
    mkdir -p "$OUT/site" && PENDING=0 && FAILED=0
    export PYTHONPATH="$OUT/site:$PWD" OMP_WAIT_POLICY=passive PYTHONUNBUFFERED=1
    "$PYTHON" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' || [ -n "${REHEARSE:-}" ] ||
        { echo "torch sees no GPU here; REHEARSE=1 goes through the steps on the CPU"; exit 1; }
    [ -d wheels ] && step wheels 20 "$PYTHON" -m pip install --quiet --no-index --no-deps --no-compile --upgrade \
        --target "$OUT/site" wheels/*.whl
    step operators 60 "$PYTHON" -m pip install --quiet --no-build-isolation --no-deps --upgrade --target "$OUT/site" \
        ./pointnet2_ops_lib
    step operators-tests 30 "$PYTHON" -m pytest -q pointnet2_ops_lib/tests
    step speed 120 "$PYTHON" -c "$NPR" benchmark speed --out "$OUT"
    for page in $(grep -l '#| cuda' -r nbs --include='*.ipynb'); do
        step "$(basename "$page" .ipynb)" 60 "$PYTHON" -m papermill --kernel python3 --no-progress-bar \
            --cwd "$(dirname "$page")" "$page" "$OUT/$(basename "$page")"
    done
    step end-to-end 120 "$PYTHON" -m papermill --cwd nbs --kernel python3 --no-progress-bar nbs/runs/end_to_end.ipynb \
        "$OUT/end_to_end.ipynb" -p out "$OUT"
    [ -e "$OUT/training.done" ] || train
    [ $PENDING$FAILED = 00 ] && echo "all done; results are in runs/gpu" || echo "call it again to go on"
    return $FAILED
}

train() {  # the published network, the best schedule known; Ctrl-C after the time that is left, which saves
    timeout -s INT "$(left)" "$PYTHON" -c "$NPR" train bodies-2k --preset paper --lr 5e-4 \
        --steps "$([ -n "${REHEARSE:-}" ] && echo 2 || echo 12000)" --out "$OUT/paper" >"$OUT/training.log" 2>&1
    case $? in
        0) touch "$OUT/training.done"; echo "training: done" ;;
        124 | 130) PENDING=1; echo "training: $(tr '\r' '\n' <"$OUT/training.log" | tail -n 1)" ;;
        *) FAILED=1; echo "training: FAILED (see runs/gpu/training.log)" ;;
    esac
}

case ${1:-} in
    wheels) fetch_wheels "${2:-}" ;;
    run) MINUTES=${2:-10}; run ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
