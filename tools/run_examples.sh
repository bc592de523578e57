#!/usr/bin/env bash
# Run every example at full length; some use models of earlier ones. Pictures and times are kept for
# the docs.
set -euo pipefail
cd "$(dirname "$0")/.."
names=(water water_density alanine_dipeptide ml_mm copper learning)
pictures=(errors/parity.png water.png vacuum.png water.png copper.png errors/parity.png)
times=docs/pictures/examples.txt
: > "$times.part"
for k in "${!names[@]}"; do
  name=${names[$k]}
  echo "examples/$name"
  SECONDS=0
  "examples/$name/run.sh"
  printf '%-18s %4d s\n' "$name" "$SECONDS" >> "$times.part"
  cp "examples/$name/run/${pictures[$k]}" "docs/pictures/example_$name.png"
done
grep -m 1 'model name' /proc/cpuinfo | sed "s/.*: /on $(nproc) cores of /" >> "$times.part"
mv "$times.part" "$times"
