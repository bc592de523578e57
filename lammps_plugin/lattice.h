// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ghosts are usually where the box puts the images of atoms; then a device needs only the atoms'
// positions.
#pragma once

#include "atom_rows.h"

#include "core/cuda/rank_pairs.hpp"

#include <array>
#include <cmath>

namespace hipnn_ts_lammps {

/// From LAMMPS's box, whose first vector is along x and whose second is in the plane of x and y.
class Lattice {
public:
  explicit Lattice(const std::array<double, 9>& box) : box_(box) {}

  /// The number of each vector in a sum of them, rounded; none if it is not a number.
  std::array<int16_t, 3> vectors_in(std::array<double, 3> step) const {
    std::array<int16_t, 3> out;
    for (int k = 2; k >= 0; --k) {
      const double found = std::round(step[k] / box_[4 * k]);
      const double n = std::abs(found) < 32000 ? found : 0.0;
      out[k] = static_cast<int16_t>(n);
      for (int c = 0; c < 3; ++c) {
        step[c] -= n * box_[3 * k + c];
      }
    }
    return out;
  }

  double translation(const int16_t* n, int c) const {
    return n[0] * box_[c] + n[1] * box_[3 + c] + n[2] * box_[6 + c];
  }

private:
  std::array<double, 9> box_;
};

/// Box vectors between the images and the atoms of their rows; none for the first `n_own`.
inline std::vector<int16_t> shifts_between(
    const Lattice& lattice, const std::vector<int>& images, const std::vector<int>& row_of_image,
    const AtomRows& rows, double* const* x, int n_own) {
  std::vector<int16_t> out(3 * images.size(), 0);
  for (size_t k = n_own; k < images.size(); ++k) {
    const double* image = x[images[k]];
    const double* own = x[rows.atom(row_of_image[k])];
    const auto shift =
        lattice.vectors_in({image[0] - own[0], image[1] - own[1], image[2] - own[2]});
    std::copy_n(shift.begin(), 3, out.data() + 3 * k);
  }
  return out;
}

/// Whether all images are where the box puts them. LAMMPS's own are, but some fixes displace atoms
/// without it, for example numdiff/virial.
inline bool in_lattice(
    const Lattice& lattice, const hipnn_ts::cuda::RankAtoms& atoms, const std::vector<int>& images,
    const AtomRows& rows, double* const* x, int n_threads) {
  constexpr double rounding = 1e-12; // relative, and Å
  bool fine = true;
#pragma omp parallel for num_threads(n_threads) reduction(&& : fine)
  for (int64_t k = atoms.n_receivers; k < atoms.n_images(); ++k) {
    const double* image = x[images[k]];
    const double* own = x[rows.atom(atoms.row_of_image[k])];
    for (int c = 0; c < 3; ++c) {
      const double apart = image[c] - (own[c] + lattice.translation(&atoms.shifts[3 * k], c));
      fine = fine && std::abs(apart) <= rounding * (1.0 + std::abs(image[c]) + std::abs(own[c]));
    }
  }
  return fine;
}

} // namespace hipnn_ts_lammps
