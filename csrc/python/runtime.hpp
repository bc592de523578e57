// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <pybind11/pybind11.h>

namespace hipnn_ts {

/// Model, Evaluation and functions of pairs.
void define_runtime(pybind11::module_& m);

/// Batch; after those.
void define_batch(pybind11::module_& m);

} // namespace hipnn_ts
