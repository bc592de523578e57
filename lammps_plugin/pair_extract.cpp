// SPDX-License-Identifier: GPL-2.0-or-later
//
// Values that LAMMPS's other commands read from the pair style, and change in it.
#include "pair_hipnn_ts.h"

#include "error.h"
#include "update.h"

#include <limits>

namespace hipnn_ts_lammps {

/// "scale", for fix adapt and compute ti: factor on energies, forces and virials. It is one number,
/// because the energy of an atom is not a sum over pairs of types. "deviation_flag": set by fix
/// pair before a step that must compare the members of a committee. "uncertainty_flag": likewise,
/// for a network with force uncertainty.
void* PairHipnnTs::extract(const char* name, int& dimension) {
  const bool deviation = std::string(name) == "deviation_flag" && model_.network.n_members > 1;
  if (deviation || (std::string(name) == "uncertainty_flag" && uncertain())) {
    dimension = 0;
    return &deviation_flag_;
  }
  if (std::string(name) != "scale") {
    return nullptr;
  }
  dimension = 2;
  return scale_;
}

double PairHipnnTs::common_scale() {
  const double* first = nullptr;
  for (int i = 1; i <= atom->ntypes; ++i) {
    for (int j = i; j <= atom->ntypes; ++j) {
      if (!setflag[i][j]) {
        continue;
      }
      if (first && *first != scale_[i][j]) {
        error->all(
            FLERR,
            "pair_style hipnn/ts: expected one scale for all pairs of its types, found {} and, for "
            "types {} and {}, {}; use 'fix adapt ... pair hipnn/ts scale * * v_name'",
            *first, i, j, scale_[i][j]);
      }
      first = &scale_[i][j];
    }
  }
  return *first;
}

/// "energy": of each of the rank's atoms at the last evaluation, in LAMMPS's units. `fix pair` and
/// commands that compare sub-styles read it; compute pe/atom sums over all sub-styles. "deviation":
/// of the forces of a committee, NaN if this step did not compare its members. "uncertainty":
/// likewise, for a network with force uncertainty.
void* PairHipnnTs::extract_peratom(const char* name, int& n_columns) {
  const bool deviation = (std::string(name) == "deviation" && model_.network.n_members > 1) ||
                         (std::string(name) == "uncertainty" && uncertain());
  if (std::string(name) != "energy" && !deviation) {
    return nullptr;
  }
  n_columns = 0;
  atom_values_.assign(atom->nmax + 1, 0.0);
  const bool compared = deviated_at_step_ == update->ntimestep;
  for (int row = 0; !new_run_ && row < rows_.counts().receivers; ++row) {
    double value = row_energies_[row];
    if (deviation) {
      value = compared ? member_results_.force_deviations()[row]
                       : std::numeric_limits<double>::quiet_NaN();
    }
    atom_values_[rows_.atom(row)] = scaled_unit_ * value;
  }
  return atom_values_.data();
}

} // namespace hipnn_ts_lammps
