// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/ivalue.h>

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

/// What pickling keeps of them: tensors by the names above.
at::IValue state_of(const ForceParts& parts);
/// Of such a state, or of one that hipnn-ts pickled when files had format 1. Throws c10::Error
/// where it is neither.
ForceParts parts_of(const at::IValue& state);

} // namespace hipnn_ts
