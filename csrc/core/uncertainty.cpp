// SPDX-License-Identifier: BSD-3-Clause
#include "core/uncertainty.hpp"

#include <omp.h>

#include <algorithm>

#include "core/kernels.hpp"
#include "core/panels.hpp"

namespace hipnn_ts {
namespace {

/// Atoms of one element, with their positions in `rows`.
struct Tile {
  int64_t species, begin, end;
};

} // namespace

template <class T>
void Uncertainties<T>::compute(
    const UncertaintyWeights<T>& weights, const std::vector<int>& widths, const T* const* blocks,
    const int64_t* species, int64_t n, int n_threads, double* out) {
  const int64_t n_species = n > 0 ? *std::max_element(species, species + n) + 1 : 0;
  std::vector<int64_t> ends(n_species + 1, 0);
  for (int64_t i = 0; i < n; ++i) {
    ++ends[species[i] + 1];
  }
  for (int64_t s = 0; s < n_species; ++s) {
    ends[s + 1] += ends[s];
  }
  std::vector<Tile> tiles;
  for (int64_t s = 0; s < n_species; ++s) {
    for (int64_t begin = ends[s]; begin < ends[s + 1]; begin += max_tile_size) {
      tiles.push_back({s, begin, std::min<int64_t>(begin + max_tile_size, ends[s + 1])});
    }
  }
  rows_.resize(n);
  for (int64_t i = 0; i < n; ++i) {
    rows_[ends[species[i]]++] = static_cast<int32_t>(i);
  }
  const int D = weights.n_features;
  const int64_t scratch_size = distance_scratch_size(D);
  T* const scratch = scratch_.resize(scratch_size * n_threads);
  const Kernels<T>& own = kernels<T>(1); // components do not matter here
  const auto n_tiles = static_cast<int64_t>(tiles.size());
#pragma omp parallel for num_threads(n_threads) schedule(dynamic)
  for (int64_t t = 0; t < n_tiles; ++t) {
    const Tile& tile = tiles[t];
    DistanceProblem<T> x{};
    x.n_features = D;
    x.n_blocks = static_cast<int>(widths.size());
    x.widths = widths.data();
    x.blocks = blocks;
    x.rows = rows_.data() + tile.begin;
    x.n = static_cast<int>(tile.end - tile.begin);
    x.mean = weights.means + tile.species * D;
    x.whitening = weights.whitening + tile.species * panels_size(D, D);
    x.scratch = scratch + omp_get_thread_num() * scratch_size;
    x.distances = out;
    own.distances(x);
  }
}

template class Uncertainties<float>;
template class Uncertainties<double>;

} // namespace hipnn_ts
