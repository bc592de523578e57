// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/Dict.h>

namespace hipnn_ts {

/// What a force object of a host of positions (OpenMM) is made from, wherever it computes.
struct ForceParts {
  at::Tensor document;  // (bytes,) uint8, the network
  at::Tensor particles; // (n,) int64, indices of those that the potential acts on
  at::Tensor species;   // (n,) int64, theirs
  at::Tensor limits;    // of an ExtrapolationGuard
  int64_t n_particles;  // of the whole system
  bool stop;            // whether that guard stops
  double length;        // Å in the host's unit of length
  double energy;        // the host's units of energy in an eV
};

/// What pickling keeps of them, by the names above.
using ForceState = c10::Dict<std::string, at::Tensor>;
ForceState state_of(const ForceParts& parts);
/// Throws c10::Error where one is missing.
ForceParts parts_of(const ForceState& state);

} // namespace hipnn_ts
