// SPDX-License-Identifier: BSD-3-Clause
//
// C = A B + ... for a constant, packed B: weights times a tile of atoms. It has its own kernel
// because the products are small (a hundred by a hundred), are between element-wise stages in one
// cache-resident tile, and must not depend on the BLAS that the host program exports.
#pragma once

#include "core/cpu/simd.hpp"
#include "core/kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

#if defined(__AVX512F__)
constexpr int gemm_rows = 12, gemm_vectors = 2; // 24 of 32 registers accumulate
#elif defined(__AVX2__)
constexpr int gemm_rows = 6, gemm_vectors = 2; // 12 of 16
#elif defined(__aarch64__)
constexpr int gemm_rows = 12, gemm_vectors = 2; // 24 of 32
#else
constexpr int gemm_rows = 4, gemm_vectors = 2; // 8 of 16
#endif
constexpr int gemm_depth = 256; // columns of A at a time: 12 x 256 floats of A stay in L1

/// rows x (2 vectors) of C += A B, B a slice of a packed panel.
template <class T, int rows>
inline __attribute__((always_inline)) void gemm_tile(
    int depth, const T* A, int64_t lda, const T* B, T* C, int64_t ldc, int n_columns,
    bool accumulate) {
  using F = Chunk<T, max_lanes<T> * gemm_vectors>;
  constexpr int columns = max_lanes<T> * gemm_vectors;
  F sum[rows];
  for (int m = 0; m < rows; ++m) {
    sum[m] = F::zero();
  }
  for (int k = 0; k < depth; ++k) {
    const F b = F::load(B + k * panel_width);
    for (int m = 0; m < rows; ++m) {
      sum[m].add(A[m * lda + k], b);
    }
  }
  if (n_columns >= columns) {
    for (int m = 0; m < rows; ++m) {
      if (accumulate) {
        sum[m].add(T(1), F::load(C + m * ldc));
      }
      sum[m].store(C + m * ldc);
    }
  } else {
    T part[columns];
    for (int m = 0; m < rows; ++m) {
      sum[m].store(part);
      for (int n = 0; n < n_columns; ++n) {
        C[m * ldc + n] = accumulate ? C[m * ldc + n] + part[n] : part[n];
      }
    }
  }
}

template <class T, int rows>
inline void gemm_rows_of(
    int n_rows, int depth, const T* A, int64_t lda, const T* B, T* C, int64_t ldc, int n_columns,
    bool accumulate) {
  if constexpr (rows > 0) {
    if (n_rows == rows) {
      gemm_tile<T, rows>(depth, A, lda, B, C, ldc, n_columns, accumulate);
    } else {
      gemm_rows_of<T, rows - 1>(n_rows, depth, A, lda, B, C, ldc, n_columns, accumulate);
    }
  }
}

/// C (M, N) = A (M, K) B, plus C itself if `accumulate`; B is packed as panels of K x panel_width.
template <class T>
void gemm(
    int M, int N, int K, const T* A, int64_t lda, const T* B, T* C, int64_t ldc, bool accumulate) {
  constexpr int columns = max_lanes<T> * gemm_vectors;
  for (int begin = 0; begin < K; begin += gemm_depth) {
    const int depth = K - begin < gemm_depth ? K - begin : gemm_depth;
    const bool add = accumulate || begin > 0;
    for (int n = 0; n < N; n += columns) {
      const int64_t panel = n / panel_width;
      const T* b = B + (panel * K + begin) * panel_width + n % panel_width;
      int m = 0;
      for (; m + gemm_rows <= M; m += gemm_rows) {
        gemm_tile<T, gemm_rows>(
            depth, A + m * lda + begin, lda, b, C + m * ldc + n, ldc, N - n, add);
      }
      gemm_rows_of<T, gemm_rows - 1>(
          M - m, depth, A + m * lda + begin, lda, b, C + m * ldc + n, ldc, N - n, add);
    }
  }
}

/// y (n, n_out) = x (n, n_in) W^T + bias, plus y itself if `accumulate`.
template <class T>
inline void linear(const Linear<T>& layer, int n, const T* x, T* y, bool accumulate) {
  if (layer.bias) {
    for (int i = 0; i < n; ++i) {
      for (int f = 0; f < layer.n_out; ++f) {
        T* target = y + static_cast<int64_t>(i) * layer.n_out + f;
        *target = accumulate ? *target + layer.bias[f] : layer.bias[f];
      }
    }
  }
  gemm(
      n, layer.n_out, layer.n_in, x, layer.n_in, layer.forward, y, layer.n_out,
      accumulate || layer.bias);
}

/// dx (n, n_in) = dy (n, n_out) W, plus dx itself if `accumulate`.
template <class T>
inline void linear_backward(const Linear<T>& layer, int n, const T* dy, T* dx, bool accumulate) {
  gemm(n, layer.n_in, layer.n_out, dy, layer.n_out, layer.backward, dx, layer.n_in, accumulate);
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
