// SPDX-License-Identifier: BSD-3-Clause
//
// Forward and backward pass through the polynomial invariants of a block, for some atoms at a time.
#include <algorithm>

#include "core/cuda/grids.hpp"
#include "core/cuda/network.hpp"
#include "core/cuda/polynomial_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

template <class T> int64_t Network<T>::mixed_atoms(int64_t n) const {
  return std::min(n, limits_.onsite_atoms);
}

/// The invariants (n, K, A) of moments (n, C, A), normalised if the network does so.
template <class T>
Array<T> Network<T>::polynomials(int k, int64_t n, T* moments, Array<T>& inverse) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const DevicePolynomials<T>& p = b.polynomials;
  Array<T> values(*device_, n * p.n_kinds * b.n_middle);
  PolynomialArguments<T> x{};
  x.n_atoms = n;
  x.n_features = b.n_middle;
  x.n_max = p.n_max;
  x.moments = moments;
  x.invariants = values.data();
  module(k).launch("polynomials", warp_each(n, 0, b.n_middle / warp_size), x);
  if (p.normalised) {
    inverse = Array<T>(*device_, n * p.n_kinds);
    module(k).launch(
        "normalise", warp_each(n * p.n_kinds),
        NormaliseArguments<T>{
            n * p.n_kinds, b.n_middle, p.n_features, p.epsilon, values.data(), inverse.data(),
            nullptr});
  }
  return values;
}

/// hidden (n, A) from moments (n, C, A).
template <class T> void Network<T>::mix(int k, int64_t n, T* moments, T* hidden) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const int64_t C = weights_->n_components, A = b.n_middle, K = b.polynomials.n_kinds;
  const int64_t size = mixed_atoms(n);
  for (int64_t first = 0; first < n; first += size) {
    const int64_t here = std::min(size, n - first);
    Array<T> inverse;
    const Array<T> values = polynomials(k, here, moments + first * C * A, inverse);
    device_->multiply(
        Product<T>{here, A, K * A, values.data(), b.polynomials.mixing.data(), hidden + first * A});
  }
}

/// Moments become their gradients, given those of hidden.
template <class T> void Network<T>::mix_backward(int k, int64_t n, T* moments, const T* hidden) {
  const DeviceBlock<T>& b = weights_->blocks[k];
  const DevicePolynomials<T>& p = b.polynomials;
  const int64_t C = weights_->n_components, A = b.n_middle, K = p.n_kinds;
  const int64_t size = mixed_atoms(n);
  for (int64_t first = 0; first < n; first += size) {
    const int64_t here = std::min(size, n - first);
    T* own = moments + first * C * A;
    const Array<T> gradients(*device_, here * K * A);
    device_->multiply(
        Product<T>{here, K * A, A, hidden + first * A, p.mixing.data(), gradients.data(), true});
    if (p.normalised) {
      Array<T> inverse;
      const Array<T> values = polynomials(k, here, own, inverse);
      module(k).launch(
          "normalise_backward", warp_each(here * K),
          NormaliseArguments<T>{
              here * K, b.n_middle, p.n_features, p.epsilon, values.data(), inverse.data(),
              gradients.data()});
    }
    PolynomialArguments<T> x{};
    x.n_atoms = here;
    x.n_features = b.n_middle;
    x.n_max = p.n_max;
    x.moments = own;
    x.gradient = gradients.data();
    x.moment_gradients = own;
    module(k).launch("polynomial_moment_gradients", warp_each(here, 0, b.n_middle / warp_size), x);
  }
}

template int64_t Network<float>::mixed_atoms(int64_t) const;
template Array<float> Network<float>::polynomials(int, int64_t, float*, Array<float>&);
template void Network<float>::mix(int, int64_t, float*, float*);
template void Network<float>::mix_backward(int, int64_t, float*, const float*);
template int64_t Network<double>::mixed_atoms(int64_t) const;
template Array<double> Network<double>::polynomials(int, int64_t, double*, Array<double>&);
template void Network<double>::mix(int, int64_t, double*, double*);
template void Network<double>::mix_backward(int, int64_t, double*, const double*);

} // namespace cuda
} // namespace hipnn_ts
