// SPDX-License-Identifier: BSD-3-Clause
//
// hipnn_ts::energies_and_pair_gradients on a device, whichever it is.
#pragma once

#include <ATen/ATen.h>

#include "core/cuda/weights.hpp"

namespace hipnn_ts {
namespace cuda {

/// The operator, for tensors in `device`'s memory. Indices out of range cannot be told without
/// waiting for the device: all energies are NaN then, and nothing out of bounds is touched.
HIPNN_TS_API std::tuple<at::Tensor, at::Tensor> energies_and_pair_gradients_on(
    Device& device, const at::Tensor& species, const at::Tensor& receivers,
    const at::Tensor& senders, const at::Tensor& vectors, at::TensorList weights,
    at::IntArrayRef sizes, at::ArrayRef<double> scalars);

/// These packed weights on `device`: sent there once, kept as long as the tensors exist.
template <class T>
std::shared_ptr<const DeviceWeights<T>> device_weights(
    Device& device, at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars);

} // namespace cuda
} // namespace hipnn_ts
