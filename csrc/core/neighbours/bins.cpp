// SPDX-License-Identifier: BSD-3-Clause
#include "core/neighbours/bins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hipnn_ts {
namespace {

/// Bins narrower than the reach enclose its sphere more tightly.
constexpr double bins_per_reach = 2.0;

/// A box of 0.1 Å has this many within 5 Å.
constexpr double most_images = 1e6;

/// Largest coordinate: a space three times as wide still has a finite volume.
constexpr double farthest = 1e50; // Å

std::array<double, 3> cross(const double* a, const double* b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

/// A unit vector perpendicular to a, and to b unless that is parallel to a.
std::array<double, 3> across(const double* a, const double* b) {
  auto normal = cross(a, b);
  const double length = std::hypot(normal[0], normal[1], normal[2]);
  for (double& each : normal) {
    each /= length;
  }
  return normal;
}

/// The box with unit vectors, perpendicular to all others, in directions that are not periodic.
std::array<double, 9> completed(const Box& box) {
  std::array<double, 9> out = box.vectors;
  const auto set = [&](int k, const std::array<double, 3>& vector) {
    std::copy_n(vector.begin(), 3, &out[3 * k]);
  };
  const auto n_periodic = std::count(box.periodic.begin(), box.periodic.end(), true);
  for (int k = 0; k < 3; ++k) {
    const double* next = &out[3 * ((k + 1) % 3)];
    const double* previous = &out[3 * ((k + 2) % 3)];
    if (n_periodic == 0) {
      out[4 * k] = 1.0;
    } else if (n_periodic == 2 && !box.periodic[k]) {
      set(k, across(next, previous));
    } else if (n_periodic == 1 && box.periodic[k]) {
      const double* own = &out[3 * k];
      const auto shortest = std::min_element(
          own, own + 3, [](double a, double b) { return std::abs(a) < std::abs(b); });
      double axis[3] = {0, 0, 0};
      axis[shortest - own] = 1.0;
      set((k + 1) % 3, across(own, axis));
      set((k + 2) % 3, across(own, next));
    }
  }
  return out;
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
    if (std::abs(positions[c]) > farthest) {
      throw WrongPosition(c / 3, "expected coordinates below 1e50 Å, found one beyond");
    }
  }
  Bins bins{};
  std::array<double, 9> whole = completed(box);
  for (int k = 0; k < 3; ++k) {
    if (box.periodic[k]) {
      continue;
    }
    double* unit = &whole[3 * k];
    const auto along = [&](int64_t i) {
      const double* r = positions + 3 * i;
      return r[0] * unit[0] + r[1] * unit[1] + r[2] * unit[2];
    };
    double start = n ? along(0) : 0.0;
    double end = start;
    for (int64_t i = 1; i < n; ++i) {
      start = std::min(start, along(i));
      end = std::max(end, along(i));
    }
    // A plane of atoms has no thickness: one bin as wide as the reach.
    const double extent = std::max(end - start, reach);
    for (int c = 0; c < 3; ++c) {
      bins.origin[c] += start * unit[c];
      unit[c] *= extent;
    }
  }
  const auto normal_a = cross(&whole[3], &whole[6]);
  const double volume = whole[0] * normal_a[0] + whole[1] * normal_a[1] + whole[2] * normal_a[2];
  if (!(std::abs(volume) > 0.0) || !std::isfinite(volume)) {
    throw std::invalid_argument(
        "expected independent box vectors in the periodic directions, found ones that are not");
  }
  double height[3];
  for (int k = 0; k < 3; ++k) {
    const auto normal = cross(&whole[3 * ((k + 1) % 3)], &whole[3 * ((k + 2) % 3)]);
    for (int c = 0; c < 3; ++c) {
      bins.inverse[3 * c + k] = normal[c] / volume;
    }
    height[k] = std::abs(volume) / std::hypot(normal[0], normal[1], normal[2]);
    const bool one = !box.any() && n <= all_pairs_limit;
    const double most = std::min(bins_per_reach * height[k] / reach, 1e6);
    bins.size[k] = one ? 1 : std::max(1, static_cast<int32_t>(most));
  }
  // A few atoms in a wide space need no more bins than there are atoms.
  while (bins.count() > 4 * n + 64) {
    int32_t& widest = *std::max_element(bins.size.begin(), bins.size.end());
    widest = (widest + 1) / 2;
  }
  double images = 1.0; // within the reach
  for (int k = 0; k < 3; ++k) {
    const double range = std::ceil(reach * bins.size[k] / height[k]);
    images *= box.periodic[k] ? 2.0 * std::ceil(reach / height[k]) + 1.0 : 1.0;
    if (range > 1000.0 || images > most_images) {
      throw std::invalid_argument(
          "expected a periodic box that is not far narrower than the cutoff, found one of height " +
          std::to_string(height[k]) + " Å");
    }
    bins.range[k] = box.periodic[k] ? static_cast<int32_t>(range)
                                    : std::min(static_cast<int32_t>(range), bins.size[k] - 1);
  }
  return bins;
}

} // namespace hipnn_ts
