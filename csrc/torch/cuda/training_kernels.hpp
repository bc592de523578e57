// SPDX-License-Identifier: BSD-3-Clause
//
// What the files that launch training kernels share.
#pragma once

#include <ATen/ATen.h>

#include "core/cuda/grids.hpp"
#include "core/cuda/training_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// Sums of parts (rows, 2, n) over the rows into two tensors (n,), either of them perhaps empty.
template <class T>
void sum_rows(
    Module& module, const at::Tensor& parts, const at::Tensor& first, const at::Tensor& second) {
  const auto pointer = [](const at::Tensor& t) {
    return t.numel() > 0 ? t.data_ptr<T>() : nullptr;
  };
  const int64_t n = parts.size(2);
  module.launch(
      "sum_rows", {2 * n, element_threads, 1, warp_size * static_cast<int>(sizeof(T))},
      SumRowsArguments<T>{
          n, parts.size(0), parts.const_data_ptr<T>(), {pointer(first), pointer(second)}});
}

/// The training kernels for tensors of this type, which must be one that they exist for.
inline Module& training_module(Device& device, at::ScalarType type, int64_t n_components) {
  TORCH_CHECK(
      type == at::kFloat || type == at::kDouble, "expected float32 or float64 tensors, found ",
      type);
  TORCH_CHECK(
      n_components == 1 || n_components == 4 || n_components == 9,
      "components: expected 1, 4 or 9 of them, found ", n_components);
  return device.module(Constants::training(type == at::kDouble, static_cast<int>(n_components)));
}

/// Calls body(T()) with the type of a tensor.
template <class Body> auto with_type(const at::Tensor& t, const Body& body) {
  return t.scalar_type() == at::kDouble ? body(double()) : body(float());
}

} // namespace cuda
} // namespace hipnn_ts
