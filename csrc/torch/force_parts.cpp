// SPDX-License-Identifier: BSD-3-Clause
#include "torch/force_parts.hpp"

#include "torch/loaded_model.hpp"

namespace hipnn_ts {
namespace {

using Tensors = c10::Dict<std::string, at::Tensor>;

/// Three lists: particles, species, self energies, limits and packed weights; the number of
/// particles, whether to stop, and packed sizes; length, energy and packed scalars.
ForceParts parts_of_format_1(const at::IValue& state) {
  const auto& lists = state.toTupleRef().elements();
  const auto tensors = lists.at(0).toTensorVector();
  const auto sizes = lists.at(1).toIntVector();
  const auto scalars = lists.at(2).toDoubleVector();
  TORCH_CHECK(
      tensors.size() > 4 && sizes.size() > 2 && scalars.size() > 2,
      "expected particles, species, self energies, limits and a packed network");
  const auto document = document_of_format_1(
      at::TensorList(tensors).slice(4), at::IntArrayRef(sizes).slice(2),
      at::ArrayRef<double>(scalars).slice(2), tensors[2], {});
  return {document, tensors[0],    tensors[1], tensors[3],
          sizes[0], sizes[1] != 0, scalars[0], scalars[1]};
}

} // namespace

at::IValue state_of(const ForceParts& parts) {
  Tensors out;
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

ForceParts parts_of(const at::IValue& state) {
  if (state.isTuple()) {
    return parts_of_format_1(state);
  }
  const auto tensors = state.to<Tensors>();
  const auto find = [&](const char* name) {
    const auto found = tensors.find(name);
    TORCH_CHECK(found != tensors.end(), "hipnn-ts: expected a force with '", name, "', found none");
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
