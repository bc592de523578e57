#!/usr/bin/env bash
# One round of the learning loop, step by step.
set -euo pipefail
cd "$(dirname "$0")"
out=${OUT:-run}/by_hand
epochs=training.epochs=${EPOCHS:-250}
members=${MEMBERS:-3}
mkdir -p "$out"

# Label rattled frames and train the first committee on them.
python rattle.py ethanol.xyz "$out/rattled.extxyz" "${LABELS:-30}"
python label.py "$out/rattled.extxyz" "$out/first.extxyz"
cp train.yaml "$out"
hipnn-ts train "$out/train.yaml" "$epochs" -o "$out/first" --members "$members" --overwrite
hipnn-ts export "$out/first" -o "$out/first.pt"

# Run dynamics and label frames on which the committee is uncertain.
python walk.py "$out/first.pt" ethanol.xyz "$out/walk.extxyz" "${STEPS:-1000}"
hipnn-ts deviate "$out/first.pt" "$out/walk.extxyz"
hipnn-ts select "$out/first.pt" "$out/walk.extxyz" --above 0.08 -n "${LABELS:-30}" -o "$out/chosen.extxyz"
python label.py "$out/chosen.extxyz" "$out/second.extxyz"

# Train each member further, from its own weights, on all labels.
for k in $(seq "$members"); do
  hipnn-ts train "$out/train.yaml" "$epochs" "data.train=[first.extxyz, second.extxyz]" "training.seed=$k" \
    "training.start_from=first/member-$k/best.ckpt" -o "$out/second/member-$k" --overwrite
done
hipnn-ts export "$out/second" -o "$out/second.pt"
hipnn-ts deviate "$out/second.pt" "$out/walk.extxyz"
