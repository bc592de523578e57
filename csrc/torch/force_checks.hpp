// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/visibility.hpp"
#include "torch/extrapolation.hpp"

namespace hipnn_ts {

/// The pairs of one evaluation, in the host's memory.
template <class T> struct HostPairs {
  const int32_t* receivers; // (n,)
  const int32_t* senders;   // (n,)
  const T* vectors;         // (n, 3), r_sender - r_receiver, Å
  int64_t n;
};

/// What a force promises of each of its evaluations, wherever it computes: atoms closer than in the
/// training data are told of or refused, and results that are not finite are refused. Messages name
/// the host's particles.
class HIPNN_TS_API ForceChecks {
public:
  /// Indices (n,) of the particles that the force acts on and their species (n,), contiguous
  /// int64; limits and stop as of ExtrapolationGuard.
  ForceChecks(at::Tensor particles, at::Tensor species, at::Tensor limits, bool stop)
      : particles_(std::move(particles)), species_(std::move(species)),
        guard_(std::move(limits), stop) {}

  /// Before the network. Throws c10::ValueError where two atoms are too close and it is to stop.
  template <class T> void pairs(const HostPairs<T>& pairs) {
    guard_.check(
        particles_.const_data_ptr<int64_t>(), species_.const_data_ptr<int64_t>(), pairs.receivers,
        pairs.senders, pairs.vectors, pairs.n);
  }

  /// The same where a device has seen whether any pair is too `close`; `fetch` brings the pairs,
  /// with a view() as HostPairs, and is called only where something is told.
  template <class Fetch> void pairs_elsewhere(bool close, const Fetch& fetch) {
    guard_.judge(close, particles_.const_data_ptr<int64_t>(), [&] {
      const auto fetched = fetch();
      const HostPairs pairs = fetched.view();
      return guard_.closest().find(
          species_.const_data_ptr<int64_t>(), pairs.receivers, pairs.senders, pairs.vectors,
          pairs.n);
    });
  }

  /// Throws c10::ValueError where an energy (n,) or a force (n, 3) is not finite.
  template <class T>
  void results(const double* energies, const double* forces, const HostPairs<T>& pairs) const;

  /// Throws it for the n-th atom; the closest pair is likely to be the origin.
  template <class T> [[noreturn]] void refuse(int64_t atom, const HostPairs<T>& pairs) const;

  const ExtrapolationGuard& guard() const { return guard_; }
  int64_t n_atoms() const { return particles_.numel(); }

private:
  int64_t name(int64_t atom) const { return particles_.const_data_ptr<int64_t>()[atom]; }

  at::Tensor particles_, species_;
  ExtrapolationGuard guard_;
};

} // namespace hipnn_ts
