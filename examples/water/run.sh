#!/usr/bin/env bash
# Train, evaluate, export, run in LAMMPS and OpenMM.
set -euo pipefail
cd "$(dirname "$0")"
export OMP_WAIT_POLICY=passive  # threads that wait leave the cores to others
out=${OUT:-run}
hipnn-ts train train.yaml "training.max_minutes=${MINUTES:-1.5}" -o "$out" --overwrite
hipnn-ts evaluate "$out/best.ckpt" ../reference_data/water.extxyz.xz -o "$out/errors"
hipnn-ts export "$out/best.ckpt" -o "$out/model.pt"
cp ../lammps/in.water ../lammps/water.mol "$out"
(cd "$out" && OMP_NUM_THREADS=1 mpirun -np 2 lmp -in in.water -var model model.pt -var cells 4 -var steps "${STEPS:-2000}")
python ../openmm/water_nve.py "$out/model.pt" --box 1.4 --steps "${STEPS:-2000}"
