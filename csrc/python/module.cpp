// SPDX-License-Identifier: BSD-3-Clause
#include <pybind11/pybind11.h>

#include "core/kernels.hpp"

PYBIND11_MODULE(_core, m) {
  m.doc() = "What this build of hipnn-ts is and what it runs on.";
  m.attr("torch_version") = HIPNN_TS_TORCH_VERSION;
  m.def(
      "instruction_set", &hipnn_ts::instruction_set,
      "Instruction set of the kernels: plain, avx2 or avx512.");
}
