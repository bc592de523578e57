// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/neighbours/search.hpp"

namespace hipnn_ts {

/// A larger skin means fewer searches and more pairs to skip. Atoms of water at 300 K move by half
/// of this about every 14 steps of 0.5 fs; from 0.5 to 1.5 Å the two costs balance.
constexpr double usual_neighbour_skin = 1.0; // Å

/// A Verlet list: pairs found once within the cutoff and a skin, kept while no atom has moved by
/// half of the skin and the box is the same.
///
/// The pairs within the cutoff, and their order, depend only on positions and box: the time of the
/// last search changes no bit of them.
class NeighbourList {
public:
  NeighbourList(double cutoff, double skin) : cutoff_(cutoff), skin_(skin) {}

  /// Whether no pair within the cutoff can be missing. False if a coordinate is not a number.
  bool fits(const double* positions, int64_t n, const Box& box) const;

  /// Throws like PairSearch::run; the list then fits nothing.
  void search(const double* positions, int64_t n, const Box& box, int n_threads);

  /// Number of pairs in the list, an upper bound on those within the cutoff.
  int64_t size() const { return static_cast<int64_t>(rows_.pairs.size()); }

  /// The pairs within the cutoff at positions that the list fits, sorted by receiver, then sender.
  /// `receivers`, `senders` and `vectors` (., 3) have room for size() of them; returns their
  /// number. vectors are r_sender - r_receiver. `first` is added to the numbers of atoms.
  template <class Index, class T>
  int64_t gather(
      const double* positions, int n_threads, Index* receivers, Index* senders, T* vectors,
      Index first = 0);

  /// Square of the shortest distance at the last gather, Å²; infinite without pairs.
  double lowest_squared() const;

private:
  template <class Near>
  void walk(const double* positions, int64_t begin, int64_t end, Near&& near) const;

  double cutoff_, skin_;
  bool valid_ = false;
  Box box_;
  std::vector<double> reference_; // positions of the search
  PairSearch search_;
  PairRows rows_;
  std::vector<int64_t> starts_; // where each thread writes
  std::vector<double> lowest_;  // smallest squared distance of each thread's pairs
};

} // namespace hipnn_ts
