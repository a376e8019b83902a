#!/bin/sh
# Make everything anew that was measured or learned: the tables in nbs/benchmark, the shipped weights, the README.
# Data sets that are not on this machine are left out and said (npr data build NAME makes them). About seven hours on two
# cores, most of them for the preset paper, whose trainings go on where they stopped.
set -e
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=2000
BIN=.venv/bin
for name in bodies-2k animals faces bodies-dqs bodies; do
    case $name in
        bodies-2k) run=paper-long count=12000 ;;
        bodies-dqs) run=paper-dqs count=300 ;;
        bodies) run=paper-bodies count=1500 ;;
        faces) run=paper-faces count=1000 ;;
        animals) run= ;;  # 600 steps belong to its benchmark
    esac
    if ! $BIN/npr benchmark $name ${run:+--paper-steps 0}; then
        echo "$name: left out"
        continue
    fi
    [ -z "$run" ] || $BIN/npr train $name --preset paper --steps $count --lr 5e-4 --out runs/$run
    for table in runs/benchmark/$name/*held_out.json runs/benchmark/$name/*train.json; do
        [ -e "$table" ] || continue
        out=nbs/benchmark/${table##*/} data=${table##*/}
        if [ -z "$run" ]; then
            cp "$table" "$out"
            continue
        fi
        data=${data%.json} poses=${data##*-}
        data=${data%-*}
        case $name in bodies) few="--bodies 8" ;; *) few= ;; esac
        $BIN/npr evaluate runs/benchmark/$name/npr --data "$data" --poses "$poses" $few --paper runs/$run --out "$out"
    done
done
$BIN/python scripts/paper_network.py runs/paper-long
$BIN/python scripts/paper_averaging.py runs/paper-long
rm -f nbs/benchmark/ablation.json
$BIN/python scripts/ablation.py
$BIN/python scripts/matches.py --out nbs/benchmark/matches.json
for name in bodies animals; do
    $BIN/python scripts/make_pretrained.py $name
done
$BIN/python scripts/make_readme.py
