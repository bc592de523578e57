#!/usr/bin/env bash
# set_up.sh FOLDER: make a chroot of Debian 13 in FOLDER/root for tests on another system. It has Python 3.13,
# GCC 14, LAMMPS of 4 Feb 2025 with OpenMPI 5, built from Debian's source because Debian's own build lacks the PLUGIN
# package, and this package, without torch. FOLDER/bin has an `lmp` and an `mpirun` that run the chroot's from
# outside. A second call only builds this package again.
set -euo pipefail

say() {
  echo "make debian: $*" >&2
  exit 1
}
[ $# = 1 ] || say "expected one folder"
[ "$(id -u)" = 0 ] || say "chroot and its mounts want root, found user $(id -un)"
for program in debootstrap unshare chroot; do
  [ -n "$(command -v $program)" ] || say "$program not found: apt-get install debootstrap util-linux"
done

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
mkdir -p "$1/bin"
folder=$(cd "$1" && pwd)
root=$folder/root
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
cd "$source"

inside() { "$here/inside.sh" "$root" "$@"; }

# step NAME SENTENCE: run the function NAME, unless that is done, and say SENTENCE if it fails.
step() {
  [ ! -e "$root/done-$1" ] || return 0
  "$1" >"$folder/$1.log" 2>&1 & # a condition would run it past its own errors
  wait $! || say "$2; see $folder/$1.log"
  touch "$root/done-$1"
}

system() {
  rm -rf "$root"
  debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$mirror"
}

packages() {
  echo "deb-src $mirror trixie main" >"$root/etc/apt/sources.list.d/source.list"
  inside apt-get update
  DEBIAN_FRONTEND=noninteractive inside apt-get install --yes --no-install-recommends dpkg-dev g++ python3-dev \
    python3-venv libopenmpi-dev openmpi-bin xz-utils
  inside python3 -m venv /venv
  inside python3 "$source/tools/requirements.py" --no-extras >"$root/venv/requirements.txt"
  inside pip install --requirement /venv/requirements.txt
}

# LAMMPS with the packages that the tests use. Without optimisation the build takes a quarter of the time.
lammps() {
  local url name size checksum
  rm -rf "$root/lammps"
  mkdir -p "$root/lammps/source"
  # Only this archive is fetched: apt-get source needs the .dsc, too, whose name with %2b not every mirror knows.
  read -r url name size checksum < <(inside apt-get source --print-uris lammps | grep '\.orig\.tar')
  url=${url//\'/}
  inside python3 -c 'import sys; from urllib.request import urlretrieve; urlretrieve(*sys.argv[1:])' \
    "${url//%2b/+}" "/lammps/$name"
  echo "${checksum#*:} $root/lammps/$name" | sha256sum --check
  inside tar xf "/lammps/$name" -C /lammps/source --strip-components=1
  inside cmake -S /lammps/source/cmake -B /lammps/build -G Ninja -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_FLAGS=-O0 -DBUILD_SHARED_LIBS=ON -DBUILD_MPI=ON -DBUILD_OMP=ON -DFFT=KISS -DWITH_JPEG=OFF -DWITH_PNG=OFF \
    -DWITH_GZIP=OFF -DWITH_FFMPEG=OFF -DPKG_PLUGIN=ON -DPKG_EXTRA-FIX=ON -DPKG_KSPACE=ON -DPKG_MC=ON -DPKG_MISC=ON -DPKG_MOLECULE=ON
  inside cmake --build /lammps/build --parallel 2
  inside ln -sf /lammps/build/lmp /venv/bin/lmp
}

package() {
  inside pip install --no-build-isolation --no-deps --force-reinstall . --config-settings=build-dir=/build \
    --config-settings=cmake.define.HIPNN_TS_TORCH=OFF \
    --config-settings=cmake.define.HIPNN_TS_WARNINGS_AS_ERRORS=ON \
    --config-settings=cmake.define.LAMMPS_INCLUDE_DIR=/lammps/source/src \
    --config-settings=cmake.define.MPI_INCLUDE_DIR=/usr/lib/x86_64-linux-gnu/openmpi/include
}

step system "no Debian from $mirror, which wants a network"
step packages "packages of Debian or of Python were not to be had, which wants a network"
step lammps "Debian's LAMMPS was not built"
rm -f "$root/done-package"
step package "this package was not built"

# The tests call mpirun with this lmp as its program.
cat >"$folder/bin/lmp" <<END
#!/bin/sh
exec "$here/inside.sh" "$root" lmp "\$@"
END
cat >"$folder/bin/mpirun" <<END
#!/bin/sh
# mpirun -np RANKS LMP ARGUMENTS
ranks=\$2
shift 3
exec "$here/inside.sh" "$root" mpirun --oversubscribe --bind-to none -np "\$ranks" lmp "\$@"
END
chmod +x "$folder/bin/lmp" "$folder/bin/mpirun"
