// SPDX-License-Identifier: BSD-3-Clause
//
// A network with its weights, as format 2 of an exported file stores it: a safetensors document.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/buffer.hpp"
#include "core/model_file/file_error.hpp"
#include "core/model_file/network_tensors.hpp"

namespace hipnn_ts {

/// Key of a document's metadata whose value, a JSON text, describes the network.
constexpr const char* network_key = "network";

class HIPNN_TS_API Model {
public:
  /// Copies what it needs. Throws FileError unless the document describes a network and holds its
  /// tensors, all of them and no others, with values that kernels can use.
  explicit Model(std::string_view document);
  ~Model();
  Model(Model&&) noexcept;

  const Architecture& architecture() const { return architecture_; }
  /// In the order of the document.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  /// Of the species, eV.
  const double* self_energies() const;
  /// To energies (n,) of atoms of these species (n,), each in range.
  void add_self_energies(const int64_t* species, int64_t n, double* energies) const;
  /// T is double where the architecture says so, else float.
  template <class T> const NetworkWeights<T>& weights() const {
    return std::get<BoundNetwork<T>>(network_).weights;
  }

private:
  Architecture architecture_;
  Buffer<char> data_;
  std::vector<NamedTensor> tensors_; // in data_, each at a cache line of its own
  std::variant<BoundNetwork<float>, BoundNetwork<double>> network_;
};

/// What a document's metadata say of the network.
std::string described(const Architecture& network);

} // namespace hipnn_ts
