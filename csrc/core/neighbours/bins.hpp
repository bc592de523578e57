// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/neighbours/box.hpp"

namespace hipnn_ts {

/// A coordinate that no search can handle.
struct WrongPosition : std::invalid_argument {
  WrongPosition(int64_t which, const std::string& problem)
      : std::invalid_argument(problem), atom(which) {}
  int64_t atom;
};

/// Calls body(); the sentence of a WrongPosition then begins with the atom.
template <class Body> decltype(auto) naming_atoms(const Body& body) {
  try {
    return body();
  } catch (const WrongPosition& error) {
    throw std::invalid_argument("atom " + std::to_string(error.atom) + ": " + error.what());
  }
}

/// Equal bins over the box, or over the atoms' extent if there is no box.
struct Bins {
  using Triple = std::array<int32_t, 3>;

  double origin[3];
  double inverse[9]; // columns convert a position to fractions of the binned region
  Triple size;
  Triple range; // bins to search on either side

  int64_t count() const { return int64_t{size[0]} * size[1] * size[2]; }
};

/// Up to this many atoms without a box every pair is checked, because bins cost more than they
/// save.
constexpr int64_t all_pairs_limit = 64;

/// A larger number of images says that the trajectory has exploded.
constexpr double farthest_wrap = 1e6;

/// Bins for a search of all pairs within `reach`.
///
/// positions (n, 3), Å. Throws WrongPosition, or std::invalid_argument if the box has no volume or
/// there are more than 2^31 - 1 atoms.
Bins divide(const double* positions, int64_t n, const Box& box, double reach);

} // namespace hipnn_ts
