// SPDX-License-Identifier: BSD-3-Clause
//
// Functions shared by the files that launch training kernels.
#pragma once

#include <ATen/ATen.h>

#include "core/cuda/grids.hpp"
#include "core/cuda/training_arguments.hpp"
#include "torch/checks.hpp"

namespace hipnn_ts {
namespace cuda {

/// Sums of parts (rows, k, n) over the rows into k tensors (n,), any of which may be empty.
template <class T>
void sum_rows(Module& module, const at::Tensor& parts, std::initializer_list<at::Tensor> sums) {
  SumRowsArguments<T> x{parts.size(2), parts.size(1), parts.size(0), parts.const_data_ptr<T>(), {}};
  T** out = x.out;
  for (const at::Tensor& sum : sums) {
    *out++ = sum.numel() > 0 ? sum.data_ptr<T>() : nullptr;
  }
  module.launch(
      "sum_rows", {x.n_arrays * x.n, element_threads, 1, warp_size * static_cast<int>(sizeof(T))},
      x);
}

/// The training kernels for tensors of this type, which must be one of their types.
inline Module& training_module(Device& device, at::ScalarType type, int64_t n_components) {
  check_real(type);
  check_components(n_components);
  return device.module(Constants::training(type == at::kDouble, static_cast<int>(n_components)));
}

/// Calls body(T()) with the type of a tensor.
template <class Body> auto with_type(const at::Tensor& t, const Body& body) {
  return t.scalar_type() == at::kDouble ? body(double()) : body(float());
}

} // namespace cuda
} // namespace hipnn_ts
