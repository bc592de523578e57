// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace LAMMPS_NS {
class LAMMPS;
class Pair;
} // namespace LAMMPS_NS

namespace hipnn_ts_lammps {

/// pair_style hipnn/ts/kk and hipnn/ts/kk/host.
LAMMPS_NS::Pair* create_kokkos_pair(LAMMPS_NS::LAMMPS* lmp);
LAMMPS_NS::Pair* create_kokkos_host_pair(LAMMPS_NS::LAMMPS* lmp);

} // namespace hipnn_ts_lammps
