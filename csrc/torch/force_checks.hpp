// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/visibility.hpp"
#include "torch/extrapolation.hpp"

namespace hipnn_ts {

/// The checks of each evaluation of a force, on any device: atoms closer than in the training data
/// are reported or refused, and results that are not finite are refused. Messages name the host's
/// particles.
class HIPNN_TS_API ForceChecks {
public:
  /// Indices (n,) of the particles on which the force acts, contiguous int64; limits and stop as in
  /// ExtrapolationGuard.
  ForceChecks(at::Tensor particles, at::Tensor limits, bool stop)
      : particles_(std::move(particles)), guard_(std::move(limits), stop) {}

  /// Whether any two atoms are too `close`; find(), a ClosePair, is called only if something is
  /// reported. Throws c10::ValueError if it is to stop.
  template <class Find> void pairs(bool close, const Find& find) {
    guard_.judge(close, particles_.const_data_ptr<int64_t>(), find);
  }

  /// Throws c10::ValueError for the n-th atom, whose energy or force is not finite; the closest
  /// pair is likely to be the origin.
  [[noreturn]] void refuse(int64_t atom, const ClosePair& closest) const;

  const ExtrapolationGuard& guard() const { return guard_; }

private:
  int64_t name(int64_t atom) const { return particles_.const_data_ptr<int64_t>()[atom]; }

  at::Tensor particles_;
  ExtrapolationGuard guard_;
};

} // namespace hipnn_ts
