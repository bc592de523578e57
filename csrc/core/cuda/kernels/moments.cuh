// SPDX-License-Identifier: BSD-3-Clause
//
// The operators of training on moments (core/cpu/moments.hpp): a form linear in components,
// sensitivities and projections, its gradient with respect to each, and their change along
// directions. Sums have the same order in every run.
#pragma once

#include "pair_walk.cuh"

namespace hipnn_ts {
namespace cuda {

/// The sum over a block: the same `n_rows` rows of 32 features in each warp's part, added up in
/// order. store(row, feature of the 32, sum).
template <class Store>
__device__ inline void sum_warps(const Real* parts, int n_rows, Real start, const Store& store) {
  __syncthreads();
  const int n = n_rows * warp_size;
  for (int k = threadIdx.x; k < n; k += blockDim.x) {
    Real sum = start;
    for (int w = 0; w < static_cast<int>(blockDim.x) / warp_size; ++w) {
      sum += parts[w * n + k];
    }
    store(k / warp_size, k % warp_size, sum);
  }
}

/// A block for 32 features of a receiver; blockIdx.y selects them.
template <bool change> __device__ inline void sum_moments(const MomentsArguments<Real>& x) {
  const Column column(x, blockIdx.y);
  Real sum[C];
  for (int c = 0; c < C; ++c) {
    sum[c] = 0;
  }
  for_pairs(x.pairs, blockIdx.x, [&](const PairRecord& pair) {
    const PairFactors<change> f(x, pair, pair.other);
    const Messages m = f.messages(column, 0, pair.count);
    for (int c = 0; c < C; ++c) {
      sum[c] += f.component(c) * m.own;
      if (change) {
        sum[c] += f.component_along(c) * m.before;
      }
    }
  });
  DYNAMIC_SHARED(memory);
  Real* parts = reinterpret_cast<Real*>(memory);
  for (int c = 0; c < C; ++c) {
    parts[(warp() * C + c) * warp_size + lane()] = sum[c];
  }
  Real* row = x.out + static_cast<long long>(blockIdx.x) * C * x.n_features;
  sum_warps(parts, C, *x.start, [&](int c, int feature, Real total) {
    if (column.begin + feature < x.n_features) {
      row[c * x.n_features + column.begin + feature] = total;
    }
  });
}

/// Gradients of a receiver's pairs, a block for each receiver: components and a round of
/// sensitivities are summed over features in one exchange.
template <bool change> __device__ inline void find_pair_gradients(const MomentsArguments<Real>& x) {
  constexpr int terms = C < 4 ? 8 : C < 16 ? 16 : 32; // of the exchange: a power of two
  constexpr int round = terms - C;
  static_assert(round > 0 && terms <= warp_size, "each exchange sums some sensitivities too");
  const Real start = *x.start;
  const int n_columns = (x.n_features + warp_size - 1) / warp_size;
  for_pairs(x.pairs, blockIdx.x, [&](const PairRecord& pair) {
    const PairFactors<change> f(x, pair, pair.other);
    Real* row = x.sensitivities + static_cast<long long>(pair.pair) * x.window;
    int begin = 0;
    for (; begin == 0 || begin < pair.count; begin += round) {
      Real sum[terms];
#pragma unroll
      for (int k = 0; k < terms; ++k) {
        sum[k] = 0;
      }
      for (int k = 0; k < n_columns; ++k) {
        const Column column(x, k);
        const auto radial = f.template read<round>(column, begin, pair.count);
        const Gradients g = f.gradients(x, column, blockIdx.x);
        Real message = 0;
#pragma unroll
        for (int w = 0; w < round; ++w) {
          message += radial.message(w);
          sum[C + w] += (change ? g.before : g.own) * radial.p[w];
          if (change) {
            sum[C + w] += g.own * radial.p_along[w];
          }
        }
        if (begin == 0) {
          message += f.messages(column, round, pair.count).own;
#pragma unroll
          for (int c = 0; c < C; ++c) {
            sum[c] += message * g.moments[c];
          }
        }
      }
      const Real total = start + fold<terms>(sum);
      constexpr int lanes = warp_size / terms;
      const int k = lane() / lanes;
      if (lane() % lanes == 0) {
        if (k < C && x.components && begin == 0) {
          x.components[static_cast<long long>(pair.pair) * C + k] = total;
        }
        if (k >= C && x.sensitivities && begin + k - C < x.window) {
          row[begin + k - C] = total;
        }
      }
    }
    for (int w = begin + lane(); x.sensitivities && w < x.window; w += warp_size) {
      row[w] = start;
    }
  });
}

/// A block for 32 features of a chunk of a sender's sensitivities; blockIdx.y selects them.
template <bool change>
__device__ inline void find_projections_gradient(const MomentsArguments<Real>& x) {
  const Column column(x, blockIdx.y / x.n_chunks);
  const int v_begin = blockIdx.y % x.n_chunks * projection_chunk;
  const int left = x.n_sensitivities - v_begin;
  const int n_rows = left < projection_chunk ? left : projection_chunk;
  DYNAMIC_SHARED(memory);
  Real* parts = reinterpret_cast<Real*>(memory);
  Real* own = parts + warp() * n_rows * warp_size + lane();
  for (int v = 0; v < n_rows; ++v) {
    own[v * warp_size] = 0;
  }
  for_pairs(x.pairs, blockIdx.x, [&](const PairRecord& pair) {
    const int first = pair.first - v_begin, low = first > 0 ? first : 0;
    const int end = first + pair.count, high = end < n_rows ? end : n_rows;
    if (low >= high) {
      return;
    }
    const PairFactors<change> f(x, pair, blockIdx.x);
    const Gradients g = f.gradients(x, column, pair.other);
    for (int v = low; v < high; ++v) {
      Real sum = f.sensitivity(v - first) * (change ? g.before : g.own);
      if (change) {
        sum += f.sensitivity_along(v - first) * g.own;
      }
      own[v * warp_size] += sum;
    }
  });
  Real* out =
      x.out + (static_cast<long long>(blockIdx.x) * x.n_sensitivities + v_begin) * x.n_features;
  sum_warps(parts, n_rows, *x.start, [&](int v, int feature, Real total) {
    if (column.begin + feature < x.n_features) {
      out[static_cast<long long>(v) * x.n_features + column.begin + feature] = total;
    }
  });
}

KERNEL(moments, MomentsArguments<Real>) {
  sum_moments<false>(x);
}

KERNEL(moments_change, MomentsArguments<Real>) {
  sum_moments<true>(x);
}

KERNEL(pair_gradients, MomentsArguments<Real>) {
  find_pair_gradients<false>(x);
}

KERNEL(pair_gradients_change, MomentsArguments<Real>) {
  find_pair_gradients<true>(x);
}

KERNEL(projections_gradient, MomentsArguments<Real>) {
  find_projections_gradient<false>(x);
}

KERNEL(projections_gradient_change, MomentsArguments<Real>) {
  find_projections_gradient<true>(x);
}

} // namespace cuda
} // namespace hipnn_ts
