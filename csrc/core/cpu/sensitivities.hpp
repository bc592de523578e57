// SPDX-License-Identifier: BSD-3-Clause
//
// Radial sensitivities for training, with their first and second derivatives: the loops over pairs
// and windows.
#pragma once

#include "core/cpu/radial.hpp"
#include "core/training_kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// window_step consecutive sensitivities of one pair.
template <class T> struct WindowStep {
  int begin; // index of the first in the window
  int v;     // among all
  int n;     // number of them in the window
  T gap[window_step], z[window_step], e[window_step];

  /// For sensitivity w of these, and pair p.
  inline __attribute__((always_inline)) RadialTerms<T>
  terms(const SensitivitiesProblem<T>& x, int64_t p, int w) const {
    return {gap[w], x.sigma[v + w], z[w], e[w], x.envelopes[p]};
  }
};

/// Calls body(step) until pair p's window is covered.
template <class T, class Body>
inline __attribute__((always_inline)) void
for_window(const SensitivitiesProblem<T>& x, int64_t p, const Body& body) {
  const int count = x.count[p];
  const T inverse_distance = x.inverse_distances[p];
  for (int begin = 0; begin < count; begin += window_step) {
    WindowStep<T> step;
    step.begin = begin;
    step.v = x.first[p] + begin;
    step.n = count - begin < window_step ? count - begin : window_step;
    const T* inverse_mu = x.inverse_mu + step.v;
    const T* sigma = x.sigma + step.v;
    for (int w = 0; w < window_step; ++w) {
      step.gap[w] = inverse_distance - inverse_mu[w];
      step.z[w] = step.gap[w] * sigma[w];
      step.e[w] = exponential(gaussian_exponent(step.z[w]));
    }
    body(step);
  }
}

/// The window's part of a row (P, W), zero beyond.
template <class T>
inline __attribute__((always_inline)) void
load_row(const WindowStep<T>& step, const T* row, T* values) {
  for (int w = 0; w < window_step; ++w) {
    values[w] = w < step.n ? row[step.begin + w] : T(0);
  }
}

template <class T>
inline __attribute__((always_inline)) void
store_row(const WindowStep<T>& step, const T* values, T* row) {
  for (int w = 0; w < step.n; ++w) {
    row[step.begin + w] = values[w];
  }
}

template <class T> inline __attribute__((always_inline)) T sum_of_step(const T* values) {
  return Chunk<T, window_step>::load(values).sum();
}

/// Runs body(p, sums) over all pairs; `sums`, two rows of V and a window_step, collects the
/// gradients of 1/mu and sigma. Blocks of fixed size are summed in order, so no result depends on
/// the number of threads.
template <class T, class Body>
inline void for_pair_blocks(
    const SensitivitiesProblem<T>& x, const SensitivityFactors<T>& out, T* block_sums,
    const Body& body) {
  const int row = x.n_sensitivities + window_step;
  const int64_t n_blocks = (x.n_pairs + sensitivity_block - 1) / sensitivity_block;
#pragma omp parallel for schedule(static) num_threads(x.n_threads)
  for (int64_t block = 0; block < n_blocks; ++block) {
    T* sums = block_sums + block * 2 * row;
    std::memset(sums, 0, sizeof(T) * 2 * row);
    const int64_t begin = block * sensitivity_block;
    const int64_t end =
        begin + sensitivity_block < x.n_pairs ? begin + sensitivity_block : x.n_pairs;
    for (int64_t p = begin; p < end; ++p) {
      body(p, sums, sums + row);
    }
  }
  std::memset(out.inverse_mu, 0, sizeof(T) * x.n_sensitivities);
  std::memset(out.sigma, 0, sizeof(T) * x.n_sensitivities);
  for (int64_t block = 0; block < n_blocks; ++block) {
    const T* sums = block_sums + block * 2 * row;
    for (int v = 0; v < x.n_sensitivities; ++v) {
      out.inverse_mu[v] += sums[v];
      out.sigma[v] += sums[row + v];
    }
  }
}

/// The smallest window that contains every sensitivity whose |z| is below `reach`.
template <class T> void active_windows(const WindowsProblem<T>& x) {
  constexpr int block = 64;
#pragma omp parallel for schedule(static) num_threads(x.n_threads)
  for (int64_t begin = 0; begin < x.n_pairs; begin += block) {
    const int n = static_cast<int>(x.n_pairs - begin < block ? x.n_pairs - begin : block);
    T inverse[block];
    int32_t low[block], high[block];
    for (int k = 0; k < n; ++k) {
      inverse[k] = 1 / x.distances[begin + k];
      low[k] = x.n_sensitivities;
      high[k] = 0;
    }
    for (int v = 0; v < x.n_sensitivities; ++v) {
      const T inverse_mu = x.inverse_mu[v], sigma = x.sigma[v];
      for (int k = 0; k < n; ++k) {
        // Written such that NaN is active and reaches the energy.
        const bool active = !(__builtin_fabs((inverse[k] - inverse_mu) * sigma) >= x.reach);
        low[k] = active && v < low[k] ? v : low[k];
        high[k] = active ? v + 1 : high[k];
      }
    }
    for (int k = 0; k < n; ++k) {
      x.first[begin + k] = high[k] > 0 ? low[k] : 0;
      x.count[begin + k] = high[k] > 0 ? high[k] - low[k] : 0;
    }
  }
}

template <class T> void sensitivities(const SensitivitiesProblem<T>& x, T* out) {
#pragma omp parallel for schedule(static) num_threads(x.n_threads)
  for (int64_t p = 0; p < x.n_pairs; ++p) {
    T* row = out + p * x.window;
    for_window(x, p, [&](const WindowStep<T>& step) {
      T s[window_step];
      for (int w = 0; w < window_step; ++w) {
        s[w] = x.envelopes[p] * step.e[w];
      }
      store_row(step, s, row);
    });
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
    for_window(x, p, [&](const WindowStep<T>& step) {
      T row[window_step], of_x[window_step], of_c[window_step];
      load_row(step, h + p * x.window, row);
      for (int w = 0; w < window_step; ++w) {
        const RadialFactors<T> g = sensitivity_gradients(step.terms(x, p, w), row[w]);
        of_x[w] = g.x;
        of_c[w] = g.c;
        inverse_mu[step.v + w] += g.y;
        sigma[step.v + w] += g.sigma;
      }
      envelope += sum_of_step(of_c);
      distance += sum_of_step(of_x);
    });
    out.inverse_distances[p] = distance;
    out.envelopes[p] = envelope;
  });
}

/// Gradients of the product of those with `k`, with respect to h (`h_gradient`) and the factors.
template <class T>
void sensitivities_double_backward(
    const SensitivitiesProblem<T>& x, const T* h, const SensitivityFactors<const T>& k,
    T* h_gradient, const SensitivityFactors<T>& out, T* block_sums) {
  for_pair_blocks(x, out, block_sums, [&](int64_t p, T* inverse_mu, T* sigma) {
    const T k_c = k.envelopes[p], k_x = k.inverse_distances[p];
    T distance = 0, envelope = 0;
    T* changes = h_gradient + p * x.window;
    for_window(x, p, [&](const WindowStep<T>& step) {
      const T *k_y = k.inverse_mu + step.v, *k_sigma = k.sigma + step.v;
      T row[window_step], of_x[window_step], of_c[window_step], change[window_step];
      load_row(step, h + p * x.window, row);
      for (int w = 0; w < window_step; ++w) {
        const auto s =
            sensitivity_change(step.terms(x, p, w), {k_x, k_c, k_y[w], k_sigma[w]}, row[w]);
        change[w] = s.change;
        of_x[w] = s.gradients.x;
        of_c[w] = s.gradients.c;
        inverse_mu[step.v + w] += s.gradients.y;
        sigma[step.v + w] += s.gradients.sigma;
      }
      store_row(step, change, changes);
      envelope += sum_of_step(of_c);
      distance += sum_of_step(of_x);
    });
    for (int w = x.count[p]; w < x.window; ++w) {
      changes[w] = 0;
    }
    out.inverse_distances[p] = distance;
    out.envelopes[p] = envelope;
  });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
