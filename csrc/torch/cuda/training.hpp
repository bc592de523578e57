// SPDX-License-Identifier: BSD-3-Clause
//
// The training operators on a device of any kind, equal to their CPU counterparts.
#pragma once

#include "core/cuda/device.hpp"
#include "core/visibility.hpp"
#include "torch/moments_form.hpp"

namespace hipnn_ts {
namespace cuda {

/// inverse_distances (P,), envelopes (P,), inverse_mu (V,), sigma (V,).
using SensitivityFactorTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

/// Like moments_on_cpu, gradients_on_cpu and change_on_cpu, except that an index out of range gives
/// NaN, because reporting it would synchronise the device.
HIPNN_TS_API at::Tensor moments_on(Device& device, const Form& form);
HIPNN_TS_API Three gradients_on(Device& device, const Form& form, std::array<bool, 3> wanted);
HIPNN_TS_API std::array<at::Tensor, 4>
change_on(Device& device, const Form& form, const Three& along, std::array<bool, 4> wanted);

/// The sensitivities (P, window). A window out of range also gives NaN.
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

/// distances (P,), inverse_distances (P,), envelopes (P,), components (P, C).
using GeometryTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

HIPNN_TS_API GeometryTensors
geometry_on(Device& device, const at::Tensor& vectors, int64_t n_components, double cutoff);

/// Gradient (P, 3) with respect to the vectors.
HIPNN_TS_API at::Tensor geometry_backward_on(
    Device& device, const GeometryTensors& gradients, const at::Tensor& vectors, double cutoff);

/// Gradients, with respect to the gradients and (if wanted, otherwise undefined) the vectors, of
/// the product of that with `directions` (P, 3).
HIPNN_TS_API std::tuple<GeometryTensors, at::Tensor> geometry_double_backward_on(
    Device& device, const GeometryTensors& gradients, const at::Tensor& vectors,
    const at::Tensor& directions, double cutoff, bool vectors_wanted);

/// moments (n, C, a), scales (l_max, a).
using InvariantsTensors = std::tuple<at::Tensor, at::Tensor>;

HIPNN_TS_API at::Tensor
invariants_on(Device& device, const InvariantsTensors& factors, double cusp);

/// Gradients, for g (n, a), with respect to the factors.
HIPNN_TS_API InvariantsTensors invariants_backward_on(
    Device& device, const at::Tensor& g, const InvariantsTensors& factors, double cusp);

/// Gradients, with respect to g and the factors, of the product of those with `directions`.
HIPNN_TS_API std::tuple<at::Tensor, InvariantsTensors> invariants_double_backward_on(
    Device& device, const at::Tensor& g, const InvariantsTensors& factors,
    const InvariantsTensors& directions, double cusp);

/// (n, K, a) of moments (n, C, a).
HIPNN_TS_API at::Tensor polynomials_on(Device& device, const at::Tensor& moments, int64_t n_max);

/// Gradients, for g (n, K, a), with respect to the moments.
HIPNN_TS_API at::Tensor
polynomials_backward_on(Device& device, const at::Tensor& g, const at::Tensor& moments);

/// Gradients, with respect to g and the moments, of the product of those with `direction`.
HIPNN_TS_API std::tuple<at::Tensor, at::Tensor> polynomials_double_backward_on(
    Device& device, const at::Tensor& g, const at::Tensor& moments, const at::Tensor& direction);

/// first and count (P,), int32.
HIPNN_TS_API std::tuple<at::Tensor, at::Tensor> active_windows_on(
    Device& device, const at::Tensor& distances, const at::Tensor& mu, const at::Tensor& sigma);

} // namespace cuda
} // namespace hipnn_ts
