// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "evaluator.h"

#include <cmath>

namespace hipnn_ts_lammps {

/// Buffers of a step, kept from step to step.
struct ResultScratch {
  hipnn_ts::Buffer<double> forces; // of the senders, eV/Å
  std::vector<Sums> sums;

  double bytes() const { return forces.bytes() + sums.capacity() * sizeof(Sums); }
};

/// A pair's gradient g = dE/dr_p acts on its two ends with opposite sign, and its virial is -r_p g.
/// It is computed from the pairs, not from positions and forces, because forces go to the row's own
/// atom and not to the image in question.
template <class Real> void add_pair_virial(const Real* r, const Real* g, double* virial) {
  constexpr int first[6] = {0, 1, 2, 0, 0, 1}, second[6] = {0, 1, 2, 1, 2, 2};
  for (int c = 0; c < 6; ++c) {
    virial[c] -= static_cast<double>(r[first[c]]) * static_cast<double>(g[second[c]]);
  }
}

/// Adds half of each pair's virial to each of its ends.
template <class Real>
void add_atom_virials(
    const Tally& tally, const AtomRows& rows, const Pairs<Real>& pairs, const Real* gradients) {
  const auto add_half = [&](int row, const double* virial) {
    for (int c = 0; c < 6; ++c) {
      tally.atom_virials[rows.atom(row)][c] += 0.5 * tally.energy_unit * virial[c];
    }
  };
  for (int i = 0; i < rows.counts().receivers; ++i) {
    double own[6] = {};
    for (auto p = pairs.first.data()[i]; p < pairs.first.data()[i + 1]; ++p) {
      double virial[6] = {};
      add_pair_virial(pairs.vectors.data() + 3 * p, gradients + 3 * p, virial);
      add_half(pairs.senders.data()[p], virial);
      for (int c = 0; c < 6; ++c) {
        own[c] += virial[c];
      }
    }
    add_half(i, own);
  }
}

/// Adds all of a pair's virial to its sender: exact for a network of one block, see
/// centroid_pass.h.
template <class Real>
void add_centroid_virials(
    const Tally& tally, const AtomRows& rows, const Pairs<Real>& pairs, const Real* gradients) {
  constexpr int first[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, second[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};
  for (int64_t p = 0; p < pairs.size; ++p) {
    const Real* r = pairs.vectors.data() + 3 * p;
    const Real* g = gradients + 3 * p;
    double* virial = tally.centroid_virials[rows.atom(pairs.senders.data()[p])];
    for (int c = 0; c < 9; ++c) {
      virial[c] -=
          tally.energy_unit * static_cast<double>(r[first[c]]) * static_cast<double>(g[second[c]]);
    }
  }
}

inline void add_sums(const Tally& tally, const Sums& total) {
  if (tally.sums) {
    *tally.sums = total;
  }
  if (tally.energy) {
    *tally.energy += tally.energy_unit * total.energy;
  }
  for (int c = 0; c < 6 && tally.virial; ++c) {
    tally.virial[c] += tally.energy_unit * total.virial[c];
  }
}

/// Adds n components of each of the first rows to those of LAMMPS's atoms.
template <int n>
void add_rows(
    const Tally& tally, const AtomRows& rows, int n_rows, const double* values, double* const* to,
    int n_threads) {
#pragma omp parallel for num_threads(n_threads)
  for (int row = 0; row < n_rows; ++row) {
    for (int c = 0; c < n; ++c) {
      to[rows.atom(row)][c] += tally.energy_unit * values[n * static_cast<int64_t>(row) + c];
    }
  }
}

/// Adds energies, forces and virials, in LAMMPS's units. Sums are in double precision and in one
/// order: receivers in blocks of one size, whatever the number of threads. Returns a receiver whose
/// energy or force is not finite, or -1.
template <class Real>
int add_results(
    const Tally& tally, const AtomRows& rows, const Pairs<Real>& pairs,
    const LayeredPotential<Real>& potential, ResultScratch& scratch, int n_threads) {
  constexpr int block_size = 256;
  const RowCounts& counts = rows.counts();
  const double* energies = potential.energies();
  const Real* gradients = potential.pair_gradients();
  const bool with_virial = tally.virial || tally.sums;
  double* force = scratch.forces.resize(3 * static_cast<int64_t>(counts.senders));
  potential.forces(force);

  const int n_blocks = (counts.receivers + block_size - 1) / block_size;
  auto& sums = scratch.sums;
  sums.assign(n_blocks, Sums());
  int bad_receiver = counts.receivers;
#pragma omp parallel num_threads(n_threads)
  {
#pragma omp for nowait
    for (int row = 0; row < (tally.forces ? counts.senders : 0); ++row) {
      for (int c = 0; c < 3; ++c) {
        tally.forces[rows.atom(row)][c] += tally.energy_unit * force[3 * row + c];
      }
    }
#pragma omp for reduction(min : bad_receiver)
    for (int block = 0; block < n_blocks; ++block) {
      Sums& sum = sums[block];
      const int end = std::min(counts.receivers, (block + 1) * block_size);
      for (int i = block * block_size; i < end; ++i) {
        const double* f = force + 3 * i;
        if (!std::isfinite(energies[i] + f[0] + f[1] + f[2])) {
          bad_receiver = std::min(bad_receiver, i);
        }
        sum.energy += energies[i];
        if (tally.atom_energies) {
          tally.atom_energies[rows.atom(i)] += tally.energy_unit * energies[i];
        }
        for (auto p = pairs.first.data()[i]; with_virial && p < pairs.first.data()[i + 1]; ++p) {
          add_pair_virial(pairs.vectors.data() + 3 * p, gradients + 3 * p, sum.virial.data());
        }
      }
    }
  }
  Sums total;
  for (const Sums& sum : sums) {
    total.energy += sum.energy;
    for (int c = 0; c < 6; ++c) {
      total.virial[c] += sum.virial[c];
    }
  }
  add_sums(tally, total);
  if (tally.atom_virials) {
    add_atom_virials(tally, rows, pairs, gradients);
  }
  if (tally.centroid_virials) {
    add_centroid_virials(tally, rows, pairs, gradients);
  }
  return bad_receiver < counts.receivers ? bad_receiver : -1;
}

} // namespace hipnn_ts_lammps
