#!/usr/bin/env bash
# Label, train, export, melt in LAMMPS, compare.
set -euo pipefail
cd "$(dirname "$0")"
export OMP_WAIT_POLICY=passive  # threads that wait leave the cores to others
out=${OUT:-run}
mkdir -p "$out"
[ -f "$out/labels.extxyz" ] || OMP_NUM_THREADS=1 python label.py "$out/labels.extxyz" "${FRAMES:-15}"
hipnn-ts train train.yaml "data.train=$(realpath "$out")/labels.extxyz" "training.max_minutes=${MINUTES:-1}" -o "$out" --overwrite
hipnn-ts export "$out/best.ckpt" -o "$out/model.pt"
cp in.copper "$out"
(cd "$out" && OMP_NUM_THREADS=1 mpirun -np 2 lmp -in in.copper -var model model.pt -var cells "${CELLS:-4}" -var steps "${STEPS:-3000}")
OMP_NUM_THREADS=1 python compare.py "$out" "${STEPS:-3000}"
