// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/network.hpp"

namespace hipnn_ts {

/// A whole network on one configuration without ghosts, with this thread's buffers.
///
/// Writes energies (n,) in eV, pair_gradients (P, 3), dE/dr_p, and, where not null, forces (n, 3)
/// in eV/Å. Throws std::invalid_argument where an index is out of range.
template <class T>
void evaluate(
    const NetworkWeights<T>& weights, const Configuration<T>& configuration, double* energies,
    T* pair_gradients, double* forces);

} // namespace hipnn_ts
