// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>

#include "torch/cuda/gpu.hpp"

namespace hipnn_ts {
namespace cuda {

/// body(device) with the GPU of `tensor` as the current one. Errors of the driver or the compiler
/// become c10::Error; those about arguments pass through.
template <class Body> auto on_gpu(const at::Tensor& tensor, const Body& body) {
  const at::Device where = tensor.device();
  TORCH_CHECK(where.is_cuda(), "expected all tensors on one GPU, found one on ", where);
  const c10::DeviceGuard guard(where);
  try {
    return body(gpu(where.index()));
  } catch (const std::runtime_error& error) {
    C10_THROW_ERROR(Error, error.what()); // which every build knows not to return
  }
}

} // namespace cuda
} // namespace hipnn_ts
