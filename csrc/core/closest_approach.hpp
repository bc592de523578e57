// SPDX-License-Identifier: BSD-3-Clause
//
// How close atoms came to each other in the training data: below that, a network extrapolates.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace hipnn_ts {

/// A pair of atoms that is closer than any in the training data, or than any other.
struct ClosePair {
  int64_t receiver = -1, sender = -1;
  double distance = 0.0, limit = 0.0; // Å; the limit is 0 if none was requested
  explicit operator bool() const { return receiver >= 0; }
};

/// Closest approach of each two species, (n, n), Å; beyond the cutoff if the training data has no
/// such pair. Empty if nothing is known, as for imported models.
class ClosestApproach {
public:
  ClosestApproach() = default;
  ClosestApproach(int64_t n_species, std::vector<double> limits)
      : n_(n_species), limits_(std::move(limits)) {}

  bool known() const { return !limits_.empty(); }

  /// The pair that is closest relative to its limit; none if all pairs keep to their limits.
  template <class Species, class Index, class T>
  ClosePair find(
      const Species* species, const Index* receivers, const Index* senders, const T* vectors,
      int64_t n_pairs) const {
    int64_t worst = -1;
    double lowest = 1.0; // square of distance over limit
    for (int64_t p = 0; known() && p < n_pairs; ++p) {
      const double x = vectors[3 * p], y = vectors[3 * p + 1], z = vectors[3 * p + 2];
      const double limit = of(species[receivers[p]], species[senders[p]]);
      const double squared = x * x + y * y + z * z;
      if (squared < lowest * limit * limit) {
        lowest = squared / (limit * limit);
        worst = p;
      }
    }
    if (worst < 0) {
      return {};
    }
    const double limit = of(species[receivers[worst]], species[senders[worst]]);
    return {receivers[worst], senders[worst], std::sqrt(lowest) * limit, limit};
  }

  /// Limit of two species, if known.
  double of(int64_t a, int64_t b) const { return limits_[a * n_ + b]; }
  /// (n, n), or empty.
  const std::vector<double>& limits() const { return limits_; }

private:
  int64_t n_ = 0;
  std::vector<double> limits_;
};

/// The closest of all pairs; none without pairs.
template <class Index, class T>
ClosePair
closest_pair(const Index* receivers, const Index* senders, const T* vectors, int64_t n_pairs) {
  int64_t closest = -1;
  double lowest = std::numeric_limits<double>::infinity();
  for (int64_t p = 0; p < n_pairs; ++p) {
    const double x = vectors[3 * p], y = vectors[3 * p + 1], z = vectors[3 * p + 2];
    const double squared = x * x + y * y + z * z;
    if (squared < lowest) {
      lowest = squared;
      closest = p;
    }
  }
  return closest < 0 ? ClosePair{}
                     : ClosePair{receivers[closest], senders[closest], std::sqrt(lowest), 0.0};
}

/// Whether the n-th occasion is reported: the 1st, 10th, 100th, ...
inline bool worth_telling(int64_t n) {
  while (n >= 10 && n % 10 == 0) {
    n /= 10;
  }
  return n == 1;
}

} // namespace hipnn_ts
