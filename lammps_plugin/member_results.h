// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "evaluator.h"

#include <mpi.h>

namespace hipnn_ts_lammps {

/// Standard deviations over the members of a committee, for all ranks' atoms together: of the force
/// on an atom, eV/Å, and of the virial's components divided by the number of atoms, eV. These are
/// the columns of DeePMD-kit's model_devi.out. For a single network, force uncertainties replace
/// them.
struct DeviationSummary {
  double n_atoms = 0;
  double max_virial = 0, min_virial = 0, mean_virial = 0;
  double max_force = 0, min_force = 0, mean_force = 0;
};

/// The results of each member of a committee in one step. A rank's contributions to the forces on
/// its ghosts go to their owners like gradients of block 0.
class MemberResults : public Exchange {
public:
  explicit MemberResults(const AtomRows& rows) : rows_(rows) {}

  void begin(int n_members);
  /// Forces on the senders.
  void take(int member, const double* forces, const Sums& sums);
  /// After the exchange. Every rank calls it and gets the same result.
  DeviationSummary summarise(MPI_Comm world);
  /// From the force uncertainties of the receivers instead, eV/Å; there is none for virials.
  DeviationSummary summarise(const double* uncertainties, MPI_Comm world);
  /// For the receivers' forces, eV/Å.
  const std::vector<double>& force_deviations() const { return force_deviations_; }

  static int doubles_per_atom_of(int n_members) { return 3 * n_members; }
  int doubles_per_atom(int) const override { return doubles_per_atom_of(n_members_); }
  int pack_features(int, int, const int*, double*) override { return 0; }
  void unpack_features(int, int, int, const double*) override {}
  int pack_gradients(int, int n, int first_ghost, double* buffer) override;
  void add_gradients(int, int n, const int* atoms, const double* buffer) override;

  double memory_usage() const {
    return (forces_.capacity() + sums_.capacity() + force_deviations_.capacity()) * sizeof(double);
  }

private:
  static constexpr int sums_per_member = 6; // xx yy zz xy xz yz

  DeviationSummary of_forces(MPI_Comm world) const;

  const AtomRows& rows_;
  int n_members_ = 0;
  std::vector<double> forces_;           // rows x members x 3
  std::vector<double> sums_;             // virials, members x 6
  std::vector<double> force_deviations_; // of the receivers
};

} // namespace hipnn_ts_lammps
