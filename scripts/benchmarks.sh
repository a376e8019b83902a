#!/bin/sh
# Make everything anew that was measured or learned: the tables in nbs/benchmark, the shipped weights, the README.
# Data sets that are not on this machine are left out and said (npr data build NAME makes them); about three hours on two cores.
# PAPER=RUN measures a run of the preset paper beside ours; without it bodies-2k and animals train one for 1,400 and 600 steps.
set -e
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive
BIN=.venv/bin
for name in bodies-2k animals faces bodies-dqs bodies; do
    case $name in bodies) steps="--paper-steps 0" ;; *) steps=${PAPER:+--paper-steps 0} ;; esac
    if ! $BIN/npr benchmark $name $steps; then
        echo "$name: left out"
        continue
    fi
    cp runs/benchmark/$name/*held_out.json runs/benchmark/$name/*train.json nbs/benchmark/ 2> /dev/null || \
        cp runs/benchmark/$name/*held_out.json nbs/benchmark/
done
[ -z "$PAPER" ] || $BIN/npr evaluate runs/benchmark/bodies-2k/npr --paper "$PAPER" --out nbs/benchmark/bodies-2k-held_out.json
rm -f nbs/benchmark/ablation.json
$BIN/python scripts/ablation.py
$BIN/python scripts/matches.py --out nbs/benchmark/matches.json
for name in bodies animals; do
    $BIN/python scripts/make_pretrained.py $name
done
$BIN/python scripts/make_readme.py
