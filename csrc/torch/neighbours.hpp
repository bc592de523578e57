// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "core/neighbours/pool.hpp"

namespace hipnn_ts {

/// Rows of the box tensor (3, 3) times `scale`; the box is periodic if there is a tensor.
Box box_from(const std::optional<at::Tensor>& box, double scale);

} // namespace hipnn_ts
