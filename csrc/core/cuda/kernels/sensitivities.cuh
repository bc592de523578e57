// SPDX-License-Identifier: BSD-3-Clause
//
// Radial sensitivities for training, with first and second derivatives: the formulae are those of
// core/cpu/sensitivities.hpp. With x = 1/r, y = 1/mu and the envelope c: s = c e,
// e = exp(-z^2/2), z = (x - y) sigma.
#pragma once

#include "prelude.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

KERNEL(sensitivities, SensitivitiesArguments<Real>) {
  const FactorArguments<const Real>& f = x.factors;
  for (long long i = grid_thread(); i < x.n_pairs * x.window; i += grid_threads()) {
    const long long p = i / x.window;
    const int w = static_cast<int>(i % x.window), v = x.first[p] + w;
    Real value = 0;
    if (w < x.count[p]) {
      const Real z = (f.inverse_distances[p] - f.inverse_mu[v]) * f.sigma[v];
      value = f.envelopes[p] * exp(Real(-0.5) * z * z);
    }
    x.out[i] = value;
  }
}

/// What one sensitivity of a pair adds to the gradients with respect to the factors.
struct Share {
  Real distance, envelope, inverse_mu, sigma;
};

/// A warp for sensitivity_pairs pairs, 32 at a time. share(p, w, v) is called for every pair and
/// each v of its window.
template <class ShareOf>
__device__ inline void sum_shares(const SensitivitiesArguments<Real>& x, const ShareOf& share) {
  const long long first_pair = grid_warp() * sensitivity_pairs;
  if (first_pair >= x.n_pairs) {
    return;
  }
  const long long row = grid_warp() * x.n_sensitivities;
  for (int v = lane(); v < x.n_sensitivities; v += warp_size) {
    x.gradients.inverse_mu[row + v] = 0;
    x.gradients.sigma[row + v] = 0;
  }
  for (int begin = 0; begin < sensitivity_pairs; begin += warp_size) {
    const long long p = first_pair + begin + lane();
    const bool exists = p < x.n_pairs;
    Real distance = 0, envelope = 0;
    for (int v = 0; v < x.n_sensitivities; ++v) {
      Share own = {0, 0, 0, 0};
      if (exists && v >= x.first[p] && v < x.first[p] + x.count[p]) {
        own = share(p, v - x.first[p], v);
      }
      distance += own.distance;
      envelope += own.envelope;
      const Real inverse_mu = warp_sum(own.inverse_mu), sigma = warp_sum(own.sigma);
      // Always the same lane for a sensitivity: what it wrote before is there.
      if (lane() == v % warp_size) {
        x.gradients.inverse_mu[row + v] += inverse_mu;
        x.gradients.sigma[row + v] += sigma;
      }
    }
    if (exists) {
      x.gradients.inverse_distances[p] = distance;
      x.gradients.envelopes[p] = envelope;
    }
  }
}

KERNEL(sensitivities_backward, SensitivitiesArguments<Real>) {
  const FactorArguments<const Real>& f = x.factors;
  sum_shares(x, [&](long long p, int w, int v) {
    const Real gap = f.inverse_distances[p] - f.inverse_mu[v], z = gap * f.sigma[v];
    const Real he = x.gradient[p * x.window + w] * exp(Real(-0.5) * z * z);
    const Real along = f.envelopes[p] * he * z;
    return Share{-along * f.sigma[v], he, along * f.sigma[v], -along * gap};
  });
}

KERNEL(sensitivities_double_backward, SensitivitiesArguments<Real>) {
  const FactorArguments<const Real>&f = x.factors, &k = x.directions;
  for (int n = 0; n < sensitivity_pairs / warp_size; ++n) {
    const long long p = grid_warp() * sensitivity_pairs + n * warp_size + lane();
    if (p < x.n_pairs) {
      for (int w = x.count[p]; w < x.window; ++w) {
        x.out[p * x.window + w] = 0;
      }
    }
  }
  sum_shares(x, [&](long long p, int w, int v) {
    const Real c = f.envelopes[p], width = f.sigma[v];
    const Real gap = f.inverse_distances[p] - f.inverse_mu[v], z = gap * width;
    const Real e = exp(Real(-0.5) * z * z);
    const Real k_gap = k.inverse_mu[v] - k.inverse_distances[p];
    const Real q = z * (k_gap * width - k.sigma[v] * gap);
    const Real change = k.envelopes[p] + c * q;
    const Real he = x.gradient[p * x.window + w] * e;
    const Real along = he * (c * (k_gap * width * width - 2 * k.sigma[v] * z) - z * width * change);
    x.out[p * x.window + w] = e * change;
    return Share{
        along, he * q, -along,
        he * (c * (2 * z * k_gap - k.sigma[v] * gap * gap) - z * gap * change)};
  });
}

KERNEL(sum_rows, SumRowsArguments<Real>) {
  for (long long i = grid_thread(); i < x.n; i += grid_threads()) {
    Real sum = 0;
    for (long long row = 0; row < x.rows; ++row) {
      sum += x.parts[row * x.n + i];
    }
    x.out[i] = sum;
  }
}

/// Which sensitivities matter to a pair: from the first to the last within reach.
KERNEL(active_windows, WindowsArguments<Real>) {
  for (long long p = grid_thread(); p < x.n_pairs; p += grid_threads()) {
    const Real inverse = 1 / x.distances[p];
    int low = x.n_sensitivities, high = 0;
    for (int v = 0; v < x.n_sensitivities; ++v) {
      // Written so that what is not a number is active and reaches the energy.
      if (!(fabs((inverse - x.inverse_mu[v]) * x.sigma[v]) >= x.reach)) {
        low = v < low ? v : low;
        high = v + 1;
      }
    }
    x.first[p] = high > 0 ? low : 0;
    x.count[p] = high > 0 ? high - low : 0;
  }
}

} // namespace cuda
} // namespace hipnn_ts
