#!/usr/bin/env bash
# Run the learning loop, and evaluate its model on labels that no member was trained on.
set -euo pipefail
cd "$(dirname "$0")"
out=${OUT:-run}
hipnn-ts learn learn.yaml -o "$out/loop" "rounds.most=${ROUNDS:-6}" "rounds.labels=${LABELS:-30}" \
  "first.labels=${LABELS:-30}" "committee.steps=${TRAINING:-1500}" "sampling.steps=${STEPS:-2000}" "committee.members=${MEMBERS:-3}"
last=$(ls -d "$out"/loop/round-*/errors.json | sort -V | tail -n 1)
hipnn-ts evaluate "$out/loop/model.pt" "$(dirname "$last")/held_back.extxyz" -o "$out/errors"
