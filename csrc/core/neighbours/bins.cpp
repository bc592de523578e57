// SPDX-License-Identifier: BSD-3-Clause
#include "core/neighbours/bins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hipnn_ts {
namespace {

/// Bins narrower than the reach enclose its sphere more tightly.
constexpr double bins_per_reach = 2.0;

std::array<double, 3> cross(const double* a, const double* b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

} // namespace

Bins divide(const double* positions, int64_t n, const Box& box, double reach) {
  if (n > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument("expected fewer than 2^31 atoms, found " + std::to_string(n));
  }
  for (int64_t c = 0; c < 3 * n; ++c) {
    if (!std::isfinite(positions[c])) {
      throw WrongPosition(c / 3, "expected finite coordinates, found one that is not");
    }
  }
  Bins bins{};
  std::array<double, 9> whole = box.vectors;
  if (!box.periodic) {
    double end[3];
    for (int k = 0; k < 3; ++k) {
      bins.origin[k] = n ? positions[k] : 0.0;
      end[k] = bins.origin[k];
      for (int64_t i = 1; i < n; ++i) {
        bins.origin[k] = std::min(bins.origin[k], positions[3 * i + k]);
        end[k] = std::max(end[k], positions[3 * i + k]);
      }
      // A plane of atoms has no extent: one bin as wide as the reach.
      whole[4 * k] = std::max(end[k] - bins.origin[k], reach);
    }
  }
  const auto normal_a = cross(&whole[3], &whole[6]);
  const double volume = whole[0] * normal_a[0] + whole[1] * normal_a[1] + whole[2] * normal_a[2];
  if (!(std::abs(volume) > 0.0) || !std::isfinite(volume)) {
    throw std::invalid_argument("expected a periodic box with a volume, found one without");
  }
  double height[3];
  for (int k = 0; k < 3; ++k) {
    const auto normal = cross(&whole[3 * ((k + 1) % 3)], &whole[3 * ((k + 2) % 3)]);
    for (int c = 0; c < 3; ++c) {
      bins.inverse[3 * c + k] = normal[c] / volume;
    }
    height[k] = std::abs(volume) / std::hypot(normal[0], normal[1], normal[2]);
    const bool one = !box.periodic && n <= all_pairs_limit;
    const double most = std::min(bins_per_reach * height[k] / reach, 1e6);
    bins.size[k] = one ? 1 : std::max(1, static_cast<int32_t>(most));
  }
  // A few atoms in a wide space need no more bins than there are atoms.
  while (bins.count() > 4 * n + 64) {
    int32_t& widest = *std::max_element(bins.size.begin(), bins.size.end());
    widest = (widest + 1) / 2;
  }
  for (int k = 0; k < 3; ++k) {
    const double range = std::ceil(reach * bins.size[k] / height[k]);
    if (range > 1000.0) {
      throw std::invalid_argument(
          "expected a periodic box that is not far narrower than the cutoff, found one of height " +
          std::to_string(height[k]) + " Å");
    }
    bins.range[k] = box.periodic ? static_cast<int32_t>(range)
                                 : std::min(static_cast<int32_t>(range), bins.size[k] - 1);
  }
  return bins;
}

} // namespace hipnn_ts
