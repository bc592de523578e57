// SPDX-License-Identifier: BSD-3-Clause
//
// Atoms in tiles over threads, each thread with its own part of the caller's scratch.
#pragma once

#include <omp.h>

#include <cstdint>

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

constexpr int atom_tile = 48; // a multiple of every gemm_rows; activations and dP stay in cache

/// Calls body(first, n, scratch) for tiles of at most atom_tile atoms; small systems get smaller
/// tiles, so that every thread has one.
template <class T, class Body>
inline void
for_atom_tiles(int64_t n_atoms, int n_threads, T* scratch, int64_t scratch_size, const Body& body) {
  constexpr int step = 12;
  const int64_t share = (n_atoms + n_threads - 1) / n_threads;
  const int64_t size = share < atom_tile ? (share + step - 1) / step * step : atom_tile;
#pragma omp parallel num_threads(n_threads)
  {
    T* own = scratch + omp_get_thread_num() * scratch_size;
#pragma omp for schedule(dynamic)
    for (int64_t first = 0; first < n_atoms; first += size) {
      body(first, static_cast<int>(n_atoms - first < size ? n_atoms - first : size), own);
    }
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
