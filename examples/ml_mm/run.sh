#!/usr/bin/env bash
# Run alanine dipeptide, with the model, in classical water.
set -euo pipefail
cd "$(dirname "$0")"
export OMP_WAIT_POLICY=passive  # threads that wait leave the cores to others
model=${MODEL:-../alanine_dipeptide/run/model.pt}
[ -f "$model" ] || ../alanine_dipeptide/run.sh
out=${OUT:-run}
python ../openmm/alanine_dipeptide_water.py "$model" --steps "${STEPS:-20000}" --padding "${PADDING:-0.9}" --cutoff "${CUTOFF:-0.8}" -o "$out"
