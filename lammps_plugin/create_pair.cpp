// SPDX-License-Identifier: GPL-2.0-or-later
#include "create_pair.h"

#include "pair_hipnn_ts.h"

LAMMPS_NS::Pair* hipnn_ts_lammps::create_pair(LAMMPS_NS::LAMMPS* lmp) {
  return new PairHipnnTs(lmp);
}
