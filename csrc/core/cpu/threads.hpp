// SPDX-License-Identifier: BSD-3-Clause
//
// Distribution of tiles of atoms over threads, each with its own part of the caller's scratch.
#pragma once

#include <omp.h>

#include "core/kernels.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

/// The resources of one thread.
template <class T> struct Thread {
  T* scratch;
  StageSeconds& seconds;
};

/// Calls body(first, n, thread) for the tiles in the list; the last one ends at `n_atoms`.
template <class T, class Body>
inline void for_tiles(const BlockProblem<T>& x, TileList list, int64_t n_atoms, const Body& body) {
#pragma omp parallel num_threads(x.n_threads)
  {
    const int index = omp_get_thread_num();
    const Thread<T> thread{x.scratch + index * x.scratch_size, x.seconds[index]};
#pragma omp for schedule(dynamic)
    for (int64_t k = 0; k < list.size; ++k) {
      const int64_t first = int64_t{list.tiles[k]} * x.tile_size;
      const int64_t left = n_atoms - first;
      body(first, static_cast<int>(left < x.tile_size ? left : x.tile_size), thread);
    }
  }
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
