// SPDX-License-Identifier: BSD-3-Clause
//
// Features of the atoms that other ranks know, and the gradients with respect to them.
#pragma once

#include "prelude.cuh"
#include "rank_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// Calls body(value of the row, position in the message or -1) for all values of the rows.
template <class Body>
__device__ inline void for_values(const BorderArguments<Real>& x, const Body& body) {
  for (long long k = grid_thread(); k < x.n * x.padded; k += grid_threads()) {
    const long long i = k / x.padded, f = k % x.padded;
    const long long row = x.index ? x.index[i] : x.first + i;
    body(x.rows[row * x.padded + f], f < x.width ? i * x.width + f : -1);
  }
}

KERNEL(pack_rows, BorderArguments<Real>) {
  for_values(x, [&](Real& value, long long place) {
    if (place >= 0) {
      x.message[place] = value;
    }
  });
}

KERNEL(unpack_rows, BorderArguments<Real>) {
  for_values(x, [&](Real& value, long long place) { value = place >= 0 ? x.message[place] : 0; });
}

KERNEL(add_rows, BorderArguments<Real>) {
  for_values(x, [&](Real& value, long long place) {
    if (place >= 0) {
      value += x.message[place];
    }
  });
}

} // namespace cuda
} // namespace hipnn_ts
