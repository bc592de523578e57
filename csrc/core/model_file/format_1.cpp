// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/format_1.hpp"

#include <cmath>

#include "core/model_file/architecture_json.hpp"
#include "core/model_file/file_error.hpp"
#include "core/model_file/model.hpp"
#include "core/model_file/network_tensors.hpp"

namespace hipnn_ts {
namespace {

constexpr int64_t largest_size = 1 << 20;
constexpr size_t n_leading_sizes = 4, n_block_sizes = 3, n_leading_scalars = 2, n_radii = 2;

/// Takes the tensors one after the other, and gives them the requested names.
class Listed final : public TensorSource {
public:
  explicit Listed(const FormatOne& parts) : parts_(parts) {}

  const void* take(const std::string& name, ElementType type, const Shape& shape) override {
    const bool self_energies = name == parts_.self_energies.name;
    if (!self_energies) {
      // Scales of the orders that the network lacks.
      while (next_ < parts_.weights.size() && parts_.weights[next_].data.empty()) {
        ++next_;
      }
      if (next_ == parts_.weights.size()) {
        throw FileError("packed weights: expected more than " + std::to_string(next_) + " tensors");
      }
    }
    const size_t position = next_;
    NamedTensor tensor = self_energies ? parts_.self_energies : parts_.weights[next_++];
    if (tensor.type != type || tensor.shape != shape) {
      throw FileError(
          (self_energies ? name : "packed weight " + std::to_string(position)) + ": expected " +
          described(type, shape) + ", found " + described(tensor.type, tensor.shape));
    }
    tensor.name = name;
    named_.push_back(tensor);
    return tensor.data.data();
  }

  std::vector<NamedTensor> finish() const {
    if (next_ != parts_.weights.size()) {
      throw FileError(
          "packed weights: expected " + std::to_string(next_) + " tensors, found " +
          std::to_string(parts_.weights.size()));
    }
    return named_;
  }

private:
  const FormatOne& parts_;
  size_t next_ = 0;
  std::vector<NamedTensor> named_;
};

std::vector<std::string> elements_of(const FormatOne& parts, int64_t n_species) {
  std::vector<std::string> out = parts.elements;
  const size_t first = n_leading_scalars + n_radii;
  for (size_t k = first; k < parts.scalars.size(); ++k) {
    const double charge = parts.scalars[k];
    if (!(charge >= 1 && charge <= n_elements && charge == std::floor(charge))) {
      throw FileError(
          "packed weights: expected a nuclear charge from 1 to 118, found " + shown(charge));
    }
    const std::string symbol = chemical_symbol(static_cast<int>(charge));
    if (parts.elements.empty()) {
      out.push_back(symbol);
    } else if (k - first < out.size() && out[k - first] != symbol) {
      throw FileError(
          "packed weights: expected the charges of the elements, found " + shown(charge));
    }
  }
  // Without a repulsion no kernel needs to know the elements: any will do.
  for (int64_t k = static_cast<int64_t>(out.size()); parts.elements.empty() && k < n_species; ++k) {
    out.emplace_back(chemical_symbol(static_cast<int>(k % n_elements) + 1));
  }
  if (static_cast<int64_t>(out.size()) != n_species) {
    throw FileError(
        "packed weights: expected " + std::to_string(n_species) + " elements, found " +
        std::to_string(out.size()));
  }
  return out;
}

Architecture architecture_of(const FormatOne& parts) {
  const auto& sizes = parts.sizes;
  const auto& scalars = parts.scalars;
  const size_t n_species_at = n_leading_sizes;
  if (sizes.size() < n_leading_sizes + n_block_sizes ||
      (sizes.size() - n_leading_sizes) % n_block_sizes != 0 || scalars.size() < n_leading_scalars) {
    throw FileError(
        "packed weights: expected 4 + 3 n sizes and 2 or more scalars, found " +
        std::to_string(sizes.size()) + " and " + std::to_string(scalars.size()));
  }
  for (const double scalar : scalars) {
    if (!(std::isfinite(scalar) && scalar > 0)) {
      throw FileError(
          "packed weights: expected positive finite scalars, found " + std::to_string(scalar));
    }
  }
  for (const int64_t size : sizes) {
    if (size < 0 || size >= largest_size) {
      throw FileError("packed weights: found the size " + std::to_string(size));
    }
  }
  const int64_t n_species = sizes[n_species_at];
  const size_t with_repulsion = n_leading_scalars + n_radii + static_cast<size_t>(n_species);
  if (scalars.size() != n_leading_scalars && scalars.size() != with_repulsion) {
    throw FileError(
        "packed weights: expected 2 scalars or, with a repulsion, " +
        std::to_string(with_repulsion) + ", found " + std::to_string(scalars.size()));
  }
  Architecture out;
  out.l_max = static_cast<int>(sizes[0]);
  out.n_sensitivities = static_cast<int>(sizes[1]);
  out.n_atom_layers = static_cast<int>(sizes[2]);
  out.residual = sizes[3] != 0;
  out.elements = elements_of(parts, n_species);
  for (size_t k = n_leading_sizes; k < sizes.size(); k += n_block_sizes) {
    if (k > n_leading_sizes && sizes[k] != out.n_features.back()) {
      throw FileError(
          "packed weights: the widths of block " + std::to_string(out.n_features.size()) +
          " do not fit");
    }
    out.n_middle_features.push_back(static_cast<int>(sizes[k + 1]));
    out.n_features.push_back(static_cast<int>(sizes[k + 2]));
  }
  out.cutoff = scalars[0];
  out.cusp_regularisation = scalars[1];
  if (scalars.size() == with_repulsion) {
    out.zbl.assign(n_species * n_species, {scalars[2], scalars[3]});
  }
  return read_architecture(write_architecture(out), "packed weights"); // with its checks
}

} // namespace

std::string document_of(const FormatOne& parts) {
  Architecture network = architecture_of(parts);
  network.double_precision =
      !parts.weights.empty() && parts.weights.front().type == ElementType::float64;
  Listed source(parts);
  if (network.double_precision) {
    bind_network<double>(network, source);
  } else {
    bind_network<float>(network, source);
  }
  Safetensors out;
  out.metadata[network_key] = described(network);
  out.tensors = source.finish();
  return out.write();
}

} // namespace hipnn_ts
