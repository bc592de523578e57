// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/network.hpp"

namespace hipnn_ts {

/// A whole network on configurations without ghosts, with the buffers that this takes. It belongs
/// to one caller at a time.
template <class T> class HIPNN_TS_API PairEvaluation {
public:
  /// The weights must outlive it.
  explicit PairEvaluation(const NetworkWeights<T>& weights);

  /// Writes energies (n,) in eV, self energies left out, pair_gradients (P, 3), dE/dr_p, and, where
  /// not null, forces (n, 3) in eV/Å. Throws std::invalid_argument where an index is out of range.
  void compute(
      const Configuration<T>& configuration, double* energies, T* pair_gradients, double* forces);

  StageSeconds stage_seconds() const { return network_.stage_seconds(); }
  /// Memory of all buffers.
  int64_t bytes() const;

private:
  Network<T> network_;
  std::vector<Buffer<T>> features_, gradients_; // that leave each block but the last
};

} // namespace hipnn_ts
