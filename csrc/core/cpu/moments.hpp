// SPDX-License-Identifier: BSD-3-Clause
//
// The training family: a form that is linear in components, sensitivities and projections, and its
// gradient with respect to each. Every derivative of one of the four is another of the four.
#pragma once

#include "core/cpu/simd.hpp"
#include "core/kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// The chunk of the message sum_w s_w P_v.
template <class T, int width>
inline __attribute__((always_inline)) Chunk<T, width>
message(const T* sensitivities, int count, const T* projections, int stride) {
  auto m = Chunk<T, width>::zero();
  for (int w = 0; w < count; ++w) {
    m.add(sensitivities[w], Chunk<T, width>::load(projections + w * stride));
  }
  return m;
}

/// The chunk of a message's gradient sum_c Y_c G_c.
template <class T, int C, int width>
inline __attribute__((always_inline)) Chunk<T, width>
message_gradient(const T* components, const T* gradients, int stride) {
  auto d = Chunk<T, width>::zero();
  for (int c = 0; c < C; ++c) {
    d.add(components[c], Chunk<T, width>::load(gradients + c * stride));
  }
  return d;
}

template <class T> inline const T* projection_row(const MomentsProblem<T>& x, int64_t p) {
  return x.projections +
         (x.senders[p] * x.n_sensitivities + x.first[p]) * static_cast<int64_t>(x.n_features);
}

template <class T, int C>
void moments(const MomentsProblem<T>& x, const PairGroups& groups, T* out) {
  const int a = x.n_features;
#pragma omp parallel for schedule(dynamic, 8) num_threads(x.n_threads)
  for (int64_t i = 0; i < x.n_receivers; ++i) {
    for_chunks<T>(a, [&](auto width, int begin) {
      using F = Chunk<T, decltype(width)::value>;
      F sum[C];
      for (int c = 0; c < C; ++c) {
        sum[c] = F::zero();
      }
      for (int64_t k = groups.offsets[i]; k < groups.offsets[i + 1]; ++k) {
        const int64_t p = groups.pair(k);
        const F m = message<T, decltype(width)::value>(
            x.sensitivities + p * x.window, x.count[p], projection_row(x, p) + begin, a);
        for (int c = 0; c < C; ++c) {
          sum[c].add(x.components[p * C + c], m);
        }
      }
      for (int c = 0; c < C; ++c) {
        sum[c].store(out + (i * C + c) * a + begin);
      }
    });
  }
}

template <class T, int C>
void components_gradient(const MomentsProblem<T>& x, const PairGroups& groups, T* out) {
  const int a = x.n_features;
#pragma omp parallel for schedule(dynamic, 8) num_threads(x.n_threads)
  for (int64_t i = 0; i < x.n_receivers; ++i) {
    const T* gradients = x.moments + i * C * a;
    for (int64_t k = groups.offsets[i]; k < groups.offsets[i + 1]; ++k) {
      const int64_t p = groups.pair(k);
      T total[C] = {};
      for_chunks<T>(a, [&](auto width, int begin) {
        using F = Chunk<T, decltype(width)::value>;
        const F m = message<T, decltype(width)::value>(
            x.sensitivities + p * x.window, x.count[p], projection_row(x, p) + begin, a);
        for (int c = 0; c < C; ++c) {
          F product = F::zero();
          product.add(m, F::load(gradients + c * a + begin));
          total[c] += product.sum();
        }
      });
      for (int c = 0; c < C; ++c) {
        out[p * C + c] = total[c];
      }
    }
  }
}

template <class T, int C>
void sensitivities_gradient(const MomentsProblem<T>& x, const PairGroups& groups, T* out) {
  const int a = x.n_features;
#pragma omp parallel for schedule(dynamic, 8) num_threads(x.n_threads)
  for (int64_t i = 0; i < x.n_receivers; ++i) {
    const T* gradients = x.moments + i * C * a;
    for (int64_t k = groups.offsets[i]; k < groups.offsets[i + 1]; ++k) {
      const int64_t p = groups.pair(k);
      for (int w = 0; w < x.window; ++w) {
        out[p * x.window + w] = 0;
      }
      for_chunks<T>(a, [&](auto width, int begin) {
        using F = Chunk<T, decltype(width)::value>;
        const F d = message_gradient<T, C, decltype(width)::value>(
            x.components + p * C, gradients + begin, a);
        const T* row = projection_row(x, p) + begin;
        for (int w = 0; w < x.count[p]; ++w) {
          F product = F::zero();
          product.add(d, F::load(row + w * a));
          out[p * x.window + w] += product.sum();
        }
      });
    }
  }
}

template <class T, int C>
void projections_gradient(const MomentsProblem<T>& x, const PairGroups& groups, T* out) {
  const int a = x.n_features;
  const int64_t row_size = static_cast<int64_t>(x.n_sensitivities) * a;
#pragma omp parallel for schedule(dynamic, 8) num_threads(x.n_threads)
  for (int64_t j = 0; j < x.n_senders; ++j) {
    T* row = out + j * row_size;
    std::memset(row, 0, row_size * sizeof(T));
    for (int64_t k = groups.offsets[j]; k < groups.offsets[j + 1]; ++k) {
      const int64_t p = groups.pair(k);
      const T* gradients = x.moments + x.receivers[p] * C * a;
      T* window = row + x.first[p] * static_cast<int64_t>(a);
      for_chunks<T>(a, [&](auto width, int begin) {
        using F = Chunk<T, decltype(width)::value>;
        const F d = message_gradient<T, C, decltype(width)::value>(
            x.components + p * C, gradients + begin, a);
        for (int w = 0; w < x.count[p]; ++w) {
          T* target = window + w * a + begin;
          F sum = F::load(target);
          sum.add(x.sensitivities[p * x.window + w], d);
          sum.store(target);
        }
      });
    }
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
