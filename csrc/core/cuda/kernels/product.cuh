// SPDX-License-Identifier: BSD-3-Clause
//
// Dense products of a few atoms' rows in shared memory with a matrix in global memory, by a block
// of onsite_warps warps. A thread computes four consecutive columns of R rows.
#pragma once

#include "onsite_arguments.hpp"
#include "prelude.cuh"

namespace hipnn_ts {
namespace cuda {

constexpr int onsite_columns = 4 * warp_size; // that a block computes at once

/// Rows of width `stride` in shared memory: an odd multiple of 16 bytes, to avoid bank conflicts.
struct Rows {
  Real* first;
  int stride;

  __device__ Real* at(int row, int column) const { return first + row * stride + column; }
};

/// Column `column` of four of row k of a matrix (.., width), zero beyond it.
__device__ inline Reals<4> matrix_piece(const Real* w, int width, int k, int column) {
  return column < width ? Reals<4>::fetch(w + static_cast<long long>(k) * width + column)
                        : Reals<4>::zero();
}

/// Many rows: the matrix comes through shared memory; a piece of `onsite_depth` of its rows is
/// loaded while the previous one is used.
template <int R>
__device__ inline void tiled_sum(
    const Rows& x, int depth, const Real* w, int width, int begin, Real* work, Reals<4> (&sum)[R]) {
  constexpr int loads = onsite_depth / onsite_warps;
  Reals<4> next[loads];
  const auto fetch = [&](int k) {
    for (int j = 0; j < loads; ++j) {
      next[j] = matrix_piece(w, width, k + warp() + j * onsite_warps, begin + 4 * lane());
    }
  };
  const auto piece = [&](int k) {
    return work + k / onsite_depth % 2 * (onsite_depth * onsite_columns) + 4 * lane();
  };
  const auto put = [&](int k) {
    for (int j = 0; j < loads; ++j) {
      next[j].store(piece(k) + (warp() + j * onsite_warps) * onsite_columns);
    }
  };
  for (int r = 0; r < R; ++r) {
    sum[r] = Reals<4>::zero();
  }
  fetch(0);
  put(0);
  __syncthreads();
  for (int k = 0; k < depth; k += onsite_depth) {
    const bool more = k + onsite_depth < depth;
    if (more) {
      fetch(k + onsite_depth);
    }
    const Real* own = piece(k);
    for (int q = 0; q < onsite_depth; q += 4) {
      Reals<4> a[R];
      for (int r = 0; r < R; ++r) {
        a[r] = Reals<4>::load(x.at(warp() * R + r, k + q));
      }
      for (int j = 0; j < 4; ++j) {
        const Reals<4> b = Reals<4>::load(own + (q + j) * onsite_columns);
        for (int r = 0; r < R; ++r) {
          sum[r].add(a[r].v[j], b);
        }
      }
    }
    if (more) {
      put(k + onsite_depth);
    }
    __syncthreads();
  }
}

/// Adds the products with n rows of the matrix to all rows' sums; all loads of these are in flight
/// at once.
template <int n>
__device__ inline void add_rows(
    const Rows& x, const Real* w, int width, int k, int column, Reals<4> (&sums)[onsite_warps]) {
  Reals<4> b[n];
  for (int j = 0; j < n; ++j) {
    b[j] = Reals<4>::fetch(w + static_cast<long long>(k + j) * width + column);
  }
  for (int r = 0; r < onsite_warps; ++r) {
    for (int j = 0; j < n; j += 4) {
      const Reals<4> a = Reals<4>::load(x.at(r, k + j));
      for (int i = 0; i < 4; ++i) {
        sums[r].add(a.v[i], b[j + i]);
      }
    }
  }
}

/// A row for each warp: each computes a part of the depth for all rows, and the parts are added up.
__device__ inline void split_sum(
    const Rows& x, int depth, const Real* w, int width, int begin, Real* work, Reals<4>& sum) {
  Reals<4> parts[onsite_warps];
  for (int r = 0; r < onsite_warps; ++r) {
    parts[r] = Reals<4>::zero();
  }
  // Columns beyond the width are computed and ignored.
  const int own = begin + 4 * lane(), column = own < width ? own : 0;
  const int share = depth / onsite_warps, end = (warp() + 1) * share;
  int k = warp() * share;
  for (; k + 16 <= end; k += 16) {
    add_rows<16>(x, w, width, k, column, parts);
  }
  for (; k < end; k += 4) {
    add_rows<4>(x, w, width, k, column, parts);
  }
  for (int r = 0; r < onsite_warps; ++r) {
    parts[r].store(work + (warp() * onsite_warps + r) * onsite_columns + 4 * lane());
  }
  __syncthreads();
  sum = Reals<4>::zero();
  for (int from = 0; from < onsite_warps; ++from) {
    sum.add(1, Reals<4>::load(work + (from * onsite_warps + warp()) * onsite_columns + 4 * lane()));
  }
  __syncthreads();
}

/// Calls use(row, column, values) for x w, four columns at a time; w is (depth, width). All threads
/// see afterwards what `use` wrote.
template <int R, class Use>
__device__ inline void
product(const Rows& x, int depth, const Real* w, int width, Real* work, const Use& use) {
  for (int begin = 0; begin < width; begin += onsite_columns) {
    Reals<4> sum[R];
    if constexpr (R == 1) {
      split_sum(x, depth, w, width, begin, work, sum[0]);
    } else {
      tiled_sum(x, depth, w, width, begin, work, sum);
    }
    const int column = begin + 4 * lane();
    for (int r = 0; r < R && column < width; ++r) {
      use(warp() * R + r, column, sum[r]);
    }
  }
  __syncthreads();
}

/// Calls use(row, column) for all of the block's rows, four columns at a time.
template <int R, class Use> __device__ inline void for_pieces(int width, const Use& use) {
  for (int r = 0; r < R; ++r) {
    for (int column = 4 * lane(); column < width; column += onsite_columns) {
      use(warp() * R + r, column);
    }
  }
  __syncthreads();
}

} // namespace cuda
} // namespace hipnn_ts
