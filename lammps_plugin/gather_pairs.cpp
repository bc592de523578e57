// SPDX-License-Identifier: GPL-2.0-or-later
#include "gather_pairs.h"

#include <algorithm>

namespace hipnn_ts_lammps {

namespace {

/// Resize without the doubling of a vector's own growth: these are the largest arrays of all.
template <class T> void resize(std::vector<T>& vector, int64_t n) {
  if (n > static_cast<int64_t>(vector.capacity())) {
    vector.clear();
    vector.reserve(n + n / 16);
  }
  vector.resize(n);
}

/// Calls use(j, vector, near) for each entry j in atom i's list: near tells whether it is within
/// the cutoff. About every other one is, in no order that a processor could predict, so nothing
/// here or in `use` may branch on it.
template <class Use>
void for_entries(
    const LAMMPS_NS::NeighList& list, int i, double* const* x, double cutoff, const Use& use) {
  const double cutoff_squared = cutoff * cutoff;
  const double* own = x[i];
  const int* neighbours = list.firstneigh[i];
  for (int jj = 0; jj < list.numneigh[i]; ++jj) {
    const int j = neighbours[jj] & NEIGHMASK;
    const double vector[3] = {x[j][0] - own[0], x[j][1] - own[1], x[j][2] - own[2]};
    const double squared = vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2];
    use(j, vector, squared < cutoff_squared);
  }
}

} // namespace

template <class Real>
void gather_pairs(
    const LAMMPS_NS::NeighList& list, const AtomRows& rows, double* const* x, double cutoff,
    int n_threads, Pairs<Real>& pairs) {
  // Counted first, so that threads know where to write.
  auto& first = pairs.first;
  first.resize(list.inum + 1);
  first[0] = 0;
#pragma omp parallel for num_threads(n_threads)
  for (int ii = 0; ii < list.inum; ++ii) {
    int64_t count = 0;
    for_entries(
        list, list.ilist[ii], x, cutoff, [&](int, const double*, bool near) { count += near; });
    first[ii + 1] = count;
  }
  for (int ii = 0; ii < list.inum; ++ii) {
    first[ii + 1] += first[ii];
  }
  resize(pairs.receivers, first[list.inum]);
  resize(pairs.senders, first[list.inum]);
  resize(pairs.vectors, 3 * first[list.inum]);
#pragma omp parallel num_threads(n_threads)
  {
    // Every entry is written, the next one over it unless it is near.
    std::vector<int32_t> senders;
    std::vector<Real> vectors;
#pragma omp for
    for (int ii = 0; ii < list.inum; ++ii) {
      const int i = list.ilist[ii];
      senders.resize(list.numneigh[i]);
      vectors.resize(3 * senders.size());
      int32_t* sender = senders.data();
      Real* out = vectors.data();
      for_entries(list, i, x, cutoff, [&](int j, const double* vector, bool near) {
        *sender = rows.of_atom(j);
        for (int c = 0; c < 3; ++c) {
          out[c] = static_cast<Real>(vector[c]);
        }
        sender += near;
        out += 3 * near;
      });
      std::fill(pairs.receivers.data() + first[ii], pairs.receivers.data() + first[ii + 1], ii);
      std::copy(senders.data(), sender, pairs.senders.data() + first[ii]);
      std::copy(vectors.data(), out, pairs.vectors.data() + 3 * first[ii]);
    }
  }
}

template void gather_pairs(
    const LAMMPS_NS::NeighList&, const AtomRows&, double* const*, double, int, Pairs<float>&);
template void gather_pairs(
    const LAMMPS_NS::NeighList&, const AtomRows&, double* const*, double, int, Pairs<double>&);

} // namespace hipnn_ts_lammps
