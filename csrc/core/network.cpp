// SPDX-License-Identifier: BSD-3-Clause
#include "core/network.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace hipnn_ts {

template <class T>
Network<T>::Network(std::vector<NetworkWeights<T>> members)
    : members_(std::move(members)), kernels_(&kernels<T>(members_.front().n_components())),
      kept_(members_.front().blocks.size()), species_(members_.size()) {}

template <class T> void Network<T>::begin(const Configuration<T>& configuration) {
  step_ = configuration;
  seconds_.resize(std::max<size_t>(seconds_.size(), step_.n_threads));
  const StageSpan span(seconds_[0], Stage::grouping);
  choose(0);
  mark_species();
  group_pairs();
  resize_scratch();
  // Small systems get smaller tiles, so that every thread has one.
  constexpr int step = 12;
  const int64_t share = (step_.n_receivers + step_.n_threads - 1) / step_.n_threads;
  tile_size_ = share < max_tile_size
                   ? static_cast<int>(std::max<int64_t>(1, (share + step - 1) / step)) * step
                   : max_tile_size;
  // Each change between the passes of a batch costs the content of the cache; memory does not
  // matter for few atoms, and for many atoms a batch is a small part.
  constexpr int64_t few = 200, part = 64;
  const int64_t n_tiles = (step_.n_receivers + tile_size_ - 1) / tile_size_;
  const int64_t tiles_per_batch =
      n_tiles <= few ? few : std::max<int64_t>(16 * step_.n_threads, n_tiles / part);
  schedule_.build(by_receiver_.groups(), step_.senders, step_.n_atoms, tile_size_, tiles_per_batch);
  all_rows_.resize(step_.n_receivers);
  std::iota(all_rows_.begin(), all_rows_.end(), 0);
}

template <class T> void Network<T>::choose(int member) {
  member_ = member;
  species_[member].take(weights().blocks.front(), step_.species, step_.n_atoms);
}

template <class T> void Network<T>::mark_species() {
  const int64_t n_species = weights().blocks.front().n_in;
  T* one_hot = one_hot_.resize(step_.n_receivers * n_species);
  std::fill_n(one_hot, step_.n_receivers * n_species, T(0));
  for (int64_t i = 0; i < step_.n_receivers; ++i) {
    one_hot[i * n_species + step_.species[i]] = T(1);
  }
}

template <class T> void Network<T>::group_pairs() {
  check_ends(step_.receivers, step_.n_pairs, step_.n_receivers);
  check_ends(step_.senders, step_.n_pairs, step_.n_atoms);
  T cutoff = 0;
  for (const BlockWeights<T>& block : weights().blocks) {
    cutoff = std::max(cutoff, block.radial.cutoff);
  }
  const int n_species = species().table().n_in / weights().blocks.front().radial.n_sensitivities;
  order_.build(
      step_.vectors, cutoff, step_.senders, species().places(), n_species, step_.n_pairs,
      step_.n_threads);
  by_receiver_.build(step_.receivers, order_.size(), step_.n_receivers, order_.pairs());
  by_sender_.build(step_.senders, order_.size(), step_.n_atoms, order_.pairs());
}

template <class T> void Network<T>::resize_scratch() {
  scratch_size_ = kernels_->first_scratch_size(weights().blocks.front(), species().table().n_in);
  for (int k = 1; k < n_blocks(); ++k) {
    scratch_size_ = std::max(scratch_size_, kernels_->scratch_size(weights().blocks[k]));
  }
  scratch_.resize(scratch_size_ * step_.n_threads);
}

template <class T> BlockProblem<T> Network<T>::problem(int k) {
  const BlockWeights<T>& block = weights().blocks[k];
  const int64_t moment_size = int64_t{weights().n_components()} * block.n_middle;
  BlockProblem<T> x{};
  x.weights = &block;
  x.n_receivers = step_.n_receivers;
  x.n_atoms = step_.n_atoms;
  x.by_receiver = by_receiver_.groups();
  x.by_sender = by_sender_.groups();
  x.receivers = step_.receivers;
  x.senders = step_.senders;
  x.vectors = step_.vectors;
  if (k == 0) {
    x.table = species().table();
    x.mixing = species().mixing();
    x.species = species().places();
    x.radial_moments =
        kept_[k].moments.resize(step_.n_receivers * weights().n_components() * x.table.n_in);
  } else {
    x.projections =
        projections_.resize(schedule_.n_projection_rows() * int64_t{block.projection.n_out});
    x.projection_rows = schedule_.projection_rows();
    x.visiting = schedule_.visiting();
    if (k == n_blocks() - 1) {
      x.moments = last_moments_.resize(schedule_.n_moment_rows() * moment_size);
      x.moment_rows = schedule_.moment_rows();
    } else {
      x.moments = kept_[k].moments.resize(step_.n_receivers * moment_size);
      x.moment_rows = all_rows_.data();
    }
  }
  x.features = k == 0 ? one_hot_.data() : kept_[k].features;
  x.slopes = kept_[k].slopes.data();
  x.tile_size = tile_size_;
  x.scratch = scratch_.data();
  x.scratch_size = scratch_size_;
  x.seconds = seconds_.data();
  x.n_threads = step_.n_threads;
  return x;
}

template <class T> void Network<T>::forward(int k, const T* features, T* out, double* energies) {
  const BlockWeights<T>& block = weights().blocks[k];
  kept_[k].features = features;
  kept_[k].slopes.resize(step_.n_receivers * (1 + block.n_atom_layers) * block.n_middle);
  BlockProblem<T> x = problem(k);
  x.out = out;
  x.energies = energies;
  if (k == 0) {
    kernels_->forward_first(x, schedule_.all_receivers());
    return;
  }
  for (int b = 0; b < schedule_.n_batches(); ++b) {
    schedule_.begin_batch(b);
    kernels_->project(x, schedule_.born(b));
    kernels_->forward(x, schedule_.receivers(b));
  }
}

template <class T>
void Network<T>::last(
    const T* features, double* energies, T* feature_gradients, T* vector_gradients, T* out) {
  const int k = n_blocks() - 1;
  if (weights().repulsion) {
    add_repulsion(
        weights().repulsion, by_receiver_.groups(), step_.species, step_.senders, step_.vectors,
        step_.n_threads, energies, vector_gradients);
  }
  kept_[k].features = features;
  BlockProblem<T> x = problem(k);
  x.energies = energies;
  x.feature_gradients = feature_gradients;
  x.vector_gradients = vector_gradients;
  x.out = out;
  if (k == 0) {
    kernels_->only_block(x, schedule_.all_receivers());
    return;
  }
  clear(k, feature_gradients);
  for (int b = 0; b < schedule_.n_batches(); ++b) {
    schedule_.begin_batch(b);
    kernels_->project(x, schedule_.born(b));
    kernels_->forward_last(x, schedule_.receivers(b));
    kernels_->backward_senders(x, schedule_.complete(b), false);
  }
}

template <class T>
void Network<T>::backward(int k, T* out_gradients, T* feature_gradients, T* vector_gradients) {
  BlockProblem<T> x = problem(k);
  x.out = out_gradients;
  x.feature_gradients = feature_gradients;
  x.vector_gradients = vector_gradients;
  if (k == 0) {
    kernels_->backward_first(x, schedule_.all_receivers());
    return;
  }
  clear(k, feature_gradients);
  x.visiting = nullptr; // all moment gradients exist
  kernels_->backward_onsite(x, schedule_.all_receivers());
  kernels_->backward_senders(x, schedule_.all_senders(), true);
}

/// All contributions are added to feature gradients.
template <class T> void Network<T>::clear(int k, T* feature_gradients) const {
  std::fill_n(feature_gradients, step_.n_atoms * weights().blocks[k].n_in, T(0));
}

template <class T> StageSeconds Network<T>::stage_seconds() const {
  StageSeconds total{};
  for (const StageSeconds& thread : seconds_) {
    for (size_t s = 0; s < stage_names.size(); ++s) {
      total.of[s] += thread.of[s];
    }
  }
  return total;
}

template <class T> void Network<T>::forces(const T* vector_gradients, double* forces) const {
  sum_forces(by_receiver_.groups(), by_sender_.groups(), vector_gradients, step_.n_threads, forces);
}

template <class T> void Network<T>::uncertainties(const T* const* features, double* out) {
  if (!weights().uncertainty) {
    throw std::invalid_argument(no_uncertainty);
  }
  std::vector<int> widths;
  for (const BlockWeights<T>& block : weights().blocks) {
    widths.push_back(block.n_out);
  }
  uncertainties_.compute(
      weights().uncertainty, widths, features, step_.species, step_.n_receivers, step_.n_threads,
      out);
}

template <class T> int64_t Network<T>::bytes() const {
  int64_t total = order_.bytes() + by_receiver_.bytes() + by_sender_.bytes() + schedule_.bytes() +
                  one_hot_.bytes() + projections_.bytes() + last_moments_.bytes() +
                  scratch_.bytes() + uncertainties_.bytes();
  total += static_cast<int64_t>(all_rows_.capacity() * sizeof(int32_t));
  for (const SpeciesTable<T>& table : species_) {
    total += table.bytes();
  }
  for (const Kept& kept : kept_) {
    total += kept.moments.bytes() + kept.slopes.bytes();
  }
  return total;
}

template class Network<float>;
template class Network<double>;

} // namespace hipnn_ts
