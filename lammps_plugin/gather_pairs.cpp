// SPDX-License-Identifier: GPL-2.0-or-later
#include "gather_pairs.h"

#include <algorithm>

namespace hipnn_ts_lammps {

namespace {

constexpr int block_size = 64; // receivers whose pairs stay in a core's own cache

/// The pairs of a few receivers, before their position among all is known.
template <class Real> struct Block {
  std::vector<int32_t> senders;
  std::vector<Real> vectors;
  int64_t counts[block_size];
  int64_t size;

  /// Every entry of the list is written, and the next one overwrites it unless it is near: about
  /// half are, in no order that a branch predictor could learn.
  void filter(
      const LAMMPS_NS::NeighList& list, const AtomRows& rows, const double* x, double cutoff,
      int begin, int end) {
    const double cutoff_squared = cutoff * cutoff;
    size_t n_entries = 0;
    for (int ii = begin; ii < end; ++ii) {
      n_entries += list.numneigh[rows.atom(ii)];
    }
    if (n_entries >= senders.size()) {
      senders.resize(n_entries + 1);
      vectors.resize(3 * senders.size());
    }
    int32_t* sender = senders.data();
    Real* vector = vectors.data();
    for (int ii = begin; ii < end; ++ii) {
      const int i = rows.atom(ii);
      const double* own = x + 3 * static_cast<int64_t>(i);
      const int* neighbours = list.firstneigh[i];
      const int32_t* before = sender;
      for (int jj = 0; jj < list.numneigh[i]; ++jj) {
        const int j = neighbours[jj] & NEIGHMASK;
        const double* other = x + 3 * static_cast<int64_t>(j);
        const double r[3] = {other[0] - own[0], other[1] - own[1], other[2] - own[2]};
        *sender = rows.of_atom(j);
        for (int c = 0; c < 3; ++c) {
          vector[c] = static_cast<Real>(r[c]);
        }
        const bool near = r[0] * r[0] + r[1] * r[1] + r[2] * r[2] < cutoff_squared;
        sender += near;
        vector += 3 * near;
      }
      counts[ii - begin] = sender - before;
    }
    size = sender - senders.data();
  }

  void copy_to(Pairs<Real>& pairs, int begin, int end, int64_t place) const {
    std::copy_n(senders.data(), size, pairs.senders.data() + place);
    std::copy_n(vectors.data(), 3 * size, pairs.vectors.data() + 3 * place);
    for (int ii = begin; ii < end; ++ii) {
      pairs.first.data()[ii] = place;
      std::fill_n(pairs.receivers.data() + place, counts[ii - begin], ii);
      place += counts[ii - begin];
    }
  }
};

template <class Real> void grow(Pairs<Real>& pairs, int64_t size) {
  pairs.capacity = size + size / 16;
  pairs.receivers.resize(pairs.capacity);
  pairs.senders.resize(pairs.capacity);
  pairs.vectors.resize(3 * pairs.capacity);
}

} // namespace

template <class Real>
void gather_pairs(
    const LAMMPS_NS::NeighList& list, const AtomRows& rows, double* const* x, double cutoff,
    int n_threads, Pairs<Real>& pairs) {
  const int n_receivers = rows.counts().receivers;
  pairs.first.resize(n_receivers + 1);
  // Grows only if there are more pairs than ever before.
  do {
    if (pairs.size > pairs.capacity) {
      grow(pairs, pairs.size);
    }
    pairs.size = 0;
#pragma omp parallel num_threads(n_threads)
    {
      // Kept by the thread, so that a step allocates nothing.
      thread_local Block<Real> block;
#pragma omp for ordered schedule(static, 1)
      for (int begin = 0; begin < n_receivers; begin += block_size) {
        const int end = std::min(n_receivers, begin + block_size);
        block.filter(list, rows, x[0], cutoff, begin, end);
        int64_t place;
#pragma omp ordered
        {
          place = pairs.size;
          pairs.size += block.size;
        }
        if (place + block.size <= pairs.capacity) {
          block.copy_to(pairs, begin, end, place);
        }
      }
    }
    pairs.first.data()[n_receivers] = pairs.size;
  } while (pairs.size > pairs.capacity);
}

template void gather_pairs(
    const LAMMPS_NS::NeighList&, const AtomRows&, double* const*, double, int, Pairs<float>&);
template void gather_pairs(
    const LAMMPS_NS::NeighList&, const AtomRows&, double* const*, double, int, Pairs<double>&);

} // namespace hipnn_ts_lammps
