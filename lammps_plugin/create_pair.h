// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace LAMMPS_NS {
class LAMMPS;
class Pair;
} // namespace LAMMPS_NS

namespace hipnn_ts_lammps {

/// Creates the pair style for the LAMMPS that it was compiled for.
LAMMPS_NS::Pair* create_pair(LAMMPS_NS::LAMMPS* lmp);

/// The same as hipnn/ts/kk and hipnn/ts/kk/host, in a plugin that was built with Kokkos.
LAMMPS_NS::Pair* create_kokkos_pair(LAMMPS_NS::LAMMPS* lmp);
LAMMPS_NS::Pair* create_kokkos_host_pair(LAMMPS_NS::LAMMPS* lmp);

} // namespace hipnn_ts_lammps
