// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "atom_rows.h"

namespace hipnn_ts_lammps {

/// The pairs within the cutoff (Å) from LAMMPS's full neighbour list, which reaches farther.
/// Vectors are computed in double precision from the positions x of atoms and ghosts.
template <class Real>
void gather_pairs(
    const LAMMPS_NS::NeighList& list, const AtomRows& rows, double* const* x, double cutoff,
    int n_threads, Pairs<Real>& pairs);

} // namespace hipnn_ts_lammps
