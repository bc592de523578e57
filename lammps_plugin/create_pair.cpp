// SPDX-License-Identifier: GPL-2.0-or-later
#include "pair_hipnn_ts.h"

/// What hipnnplugin.so looks up in this library.
extern "C" [[gnu::visibility("default")]] LAMMPS_NS::Pair*
hipnn_ts_create_pair(LAMMPS_NS::LAMMPS* lmp) {
  return new hipnn_ts_lammps::PairHipnnTs(lmp);
}
