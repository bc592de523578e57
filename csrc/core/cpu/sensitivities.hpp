// SPDX-License-Identifier: BSD-3-Clause
//
// Radial sensitivities for training, with their first and second derivatives. With x = 1/r,
// y = 1/mu and the envelope c: s = c e, e = exp(-z^2/2), z = (x - y) sigma.
#pragma once

#include "core/cpu/radial.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// Calls body(w, v, z, e) for each sensitivity in pair p's window.
template <class T, class Body>
inline __attribute__((always_inline)) void
for_window(const SensitivitiesProblem<T>& x, int64_t p, const Body& body) {
  const int first = x.first[p];
  const int count = x.count[p];
  for (int begin = 0; begin < count; begin += window_step) {
    T z[window_step], e[window_step];
    const T* inverse_mu = x.inverse_mu + first + begin;
    const T* sigma = x.sigma + first + begin;
    for (int w = 0; w < window_step; ++w) {
      z[w] = (x.inverse_distances[p] - inverse_mu[w]) * sigma[w];
      e[w] = exponential(T(-0.5) * z[w] * z[w]);
    }
    const int n = count - begin < window_step ? count - begin : window_step;
    for (int w = 0; w < n; ++w) {
      body(begin + w, first + begin + w, z[w], e[w]);
    }
  }
}

/// Runs body(p, sums) over all pairs; `sums` (2, V) collects what belongs to 1/mu and sigma. Blocks
/// of fixed size, summed in order: no result depends on the number of threads.
template <class T, class Body>
inline void for_pair_blocks(
    const SensitivitiesProblem<T>& x, const SensitivityFactors<T>& out, T* block_sums,
    const Body& body) {
  const int V = x.n_sensitivities;
  const int64_t n_blocks = (x.n_pairs + sensitivity_block - 1) / sensitivity_block;
#pragma omp parallel for schedule(static) num_threads(x.n_threads)
  for (int64_t block = 0; block < n_blocks; ++block) {
    T* sums = block_sums + block * 2 * V;
    std::memset(sums, 0, sizeof(T) * 2 * V);
    const int64_t begin = block * sensitivity_block;
    const int64_t end =
        begin + sensitivity_block < x.n_pairs ? begin + sensitivity_block : x.n_pairs;
    for (int64_t p = begin; p < end; ++p) {
      body(p, sums, sums + V);
    }
  }
  std::memset(out.inverse_mu, 0, sizeof(T) * V);
  std::memset(out.sigma, 0, sizeof(T) * V);
  for (int64_t block = 0; block < n_blocks; ++block) {
    const T* sums = block_sums + block * 2 * V;
    for (int v = 0; v < V; ++v) {
      out.inverse_mu[v] += sums[v];
      out.sigma[v] += sums[V + v];
    }
  }
}

template <class T> void sensitivities(const SensitivitiesProblem<T>& x, T* out) {
#pragma omp parallel for schedule(static) num_threads(x.n_threads)
  for (int64_t p = 0; p < x.n_pairs; ++p) {
    T* row = out + p * x.window;
    for_window(x, p, [&](int w, int, T, T e) { row[w] = x.envelopes[p] * e; });
    for (int w = x.count[p]; w < x.window; ++w) {
      row[w] = 0;
    }
  }
}

/// Gradients of sum h s with respect to the factors.
template <class T>
void sensitivities_backward(
    const SensitivitiesProblem<T>& x, const T* h, const SensitivityFactors<T>& out, T* block_sums) {
  for_pair_blocks(x, out, block_sums, [&](int64_t p, T* inverse_mu, T* sigma) {
    T distance = 0, envelope = 0;
    for_window(x, p, [&](int w, int v, T z, T e) {
      const T he = h[p * x.window + w] * e;
      const T along = x.envelopes[p] * he * z;
      envelope += he;
      distance -= along * x.sigma[v];
      inverse_mu[v] += along * x.sigma[v];
      sigma[v] -= along * (x.inverse_distances[p] - x.inverse_mu[v]);
    });
    out.inverse_distances[p] = distance;
    out.envelopes[p] = envelope;
  });
}

/// Gradients of the product of those with `k`, with respect to h (`h_gradient`) and the factors:
/// of sum h D, where D = e (k_c + c q) is the change of s along k and
/// q = z ((k_y - k_x) sigma - k_sigma (x - y)).
template <class T>
void sensitivities_double_backward(
    const SensitivitiesProblem<T>& x, const T* h, const SensitivityFactors<const T>& k,
    T* h_gradient, const SensitivityFactors<T>& out, T* block_sums) {
  for_pair_blocks(x, out, block_sums, [&](int64_t p, T* inverse_mu, T* sigma) {
    const T c = x.envelopes[p];
    T distance = 0, envelope = 0;
    T* row = h_gradient + p * x.window;
    for_window(x, p, [&](int w, int v, T z, T e) {
      const T gap = x.inverse_distances[p] - x.inverse_mu[v];
      const T k_gap = k.inverse_mu[v] - k.inverse_distances[p];
      const T width = x.sigma[v];
      const T q = z * (k_gap * width - k.sigma[v] * gap);
      const T change = k.envelopes[p] + c * q;
      const T he = h[p * x.window + w] * e;
      const T along = he * (c * (k_gap * width * width - 2 * k.sigma[v] * z) - z * width * change);
      row[w] = e * change;
      envelope += he * q;
      distance += along;
      inverse_mu[v] -= along;
      sigma[v] += he * (c * (2 * z * k_gap - k.sigma[v] * gap * gap) - z * gap * change);
    });
    for (int w = x.count[p]; w < x.window; ++w) {
      row[w] = 0;
    }
    out.inverse_distances[p] = distance;
    out.envelopes[p] = envelope;
  });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
