// SPDX-License-Identifier: BSD-3-Clause
//
// Invariants of the moments for training: the loops over atoms and features.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/norm_terms.hpp"
#include "core/training_kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// The values of one feature in `n` rows (n, a).
template <int n, class T>
inline __attribute__((always_inline)) void load_rows(const T* rows, int a, T* out) {
  for (int k = 0; k < n; ++k) {
    out[k] = rows[k * a];
  }
}
template <int n, class T>
inline __attribute__((always_inline)) void store_rows(const T* values, int a, T* rows) {
  for (int k = 0; k < n; ++k) {
    rows[k * a] = values[k];
  }
}

template <class T, int C> void invariants(const InvariantsProblem<T>& x, T* out) {
  constexpr int l_max = order_of(C);
  const int a = x.n_features;
#pragma omp parallel for schedule(static) num_threads(x.n_threads) if (x.n_atoms * a > 8192)
  for (int64_t i = 0; i < x.n_atoms; ++i) {
    const T* rows = x.moments + i * C * a;
    T* row = out + i * a;
#pragma GCC ivdep
    for (int f = 0; f < a; ++f) {
      T e[C], t[max_order];
      load_rows<C>(rows + f, a, e);
      load_rows<l_max>(x.scales + f, a, t);
      row[f] = norm_invariant<l_max>(e, t, x.cusp_regularisation);
    }
  }
}

/// Runs body(atom, feature, shares) over all atoms and features; `shares` collects the gradients of
/// the scales. Blocks of fixed size are summed in order, so no result depends on the number of
/// threads.
template <class T, int C, class Body>
inline void
for_atom_blocks(const InvariantsProblem<T>& x, T* scales, T* block_sums, const Body& body) {
  constexpr int l_max = order_of(C);
  const int a = x.n_features;
  const int64_t n_blocks = (x.n_atoms + invariants_block - 1) / invariants_block;
#pragma omp parallel for schedule(static) num_threads(x.n_threads) if (x.n_atoms * a > 8192)
  for (int64_t block = 0; block < n_blocks; ++block) {
    T* sums = block_sums + block * l_max * a;
    if constexpr (l_max > 0) {
      std::memset(sums, 0, sizeof(T) * l_max * a);
    }
    const int64_t end = (block + 1) * invariants_block;
    for (int64_t i = block * invariants_block; i < end && i < x.n_atoms; ++i) {
#pragma GCC ivdep // rows do not overlap
      for (int f = 0; f < a; ++f) {
        T shares[max_order];
        load_rows<l_max>(sums + f, a, shares);
        body(i, f, shares);
        store_rows<l_max>(shares, a, sums + f);
      }
    }
  }
  for (int64_t k = 0; k < l_max * a; ++k) {
    scales[k] = 0;
    for (int64_t block = 0; block < n_blocks; ++block) {
      scales[k] += block_sums[block * l_max * a + k];
    }
  }
}

/// Gradients, for g (n, a), with respect to moments and scales.
template <class T, int C>
void invariants_backward(
    const InvariantsProblem<T>& x, const T* g, const InvariantsFactors<T>& out, T* block_sums) {
  const int a = x.n_features;
  for_atom_blocks<T, C>(
      x, out.scales, block_sums,
      [&](int64_t i, int f, T(&shares)[max_order]) __attribute__((always_inline)) {
        T e[C], gradients[C], t[max_order];
        load_rows<C>(x.moments + i * C * a + f, a, e);
        load_rows<order_of(C)>(x.scales + f, a, t);
        norm_gradients<order_of(C)>(e, t, x.cusp_regularisation, g[i * a + f], gradients, shares);
        store_rows<C>(gradients, a, out.moments + i * C * a + f);
      });
}

/// Gradients, with respect to g (`change`) and the factors, of the product of those with `k`.
template <class T, int C>
void invariants_double_backward(
    const InvariantsProblem<T>& x, const T* g, const InvariantsFactors<const T>& k, T* change,
    const InvariantsFactors<T>& out, T* block_sums) {
  const int a = x.n_features;
  for_atom_blocks<T, C>(
      x, out.scales, block_sums,
      [&](int64_t i, int f, T(&shares)[max_order]) __attribute__((always_inline)) {
        T e[C], along[C], gradients[C], t[max_order], t_along[max_order];
        load_rows<C>(x.moments + i * C * a + f, a, e);
        load_rows<C>(k.moments + i * C * a + f, a, along);
        load_rows<order_of(C)>(x.scales + f, a, t);
        load_rows<order_of(C)>(k.scales + f, a, t_along);
        change[i * a + f] = norm_double_gradients<order_of(C)>(
            e, t, x.cusp_regularisation, g[i * a + f], along, t_along, gradients, shares);
        store_rows<C>(gradients, a, out.moments + i * C * a + f);
      });
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
