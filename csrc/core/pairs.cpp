// SPDX-License-Identifier: BSD-3-Clause
#include "core/pairs.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace hipnn_ts {

template <class Index> void check_ends(const Index* ends, int64_t n_pairs, int64_t n_groups) {
  if (n_pairs > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument("expected fewer than 2^31 pairs, found " + std::to_string(n_pairs));
  }
  const auto outside = [&](Index end) { return end < 0 || end >= n_groups; };
  const Index* wrong = std::find_if(ends, ends + n_pairs, outside);
  if (wrong != ends + n_pairs) {
    throw std::invalid_argument(
        "pair " + std::to_string(wrong - ends) + ": expected an atom index below " +
        std::to_string(n_groups) + ", found " + std::to_string(*wrong));
  }
}

template <class Index>
void PairGrouping::build(
    const Index* ends, int64_t n_pairs, int64_t n_groups, const int32_t* order) {
  offsets_.assign(n_groups + 1, 0);
  sorted_ = !order;
  for (int64_t k = 0; k < n_pairs; ++k) {
    const int64_t p = order ? order[k] : k;
    sorted_ = sorted_ && (p == 0 || ends[p - 1] <= ends[p]);
    ++offsets_[ends[p] + 1];
  }
  for (int64_t g = 0; g < n_groups; ++g) {
    offsets_[g + 1] += offsets_[g];
  }
  if (sorted_) {
    return;
  }
  pairs_.resize(n_pairs);
  // Counting sort: offsets_[g] moves through its group, then everything is shifted back by one.
  for (int64_t k = 0; k < n_pairs; ++k) {
    const int32_t p = order ? order[k] : static_cast<int32_t>(k);
    pairs_[offsets_[ends[p]]++] = p;
  }
  for (int64_t g = n_groups; g > 0; --g) {
    offsets_[g] = offsets_[g - 1];
  }
  offsets_[0] = 0;
}

template <class T>
void sum_forces(
    const PairGroups& received, const PairGroups& sent, const T* gradients, int n_threads,
    double* forces) {
#pragma omp parallel for schedule(static) num_threads(n_threads)
  for (int64_t i = 0; i < sent.size; ++i) {
    double force[3] = {0, 0, 0};
    const auto add = [&](const PairGroups& groups, double sign) {
      for (int64_t k = groups.offsets[i]; k < groups.offsets[i + 1]; ++k) {
        const T* gradient = gradients + 3 * groups.pair(k);
        for (int d = 0; d < 3; ++d) {
          force[d] += sign * static_cast<double>(gradient[d]);
        }
      }
    };
    if (i < received.size) {
      add(received, 1);
    }
    add(sent, -1);
    std::copy_n(force, 3, forces + 3 * i);
  }
}

template void sum_forces(const PairGroups&, const PairGroups&, const float*, int, double*);
template void sum_forces(const PairGroups&, const PairGroups&, const double*, int, double*);
template void check_ends(const int32_t*, int64_t, int64_t);
template void check_ends(const int64_t*, int64_t, int64_t);
template void PairGrouping::build(const int32_t*, int64_t, int64_t, const int32_t*);
template void PairGrouping::build(const int64_t*, int64_t, int64_t, const int32_t*);

} // namespace hipnn_ts
