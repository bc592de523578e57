// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "core/neighbours/pool.hpp"

namespace hipnn_ts {

/// Larger is rarer searches and more pairs to step over. Atoms of water at 300 K pass half of this
/// about every 14 steps of 0.5 fs; from 0.5 to 1.5 Å the two costs balance.
constexpr double skin = 1.0; // Å

/// Rows of the box tensor (3, 3) times `scale`; the box is periodic where there is a tensor.
Box box_from(const std::optional<at::Tensor>& box, double scale);

} // namespace hipnn_ts
