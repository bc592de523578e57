// SPDX-License-Identifier: GPL-2.0-or-later
//
// The network block by block with weighted atomic energies: gradients of sum_i s_i e_i, for several
// s after one forward pass.
#pragma once

#include "layered_potential.h"

namespace hipnn_ts_lammps {

/// Order of calls: set_atoms if atoms changed, set_pairs, forward_block(0 .. n - 1), then for each
/// block from the last backward_block any number of times. Features are kept until then.
template <class Real> class SeededPotential {
public:
  virtual ~SeededPotential() = default;

  /// Width of a block's output features.
  virtual int64_t width_after(int block) const = 0;
  /// Species (index into the model's elements) of every row.
  virtual void set_atoms(const RowCounts& counts, const std::vector<int64_t>& species) = 0;
  virtual void set_pairs(const Pairs<Real>& pairs, int n_threads) = 0;
  /// From the input features (senders, width), null for the first, to the output features
  /// (receivers, width).
  virtual void forward_block(int block, Real* features, Real* out) = 0;
  /// Gradients of sum_i seeds_i e_i + sum out_gradients out, where e_i is this block's
  /// contribution: `feature_gradients` (senders, width), null for the first, are written,
  /// `pair_gradients` (P, 3) are added to.
  virtual void backward_block(
      int block, const Real* seeds, const Real* out_gradients, Real* feature_gradients,
      Real* pair_gradients) = 0;
  virtual double memory_usage() const = 0;
};

} // namespace hipnn_ts_lammps
