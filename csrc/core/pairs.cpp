// SPDX-License-Identifier: BSD-3-Clause
#include "core/pairs.hpp"

#include <limits>
#include <stdexcept>
#include <string>

namespace hipnn_ts {

template <class Index>
void PairGrouping::build(const Index* ends, int64_t n_pairs, int64_t n_groups) {
  if (n_pairs > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument("expected fewer than 2^31 pairs, found " + std::to_string(n_pairs));
  }
  offsets_.assign(n_groups + 1, 0);
  sorted_ = true;
  for (int64_t p = 0; p < n_pairs; ++p) {
    if (ends[p] < 0 || ends[p] >= n_groups) {
      throw std::invalid_argument(
          "pair " + std::to_string(p) + ": expected an atom index below " +
          std::to_string(n_groups) + ", found " + std::to_string(ends[p]));
    }
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
  // Counting sort: offsets_[g] walks through its group, then everything is shifted back by one.
  for (int64_t p = 0; p < n_pairs; ++p) {
    pairs_[offsets_[ends[p]]++] = static_cast<int32_t>(p);
  }
  for (int64_t g = n_groups; g > 0; --g) {
    offsets_[g] = offsets_[g - 1];
  }
  offsets_[0] = 0;
}

template void PairGrouping::build(const int32_t*, int64_t, int64_t);
template void PairGrouping::build(const int64_t*, int64_t, int64_t);

} // namespace hipnn_ts
