// SPDX-License-Identifier: BSD-3-Clause
#include "torch/force_parts.hpp"

namespace hipnn_ts {

ForceState state_of(const ForceParts& parts) {
  ForceState out;
  out.insert("document", parts.document);
  out.insert("particles", parts.particles);
  out.insert("species", parts.species);
  out.insert("limits", parts.limits);
  out.insert("n_particles", at::scalar_tensor(parts.n_particles, at::kLong));
  out.insert("stop", at::scalar_tensor(parts.stop, at::kBool));
  out.insert("length", at::scalar_tensor(parts.length, at::kDouble));
  out.insert("energy", at::scalar_tensor(parts.energy, at::kDouble));
  return out;
}

ForceParts parts_of(const ForceState& state) {
  const auto find = [&](const char* name) {
    const auto found = state.find(name);
    TORCH_CHECK(
        found != state.end(), "hipnn-ts: expected a force with '", name,
        "', found none; create the force again: it was serialised by another version");
    return found->value();
  };
  return {
      find("document"),
      find("particles"),
      find("species"),
      find("limits"),
      find("n_particles").item<int64_t>(),
      find("stop").item<bool>(),
      find("length").item<double>(),
      find("energy").item<double>()};
}

} // namespace hipnn_ts
