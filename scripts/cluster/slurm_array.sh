#!/bin/bash
# One of N tasks does every N-th line of a list with one npr command, in which {} stands for its lines:
#
#   sbatch --array=0-9 scripts/cluster/slurm_array.sh targets.txt npr transfer runs/bodies {} --out posed --keep-going
#   sbatch --array=0-3 scripts/cluster/slurm_array.sh templates.txt npr train {} --out runs --keep-going
#
#SBATCH --job-name=npr
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=npr-%A-%a.log
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail
list=$1
shift

same=$(sed 's#/*$##; s#.*/##; s#\.[^.]*$##' "$list" | sort -f | uniq -di)
if [ -n "$same" ]; then
    echo "$list: several entries are called ${same//$'\n'/, } and would share a place in --out; rename them." >&2
    exit 2
fi

index=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN))
mapfile -t entries < <(awk -v count="$SLURM_ARRAY_TASK_COUNT" -v index_="$index" 'NF && line++ % count == index_' "$list")
[ ${#entries[@]} -gt 0 ] || exit 0

words=()
for word; do
    if [ "$word" = "{}" ]; then words+=("${entries[@]}"); else words+=("$word"); fi
done
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-2}
exec "${words[@]}"  # npr itself gets the SIGTERM: a training saves a checkpoint
