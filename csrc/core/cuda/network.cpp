// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/network.hpp"

#include <algorithm>

#include "core/cuda/grids.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

int tile_bytes(const Constants& c, bool backward) {
  return pair_tile_bytes(c.real_bytes(), c.max_window, backward);
}

} // namespace

template <class T>
Network<T>::Network(Device& device, const DeviceWeights<T>& weights)
    : device_(&device), limits_(device.limits()), weights_(&weights), kept_(weights.blocks.size()) {
}

template <class T> void Network<T>::begin(const DeviceConfiguration<T>& configuration) {
  step_ = configuration;
  projected_ = -1;
}

template <class T>
PairArguments<T> Network<T>::pairs(int k, int feature_begin, const T* projections) const {
  const DeviceBlock<T>& b = weights_->blocks[k];
  return {
      b.radial.arguments(),
      step_.by_receiver,
      step_.n_receivers,
      share(step_.n_receivers),
      k == 0 ? step_.species : nullptr,
      step_.vectors,
      projections,
      feature_begin};
}

template <class T> InvariantArguments<T> Network<T>::invariants(int k) const {
  const DeviceBlock<T>& b = weights_->blocks[k];
  InvariantArguments<T> x{};
  for (int l = 0; l < max_order; ++l) {
    x.scales[l] = b.scales[l].data();
  }
  x.epsilon = b.cusp_regularisation;
  return x;
}

template <class T>
void Network<T>::project(
    int k, const Passes<T>& passes, int pass, const T* features, int64_t n, T* out) {
  device_->multiply(
      Product<T>{
          n, passes.row(), weights_->blocks[k].n_in, features, passes.projections[pass].data(),
          out});
}

template <class T>
typename Network<T>::Tile Network<T>::tile(int k, int64_t first, int64_t n) const {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const Kept& kept = kept_[k];
  Tile t{};
  t.n = n;
  t.species = step_.species + first;
  t.features = k == 0 ? nullptr : kept.features + first * b.n_in;
  t.hidden = kept.hidden.data() + first * b.n_middle;
  if (kept.slopes.data()) {
    t.slopes = kept.slopes.data() + first * b.n_middle;
    t.slope_stride = step_.n_receivers * b.n_middle;
  }
  return t;
}

template <class T> void Network<T>::interaction_forward(int k, const T* features) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const int64_t wide_bytes = bytes_of<T>(step_.n_atoms * b.wide.row());
  const Passes<T>& passes = wide_bytes <= limits_.projection_bytes ? b.wide : b.narrow;
  const Constants& c = passes.constants;
  const int64_t n = step_.n_receivers, row = passes.row();
  Kept& kept = kept_[k];
  kept.moments = Array<T>(*device_, n * c.n_components * b.n_middle);
  projections_ = Array<T>(*device_, step_.n_atoms * row);
  for (int pass = 0; pass < c.passes(); ++pass) {
    project(k, passes, pass, features, step_.n_atoms, projections_.data());
    const PairArguments<T> x = pairs(k, pass * c.pass(), projections_.data());
    const int parts_bytes = static_cast<int>(bytes_of<T>(c.n_components * c.pass()));
    const int of_warp = std::max(tile_bytes(c, false), x.share > 1 ? parts_bytes : 0);
    device_->module(c).launch(
        "interaction_forward", group_each(n, x.share, warps * of_warp),
        ForwardArguments<T>{x, invariants(k), kept.moments.data(), kept.hidden.data()});
  }
  if (b.polynomials.n_max > 0) {
    mix(k, n, kept.moments.data(), kept.hidden.data());
  }
  projected_ = k;
  if (c.passes() > 1 || bytes_of<T>(step_.n_atoms * row) > limits_.kept_bytes) {
    projected_ = -1;
    projections_ = Array<T>();
  }
}

template <class T> void Network<T>::forward(int k, const T* features, T* out, double* energies) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const int64_t n = step_.n_receivers;
  const bool last = k == n_blocks() - 1;
  Kept& kept = kept_[k];
  kept.features = features;
  kept.hidden = Array<T>(*device_, n * b.n_middle);
  if (k == 0) {
    first_forward();
  } else {
    interaction_forward(k, features);
  }
  const int64_t n_slopes = b.n_layers();
  if (!last) {
    kept.slopes = Array<T>(*device_, n_slopes * n * b.n_middle);
    Tile all = tile(k, 0, n);
    all.out = out;
    all.energies = energies;
    onsite_forward(k, all);
    kept.hidden = Array<T>();
    return;
  }
  add_repulsion(energies, nullptr);
  // The backward pass starts here, for some atoms at a time, so that slopes need not exist for all.
  kept.own_gradients = k == 0 ? Array<T>() : Array<T>(*device_, step_.n_atoms * b.n_in);
  const int64_t size = std::min(n, limits_.onsite_atoms);
  const Array<T> slopes(*device_, n_slopes * size * b.n_middle);
  for (int64_t first = 0; first < n; first += size) {
    Tile t = tile(k, first, std::min(size, n - first));
    t.slopes = slopes.data();
    t.slope_stride = size * b.n_middle;
    t.energies = energies + first;
    t.feature_gradients = k == 0 ? nullptr : kept.own_gradients.data() + first * b.n_in;
    onsite_forward(k, t);
    onsite_backward(k, t);
  }
}

template <class T> Array<T> Network<T>::backward(int k, T* out_gradients, T* vector_gradients) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const int64_t n = step_.n_receivers;
  Kept& kept = kept_[k];
  Array<T> feature_gradients;
  if (k == n_blocks() - 1) {
    add_repulsion(nullptr, vector_gradients);
    feature_gradients = std::move(kept.own_gradients);
  } else {
    kept.hidden = Array<T>(*device_, n * b.n_middle);
    feature_gradients = k == 0 ? Array<T>() : Array<T>(*device_, step_.n_atoms * b.n_in);
    Tile all = tile(k, 0, n);
    all.out = out_gradients;
    all.feature_gradients = feature_gradients.data();
    onsite_backward(k, all);
    kept.slopes = Array<T>();
  }
  if (k == 0) {
    first_backward(vector_gradients);
  } else {
    // Ghosts have no contribution of their own; receivers got theirs from the on-site layers.
    device_->zero(feature_gradients.data() + n * b.n_in, bytes_of<T>((step_.n_atoms - n) * b.n_in));
    sender_backward(k, feature_gradients.data(), vector_gradients);
  }
  kept = Kept();
  return feature_gradients;
}

/// Moments (n, C, A) become the gradients with respect to them, given those of hidden (n, A).
template <class T>
void Network<T>::moment_gradients(int k, int64_t n, T* moments, const T* hidden) {
  if (weights_->blocks[k].polynomials.n_max > 0) {
    mix_backward(k, n, moments, hidden);
    return;
  }
  module(k).launch(
      "moment_gradients", warp_each(n, 0, weights_->blocks[k].wide.constants.passes()),
      MomentGradientArguments<T>{invariants(k), hidden, moments, n});
}

template <class T>
void Network<T>::sender_backward(int k, T* feature_gradients, T* vector_gradients) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const Constants& c = b.wide.constants;
  const Kept& kept = kept_[k];
  moment_gradients(k, step_.n_receivers, kept.moments.data(), kept.hidden.data());
  const int64_t row = b.wide.row();
  const int64_t size = std::min(step_.n_atoms, limits_.senders);
  const bool projected = projected_ == k;
  const Array<T> own(*device_, projected ? 0 : size * row), gradients(*device_, size * row);
  const int window_bytes = static_cast<int>(bytes_of<T>(row));
  // As many warps as fit into shared memory on every GPU, leaving room for a second block.
  const int of_warp = window_bytes + tile_bytes(c, true);
  const int n_warps = std::clamp(most_shared_bytes / of_warp, 1, warps);
  const int shared = n_warps * of_warp;
  for (int pass = 0; pass < c.passes(); ++pass) {
    for (int64_t first = 0; first < step_.n_atoms; first += size) {
      const int64_t n = std::min(size, step_.n_atoms - first);
      const T* projections = projections_.data() + first * row;
      if (!projected) {
        project(k, b.wide, pass, kept.features + first * b.n_in, n, own.data());
        projections = own.data();
      }
      SenderBackwardArguments<T> x{};
      x.pairs = pairs(k, pass * c.pass(), projections);
      x.pairs.groups = step_.by_sender;
      x.pairs.n_groups = n;
      x.pairs.share = n_warps == warps ? share(n) : 1;
      x.first_group = first;
      x.moment_gradients = kept.moments.data();
      x.vector_gradients = vector_gradients;
      x.projection_gradients = gradients.data();
      module(k).launch(
          "sender_backward",
          Grid{(n * x.pairs.share + n_warps - 1) / n_warps, n_warps * warp_size, 1, shared}, x);
      device_->multiply(
          Product<T>{
              n, b.n_in, row, gradients.data(), b.wide.projections[pass].data(),
              feature_gradients + first * b.n_in, true, true});
    }
  }
  projections_ = Array<T>();
  projected_ = -1;
}

/// Null arrays are not wanted.
template <class T> void Network<T>::add_repulsion(double* energies, T* vector_gradients) {
  if (weights_->repulsion.size() == 0) {
    return;
  }
  module(0).launch(
      "repulsion", warp_each(step_.n_receivers),
      RepulsionArguments<T>{
          step_.n_receivers, step_.by_receiver, step_.species, step_.vectors, weights_->reach,
          weights_->n_species, weights_->repulsion.data(), energies, vector_gradients});
}

template <class T>
void Network<T>::forces(const T* vector_gradients, double scale, double* forces) {
  module(0).launch(
      "sum_forces", warp_each(step_.n_atoms),
      ForcesArguments<T>{
          step_.n_atoms, step_.n_receivers, step_.by_receiver, step_.by_sender, vector_gradients,
          scale, forces});
}

template class Network<float>;
template class Network<double>;

} // namespace cuda
} // namespace hipnn_ts
