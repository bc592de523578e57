// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/ivalue.h>

namespace hipnn_ts {

/// The parts of a force object for a host of positions (OpenMM), on any device.
struct ForceParts {
  at::Tensor document;  // (bytes,) uint8, the network
  at::Tensor particles; // (n,) int64, indices of the particles on which the potential acts
  at::Tensor species;   // (n,) int64, their species
  at::Tensor limits;    // limits of an ExtrapolationGuard
  int64_t n_particles;  // number of particles of the whole system
  bool stop;            // whether that guard stops
  double length;        // Å in the host's unit of length
  double energy;        // the host's units of energy in an eV
};

/// Their pickled form: tensors by the names above.
at::IValue state_of(const ForceParts& parts);
/// From such a state, or from one that hipnn-ts pickled when files had format 1. Throws c10::Error
/// if it is neither.
ForceParts parts_of(const at::IValue& state);

} // namespace hipnn_ts
