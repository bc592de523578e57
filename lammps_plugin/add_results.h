// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "evaluator.h"

namespace hipnn_ts_lammps {

/// Adds energies, forces and virials of the rank's receivers, summed in double.
///
/// A pair's gradient g = dE/dr_p pulls its two ends with opposite strength, and its virial
/// -r_p g belongs half to each. Forces go to the row's own atom, not to the image in question,
/// which is why the virial comes from the pairs and not from positions and forces.
/// Returns a receiver whose energy or force is not finite, or -1.
template <class Real>
int add_results(
    const Tally& tally, const AtomRows& rows, const Pairs<Real>& pairs, const double* energies,
    const Real* gradients) {
  const bool virials = tally.virial || tally.atom_virials;
  double virial[6] = {};
  double energy = 0;
  for (int i = 0; i < rows.counts().receivers; ++i) {
    double force[3] = {};
    double own_virial[6] = {};
    for (auto p = pairs.first[i]; p < pairs.first[i + 1]; ++p) {
      double g[3];
      double* other = tally.forces[rows.atom(pairs.senders[p])];
      for (int c = 0; c < 3; ++c) {
        g[c] = tally.energy_unit * gradients[3 * p + c];
        force[c] += g[c];
        other[c] -= g[c];
      }
      if (virials) {
        const Real* r = &pairs.vectors[3 * p];
        const double pair_virial[6] = {-r[0] * g[0], -r[1] * g[1], -r[2] * g[2],
                                       -r[0] * g[1], -r[0] * g[2], -r[1] * g[2]};
        for (int c = 0; c < 6; ++c) {
          own_virial[c] += pair_virial[c];
          if (tally.atom_virials) {
            tally.atom_virials[rows.atom(pairs.senders[p])][c] += 0.5 * pair_virial[c];
          }
        }
      }
    }
    if (!std::isfinite(energies[i] + force[0] + force[1] + force[2])) {
      return i;
    }
    const int atom = rows.atom(i);
    const double own_energy = tally.energy_unit * energies[i];
    energy += own_energy;
    if (tally.atom_energies) {
      tally.atom_energies[atom] += own_energy;
    }
    for (int c = 0; c < 3; ++c) {
      tally.forces[atom][c] += force[c];
    }
    for (int c = 0; c < 6; ++c) {
      virial[c] += own_virial[c];
      if (tally.atom_virials) {
        tally.atom_virials[atom][c] += 0.5 * own_virial[c];
      }
    }
  }
  if (tally.energy) {
    *tally.energy += energy;
  }
  for (int c = 0; c < 6 && tally.virial; ++c) {
    tally.virial[c] += virial[c];
  }
  return -1;
}

} // namespace hipnn_ts_lammps
