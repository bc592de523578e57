// SPDX-License-Identifier: BSD-3-Clause
//
// The operators for tensors on a GPU.
#include <torch/library.h>

#include "torch/cuda/guard.hpp"
#include "torch/cuda/inference.hpp"
#include "torch/cuda/training.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;

std::tuple<Tensor, Tensor> energies_and_pair_gradients(
    const Tensor& species, const Tensor& receivers, const Tensor& senders, const Tensor& vectors,
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  // Weights may lie elsewhere: the operator is a GPU's where any argument is on one.
  return on_gpu(species, [&](Device& device) {
    return energies_and_pair_gradients_on(
        device, species, receivers, senders, vectors, weights, sizes, scalars);
  });
}

GeometryTensors pair_geometry(const Tensor& vectors, int64_t n_components, double cutoff) {
  return on_gpu(
      vectors, [&](Device& device) { return geometry_on(device, vectors, n_components, cutoff); });
}

Tensor pair_geometry_backward(
    const Tensor& distances, const Tensor& inverse_distances, const Tensor& envelopes,
    const Tensor& components, const Tensor& vectors, double cutoff) {
  return on_gpu(vectors, [&](Device& device) {
    return geometry_backward_on(
        device, {distances, inverse_distances, envelopes, components}, vectors, cutoff);
  });
}

Tensor invariants(
    const Tensor& moments, const Tensor& vector_scales, const Tensor& tensor_scales, double cusp) {
  return on_gpu(moments, [&](Device& device) {
    return invariants_on(device, {moments, vector_scales, tensor_scales}, cusp);
  });
}

InvariantsTensors invariants_backward(
    const Tensor& gradient, const Tensor& moments, const Tensor& vector_scales,
    const Tensor& tensor_scales, double cusp) {
  return on_gpu(gradient, [&](Device& device) {
    return invariants_backward_on(device, gradient, {moments, vector_scales, tensor_scales}, cusp);
  });
}

} // namespace

TORCH_LIBRARY_IMPL(hipnn_ts, CUDA, m) {
  m.impl("energies_and_pair_gradients", &energies_and_pair_gradients);
  m.impl("pair_geometry", &pair_geometry);
  m.impl("pair_geometry_backward", &pair_geometry_backward);
  m.impl("invariants", &invariants);
  m.impl("invariants_backward", &invariants_backward);
}

} // namespace cuda
} // namespace hipnn_ts
