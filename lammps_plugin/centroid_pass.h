// SPDX-License-Identifier: GPL-2.0-or-later
//
// The heat flux needs more than pair gradients. With e_i the energy of atom i, its flux is exact
// with the virial W_k = sum_i (r_i - r_k) (x) de_i/dr_k of each atom k. The gradient g_p of a pair
// vector (receiver i, sender j) gives the strength of the force but not whose energies change:
// after one block only that of i, after several also those of atoms to which i sends. With
//
//   D_p = sum_m (r_m - r_i) (x) de_m/dr_p,   W_j gets D_p - r_p (x) g_p,   W_i gets -D_p,
//
// D_p vanishes for a network of one block. For others it follows from the gradients of sum_m e_m
// and of sum_m r_m e_m, each a backward pass through the network.
#pragma once

#include "exchange.h"
#include "model_file.h"

#include <memory>

namespace hipnn_ts_lammps {

/// Sums D_p over one rank's pairs. Order of calls: rebuild if atoms or the list changed, begin,
/// forward_block(0 .. n - 1), backward_block(n - 1 .. 0), add. After backward_block, the ranks
/// exchange for one seed after the other the gradients of sum_m s_m e_m with s = 1, x, y, z, the
/// last three with positions relative to the atom that they belong to.
class CentroidPass : public Exchange {
public:
  static constexpr int n_seeds = 4;

  /// Images of one atom are separate rows, because each has its own position.
  virtual void rebuild(
      const LAMMPS_NS::Atom& atom, const LAMMPS_NS::NeighList& list, double cutoff,
      const std::vector<int>& species_of_type, int absent_groups) = 0;
  virtual void
  begin(const LAMMPS_NS::NeighList& list, double* const* x, double cutoff, int n_threads) = 0;
  virtual void forward_block(int block) = 0;
  virtual void backward_block(int block) = 0;
  /// The seed whose gradients the next exchange carries.
  virtual void exchange_seed(int seed) = 0;
  /// Adds to LAMMPS's 9 components (xx yy zz xy xz yz yx zx zy) of atoms and ghosts.
  virtual void add(double energy_unit, double* const* atom_virials) const = 0;
  virtual double memory_usage() const = 0;
};

/// For one member, on the CPU, whatever device the rest uses.
std::unique_ptr<CentroidPass> create_centroid_pass(const Model& model, int member);

} // namespace hipnn_ts_lammps
