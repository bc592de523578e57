#!/usr/bin/env bash
# kokkos.sh FOLDER: add to the chroot of set_up.sh the LAMMPS and the Kokkos of Debian's sid, built together, and this
# package's plugin with pair_style hipnn/ts/kk. FOLDER/kokkos has an `lmp` and an `mpirun` in which Kokkos is on and
# every style that has a form for it takes that form. A second call only builds the plugin again.
command="make kokkos"
. "${0%/*}/common.sh"
[ $# = 1 ] || say "expected one folder"
enter "$1"
[ -e "$root/done-packages" ] || say "found no chroot in $root: run make debian first"

# Mirrors that keep old states have lists that have expired.
sid=(-o Dir::Etc::SourceList=/etc/apt/sid.list -o Dir::Etc::SourceParts=/dev/null
  -o Dir::State::Lists=/var/lib/apt/sid -o Acquire::Check-Valid-Until=false)

# Trixie's Kokkos is too old for LAMMPS, and has no package of its own.
kokkos() {
  local library algorithms
  printf 'deb %s sid main\ndeb-src %s sid main\n' "$mirror" "$mirror" >"$root/etc/apt/sid.list"
  mkdir -p "$root/var/lib/apt/sid/partial" "$root/kokkos"
  inside apt-get "${sid[@]}" update
  library=$(inside apt-cache "${sid[@]}" depends libkokkos-dev | sed -n 's/ *Depends: \(libkokkos[0-9.]*\)$/\1/p')
  inside bash -c 'cd /kokkos && apt-get "$@"' apt-get "${sid[@]}" download libkokkos-dev "$library"
  inside bash -c 'dpkg --install /kokkos/*.deb'
  # Debian leaves out these two, which are empty, but whose absence stops CMake.
  for algorithms in libkokkosalgorithms.a libkokkossimd.a; do
    inside ar rc "/usr/lib/x86_64-linux-gnu/$algorithms"
  done
}

lammps_of_sid() {
  fetch_lammps /lammps_of_sid "${sid[@]}"
  build_lammps /lammps_of_sid -DCMAKE_CXX_STANDARD=20 -DPKG_KOKKOS=ON -DEXTERNAL_KOKKOS=ON -DFFT_KOKKOS=KISS
}

plugin() {
  inside cmake -S . -B /kokkos_plugin -G Ninja -DCMAKE_BUILD_TYPE=Release -DPython_EXECUTABLE=/venv/bin/python \
    -DHIPNN_TS_TORCH=OFF -DHIPNN_TS_PYTHON=OFF -DHIPNN_TS_WARNINGS_AS_ERRORS=ON -DHIPNN_TS_KOKKOS=ON \
    -DLAMMPS_INCLUDE_DIR=/lammps_of_sid/source/src -DLAMMPS_CXX_STANDARD=20 \
    -DMPI_INCLUDE_DIR=/usr/lib/x86_64-linux-gnu/openmpi/include
  inside cmake --build /kokkos_plugin --parallel 2 --target hipnnplugin
}

step kokkos "Kokkos of Debian's sid was not to be had, which wants a network"
step lammps_of_sid "LAMMPS of Debian's sid was not built"
rm -f "$root/done-plugin"
step plugin "the plugin was not built"
programs "$folder/kokkos" env LAMMPS_PLUGIN_PATH=/kokkos_plugin/lammps_plugin /lammps_of_sid/build/lmp \
  -k on t '${OMP_NUM_THREADS:-1}' -sf kk -pk kokkos newton on neigh half
