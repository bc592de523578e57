// SPDX-License-Identifier: BSD-3-Clause
//
// Inference for tensors on a GPU.
#include <torch/library.h>

#include "torch/cuda/guard.hpp"
#include "torch/cuda/inference.hpp"

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

} // namespace

TORCH_LIBRARY_IMPL(hipnn_ts, CUDA, m) {
  m.impl("energies_and_pair_gradients", &energies_and_pair_gradients);
}

} // namespace cuda
} // namespace hipnn_ts
