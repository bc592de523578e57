// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/cuda/device.hpp"

namespace hipnn_ts {
namespace cuda {

/// The GPU that torch calls cuda:`index`. Memory comes from torch; work goes to torch's current
/// stream, and dense products to its cuBLAS, in TF32 only if the user enabled it in torch. There is
/// one object for each GPU, alive until the process ends. Throws std::runtime_error if there is no
/// driver.
Device& gpu(int index);

} // namespace cuda
} // namespace hipnn_ts
