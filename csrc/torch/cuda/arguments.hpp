// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of the arguments of the device's operators, and pairs sorted by one of their ends.
#pragma once

#include <ATen/ATen.h>

#include "core/cuda/arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// A tensor of this type and shape on this device, or c10::Error.
inline void check(
    const at::Tensor& t, const char* name, at::ScalarType type, at::IntArrayRef shape,
    at::Device where) {
  TORCH_CHECK(
      t.device() == where, name, ": expected a tensor on ", where, ", found one on ", t.device());
  TORCH_CHECK(t.scalar_type() == type, name, ": expected ", type, ", found ", t.scalar_type());
  TORCH_CHECK(t.sizes() == shape, name, ": expected shape ", shape, ", found ", t.sizes());
}

inline const long long* long_pointer(const at::Tensor& t) {
  return reinterpret_cast<const long long*>(t.const_data_ptr<int64_t>());
}

/// Pairs sorted by one of their ends, in ascending order for each end.
struct Sorted {
  at::Tensor offsets, pairs;

  Sorted(const at::Tensor& ends, int64_t n_groups) {
    const auto [values, order] = at::sort(ends, /*stable=*/true, /*dim=*/0, /*descending=*/false);
    pairs = order.to(at::kInt);
    offsets = at::searchsorted(values, at::arange(n_groups + 1, ends.options()));
  }

  /// The groups; `others` is the result of the function of that name.
  Groups groups(const at::Tensor& others) const {
    const long long* first = long_pointer(offsets);
    return {first, first + 1, pairs.const_data_ptr<int>(), others.const_data_ptr<int>()};
  }
  /// The other end of the pair of each entry: (P,) int32.
  at::Tensor others(const at::Tensor& other_ends) const {
    return other_ends.index_select(0, pairs);
  }
};

} // namespace cuda
} // namespace hipnn_ts
