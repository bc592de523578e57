// SPDX-License-Identifier: BSD-3-Clause
//
// Radial sensitivities for training, with first and second derivatives.
#pragma once

#include "core/radial_terms.hpp"
#include "prelude.cuh"
#include "training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// Whether a pair's window is within the sensitivities; otherwise the result is NaN.
__device__ inline bool fits(const SensitivitiesArguments<Real>& x, int first, int count) {
  return first >= 0 && count >= 0 && count <= x.window && first <= x.n_sensitivities - count;
}

/// Sensitivity v of a pair.
__device__ inline RadialTerms<Real>
terms_of(const FactorArguments<const Real>& f, long long p, int v) {
  const Real sigma = f.sigma[v], gap = f.inverse_distances[p] - f.inverse_mu[v], z = gap * sigma;
  return {gap, sigma, z, exp(gaussian_exponent(z)), f.envelopes[p]};
}

KERNEL(sensitivities, SensitivitiesArguments<Real>) {
  for (long long i = grid_thread(); i < x.n_pairs * x.window; i += grid_threads()) {
    const long long p = i / x.window;
    const int w = static_cast<int>(i - p * x.window), first = x.first[p], count = x.count[p];
    Real value = 0;
    if (!fits(x, first, count)) {
      value = static_cast<Real>(not_a_number());
    } else if (w < count) {
      const RadialTerms<Real> t = terms_of(x.factors, p, first + w);
      value = t.c * t.e;
    }
    x.out[i] = value;
  }
}

/// A warp for sensitivity_pairs pairs, several for each lane. share(p, w, v), called for every pair
/// and each v of its window, is the contribution to the gradients with respect to the factors.
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
        const RadialFactors<Real> own = share(first_pair + r * warp_size, v - begin[r], v);
        distance[r] += own.x;
        envelope[r] += own.c;
        inverse_mu += own.y;
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
  sum_shares(x, [&](long long p, int w, int v) {
    return sensitivity_gradients(terms_of(x.factors, p, v), x.gradient[p * x.window + w]);
  });
}

KERNEL(sensitivities_double_backward, SensitivitiesArguments<Real>) {
  const FactorArguments<const Real>& k = x.directions;
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
    const RadialFactors<Real> along{
        k.inverse_distances[p], k.envelopes[p], k.inverse_mu[v], k.sigma[v]};
    const long long place = p * x.window + w;
    const auto s = sensitivity_change(terms_of(x.factors, p, v), along, x.gradient[place]);
    x.out[place] = s.change;
    return s.gradients;
  });
}

/// The sensitivities that matter to a pair: from the first to the last within reach.
KERNEL(active_windows, WindowsArguments<Real>) {
  for (long long p = grid_thread(); p < x.n_pairs; p += grid_threads()) {
    const Real inverse = 1 / x.distances[p];
    int low = x.n_sensitivities, high = 0;
    for (int v = 0; v < x.n_sensitivities; ++v) {
      // Written such that NaN is active and reaches the energy.
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
