// SPDX-License-Identifier: BSD-3-Clause
#include "core/runtime/pair_evaluation.hpp"

#include <algorithm>

namespace hipnn_ts {

template <class T>
PairEvaluation<T>::PairEvaluation(const NetworkWeights<T>& weights)
    : network_(weights), features_(weights.blocks.size() - 1), gradients_(features_.size()) {}

template <class T>
void PairEvaluation<T>::compute(
    const Configuration<T>& configuration, double* energies, T* pair_gradients, double* forces) {
  const int64_t n = configuration.n_atoms;
  const auto& blocks = network_.weights().blocks;
  std::fill_n(energies, n, 0.0);
  std::fill_n(pair_gradients, 3 * configuration.n_pairs, T(0));
  network_.begin(configuration);
  const int last = network_.n_blocks() - 1;
  for (int k = 0; k < last; ++k) {
    T* out = features_[k].resize(n * blocks[k].n_out);
    network_.forward(k, k ? features_[k - 1].data() : nullptr, out, energies);
    gradients_[k].resize(n * blocks[k].n_out);
  }
  network_.last(
      last ? features_[last - 1].data() : nullptr, energies,
      last ? gradients_[last - 1].data() : nullptr, pair_gradients);
  for (int k = last - 1; k >= 0; --k) {
    T* in = k ? gradients_[k - 1].data() : nullptr;
    network_.backward(k, gradients_[k].data(), in, pair_gradients);
  }
  if (forces) {
    network_.forces(pair_gradients, forces);
  }
}

template <class T> int64_t PairEvaluation<T>::bytes() const {
  int64_t total = network_.bytes();
  for (const auto* buffers : {&features_, &gradients_}) {
    for (const auto& buffer : *buffers) {
      total += buffer.bytes();
    }
  }
  return total;
}

template class PairEvaluation<float>;
template class PairEvaluation<double>;

} // namespace hipnn_ts
