// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>

namespace hipnn_ts {

/// A triclinic box, periodic along all three vectors, or no box at all.
struct Box {
  bool periodic = false;
  std::array<double, 9> vectors{}; // rows, Å; zero where not periodic

  /// One image's translation. Exactly opposite for opposite images.
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
