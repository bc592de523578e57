#!/usr/bin/env bash
# Measure and plot density and radial distribution functions of water in LAMMPS.
set -euo pipefail
cd "$(dirname "$0")"
export OMP_WAIT_POLICY=passive  # threads that wait leave the cores to others
model=${MODEL:-../water/run/model.pt}
[ -f "$model" ] || ../water/run.sh
out=${OUT:-run}
mkdir -p "$out"
cp "$model" "$out/model.pt"
cp ../lammps/in.water_npt ../lammps/water.mol "$out"
(cd "$out" && OMP_NUM_THREADS=1 mpirun -np 2 lmp -in in.water_npt -var model model.pt \
  -var cells "${CELLS:-4}" -var warm "${WARM:-2000}" -var steps "${STEPS:-6000}" -var pressure "${PRESSURE:-5000}")
python plot.py "$out"
