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

/// Whether a pair's window is within the sensitivities; one that is not gives NaN.
__device__ inline bool fits(const SensitivitiesArguments<Real>& x, int first, int count) {
  return first >= 0 && count >= 0 && count <= x.window && first <= x.n_sensitivities - count;
}

KERNEL(sensitivities, SensitivitiesArguments<Real>) {
  const FactorArguments<const Real>& f = x.factors;
  for (long long i = grid_thread(); i < x.n_pairs * x.window; i += grid_threads()) {
    const long long p = i / x.window;
    const int w = static_cast<int>(i - p * x.window), first = x.first[p], count = x.count[p];
    Real value = 0;
    if (!fits(x, first, count)) {
      value = static_cast<Real>(not_a_number());
    } else if (w < count) {
      const int v = first + w;
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

/// A warp for sensitivity_pairs pairs, some for each lane. share(p, w, v) is called for every pair
/// and each v of its window.
template <class ShareOf>
__device__ inline void sum_shares(const SensitivitiesArguments<Real>& x, const ShareOf& share) {
  constexpr int rounds = sensitivity_pairs / warp_size;
  const long long first_pair = grid_warp() * sensitivity_pairs + lane();
  if (grid_warp() * sensitivity_pairs >= x.n_pairs) {
    return;
  }
  int begin[rounds], end[rounds];
  Real start[rounds], distance[rounds], envelope[rounds];
#pragma unroll
  for (int r = 0; r < rounds; ++r) {
    const long long p = first_pair + r * warp_size;
    begin[r] = p < x.n_pairs ? x.first[p] : 0;
    const int count = p < x.n_pairs ? x.count[p] : 0;
    const bool right = fits(x, begin[r], count);
    end[r] = right ? begin[r] + count : 0;
    start[r] = right ? Real(0) : static_cast<Real>(not_a_number());
    distance[r] = envelope[r] = start[r];
  }
  Real* shared = x.shared_gradients + grid_warp() * 2 * x.n_sensitivities;
  for (int v = 0; v < x.n_sensitivities; ++v) {
    Real inverse_mu = 0, sigma = 0;
#pragma unroll
    for (int r = 0; r < rounds; ++r) {
      inverse_mu += start[r];
      sigma += start[r];
      if (v >= begin[r] && v < end[r]) {
        const Share own = share(first_pair + r * warp_size, v - begin[r], v);
        distance[r] += own.distance;
        envelope[r] += own.envelope;
        inverse_mu += own.inverse_mu;
        sigma += own.sigma;
      }
    }
    inverse_mu = warp_sum(inverse_mu);
    sigma = warp_sum(sigma);
    if (lane() == 0) {
      shared[v] = inverse_mu;
      shared[x.n_sensitivities + v] = sigma;
    }
  }
#pragma unroll
  for (int r = 0; r < rounds; ++r) {
    const long long p = first_pair + r * warp_size;
    if (p < x.n_pairs) {
      x.distance_gradients[p] = distance[r];
      x.envelope_gradients[p] = envelope[r];
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
      const bool right = fits(x, x.first[p], x.count[p]);
      for (int w = right ? x.count[p] : 0; w < x.window; ++w) {
        x.out[p * x.window + w] = right ? Real(0) : static_cast<Real>(not_a_number());
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
