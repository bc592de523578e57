// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <omp.h>

#include <array>
#include <cstddef>

namespace hipnn_ts {

/// The stages of a step. The backward pass over a sender's pairs contains the contraction of its
/// result.
enum class Stage { grouping, projections, forward_pairs, onsite, backward_pairs };
constexpr std::array<const char*, 5> stage_names = {
    "grouping", "projections", "forward pairs", "on-site", "backward pairs"};

/// Seconds of one thread by stage, in a separate cache line.
struct alignas(64) StageSeconds {
  double of[stage_names.size()];
};

/// Adds the time of its lifetime. Always inlined, because kernels of several instruction sets share
/// it.
class StageSpan {
public:
  __attribute__((always_inline)) StageSpan(StageSeconds& seconds, Stage stage)
      : total_(seconds.of[static_cast<std::size_t>(stage)]), began_(omp_get_wtime()) {}
  __attribute__((always_inline)) ~StageSpan() { total_ += omp_get_wtime() - began_; }
  StageSpan(const StageSpan&) = delete;
  StageSpan& operator=(const StageSpan&) = delete;

private:
  double& total_;
  double began_;
};

} // namespace hipnn_ts
