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
  scratch_size_ = 0;
  for (const BlockWeights<T>& block : weights.blocks) {
    scratch_size_ = std::max(scratch_size_, kernels_->scratch_size(block));
  }
}

template <class T> void Network<T>::begin(const Configuration<T>& configuration) {
  const auto span = times_.measure(Stage::grouping);
  step_ = configuration;
  scratch_.resize(scratch_size_ * step_.n_threads);
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
  x.scratch = scratch_.data();
  x.scratch_size = scratch_size_;
  x.n_threads = step_.n_threads;
  return x;
}

template <class T> OnSiteProblem<T> Network<T>::onsite(int k) const {
  OnSiteProblem<T> x{};
  x.weights = &weights_.blocks[k];
  x.n_atoms = step_.n_receivers;
  x.moments = kept_[k].moments.data();
  x.features = kept_[k].features;
  x.slopes = kept_[k].slopes.data();
  x.scratch = scratch_.data();
  x.scratch_size = scratch_size_;
  x.n_threads = step_.n_threads;
  return x;
}

template <class T> void Network<T>::project(int k) {
  const auto span = times_.measure(Stage::projections);
  const Linear<T>& projection = weights_.blocks[k].projection;
  kernels_->contraction(
      projection, step_.n_atoms, kept_[k].features,
      projections_.resize(step_.n_atoms * projection.n_out), step_.n_threads);
}

template <class T> void Network<T>::forward(int k, const T* features, T* out, double* energies) {
  const BlockWeights<T>& block = weights_.blocks[k];
  Kept& kept = kept_[k];
  kept.features = k == 0 ? one_hot_.data() : features;
  kept.moments.resize(step_.n_receivers * weights_.n_components() * block.n_middle);
  if (k > 0) {
    project(k);
  }
  {
    const auto span = times_.measure(Stage::forward_pairs);
    kernels_->interaction(interaction(k), kept.moments.data());
  }
  const auto span = times_.measure(Stage::onsite);
  if (k == n_blocks() - 1) {
    // The way back starts here; the share of the atoms' own features waits for backward().
    T* own = k == 0 ? nullptr : kept.own_gradients.resize(step_.n_receivers * block.n_in);
    OnSiteProblem<T> x = onsite(k);
    x.energies = energies;
    x.feature_gradients = own;
    kernels_->onsite_last(x);
  } else {
    kept.slopes.resize(step_.n_receivers * (1 + block.n_atom_layers) * block.n_middle);
    OnSiteProblem<T> x = onsite(k);
    x.energies = energies;
    x.out = out;
    kernels_->onsite_forward(x);
  }
}

template <class T>
void Network<T>::backward(int k, T* out_gradients, T* feature_gradients, T* vector_gradients) {
  const BlockWeights<T>& block = weights_.blocks[k];
  const Kept& kept = kept_[k];
  const bool last = k == n_blocks() - 1;
  if (last) {
    if (k > 0) {
      std::copy_n(kept.own_gradients.data(), step_.n_receivers * block.n_in, feature_gradients);
    }
  } else {
    const auto span = times_.measure(Stage::onsite);
    OnSiteProblem<T> x = onsite(k);
    x.out = out_gradients;
    x.feature_gradients = k == 0 ? nullptr : feature_gradients;
    kernels_->onsite_backward(x);
  }
  if (k == 0) {
    const auto span = times_.measure(Stage::backward_pairs);
    kernels_->interaction_backward(interaction(k), kept.moments.data(), vector_gradients);
    return;
  }
  // Ghosts have no share of their own; receivers got theirs from the on-site layers.
  std::fill(
      feature_gradients + step_.n_receivers * block.n_in,
      feature_gradients + step_.n_atoms * block.n_in, T(0));
  if (!last) {
    project(k); // a deeper block has overwritten the projections
  }
  const auto span = times_.measure(Stage::backward_pairs);
  kernels_->interaction_backward_to_features(
      interaction(k), kept.moments.data(), vector_gradients, {block.projection, feature_gradients});
}

template <class T> void Network<T>::forces(const T* vector_gradients, double* forces) const {
  const PairGroups received = by_receiver_.groups();
  const PairGroups sent = by_sender_.groups();
#pragma omp parallel for schedule(static) num_threads(step_.n_threads)
  for (int64_t i = 0; i < step_.n_atoms; ++i) {
    double force[3] = {0, 0, 0};
    const auto add = [&](const PairGroups& groups, double sign) {
      for (int64_t k = groups.offsets[i]; k < groups.offsets[i + 1]; ++k) {
        const T* gradient = vector_gradients + 3 * static_cast<int64_t>(groups.pairs[k]);
        for (int d = 0; d < 3; ++d) {
          force[d] += sign * static_cast<double>(gradient[d]);
        }
      }
    };
    if (i < step_.n_receivers) {
      add(received, 1);
    }
    add(sent, -1);
    std::copy_n(force, 3, forces + 3 * i);
  }
}

template <class T> int64_t Network<T>::bytes() const {
  int64_t total =
      one_hot_.bytes() + species_rows_.bytes() + projections_.bytes() + scratch_.bytes();
  for (const Kept& kept : kept_) {
    total += kept.moments.bytes() + kept.slopes.bytes() + kept.own_gradients.bytes();
  }
  return total;
}

template class Network<float>;
template class Network<double>;

} // namespace hipnn_ts
