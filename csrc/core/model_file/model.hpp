// SPDX-License-Identifier: BSD-3-Clause
//
// A network with its weights, or several of one shape (a committee), as formats 2 and 3 of an
// exported file store them: a safetensors document.
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
  /// Copies what it needs. Throws FileError unless the document describes a network and contains
  /// all of its tensors and no others, with values that kernels can use.
  explicit Model(std::string_view document);
  ~Model();
  Model(Model&&) noexcept;

  const Architecture& architecture() const { return architecture_; }
  /// In the order of the document.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  int n_members() const { return architecture_.n_members; }
  /// Self energies of the species, eV.
  const double* self_energies(int member = 0) const;
  /// Self energies of one species, eV, over all members.
  double mean_self_energy(int64_t species) const;
  /// Adds self energies to energies (n,) of atoms of these species (n,), each in range.
  void add_self_energies(const int64_t* species, int64_t n, double* energies, int member = 0) const;
  /// T is double if the architecture says so, and float otherwise.
  template <class T> const NetworkWeights<T>& weights(int member = 0) const {
    return std::get<Members<T>>(members_)[member].weights;
  }
  /// Weights of all members.
  template <class T> std::vector<NetworkWeights<T>> all_weights() const {
    std::vector<NetworkWeights<T>> out;
    for (const BoundNetwork<T>& member : std::get<Members<T>>(members_)) {
      out.push_back(member.weights);
    }
    return out;
  }

private:
  template <class T> using Members = std::vector<BoundNetwork<T>>;

  Architecture architecture_;
  Buffer<char> data_;
  std::vector<NamedTensor> tensors_; // in data_, each aligned to a cache line
  std::variant<Members<float>, Members<double>> members_;
};

/// The network according to a document's metadata.
std::string described(const Architecture& network);

} // namespace hipnn_ts
