// SPDX-License-Identifier: BSD-3-Clause
#include "core/runtime/pair_evaluation.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace hipnn_ts {

template <class T>
PairEvaluation<T>::PairEvaluation(std::vector<NetworkWeights<T>> members)
    : network_(std::move(members)), features_(network_.n_blocks() - 1),
      gradients_(features_.size()) {}

template <class T> void PairEvaluation<T>::begin(const Configuration<T>& configuration) {
  n_atoms_ = configuration.n_atoms;
  n_pairs_ = configuration.n_pairs;
  network_.begin(configuration);
}

template <class T>
void PairEvaluation<T>::compute(
    int member, double* energies, T* pair_gradients, double* forces, double* uncertainties) {
  const int64_t n = n_atoms_;
  network_.choose(member);
  const auto& blocks = network_.weights().blocks;
  std::fill_n(energies, n, 0.0);
  std::fill_n(pair_gradients, 3 * n_pairs_, T(0));
  const int last = network_.n_blocks() - 1;
  for (int k = 0; k < last; ++k) {
    T* out = features_[k].resize(n * blocks[k].n_out);
    network_.forward(k, k ? features_[k - 1].data() : nullptr, out, energies);
    gradients_[k].resize(n * blocks[k].n_out);
  }
  T* out = uncertainties ? last_features_.resize(n * blocks[last].n_out) : nullptr;
  network_.last(
      last ? features_[last - 1].data() : nullptr, energies,
      last ? gradients_[last - 1].data() : nullptr, pair_gradients, out);
  if (uncertainties) {
    std::vector<const T*> of_blocks;
    for (const Buffer<T>& each : features_) {
      of_blocks.push_back(each.data());
    }
    of_blocks.push_back(out);
    network_.uncertainties(of_blocks.data(), uncertainties);
  }
  for (int k = last - 1; k >= 0; --k) {
    T* in = k ? gradients_[k - 1].data() : nullptr;
    network_.backward(k, gradients_[k].data(), in, pair_gradients);
  }
  if (forces) {
    network_.forces(pair_gradients, forces);
  }
}

template <class T> int64_t PairEvaluation<T>::bytes() const {
  int64_t total = network_.bytes() + last_features_.bytes();
  for (const auto* buffers : {&features_, &gradients_}) {
    for (const auto& buffer : *buffers) {
      total += buffer.bytes();
    }
  }
  return total;
}

template <class T>
void compute_mean(
    const Model& model, PairEvaluation<T>& evaluation, const Configuration<T>& configuration,
    double* energies, T* pair_gradients) {
  const int64_t n = configuration.n_atoms, n_gradients = 3 * configuration.n_pairs;
  const int n_members = model.n_members();
  evaluation.begin(configuration);
  evaluation.compute(0, energies, pair_gradients, nullptr);
  model.add_self_energies(configuration.species, n, energies, 0);
  if (n_members == 1) {
    return;
  }
  std::vector<double> own_energies(n);
  std::vector<T> own_gradients(n_gradients);
  for (int member = 1; member < n_members; ++member) {
    evaluation.compute(member, own_energies.data(), own_gradients.data(), nullptr);
    model.add_self_energies(configuration.species, n, own_energies.data(), member);
    std::transform(
        own_energies.begin(), own_energies.end(), energies, energies, std::plus<double>());
    std::transform(
        own_gradients.begin(), own_gradients.end(), pair_gradients, pair_gradients, std::plus<T>());
  }
  std::for_each(energies, energies + n, [&](double& energy) { energy /= n_members; });
  std::for_each(pair_gradients, pair_gradients + n_gradients, [&](T& gradient) {
    gradient /= static_cast<T>(n_members);
  });
}

template class PairEvaluation<float>;
template class PairEvaluation<double>;
template void
compute_mean(const Model&, PairEvaluation<float>&, const Configuration<float>&, double*, float*);
template void
compute_mean(const Model&, PairEvaluation<double>&, const Configuration<double>&, double*, double*);

} // namespace hipnn_ts
