#!/usr/bin/env bash
# set_up.sh FOLDER: make a chroot of Debian 13 in FOLDER/root for tests on another system. It has Python 3.13,
# GCC 14, LAMMPS of 4 Feb 2025 with OpenMPI 5, built from Debian's source because Debian's own build lacks the PLUGIN
# package, and this package, without torch. FOLDER/bin has an `lmp` and an `mpirun` that run the chroot's from
# outside. A second call only builds this package again.
command="make debian"
. "${0%/*}/common.sh"
[ $# = 1 ] || say "expected one folder"
[ "$(id -u)" = 0 ] || say "chroot and its mounts want root, found user $(id -un)"
for program in debootstrap unshare chroot; do
  [ -n "$(command -v $program)" ] || say "$program not found: apt-get install debootstrap util-linux"
done

enter "$1"

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

lammps() {
  fetch_lammps /lammps
  build_lammps /lammps
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

programs "$folder/bin" lmp
