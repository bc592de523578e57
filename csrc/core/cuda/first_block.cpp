// SPDX-License-Identifier: BSD-3-Clause
//
// The first block's moments and the backward pass from them, for some receivers at a time.
#include <algorithm>

#include "core/cuda/grids.hpp"
#include "core/cuda/network.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

constexpr int most_warp_bytes = 16 * 1024; // of sums

int pass_species(const Constants& c, int n_species) {
  const int of_species = c.n_components * c.n_sensitivities * static_cast<int>(sizeof(double));
  return std::clamp(most_warp_bytes / of_species, 1, std::min(n_species, warp_size));
}

} // namespace

template <class T>
RadialMomentArguments<T>
Network<T>::radial(int64_t first, int64_t n, const Array<T>& radial_moments) const {
  const DeviceBlock<T>& b = weights_->blocks[0];
  RadialMomentArguments<T> x{};
  x.pairs = pairs(0, 0, nullptr);
  x.pairs.n_groups = n;
  x.pairs.share = share(n);
  x.first_receiver = first;
  x.n_species = b.n_in;
  x.pass_species = pass_species(b.wide.constants, b.n_in);
  x.mixing = b.mixing.data();
  x.radial_moments = radial_moments.data();
  return x;
}

template <class T> Grid Network<T>::radial_grid(int64_t n, bool forward) const {
  const DeviceBlock<T>& b = weights_->blocks[0];
  const Constants& c = b.wide.constants;
  const int species = pass_species(c, b.n_in), sums = species * c.n_components * c.n_sensitivities;
  const int of_warp = forward ? pair_tile_bytes(c.real_bytes(), c.max_window, false) + sums * 8
                              : sums * c.real_bytes();
  return group_each(n, share(n), warps * of_warp, (b.n_in + species - 1) / species);
}

/// (n, C, A) for receivers from `first` on.
template <class T> Array<T> Network<T>::first_moments(int64_t first, int64_t n) {
  const DeviceBlock<T>& b = weights_->blocks[0];
  const Constants& c = b.wide.constants;
  const int64_t rows = n * c.n_components, K = int64_t{b.n_in} * c.n_sensitivities;
  const Array<T> radial_moments(*device_, rows * K);
  Array<T> moments(*device_, rows * b.n_middle);
  module(0).launch("radial_moments", radial_grid(n, true), radial(first, n, radial_moments));
  device_->multiply(
      Product<T>{
          rows, b.n_middle, K, radial_moments.data(), b.radial_table.data(), moments.data()});
  return moments;
}

template <class T> void Network<T>::first_forward() {
  const DeviceBlock<T>& b = weights_->blocks[0];
  Kept& kept = kept_[0];
  const int64_t n = step_.n_receivers, size = std::min(n, limits_.first_atoms);
  for (int64_t first = 0; first < n; first += size) {
    const int64_t n_here = std::min(size, n - first);
    kept.moments = first_moments(first, n_here);
    if (b.polynomials.n_max > 0) {
      mix(0, n_here, kept.moments.data(), kept.hidden.data() + first * b.n_middle);
      continue;
    }
    module(0).launch(
        "moment_invariants", warp_each(n_here, 0, b.wide.constants.passes()),
        MomentInvariantsArguments<T>{
            invariants(0), n_here, kept.moments.data(), kept.hidden.data() + first * b.n_middle});
  }
  if (size < n) {
    kept.moments = Array<T>(); // recomputed in the backward pass
  }
}

template <class T> void Network<T>::first_backward(T* vector_gradients) {
  const DeviceBlock<T>& b = weights_->blocks[0];
  const Constants& c = b.wide.constants;
  Kept& kept = kept_[0];
  const int64_t K = int64_t{b.n_in} * c.n_sensitivities;
  const int64_t n = step_.n_receivers, size = std::min(n, limits_.first_atoms);
  for (int64_t first = 0; first < n; first += size) {
    const int64_t n_here = std::min(size, n - first), rows = n_here * c.n_components;
    const Array<T> moments = size < n ? first_moments(first, n_here) : kept.moments;
    const Array<T> radial_gradients(*device_, rows * K);
    moment_gradients(0, n_here, moments.data(), kept.hidden.data() + first * b.n_middle);
    device_->multiply(
        Product<T>{
            rows, K, b.n_middle, moments.data(), b.radial_table.data(), radial_gradients.data(),
            true});
    RadialMomentArguments<T> x = radial(first, n_here, radial_gradients);
    x.vector_gradients = vector_gradients;
    module(0).launch("radial_backward", radial_grid(n_here, false), x);
  }
}

template RadialMomentArguments<float>
Network<float>::radial(int64_t, int64_t, const Array<float>&) const;
template RadialMomentArguments<double>
Network<double>::radial(int64_t, int64_t, const Array<double>&) const;
template Grid Network<float>::radial_grid(int64_t, bool) const;
template Grid Network<double>::radial_grid(int64_t, bool) const;
template Array<float> Network<float>::first_moments(int64_t, int64_t);
template Array<double> Network<double>::first_moments(int64_t, int64_t);
template void Network<float>::first_forward();
template void Network<double>::first_forward();
template void Network<float>::first_backward(float*);
template void Network<double>::first_backward(double*);

} // namespace cuda
} // namespace hipnn_ts
