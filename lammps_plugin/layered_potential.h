// SPDX-License-Identifier: GPL-2.0-or-later
//
// The network block by block, for an engine with distributed atoms: between the blocks the ranks
// exchange features, and in the backward pass the gradients with respect to them.
#pragma once

#include "core/buffer.hpp"
#include "core/model_file/architecture.hpp"

#include <cstdint>
#include <vector>

namespace hipnn_ts_lammps {

/// The atoms of one rank are rows: first the receivers (its own atoms), then the other atoms that
/// occur as senders, then those whose features it only passes on to another rank.
struct RowCounts {
  int receivers = 0;
  int senders = 0; ///< receivers included
  int rows = 0;    ///< senders included
};

/// Directed pairs within the cutoff, by receiver: those of receiver i are first[i] .. first[i + 1].
/// Storage only grows.
template <class Real> struct Pairs {
  int64_t size = 0;
  int64_t capacity = 0;
  hipnn_ts::Buffer<int64_t> first;
  hipnn_ts::Buffer<int32_t> receivers, senders; ///< rows
  hipnn_ts::Buffer<Real> vectors;               ///< 3 a pair, r_sender - r_receiver, Å

  double bytes() const {
    return first.bytes() + receivers.bytes() + senders.bytes() + vectors.bytes();
  }
};

/// Width of the input features of each block.
inline std::vector<int64_t> block_inputs(const hipnn_ts::Architecture& network) {
  std::vector<int64_t> out;
  for (int k = 0; k < network.n_blocks(); ++k) {
    out.push_back(network.n_in(k));
  }
  return out;
}

/// Order of calls: set_atoms if atoms changed, set_pairs, then for each wanted member of a
/// committee set_member, forward_block(0 .. n - 1), backward_block(n - 1 .. 0). Before
/// forward_block(k > 0) the caller fills the features of the rows that are not receivers; before
/// backward_block(k - 1) it adds the feature gradients of other ranks for this rank's receivers.
/// Energies in eV, lengths in Å.
template <class Real> class LayeredPotential {
public:
  virtual ~LayeredPotential() = default;

  /// Species (index into the model's elements) of every row.
  virtual void set_atoms(const RowCounts& counts, const std::vector<int64_t>& species) = 0;
  /// The pairs must stay in place until the last backward_block(0) has returned.
  virtual void set_pairs(const Pairs<Real>& pairs, int n_threads) = 0;
  /// Results are the member's until the next call of this. A single network is member 0.
  virtual void set_member(int member) = 0;
  virtual void forward_block(int block) = 0;
  virtual void backward_block(int block) = 0;

  /// The input of a block (from 1), and the energy's gradient with respect to it: rows x width.
  virtual Real* features(int block) = 0;
  virtual Real* feature_gradients(int block) = 0;
  /// Energies of the receivers, self energies included.
  virtual const double* energies() const = 0;
  /// Whether the following forward passes compute the force uncertainties of the receivers, eV/Å.
  virtual void tell_uncertainties(bool) {}
  virtual const double* uncertainties() const { return nullptr; }
  /// dE/dr_p, 3 a pair.
  virtual const Real* pair_gradients() const = 0;
  /// -dE/dposition (eV/Å) of the senders, 3 a row: written, in the same order of summation,
  /// whatever the number of threads.
  virtual void forces(double* out) const = 0;
  virtual double memory_usage() const = 0;
};

} // namespace hipnn_ts_lammps
