// SPDX-License-Identifier: BSD-3-Clause
#include "core/pairs.hpp"

#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

namespace hipnn_ts {

void PairGrouping::build(const int64_t* ends, int64_t n_pairs, int64_t n_groups) {
  if (n_pairs > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument("expected fewer than 2^31 pairs, found " + std::to_string(n_pairs));
  }
  offsets_.assign(n_groups + 1, 0);
  pairs_.resize(n_pairs);
  bool sorted = true;
  for (int64_t p = 0; p < n_pairs; ++p) {
    if (ends[p] < 0 || ends[p] >= n_groups) {
      throw std::invalid_argument(
          "pair " + std::to_string(p) + ": expected an atom index below " +
          std::to_string(n_groups) + ", found " + std::to_string(ends[p]));
    }
    sorted = sorted && (p == 0 || ends[p - 1] <= ends[p]);
    ++offsets_[ends[p] + 1];
  }
  for (int64_t g = 0; g < n_groups; ++g) {
    offsets_[g + 1] += offsets_[g];
  }
  if (sorted) {
    std::iota(pairs_.begin(), pairs_.end(), 0);
    return;
  }
  // Counting sort: offsets_[g] walks through its group, then everything is shifted back by one.
  for (int64_t p = 0; p < n_pairs; ++p) {
    pairs_[offsets_[ends[p]]++] = static_cast<int32_t>(p);
  }
  for (int64_t g = n_groups; g > 0; --g) {
    offsets_[g] = offsets_[g - 1];
  }
  offsets_[0] = 0;
}

} // namespace hipnn_ts
