#!/usr/bin/env bash
# One round.
set -euo pipefail
cd "$(dirname "$0")"
export OMP_WAIT_POLICY=passive  # threads that wait leave the cores to others
python run.py "${OUT:-run}" --minutes "${MINUTES:-0.25}" --frames "${FRAMES:-60}"
