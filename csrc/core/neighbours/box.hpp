// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>

namespace hipnn_ts {

/// Box vectors, and whether space is periodic along all, some, or none of them.
struct Box {
  std::array<bool, 3> periodic{};
  std::array<double, 9> vectors{}; // rows, Å; zero in directions that are not periodic

  Box() = default;
  /// rows (3, 3), Å; rows of directions that are not periodic are ignored.
  Box(const std::array<bool, 3>& directions, const double* rows) : periodic(directions) {
    for (int c = 0; c < 9; ++c) {
      vectors[c] = periodic[c / 3] ? rows[c] : 0.0;
    }
  }

  /// Whether there is a periodic direction.
  bool any() const { return periodic[0] || periodic[1] || periodic[2]; }

  /// Translation of one image. Those of opposite images are exactly opposite.
  template <class Integer> std::array<double, 3> translation(const Integer* image) const {
    std::array<double, 3> out;
    for (int k = 0; k < 3; ++k) {
      out[k] = image[0] * vectors[k] + image[1] * vectors[3 + k] + image[2] * vectors[6 + k];
    }
    return out;
  }

  bool operator==(const Box& other) const {
    return periodic == other.periodic && vectors == other.vectors;
  }
};

} // namespace hipnn_ts
