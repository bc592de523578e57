// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <chrono>

namespace hipnn_ts {

/// What a step consists of. The backward walk of pairs contains the contraction of its result.
enum class Stage { grouping, projections, forward_pairs, onsite, backward_pairs };
constexpr std::array<const char*, 5> stage_names = {
    "grouping", "projections", "forward pairs", "on-site", "backward pairs"};

/// Wall time by stage, in seconds.
class StageTimes {
public:
  using Clock = std::chrono::steady_clock;

  /// Adds the time between its making and its end.
  class Span {
  public:
    explicit Span(double& seconds) : seconds_(seconds), began_(Clock::now()) {}
    ~Span() { seconds_ += std::chrono::duration<double>(Clock::now() - began_).count(); }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

  private:
    double& seconds_;
    Clock::time_point began_;
  };

  Span measure(Stage stage) { return Span(seconds_[static_cast<size_t>(stage)]); }
  const std::array<double, stage_names.size()>& seconds() const { return seconds_; }

private:
  std::array<double, stage_names.size()> seconds_{};
};

} // namespace hipnn_ts
