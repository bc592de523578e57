// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace hipnn_ts {

/// The repulsion of two species acts in full below `inner` and vanishes at `outer`; in Å.
struct RepulsionRadii {
  double inner, outer;

  bool operator==(const RepulsionRadii& other) const {
    return inner == other.inner && outer == other.outer;
  }
};

} // namespace hipnn_ts
