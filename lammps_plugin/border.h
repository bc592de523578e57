// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "feature_exchange.h"

namespace hipnn_ts_lammps {

/// The atoms of a rank that other ranks know, and the positions of rows in arrays of the border:
/// those atoms, then all rows that are not receivers.
///
/// LAMMPS does not tell pair styles which atoms it sends where. But values for the rows that are
/// not receivers, sent back like gradients, arrive at the atoms in question.
class Border final : public Exchange {
public:
  explicit Border(const AtomRows& rows) : rows_(rows) {}

  /// Before the exchange of gradients.
  void begin() {
    const RowCounts& counts = rows_.counts();
    uses_.assign(counts.rows, 1.0);
    std::fill_n(uses_.begin(), counts.receivers, 0.0);
  }

  /// After it.
  void end() {
    const RowCounts& counts = rows_.counts();
    receivers_.clear();
    slots_.assign(counts.rows, -1);
    for (int row = 0; row < counts.receivers; ++row) {
      if (uses_[row] > 0) {
        slots_[row] = size();
        receivers_.push_back(row);
      }
    }
    for (int row = counts.receivers; row < counts.rows; ++row) {
      slots_[row] = size() + row - counts.receivers;
    }
  }

  const std::vector<int>& receivers() const { return receivers_; }
  int size() const { return static_cast<int>(receivers_.size()); }
  const int* slots() const { return slots_.data(); }

  int doubles_per_atom(int) const override { return 1; }
  int pack_features(int, int, const int*, double*) override { return 0; }
  void unpack_features(int, int, int, const double*) override {}
  int pack_gradients(int, int n, int first_ghost, double* buffer) override {
    return FeatureRows<double>{uses_.data(), 1}.pack_ghosts(rows_, n, first_ghost, buffer);
  }
  void add_gradients(int, int n, const int* atoms, const double* buffer) override {
    FeatureRows<double>{uses_.data(), 1}.add(rows_, n, atoms, buffer);
  }

  double bytes() const {
    return uses_.capacity() * sizeof(double) +
           (slots_.capacity() + receivers_.capacity()) * sizeof(int);
  }

private:
  const AtomRows& rows_;
  std::vector<double> uses_; // indices of rows
  std::vector<int> slots_, receivers_;
};

} // namespace hipnn_ts_lammps
