// SPDX-License-Identifier: BSD-3-Clause
//
// Inference on a device of any kind.
#pragma once

#include <ATen/ATen.h>

#include "torch/loaded_model.hpp"

namespace hipnn_ts {
namespace cuda {

/// Energies without self energies, and pair gradients, for tensors in `device`'s memory. Detecting
/// indices out of range would synchronise the device; instead all energies are NaN then, and no
/// access is out of bounds.
HIPNN_TS_API std::tuple<at::Tensor, at::Tensor> network_energies_on(
    Device& device, LoadedModel& model, const at::Tensor& species, const at::Tensor& receivers,
    const at::Tensor& senders, const at::Tensor& vectors);

/// The operator `evaluate`, self energies included.
HIPNN_TS_API std::tuple<at::Tensor, at::Tensor> evaluate_on(
    Device& device, const at::Tensor& species, const at::Tensor& receivers,
    const at::Tensor& senders, const at::Tensor& vectors, const at::Tensor& document);

} // namespace cuda
} // namespace hipnn_ts
