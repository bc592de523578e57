// SPDX-License-Identifier: BSD-3-Clause
//
// The training operators on a device, whichever it is: what their CPU counterparts compute.
#pragma once

#include "core/cuda/device.hpp"
#include "core/visibility.hpp"
#include "torch/moments_form.hpp"

namespace hipnn_ts {
namespace cuda {

/// inverse_distances (P,), envelopes (P,), inverse_mu (V,), sigma (V,).
using SensitivityFactorTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

/// As contract_on_cpu.
HIPNN_TS_API at::Tensor contract_on(Device& device, Form form, Factor result);

/// The sensitivities (P, window).
HIPNN_TS_API at::Tensor sensitivities_on(
    Device& device, const SensitivityFactorTensors& factors, const at::Tensor& first,
    const at::Tensor& count, int64_t window);

/// Gradients of sum h s, h (P, window), with respect to the factors.
HIPNN_TS_API SensitivityFactorTensors sensitivities_backward_on(
    Device& device, const at::Tensor& h, const SensitivityFactorTensors& factors,
    const at::Tensor& first, const at::Tensor& count);

/// Gradients, with respect to h and the factors, of the product of those with `directions`.
HIPNN_TS_API std::tuple<at::Tensor, SensitivityFactorTensors> sensitivities_double_backward_on(
    Device& device, const at::Tensor& h, const SensitivityFactorTensors& factors,
    const at::Tensor& first, const at::Tensor& count, const SensitivityFactorTensors& directions);

/// first and count (P,), int32.
HIPNN_TS_API std::tuple<at::Tensor, at::Tensor> active_windows_on(
    Device& device, const at::Tensor& distances, const at::Tensor& mu, const at::Tensor& sigma);

} // namespace cuda
} // namespace hipnn_ts
