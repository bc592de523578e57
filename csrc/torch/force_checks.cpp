// SPDX-License-Identifier: BSD-3-Clause
#include "torch/force_checks.hpp"

#include <sstream>

namespace hipnn_ts {

void ForceChecks::refuse(int64_t atom, const ClosePair& closest) const {
  std::ostringstream text;
  text << "hipnn-ts: expected finite energies and forces, found none for particle " << name(atom)
       << " at evaluation " << guard_.evaluations() << " of this force";
  if (closest) {
    text << " (closest are the particles " << name(closest.receiver) << " and "
         << name(closest.sender) << ", " << closest.distance << " Å apart)";
  }
  C10_THROW_ERROR(ValueError, text.str());
}

} // namespace hipnn_ts
