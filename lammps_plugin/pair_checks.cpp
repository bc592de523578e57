// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can only be checked with the atoms at hand. A rank that finds a fault speaks for all.
#include "pair_hipnn_ts.h"

#include "comm.h"
#include "error.h"
#include "force.h"
#include "update.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hipnn_ts_lammps {

/// Atoms that bonds join must see each other: a scaled pair has no meaning in a many-body network,
/// and LAMMPS drops pairs of weight zero from the list, which is the default for bonded atoms.
void PairHipnnTs::refuse_special_bonds() {
  if (atom->molecular == LAMMPS_NS::Atom::ATOMIC) {
    return;
  }
  Fault fault;
  for (int k = 1; k <= 3; ++k) {
    if (force->special_lj[k] == 1.0) {
      continue;
    }
    if (atom->molecular == LAMMPS_NS::Atom::TEMPLATE) {
      error->all(
          FLERR, "pair_style hipnn/ts: atom_style template needs 'special_bonds lj/coul 1 1 1'");
    }
    for (int row = 0; row < rows_.counts().receivers; ++row) {
      const int i = rows_.atom(row);
      for (int n = k > 1 ? atom->nspecial[i][k - 2] : 0; n < atom->nspecial[i][k - 1]; ++n) {
        const int j = atom->map(atom->special[i][n]);
        if (j >= 0 && species_of_type_[atom->type[j]] >= 0) {
          fault.order = 0.0;
          fault.sentence = fmt::format(
              "pair_style hipnn/ts: expected weight 1 for all pairs of its atoms, found {} for "
              "the 1-{} neighbours {} and {}; use 'special_bonds lj/coul 1 1 1' or, in a hybrid "
              "style, weights above 0 and 'pair_modify pair hipnn/ts special lj/coul 1 1 1'",
              force->special_lj[k], k + 1, atom->tag[i], atom->tag[j]);
        }
      }
    }
  }
  stop_together(fault);
}

/// What is not finite spreads through features and forces within a step: the rank with the closest
/// pair of atoms, the likely origin, is to speak. Coordinates must be looked at: their pairs just
/// seem too far apart.
void PairHipnnTs::refuse_what_is_not_finite(int bad_receiver) {
  Fault fault;
  if (bad_receiver >= 0) {
    const auto closest = evaluator_->closest_pair();
    fault.order = std::min(closest.distance, std::numeric_limits<double>::max());
    fault.sentence = fmt::format(
        "pair_style hipnn/ts: expected finite energies and forces, found none for atom {} at step "
        "{} (closest are the atoms {} and {}, {:.3g} Angstrom apart)",
        atom->tag[rows_.atom(bad_receiver)], update->ntimestep,
        atom->tag[rows_.atom(closest.receiver)], atom->tag[rows_.atom(closest.sender)],
        closest.distance);
  }
  for (int row = 0; row < rows_.counts().receivers; ++row) {
    const double* x = atom->x[rows_.atom(row)];
    if (!std::isfinite(x[0] + x[1] + x[2])) {
      fault.order = -1.0;
      fault.sentence = fmt::format(
          "pair_style hipnn/ts: expected finite coordinates, found {} {} {} for atom {} at step {}",
          x[0], x[1], x[2], atom->tag[rows_.atom(row)], update->ntimestep);
      break;
    }
  }
  stop_together(fault);
}

/// Atoms closer to each other than in the training data: told at the 1st, 10th, 100th step ...
void PairHipnnTs::watch_for_extrapolation() {
  if (beyond_training_ == BeyondTraining::ignore || !model_.closest.known()) {
    return;
  }
  Fault fault;
  if (const auto pair = evaluator_->closer_than(model_.closest)) {
    fault.order = pair.distance / pair.limit;
    fault.sentence = fmt::format(
        "pair_style hipnn/ts: atoms {} and {} are {:.3g} Angstrom apart at step {}, closer than in "
        "the training data ({:.3g} Angstrom)",
        atom->tag[rows_.atom(pair.receiver)], atom->tag[rows_.atom(pair.sender)], pair.distance,
        update->ntimestep, pair.limit);
    if (beyond_training_ == BeyondTraining::warn && hipnn_ts::worth_telling(++n_extrapolations_)) {
      error->warning(
          FLERR, "{}; energies and forces are extrapolated (occasion {})", fault.sentence,
          n_extrapolations_);
    }
  }
  if (beyond_training_ == BeyondTraining::stop) {
    stop_together(fault);
  }
}

/// Where any rank has a fault, all end with the sentence of the one that comes first in order.
void PairHipnnTs::stop_together(Fault& fault) {
  struct {
    double order;
    int rank;
  } own{fault.order, comm->me}, first;
  MPI_Allreduce(&own, &first, 1, MPI_DOUBLE_INT, MPI_MINLOC, world);
  if (first.order == Fault().order) {
    return;
  }
  auto length = static_cast<int>(fault.sentence.size());
  MPI_Bcast(&length, 1, MPI_INT, first.rank, world);
  fault.sentence.resize(length);
  MPI_Bcast(fault.sentence.data(), length, MPI_CHAR, first.rank, world);
  error->all(FLERR, fault.sentence);
}

} // namespace hipnn_ts_lammps
