# What set_up.sh and kokkos.sh share. They set `command`, the words that begin their messages.
set -euo pipefail

say() {
  echo "$command: $*" >&2
  exit 1
}

# enter FOLDER: the chroot is in FOLDER/root.
enter() {
  here=$(cd "${0%/*}" && pwd)
  source=$(cd "$here/../.." && pwd)
  mkdir -p "$1"
  folder=$(cd "$1" && pwd)
  root=$folder/root
  mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
  cd "$source"
}

inside() { "$here/inside.sh" "$root" "$@"; }

# step NAME SENTENCE: run the function NAME, unless that is done, and say SENTENCE if it fails.
step() {
  [ ! -e "$root/done-$1" ] || return 0
  "$1" >"$folder/$1.log" 2>&1 & # a condition would run it past its own errors
  wait $! || say "$2; see $folder/$1.log"
  touch "$root/done-$1"
}

# fetch_lammps FOLDER OPTION...: unpack Debian's LAMMPS in the chroot's FOLDER/source; options are apt's.
fetch_lammps() {
  local to=$1 url name size checksum cmake
  shift
  rm -rf "${root:?}$to"
  mkdir -p "$root$to/unpacked"
  # Only this archive is fetched: apt-get source needs the .dsc, too, whose name with %2b not every mirror knows.
  read -r url name size checksum < <(inside apt-get "$@" source --print-uris lammps | grep '\.orig\.tar')
  url=${url//\'/}
  inside python3 -c 'import sys; from urllib.request import urlretrieve; urlretrieve(*sys.argv[1:])' \
    "${url//%2b/+}" "$to/$name"
  echo "${checksum#*:} $root$to/$name" | sha256sum --check
  inside tar xf "$to/$name" -C "$to/unpacked"
  # Some archives have one folder that contains everything.
  cmake=$(find "$root$to/unpacked" -maxdepth 2 -name cmake -type d)
  mv "$(dirname "$cmake")" "$root$to/source"
}

# build_lammps FOLDER OPTION...: build it in FOLDER/build with the packages that the tests use, and CMake's options.
# Without optimisation that takes a quarter of the time.
build_lammps() {
  local at=$1
  shift
  inside cmake -S "$at/source/cmake" -B "$at/build" -G Ninja -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_FLAGS=-O0 -DBUILD_SHARED_LIBS=ON -DBUILD_MPI=ON -DBUILD_OMP=ON -DFFT=KISS -DWITH_JPEG=OFF -DWITH_PNG=OFF \
    -DWITH_GZIP=OFF -DWITH_FFMPEG=OFF -DPKG_PLUGIN=ON -DPKG_EXTRA-FIX=ON -DPKG_KSPACE=ON -DPKG_MC=ON -DPKG_MISC=ON \
    -DPKG_MOLECULE=ON "$@"
  inside cmake --build "$at/build" --parallel 2
}

# programs FOLDER LMP WORD...: write an `lmp` and an `mpirun` that run the chroot's, with the words after LMP. The
# tests call mpirun with this lmp as its program.
programs() {
  local bin=$1 lmp="${*:2}" start
  start="exec \"$here/inside.sh\" \"$root\" env LD_LIBRARY_PATH=\"\$LD_LIBRARY_PATH\""
  mkdir -p "$bin"
  printf '#!/bin/sh\n%s %s "$@"\n' "$start" "$lmp" >"$bin/lmp"
  cat >"$bin/mpirun" <<END
#!/bin/sh
# mpirun -np RANKS LMP ARGUMENTS
ranks=\$2
shift 3
$start mpirun --oversubscribe --bind-to none -np "\$ranks" $lmp "\$@"
END
  chmod +x "$bin/lmp" "$bin/mpirun"
}
