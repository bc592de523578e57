// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of every operator's arguments. The kernels trust shapes and indices, so errors must stop
// here, with one sentence.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <string>

#include "core/components.hpp"

namespace hipnn_ts {

/// A CPU tensor of this type and shape, or c10::Error.
inline void
check(const at::Tensor& t, const char* name, at::ScalarType type, at::IntArrayRef shape) {
  TORCH_CHECK(t.device().is_cpu(), name, ": expected a CPU tensor, found ", t.device());
  TORCH_CHECK(t.scalar_type() == type, name, ": expected ", type, ", found ", t.scalar_type());
  TORCH_CHECK(t.sizes() == shape, name, ": expected shape ", shape, ", found ", t.sizes());
}

/// Float32 or float64, the types that kernels exist for.
inline void check_real(at::ScalarType type) {
  TORCH_CHECK(
      type == at::kFloat || type == at::kDouble, "expected float32 or float64 tensors, found ",
      type);
}

/// As many components as some l_max has.
inline void check_components(int64_t found) {
  std::string expected;
  for (int l_max = 0; l_max <= max_order; ++l_max) {
    const int n = n_components(l_max);
    if (n == found) {
      return;
    }
    expected += (l_max == 0 ? "" : l_max == max_order ? " or " : ", ") + std::to_string(n);
  }
  TORCH_CHECK(false, "components: expected ", expected, " of them, found ", found);
}

/// Indices (n,) from 0 to limit - 1, contiguous.
template <class Index>
void check_index(const at::Tensor& index, const char* name, int64_t n, int64_t limit) {
  check(index, name, c10::CppTypeToScalarType<Index>::value, {n});
  const Index* value = index.const_data_ptr<Index>();
  Index low = 0;
  Index high = 0;
  for (int64_t p = 0; p < n; ++p) {
    low = std::min(low, value[p]);
    high = std::max(high, value[p]);
  }
  TORCH_CHECK(
      n == 0 || (low >= 0 && high < limit), name, ": expected values from 0 to ", limit - 1,
      ", found ", low < 0 ? low : high);
}

/// Windows of at most `window` out of V sensitivities, for n pairs.
inline void check_windows(
    const at::Tensor& first, const at::Tensor& count, int64_t n, int64_t window,
    int64_t n_sensitivities) {
  check_index<int32_t>(first, "first", n, n_sensitivities + 1);
  check_index<int32_t>(count, "count", n, window + 1);
  const auto* begin = first.const_data_ptr<int32_t>();
  const auto* size = count.const_data_ptr<int32_t>();
  int32_t end = 0;
  for (int64_t p = 0; p < n; ++p) {
    end = std::max(end, begin[p] + size[p]);
  }
  TORCH_CHECK(
      end <= n_sensitivities, "first and count: expected windows that end within the ",
      n_sensitivities, " sensitivities, found one that ends at ", end);
}

/// The dispatcher's handle of one of our operators.
template <class Signature> auto find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

} // namespace hipnn_ts
