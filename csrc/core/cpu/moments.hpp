// SPDX-License-Identifier: BSD-3-Clause
//
// The operators of training on moments: a form that is linear in components, sensitivities and
// projections, its gradients with respect to each, and the change of all these along a direction.
#pragma once

#include "core/cpu/lane_sums.hpp"
#include "core/training_kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// One pair's part of a problem. `change` selects the change of its results along the direction.
template <class T, int C, bool change> struct FormPair {
  int64_t pair;
  int count;
  int stride; // features
  const T* components;
  const T* sensitivities;
  const T* projections; // the window's first row
  MomentsDirection<T> along{};

  inline __attribute__((always_inline)) FormPair(const MomentsProblem<T>& x, int64_t p)
      : pair(p), count(x.count[p]), stride(x.n_features), components(x.components + p * C),
        sensitivities(x.sensitivities + p * x.window) {
    const int64_t row =
        (x.senders[p] * x.n_sensitivities + x.first[p]) * static_cast<int64_t>(x.n_features);
    projections = x.projections + row;
    if constexpr (change) {
      along.components = x.along.components + p * C;
      along.sensitivities = x.along.sensitivities + p * x.window;
      along.projections = x.along.projections ? x.along.projections + row : nullptr;
    }
  }
};

/// m += sum_w s_w P_w
template <class T, int width>
inline __attribute__((always_inline)) void add_message(
    Chunk<T, width>& m, const T* sensitivities, int count, const T* projections, int stride) {
  for (int w = 0; w < count; ++w) {
    m.add(sensitivities[w], Chunk<T, width>::load(projections + w * stride));
  }
}

/// The message, features from `begin` on.
template <class T, int width, class Pair>
inline __attribute__((always_inline)) Chunk<T, width> message(const Pair& pair, int begin) {
  auto m = Chunk<T, width>::zero();
  add_message(m, pair.sensitivities, pair.count, pair.projections + begin, pair.stride);
  return m;
}

/// Its change.
template <class T, int width, class Pair>
inline __attribute__((always_inline)) Chunk<T, width> message_change(const Pair& pair, int begin) {
  const auto& along = pair.along;
  auto m = Chunk<T, width>::zero();
  add_message(m, along.sensitivities, pair.count, pair.projections + begin, pair.stride);
  if (along.projections) {
    add_message(m, pair.sensitivities, pair.count, along.projections + begin, pair.stride);
  }
  return m;
}

/// The message's gradient sum_c Y_c G_c.
template <class T, int C, int width>
inline __attribute__((always_inline)) Chunk<T, width>
message_gradient(const T* components, const T* gradients, int stride) {
  auto d = Chunk<T, width>::zero();
  for (int c = 0; c < C; ++c) {
    d.add(components[c], Chunk<T, width>::load(gradients + c * stride));
  }
  return d;
}

/// out (n_receivers, C, a).
template <class T, int C, bool change>
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
        const FormPair<T, C, change> pair(x, groups.pair(k));
        const F m = message<T, decltype(width)::value>(pair, begin);
        for (int c = 0; c < C; ++c) {
          sum[c].add(change ? pair.along.components[c] : pair.components[c], m);
        }
        if constexpr (change) {
          const F m_change = message_change<T, decltype(width)::value>(pair, begin);
          for (int c = 0; c < C; ++c) {
            sum[c].add(pair.components[c], m_change);
          }
        }
      }
      for (int c = 0; c < C; ++c) {
        sum[c].store(out + (i * C + c) * a + begin);
      }
    });
  }
}

/// Gradient (C,) with respect to one pair's components.
template <class T, int C, bool change>
inline __attribute__((always_inline)) void
components_gradient(const FormPair<T, C, change>& pair, const T* gradients, T* out) {
  LaneSums<T, C> sums;
  for_chunks<T>(pair.stride, [&](auto width, int begin) {
    using F = Chunk<T, decltype(width)::value>;
    const F m = change ? message_change<T, decltype(width)::value>(pair, begin)
                       : message<T, decltype(width)::value>(pair, begin);
    for (int c = 0; c < C; ++c) {
      sums.add(c, m, F::load(gradients + c * pair.stride + begin));
    }
  });
  sums.store(out);
}

constexpr int windows_at_once = 4;
constexpr int features_at_once = 256; // the message's gradient is kept in cache

/// Gradient (count,) with respect to one pair's sensitivities.
template <class T, int C, bool change>
inline __attribute__((always_inline)) void
sensitivities_gradient(const FormPair<T, C, change>& pair, const T* gradients, T* out) {
  const int a = pair.stride;
  T still[features_at_once], along[features_at_once];
  for (int from = 0; from < a; from += features_at_once) {
    const int n = a - from < features_at_once ? a - from : features_at_once;
    for_chunks<T>(n, [&](auto width, int begin) {
      constexpr int w = decltype(width)::value;
      message_gradient<T, C, w>(pair.components, gradients + from + begin, a).store(still + begin);
      if constexpr (change) {
        message_gradient<T, C, w>(pair.along.components, gradients + from + begin, a)
            .store(along + begin);
      }
    });
    for (int w = 0; w < pair.count; w += windows_at_once) {
      const int left = pair.count - w;
      int64_t row[windows_at_once]; // beyond the window, the last one again
      for (int k = 0; k < windows_at_once; ++k) {
        row[k] = static_cast<int64_t>(w + (k < left ? k : left - 1)) * a + from;
      }
      LaneSums<T, windows_at_once> sums;
      for_chunks<T>(n, [&](auto width, int begin) {
        using F = Chunk<T, decltype(width)::value>;
        const F d = F::load((change ? along : still) + begin);
        for (int k = 0; k < windows_at_once; ++k) {
          sums.add(k, d, F::load(pair.projections + row[k] + begin));
        }
        if (change && pair.along.projections) {
          const F d_still = F::load(still + begin);
          for (int k = 0; k < windows_at_once; ++k) {
            sums.add(k, d_still, F::load(pair.along.projections + row[k] + begin));
          }
        }
      });
      T found[windows_at_once];
      sums.store(found);
      for (int k = 0; k < windows_at_once && k < left; ++k) {
        out[w + k] = from == 0 ? found[k] : out[w + k] + found[k];
      }
    }
  }
}

/// Gradients with respect to components (P, C), sensitivities (P, W), or both.
template <class T, int C, bool change>
void pair_gradients(
    const MomentsProblem<T>& x, const PairGroups& groups, T* components, T* sensitivities) {
#pragma omp parallel for schedule(dynamic, 8) num_threads(x.n_threads)
  for (int64_t i = 0; i < x.n_receivers; ++i) {
    const T* gradients = x.moments + i * C * x.n_features;
    for (int64_t k = groups.offsets[i]; k < groups.offsets[i + 1]; ++k) {
      const FormPair<T, C, change> pair(x, groups.pair(k));
      if (components) {
        components_gradient<T, C, change>(pair, gradients, components + pair.pair * C);
      }
      if (sensitivities) {
        T* row = sensitivities + pair.pair * x.window;
        sensitivities_gradient<T, C, change>(pair, gradients, row);
        for (int w = pair.count; w < x.window; ++w) {
          row[w] = 0;
        }
      }
    }
  }
}

/// Gradient (n_senders, V, a) with respect to the projections.
template <class T, int C, bool change>
void projections_gradient(const MomentsProblem<T>& x, const PairGroups& groups, T* out) {
  const int a = x.n_features;
  const int64_t row_size = static_cast<int64_t>(x.n_sensitivities) * a;
#pragma omp parallel for schedule(dynamic, 8) num_threads(x.n_threads)
  for (int64_t j = 0; j < x.n_senders; ++j) {
    T* row = out + j * row_size;
    std::memset(row, 0, row_size * sizeof(T));
    for (int64_t k = groups.offsets[j]; k < groups.offsets[j + 1]; ++k) {
      const FormPair<T, C, change> pair(x, groups.pair(k));
      const T* gradients = x.moments + x.receivers[pair.pair] * C * a;
      T* window = row + x.first[pair.pair] * static_cast<int64_t>(a);
      for_chunks<T>(a, [&](auto width, int begin) {
        using F = Chunk<T, decltype(width)::value>;
        const F d =
            message_gradient<T, C, decltype(width)::value>(pair.components, gradients + begin, a);
        F along = F::zero();
        if constexpr (change) {
          along = message_gradient<T, C, decltype(width)::value>(
              pair.along.components, gradients + begin, a);
        }
        for (int w = 0; w < pair.count; ++w) {
          T* target = window + w * a + begin;
          F sum = F::load(target);
          if constexpr (change) {
            sum.add(pair.sensitivities[w], along);
            sum.add(pair.along.sensitivities[w], d);
          } else {
            sum.add(pair.sensitivities[w], d);
          }
          sum.store(target);
        }
      });
    }
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
