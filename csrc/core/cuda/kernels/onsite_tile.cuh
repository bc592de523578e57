// SPDX-License-Identifier: BSD-3-Clause
//
// The on-site layers of some atoms in shared memory, and their activation.
#pragma once

#include "product.cuh"

namespace hipnn_ts {
namespace cuda {

/// The atoms of this block and its shared memory.
template <int R> struct OnSiteTile {
  Rows stream, hidden, wide; // `wide` contains the features if the stream is narrower
  Real* work;
  long long first;

  __device__ OnSiteTile(unsigned char* shared, const OnSiteArguments<Real>& x) {
    const int stride = x.width + 4, size = onsite_warps * R * stride;
    Real* reals = reinterpret_cast<Real*>(shared);
    stream = {reals, stride};
    hidden = {reals + size, stride};
    wide = {reals + 2 * size, stride};
    work = reals + (x.features && x.adjust ? 3 : 2) * size;
    first = static_cast<long long>(blockIdx.x) * (onsite_warps * R);
  }

  __device__ bool exists(const OnSiteArguments<Real>& x, int row) const {
    return first + row < x.n;
  }
  /// Four values of this block's row of a global array (n, width).
  __device__ Reals<4>
  read(const OnSiteArguments<Real>& x, const Real* from, int width, int row, int column) const {
    return exists(x, row) ? Reals<4>::fetch(from + (first + row) * width + column)
                          : Reals<4>::zero();
  }
  /// Values that this thread has written itself.
  __device__ Reals<4> read_back(
      const OnSiteArguments<Real>& x, const Real* from, int width, int row, int column) const {
    return exists(x, row) ? Reals<4>::load(from + (first + row) * width + column)
                          : Reals<4>::zero();
  }
  __device__ void write(
      const OnSiteArguments<Real>& x, const Reals<4>& value, Real* to, int width, int row,
      int column) const {
    if (exists(x, row)) {
      value.store(to + (first + row) * width + column);
    }
  }
  /// The row of a table for an atom's species.
  __device__ Reals<4> from_table(
      const OnSiteArguments<Real>& x, const Real* table, int width, int row, int column) const {
    return exists(x, row)
               ? Reals<4>::fetch(
                     table + static_cast<long long>(x.species[first + row]) * width + column)
               : Reals<4>::zero();
  }
};

__device__ inline void add_to(const Reals<4>& x, Real* shared) {
  Reals<4> sum = Reals<4>::load(shared);
  sum.add(1, x);
  sum.store(shared);
}

/// Softplus, with its slope replacing the argument. Beyond 20 it is the argument itself, as in
/// torch, where models were trained.
__device__ inline Real softplus(Real& x) {
  const Real value = x;
  const Real e = exp(value < 0 ? value : -value);
  x = value > 20 ? Real(1) : (value > 0 ? Real(1) : e) / (1 + e);
  return value > 20 ? value : (value > 0 ? value : 0) + log1p(e);
}

} // namespace cuda
} // namespace hipnn_ts
