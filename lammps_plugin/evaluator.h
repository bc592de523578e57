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

/// LAMMPS's own positions and forces in the memory of the device on which the network is evaluated.
/// Pointers are to that device's memory, and calls return when the device has finished.
class AtomsOnDevice {
public:
  virtual ~AtomsOnDevice() = default;
  /// Writes the positions of n of LAMMPS's atoms, (n, 3). If one is not finite, the host's copy of
  /// the positions is renewed, in which the atom is then looked for.
  virtual void read_positions(int64_t n, const int* atoms, double* positions) = 0;
  /// Adds `factor` times forces (n, 3) to those of n of LAMMPS's atoms, each of which occurs once.
  virtual void add_forces(int64_t n, const int* atoms, double factor, const double* forces) = 0;
};

/// Where a rank's results are added, in LAMMPS's units; null if not wanted.
struct Tally {
  double energy_unit; ///< 1 eV in LAMMPS's units, times the weight of the member
  double* const* forces;
  AtomsOnDevice* on_device; ///< for forces, instead
  double* energy;
  double* virial; ///< xx yy zz xy xz yz
  double* atom_energies;
  double* const* atom_virials;     ///< xx yy zz xy xz yz
  double* const* centroid_virials; ///< and yx zx zy
  Sums* sums;                      ///< written, in eV
};

/// The positions of a rank's atoms.
struct Places {
  const LAMMPS_NS::NeighList* list; ///< for evaluators that need one
  double* const* x;
  AtomsOnDevice* on_device;  ///< for positions between rebuilds, instead of x, if not null
  std::array<double, 9> box; ///< vectors are its rows
  double cutoff, reach;      ///< Å; atoms move by less than the difference from the cutoff
  int n_threads;
};

struct ClosestPair {
  int receiver, sender; ///< rows
  double distance;      ///< Å
};

/// One rank's part of the potential, in either precision of the model. When LAMMPS has renewed its
/// lists, AtomRows is rebuilt; then the content of `border` is exchanged like the gradients of
/// block 0; then rebuild and set_atoms are called. set_atoms is also called when only species
/// changed.
class Evaluator : public Exchange {
public:
  /// Whether pairs come from LAMMPS's list. Otherwise rows are rebuilt by position.
  virtual bool needs_list() const = 0;
  virtual Exchange* border() = 0; ///< null if nothing is to be exchanged
  /// Images are those of AtomRows::rebuild_by_place.
  virtual void rebuild(const Places& places, std::vector<int> images) = 0;
  virtual void set_atoms() = 0;
  virtual void gather_pairs(const Places& places) = 0;
  virtual void begin(int n_threads) = 0;
  /// Whether members may be evaluated one after the other before their summed results are added.
  virtual bool adds_members_up() const = 0;
  /// Results start from zero if `afresh`; otherwise the member's are added.
  virtual void set_member(int member, bool afresh) = 0;
  virtual void forward_block(int block) = 0;
  virtual void backward_block(int block) = 0;
  /// Before and after LAMMPS's exchange of a block's input, and of the gradients.
  virtual void fetch_features(int block) = 0;
  virtual void give_features(int block) = 0;
  virtual void fetch_gradients(int block) = 0;
  virtual void give_gradients(int block) = 0;
  /// Whether the following steps compute the force uncertainties of the receivers, eV/Å; only on
  /// the CPU.
  virtual void tell_uncertainties(bool) {}
  virtual const double* uncertainties() const { return nullptr; }
  /// Returns a receiver whose energy or force is not finite, or -1.
  virtual int add_results(const Tally& tally, int n_threads) = 0;
  /// Energies of the receivers, eV.
  virtual const double* energies() const = 0;
  /// Forces on the senders, eV/Å, as added by add_results.
  virtual const double* forces() const = 0;
  virtual ClosestPair closest_pair() const = 0;
  /// After a step: whether a pair is closer than any in the training data, and the rows of the
  /// closest relative to its limit.
  virtual bool is_beyond(const hipnn_ts::ClosestApproach& closest) const = 0;
  virtual hipnn_ts::ClosePair closer_than(const hipnn_ts::ClosestApproach& closest) const = 0;

  virtual double memory_usage() const = 0;
};

/// On the GPU of that number, or on the CPU if it is `no_gpu`. The rows must outlive the result.
constexpr int no_gpu = -1;
std::unique_ptr<Evaluator> create_evaluator(const Model& model, const AtomRows& rows, int gpu);

} // namespace hipnn_ts_lammps
