// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "atom_rows.h"

namespace hipnn_ts_lammps {

/// LAMMPS's messages between ranks about its atoms: the input features of a block, and the
/// gradients with respect to them.
class Exchange {
public:
  virtual ~Exchange() = default;

  virtual int doubles_per_atom(int block) const = 0;
  virtual int pack_features(int block, int n, const int* atoms, double* buffer) = 0;
  virtual void unpack_features(int block, int n, int first_ghost, const double* buffer) = 0;
  virtual int pack_gradients(int block, int n, int first_ghost, double* buffer) = 0;
  virtual void add_gradients(int block, int n, const int* atoms, const double* buffer) = 0;
};

} // namespace hipnn_ts_lammps
