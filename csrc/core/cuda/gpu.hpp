// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/cuda/device.hpp"

namespace hipnn_ts {
namespace cuda {

/// The GPU of that number with its own memory, stream and cuBLAS, for processes without torch.
/// There is one object for each GPU, alive until the process ends. Throws std::runtime_error, with
/// one sentence, if the driver or one of NVIDIA's libraries is missing.
Device& own_gpu(int index);

} // namespace cuda
} // namespace hipnn_ts
