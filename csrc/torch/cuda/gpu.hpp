// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/cuda/device.hpp"

namespace hipnn_ts {
namespace cuda {

/// The GPU that torch calls cuda:`index`. Memory is torch's; work goes to torch's current stream,
/// and dense products to its cuBLAS: in TF32 where the user told torch so, and nowhere else. One
/// object for each GPU, alive until the process ends. Throws std::runtime_error where there is no
/// driver.
Device& gpu(int index);

} // namespace cuda
} // namespace hipnn_ts
