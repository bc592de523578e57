// SPDX-License-Identifier: BSD-3-Clause
//
// The tensors of a network: their names, types, shapes and order. No other C++ code knows these;
// the counterpart in Python is hipnn_ts.export.packing.
#pragma once

#include <memory>
#include <vector>

#include "core/model_file/architecture.hpp"
#include "core/model_file/safetensors.hpp"
#include "core/network.hpp"

namespace hipnn_ts {

/// Gives a network its tensors, one after the other.
class TensorSource {
public:
  virtual ~TensorSource() = default;
  /// First value of the tensor with that name, which stays in place. Throws FileError if there is
  /// none, or if it has another type or shape.
  virtual const void* take(const std::string& name, ElementType type, const Shape& shape) = 0;
};

/// A network in the form that kernels read; it does not own the tensors.
template <class T> struct BoundNetwork {
  NetworkWeights<T> weights;
  std::vector<std::vector<OnSiteWeights<T>>> onsite; // of each block
  const double* self_energies = nullptr;             // (n_species,), eV
  Buffer<T> whitening;                               // what `weights.uncertainty` points to
};

/// Throws FileError if a value is not finite or would lead a kernel out of bounds.
template <class T> BoundNetwork<T> bind_network(const Architecture& network, TensorSource& tensors);

} // namespace hipnn_ts
