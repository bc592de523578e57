// SPDX-License-Identifier: BSD-3-Clause
#include <ATen/ATen.h>
#include <torch/library.h>

#include "torch/archive.hpp"

namespace hipnn_ts {
namespace {

void check_archive_operator(const at::Tensor& bytes) {
  TORCH_CHECK(
      bytes.device().is_cpu() && bytes.scalar_type() == at::kByte && bytes.dim() == 1 &&
          bytes.is_contiguous(),
      "bytes: expected a CPU tensor of bytes");
  check_archive({bytes.const_data_ptr<uint8_t>(), bytes.const_data_ptr<uint8_t>() + bytes.numel()});
}

} // namespace
} // namespace hipnn_ts

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def("check_archive(Tensor bytes) -> ()");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  m.impl("check_archive", &hipnn_ts::check_archive_operator);
}
