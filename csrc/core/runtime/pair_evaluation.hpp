// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/model_file/model.hpp"
#include "core/network.hpp"

namespace hipnn_ts {

/// A whole network on configurations without ghosts, or several of one shape (a committee) on the
/// same configuration, with the required buffers. It belongs to one caller at a time.
template <class T> class HIPNN_TS_API PairEvaluation {
public:
  /// The weights point to data that must outlive it.
  explicit PairEvaluation(std::vector<NetworkWeights<T>> members);

  /// Throws std::invalid_argument if an index is out of range.
  void begin(const Configuration<T>& configuration);
  /// Evaluates a member on the configuration that has begun: writes energies (n,) in eV, without
  /// self energies, pair_gradients (P, 3), dE/dr_p, and, if not null, forces (n, 3) and force
  /// uncertainties (n,) in eV/Å.
  void compute(
      int member, double* energies, T* pair_gradients, double* forces,
      double* uncertainties = nullptr);

  StageSeconds stage_seconds() const { return network_.stage_seconds(); }
  /// Memory of all buffers.
  int64_t bytes() const;

private:
  Network<T> network_;
  int64_t n_atoms_ = 0, n_pairs_ = 0;
  std::vector<Buffer<T>> features_, gradients_; // output of each block except the last
  Buffer<T> last_features_;                     // output of the last, for uncertainties
};

/// Energies (n,) in eV, self energies included, and pair gradients (P, 3) of the mean of all
/// members of the model whose networks `evaluation` contains. Throws std::invalid_argument
/// likewise.
template <class T>
HIPNN_TS_API void compute_mean(
    const Model& model, PairEvaluation<T>& evaluation, const Configuration<T>& configuration,
    double* energies, T* pair_gradients);

} // namespace hipnn_ts
