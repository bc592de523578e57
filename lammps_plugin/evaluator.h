// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "exchange.h"
#include "model_file.h"

#include "core/closest_approach.hpp"

#include <array>
#include <memory>

namespace hipnn_ts_lammps {

/// Energy and virial (xx yy zz xy xz yz, eV) of some receivers.
struct Sums {
  double energy = 0;
  std::array<double, 6> virial{};
};

/// Where a rank's results are added, in LAMMPS's units; null where not wanted.
struct Tally {
  double energy_unit; ///< 1 eV in LAMMPS's units, times the weight of the member
  double* const* forces;
  double* energy;
  double* virial; ///< xx yy zz xy xz yz
  double* atom_energies;
  double* const* atom_virials;     ///< xx yy zz xy xz yz
  double* const* centroid_virials; ///< and yx zx zy
  Sums* sums;                      ///< written, in eV
};

struct ClosestPair {
  int receiver, sender; ///< rows
  double distance;      ///< Å
};

/// One rank's share of the potential, whatever the precision of the model.
class Evaluator : public Exchange {
public:
  virtual void set_atoms() = 0;
  virtual void gather_pairs(
      const LAMMPS_NS::NeighList& list, double* const* x, double cutoff, int n_threads) = 0;
  virtual void begin(int n_threads) = 0;
  virtual void set_member(int member) = 0;
  virtual void forward_block(int block) = 0;
  virtual void backward_block(int block) = 0;
  /// Whether the steps that follow tell the force uncertainties of the receivers, eV/Å.
  virtual void tell_uncertainties(bool wanted) = 0;
  virtual const double* uncertainties() const = 0;
  /// Returns a receiver whose energy or force is not finite, or -1.
  virtual int add_results(const Tally& tally, int n_threads) = 0;
  /// Energies of the receivers, eV.
  virtual const double* energies() const = 0;
  /// Of the senders, eV/Å, as add_results has added them.
  virtual const double* forces() const = 0;
  virtual ClosestPair closest_pair() const = 0;
  /// Rows of a pair that is closer than the training data has it, if there is one.
  virtual hipnn_ts::ClosePair closer_than(const hipnn_ts::ClosestApproach& closest) const = 0;

  virtual double memory_usage() const = 0;
};

/// On the GPU of that number, or on the processor where it is `no_gpu`. The rows must outlive what
/// is returned.
constexpr int no_gpu = -1;
std::unique_ptr<Evaluator> create_evaluator(const Model& model, const AtomRows& rows, int gpu);

} // namespace hipnn_ts_lammps
