// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>
#include <torch/custom_class.h>

#include <atomic>

#include "core/closest_approach.hpp"
#include "core/visibility.hpp"

namespace hipnn_ts {

/// torch.classes.hipnn_ts.ExtrapolationGuard(limits, stop): warns on standard error, more and more
/// rarely, of evaluations with atoms closer than in the training data, or refuses them.
///
/// limits (S, S) float64, Å, as in ClosestApproach; (0, 0) if nothing is known or wanted.
class HIPNN_TS_API ExtrapolationGuard : public torch::CustomClassHolder {
public:
  using State = std::tuple<at::Tensor, bool>;

  explicit ExtrapolationGuard(at::Tensor limits, bool stop);

  /// `particles` are the host's names of the atoms. Throws c10::ValueError if it is to stop.
  template <class Index, class T>
  void check(
      const int64_t* particles, const int64_t* species, const Index* receivers,
      const Index* senders, const T* vectors, int64_t n_pairs) {
    const ClosePair pair = closest_.find(species, receivers, senders, vectors, n_pairs);
    judge(bool(pair), particles, [&] { return pair; });
  }

  /// Like check, if it is known whether two atoms are too `close`; `find` returns which, and is
  /// called only if that is reported.
  template <class Find> void judge(bool close, const int64_t* particles, const Find& find) {
    const int64_t evaluation = ++evaluations_;
    if (!close) {
      return;
    }
    const int64_t occasion = ++occasions_;
    if (stop_ || worth_telling(occasion)) {
      if (const ClosePair pair = find()) {
        tell(particles[pair.receiver], particles[pair.sender], pair, evaluation, occasion);
      }
    }
  }

  /// Number of evaluations so far.
  int64_t evaluations() const { return evaluations_; }
  State state() const { return {limits_, stop_}; }
  const at::Tensor& limits() const { return limits_; }
  const ClosestApproach& closest() const { return closest_; }
  bool stops() const { return stop_; }

private:
  void tell(
      int64_t receiver, int64_t sender, const ClosePair& pair, int64_t evaluation,
      int64_t occasion) const;

  at::Tensor limits_;
  bool stop_;
  ClosestApproach closest_;
  std::atomic<int64_t> evaluations_{0}, occasions_{0};
};

} // namespace hipnn_ts
