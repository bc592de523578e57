// SPDX-License-Identifier: BSD-3-Clause
//
// All directed pairs of atoms within a distance, by binning: O(n) at constant density.
#pragma once

#include <cstdint>
#include <vector>

#include "core/neighbours/bins.hpp"

namespace hipnn_ts {

/// r_p = positions[sender] - positions[receiver] + image . box vectors, with positions as given,
/// inside the box or not.
struct ListedPair {
  int32_t sender;
  std::array<int32_t, 3> image;
};

/// Row i, `pairs[offsets[i]] ... pairs[offsets[i + 1] - 1]`, contains the pairs of receiver i,
/// ascending by sender and descending by image: an order that depends only on positions and box.
struct PairRows {
  std::vector<int64_t> offsets{0};
  std::vector<ListedPair> pairs;
};

/// The search, with its scratch memory kept for the next one.
class PairSearch {
public:
  /// Every pair within `reach`, with every image, and atoms with their own images, too.
  ///
  /// positions (n, 3), Å. Throws WrongPosition, or std::invalid_argument if the box has no volume
  /// or there are more than 2^31 - 1 atoms.
  void
  run(const double* positions, int64_t n, const Box& box, double reach, int n_threads,
      PairRows& rows);

private:
  using Triple = Bins::Triple;

  void fill(const double* positions, int64_t n, const Box& box, const Bins& bins);
  void look_around(int64_t i, const Box& box, const Bins& bins, double reach, int thread);
  void transpose(int64_t n, PairRows& rows) const;

  struct Placed {
    std::array<double, 3> position; // within the box
    Triple bin;
    Triple wrap; // box vectors subtracted
  };

  std::vector<Placed> placed_;           // by atom
  std::vector<int64_t> first_;           // of each bin, in `order_`
  std::vector<int32_t> order_;           // atoms, bin by bin
  std::vector<double> binned_positions_; // (n, 3), in that order
  struct Found {
    int64_t receiver;
    ListedPair pair;
  };
  std::vector<std::vector<Found>> found_; // by thread, receivers ascending
};

} // namespace hipnn_ts
