// SPDX-License-Identifier: GPL-2.0-or-later
//
// What LAMMPS's other commands read from the pair style, and change in it.
#include "pair_hipnn_ts.h"

#include "error.h"

namespace hipnn_ts_lammps {

/// "scale", for fix adapt and compute ti: of energies, forces and virials. It is one number, since
/// the energy of an atom is not a sum over pairs of types.
void* PairHipnnTs::extract(const char* name, int& dimension) {
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
/// whatever compares the members of a committee read it; compute pe/atom sums all sub-styles.
void* PairHipnnTs::extract_peratom(const char* name, int& n_columns) {
  if (std::string(name) != "energy") {
    return nullptr;
  }
  n_columns = 0;
  atom_energies_.assign(atom->nmax + 1, 0.0);
  for (int row = 0; !new_run_ && row < rows_.counts().receivers; ++row) {
    atom_energies_[rows_.atom(row)] = scaled_unit_ * evaluator_->energies()[row];
  }
  return atom_energies_.data();
}

} // namespace hipnn_ts_lammps
