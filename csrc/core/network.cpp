// SPDX-License-Identifier: BSD-3-Clause
#include "core/network.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace hipnn_ts {

template <class T> Network<T>::Network(const NetworkWeights<T>& weights) {
  use(weights);
}

template <class T> void Network<T>::use(const NetworkWeights<T>& weights) {
  weights_ = weights;
  kernels_ = &kernels<T>(weights.n_components());
  kept_.resize(weights.blocks.size());
}

template <class T> void Network<T>::begin(const Configuration<T>& configuration) {
  step_ = configuration;
  by_receiver_.build(step_.receivers, step_.n_pairs, step_.n_receivers);
  by_sender_.build(step_.senders, step_.n_pairs, step_.n_atoms);
  const int n_species = weights_.blocks.front().n_in;
  for (int64_t i = 0; i < step_.n_atoms; ++i) {
    if (step_.species[i] < 0 || step_.species[i] >= n_species) {
      throw std::invalid_argument(
          "atom " + std::to_string(i) + ": expected a species below " + std::to_string(n_species) +
          ", found " + std::to_string(step_.species[i]));
    }
  }
  T* one_hot = one_hot_.resize(step_.n_receivers * n_species);
  std::fill_n(one_hot, step_.n_receivers * n_species, T(0));
  for (int64_t i = 0; i < step_.n_receivers; ++i) {
    one_hot[i * n_species + step_.species[i]] = T(1);
  }
  int64_t* rows = species_rows_.resize(step_.n_pairs);
  for (int64_t p = 0; p < step_.n_pairs; ++p) {
    rows[p] = step_.species[step_.senders[p]];
  }
}

template <class T> InteractionProblem<T> Network<T>::interaction(int k) const {
  const BlockWeights<T>& block = weights_.blocks[k];
  InteractionProblem<T> x{};
  x.radial = block.radial;
  x.n_features = block.n_middle;
  x.by_receiver = by_receiver_.groups();
  x.by_sender = by_sender_.groups();
  x.receivers = step_.receivers;
  x.rows = k == 0 ? species_rows_.data() : step_.senders;
  x.vectors = step_.vectors;
  x.projections = k == 0 ? block.table : projections_.data();
  x.n_threads = step_.n_threads;
  return x;
}

template <class T> void Network<T>::forward(int k, const T* features, T* out, double* energies) {
  const BlockWeights<T>& block = weights_.blocks[k];
  Kept& kept = kept_[k];
  const bool last = k == n_blocks() - 1;
  const int64_t width = int64_t{block.radial.n_sensitivities} * block.n_middle;
  kept.features = k == 0 ? one_hot_.data() : features;
  kept.moments.resize(step_.n_receivers * weights_.n_components() * block.n_middle);
  if (k > 0) {
    kernels_->contraction(
        step_.n_atoms, static_cast<int>(width), block.n_in, features, block.projection.forward,
        projections_.resize(step_.n_atoms * width), false, step_.n_threads);
  }
  kernels_->interaction(interaction(k), kept.moments.data());
  OnSiteProblem<T> x{};
  x.weights = &block;
  x.n_atoms = step_.n_receivers;
  x.moments = kept.moments.data();
  x.features = kept.features;
  x.out = out;
  x.energies = energies;
  x.n_threads = step_.n_threads;
  if (last) {
    // The way back starts here; the share of the atoms' own features waits for backward().
    x.feature_gradients =
        k == 0 ? nullptr : kept.own_gradients.resize(step_.n_receivers * block.n_in);
    kernels_->onsite_last(x);
  } else {
    x.slopes = kept.slopes.resize(step_.n_receivers * (1 + block.n_atom_layers) * block.n_middle);
    kernels_->onsite_forward(x);
  }
}

template <class T>
void Network<T>::backward(int k, T* out_gradients, T* feature_gradients, T* vector_gradients) {
  const BlockWeights<T>& block = weights_.blocks[k];
  Kept& kept = kept_[k];
  const bool last = k == n_blocks() - 1;
  const int64_t width = int64_t{block.radial.n_sensitivities} * block.n_middle;
  if (k > 0) {
    // Ghosts have no share of their own; receivers get theirs from the on-site layers.
    std::fill(
        feature_gradients + step_.n_receivers * block.n_in,
        feature_gradients + step_.n_atoms * block.n_in, T(0));
  }
  if (last) {
    if (k > 0) {
      std::copy_n(kept.own_gradients.data(), step_.n_receivers * block.n_in, feature_gradients);
    }
  } else {
    OnSiteProblem<T> x{};
    x.weights = &block;
    x.n_atoms = step_.n_receivers;
    x.moments = kept.moments.data();
    x.features = kept.features;
    x.out = out_gradients;
    x.slopes = kept.slopes.data();
    x.feature_gradients = k == 0 ? nullptr : feature_gradients;
    x.n_threads = step_.n_threads;
    kernels_->onsite_backward(x);
  }
  T* projection_gradients = k == 0 ? nullptr : projection_gradients_.resize(step_.n_atoms * width);
  if (k > 0 && k < n_blocks() - 1) {
    // A deeper block has overwritten the projections.
    kernels_->contraction(
        step_.n_atoms, static_cast<int>(width), block.n_in, kept.features, block.projection.forward,
        projections_.data(), false, step_.n_threads);
  }
  kernels_->interaction_backward(
      interaction(k), kept.moments.data(), vector_gradients, projection_gradients);
  if (k > 0) {
    kernels_->contraction(
        step_.n_atoms, block.n_in, static_cast<int>(width), projection_gradients,
        block.projection.backward, feature_gradients, true, step_.n_threads);
  }
}

template <class T> int64_t Network<T>::bytes() const {
  int64_t total = one_hot_.bytes() + species_rows_.bytes() + projections_.bytes() +
                  projection_gradients_.bytes();
  for (const Kept& kept : kept_) {
    total += kept.moments.bytes() + kept.slopes.bytes() + kept.own_gradients.bytes();
  }
  return total;
}

template class Network<float>;
template class Network<double>;

} // namespace hipnn_ts
