// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "core/network.hpp"

namespace hipnn_ts {

/// The weights of an exported fused potential as kernels read them, with the tensors that own them.
template <class T> struct HIPNN_TS_API PackedNetwork {
  NetworkWeights<T> weights;
  std::vector<std::vector<OnSiteWeights<T>>> onsite;
  std::vector<at::Tensor> owners;
};

/// Describe `weights`, laid out by hipnn_ts.export.packing, to the kernels.
///
/// sizes: l_max, n_sensitivities, n_atom_layers, residual, then n_in, n_middle, n_out of each
/// block. scalars: cutoff in Å, cusp regularisation; with a repulsion its inner and outer radius in
/// Å, then the nuclear charge of each species. Throws c10::Error where a tensor's shape or type is
/// not what the sizes say.
template <class T>
HIPNN_TS_API std::unique_ptr<PackedNetwork<T>>
unpack(at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars);

} // namespace hipnn_ts
