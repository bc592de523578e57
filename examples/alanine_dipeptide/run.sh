#!/usr/bin/env bash
# Label, train, export, run in OpenMM.
set -euo pipefail
cd "$(dirname "$0")"
export OMP_WAIT_POLICY=passive  # threads that wait leave the cores to others
out=${OUT:-run}
mkdir -p "$out"
[ -f "$out/labels.extxyz" ] || OMP_NUM_THREADS=1 python label.py "$out/labels.extxyz" "${FRAMES:-25}"
hipnn-ts train train.yaml "data.train=$(realpath "$out")/labels.extxyz" "training.max_minutes=${MINUTES:-1.5}" -o "$out" --overwrite
hipnn-ts export "$out/best.ckpt" -o "$out/model.pt"
OMP_NUM_THREADS=1 python ../openmm/alanine_dipeptide_vacuum.py "$out/model.pt" --steps "${STEPS:-60000}" --heating "${HEATING:-4000}" -o "$out"
