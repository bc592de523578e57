// SPDX-License-Identifier: BSD-3-Clause
//
// Invariants of the moments for training, E0 + t1 n1 + t2 n2 with n1 = sqrt(|E1|^2 + eps) and
// n2 = sqrt(|E2|^2 + eps), with first and second derivatives.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int invariants_chunk = 32; // features whose values wait in cache

/// Some features of one atom.
template <class T, int C> struct InvariantsChunk {
  int begin, n;
  T n1[invariants_chunk], n2[invariants_chunk]; // the norms' inverses
  T half[C >= 9 ? 5 : 1][invariants_chunk];     // half the gradient of |E2|^2
  const T* rows[C];

  InvariantsChunk(const InvariantsProblem<T>& x, int64_t atom, int first)
      : begin(first),
        n(x.n_features - first < invariants_chunk ? x.n_features - first : invariants_chunk) {
    for (int c = 0; c < C; ++c) {
      rows[c] = x.moments + (atom * C + c) * x.n_features + first;
    }
    if constexpr (C >= 4) {
      for (int f = 0; f < n; ++f) {
        const T ex = rows[1][f], ey = rows[2][f], ez = rows[3][f];
        n1[f] = 1 / __builtin_sqrt(ex * ex + ey * ey + ez * ez + x.cusp_regularisation);
      }
    }
    if constexpr (C >= 9) {
      halved(rows + 4, half);
      for (int f = 0; f < n; ++f) {
        T square = x.cusp_regularisation;
        for (int c = 0; c < 5; ++c) {
          square += rows[4 + c][f] * half[c][f];
        }
        n2[f] = 1 / __builtin_sqrt(square);
      }
    }
  }

  /// Half the gradient of |E2|^2 = 2 (xx^2 + xy^2 + xz^2 + yy^2 + yz^2 + xx yy); linear.
  void halved(const T* const* e2, T (*out)[invariants_chunk]) const {
    for (int f = 0; f < n; ++f) {
      out[0][f] = 2 * e2[0][f] + e2[3][f];
      out[1][f] = 2 * e2[1][f];
      out[2][f] = 2 * e2[2][f];
      out[3][f] = 2 * e2[3][f] + e2[0][f];
      out[4][f] = 2 * e2[4][f];
    }
  }
};

template <class T, int C> void invariants(const InvariantsProblem<T>& x, T* out) {
  const int a = x.n_features;
#pragma omp parallel for schedule(static) num_threads(x.n_threads) if (x.n_atoms * a > 8192)
  for (int64_t i = 0; i < x.n_atoms; ++i) {
    for (int begin = 0; begin < a; begin += invariants_chunk) {
      const InvariantsChunk<T, C> m(x, i, begin);
      T* row = out + i * a + begin;
      for (int f = 0; f < m.n; ++f) {
        row[f] = m.rows[0][f];
        if constexpr (C >= 4) {
          row[f] += x.vector_scales[begin + f] / m.n1[f];
        }
        if constexpr (C >= 9) {
          row[f] += x.tensor_scales[begin + f] / m.n2[f];
        }
      }
    }
  }
}

/// Runs body(atom, sums) over all atoms; `sums` (2, a) collects what belongs to the scales. Blocks
/// of fixed size, summed in order: no result depends on the number of threads.
template <class T, class Body>
inline void for_atom_blocks(
    const InvariantsProblem<T>& x, T* vector_scales, T* tensor_scales, T* block_sums,
    const Body& body) {
  const int a = x.n_features;
  const int64_t n_blocks = (x.n_atoms + invariants_block - 1) / invariants_block;
#pragma omp parallel for schedule(static) num_threads(x.n_threads) if (x.n_atoms * a > 8192)
  for (int64_t block = 0; block < n_blocks; ++block) {
    T* sums = block_sums + block * 2 * a;
    std::memset(sums, 0, sizeof(T) * 2 * a);
    const int64_t end = (block + 1) * invariants_block;
    for (int64_t i = block * invariants_block; i < end && i < x.n_atoms; ++i) {
      body(i, sums);
    }
  }
  T* const outs[2] = {vector_scales, tensor_scales};
  for (int order = 0; order < 2; ++order) {
    for (int f = 0; outs[order] && f < a; ++f) {
      outs[order][f] = 0;
      for (int64_t block = 0; block < n_blocks; ++block) {
        outs[order][f] += block_sums[(block * 2 + order) * a + f];
      }
    }
  }
}

/// Gradients, for g (n, a), with respect to moments and scales.
template <class T, int C>
void invariants_backward(
    const InvariantsProblem<T>& x, const T* g, const InvariantsFactors<T>& out, T* block_sums) {
  const int a = x.n_features;
  for_atom_blocks(x, out.vector_scales, out.tensor_scales, block_sums, [&](int64_t i, T* sums) {
    for (int begin = 0; begin < a; begin += invariants_chunk) {
      const InvariantsChunk<T, C> m(x, i, begin);
      const T* gradient = g + i * a + begin;
      T* rows = out.moments + i * C * a + begin;
      for (int f = 0; f < m.n; ++f) {
        rows[f] = gradient[f];
      }
      if constexpr (C >= 4) {
        for (int f = 0; f < m.n; ++f) {
          const T scale = gradient[f] * x.vector_scales[begin + f] * m.n1[f];
          for (int c = 1; c < 4; ++c) {
            rows[c * a + f] = scale * m.rows[c][f];
          }
          sums[begin + f] += gradient[f] / m.n1[f];
        }
      }
      if constexpr (C >= 9) {
        for (int f = 0; f < m.n; ++f) {
          const T scale = gradient[f] * x.tensor_scales[begin + f] * m.n2[f];
          for (int c = 0; c < 5; ++c) {
            rows[(4 + c) * a + f] = scale * m.half[c][f];
          }
          sums[a + begin + f] += gradient[f] / m.n2[f];
        }
      }
    }
  });
}

/// Gradients, with respect to g (`change`) and the factors, of the product of those with `k`.
template <class T, int C>
void invariants_double_backward(
    const InvariantsProblem<T>& x, const T* g, const InvariantsFactors<const T>& k, T* change,
    const InvariantsFactors<T>& out, T* block_sums) {
  const int a = x.n_features;
  for_atom_blocks(x, out.vector_scales, out.tensor_scales, block_sums, [&](int64_t i, T* sums) {
    for (int begin = 0; begin < a; begin += invariants_chunk) {
      const InvariantsChunk<T, C> m(x, i, begin);
      const T* gradient = g + i * a + begin;
      const T* k_rows[C];
      for (int c = 0; c < C; ++c) {
        k_rows[c] = k.moments + (i * C + c) * a + begin;
      }
      T* rows = out.moments + i * C * a + begin;
      T* row = change + i * a + begin;
      for (int f = 0; f < m.n; ++f) {
        row[f] = k_rows[0][f];
        rows[f] = 0;
      }
      if constexpr (C >= 4) {
        for (int f = 0; f < m.n; ++f) {
          const T t = x.vector_scales[begin + f], inverse = m.n1[f];
          const T k_t = k.vector_scales ? k.vector_scales[begin + f] : T(0);
          const T along = k_rows[1][f] * m.rows[1][f] + k_rows[2][f] * m.rows[2][f] +
                          k_rows[3][f] * m.rows[3][f];
          row[f] += t * along * inverse + k_t / inverse;
          sums[begin + f] += gradient[f] * along * inverse;
          const T scale = (k_t - t * along * inverse * inverse) * inverse;
          for (int c = 1; c < 4; ++c) {
            rows[c * a + f] = gradient[f] * (t * inverse * k_rows[c][f] + scale * m.rows[c][f]);
          }
        }
      }
      if constexpr (C >= 9) {
        T k_half[5][invariants_chunk];
        m.halved(k_rows + 4, k_half);
        for (int f = 0; f < m.n; ++f) {
          const T t = x.tensor_scales[begin + f], inverse = m.n2[f];
          const T k_t = k.tensor_scales ? k.tensor_scales[begin + f] : T(0);
          T along = 0;
          for (int c = 0; c < 5; ++c) {
            along += k_rows[4 + c][f] * m.half[c][f];
          }
          row[f] += t * along * inverse + k_t / inverse;
          sums[a + begin + f] += gradient[f] * along * inverse;
          const T scale = (k_t - t * along * inverse * inverse) * inverse;
          for (int c = 0; c < 5; ++c) {
            rows[(4 + c) * a + f] =
                gradient[f] * (t * inverse * k_half[c][f] + scale * m.half[c][f]);
          }
        }
      }
    }
  });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
