// SPDX-License-Identifier: GPL-2.0-or-later
//
// Checks that need the atoms. A rank that finds an error reports it for all.
#include "pair_hipnn_ts.h"

#include "comm.h"
#include "error.h"
#include "force.h"
#include "group.h"
#include "modify.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hipnn_ts_lammps {

namespace utils = LAMMPS_NS::utils;

namespace {

/// The group of `comm_modify group`, the only one whose atoms become ghosts; LAMMPS shows it only
/// to derived classes.
struct GhostGroup : LAMMPS_NS::Comm {
  static int of(const LAMMPS_NS::Comm& comm) { return comm.*(&GhostGroup::bordergroup); }
};

/// Cost of a ghost relative to an own atom: 8.1 of 42.4 µs, docs/lammps_scaling.md.
constexpr double ghost_work = 0.2, share_worth_saying = 0.1;

} // namespace

/// Bonded atoms must see each other: a scaled pair has no meaning in a many-body network, and
/// LAMMPS drops pairs of weight zero, the default for bonded atoms, from the list.
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

/// Atoms that `neigh_modify exclude group ... all` hides from all others count as absent: fix gcmc
/// does this to atoms that it tries to delete, and needs the energy without them.
int PairHipnnTs::absent_groups() const {
  int bits = 0;
  for (int k = 0; k < neighbor->nex_group; ++k) {
    const int first = neighbor->ex1_group[k], second = neighbor->ex2_group[k];
    if ((first == 0) != (second == 0)) { // group all is always the first
      bits |= first == 0 ? neighbor->ex2_bit[k] : neighbor->ex1_bit[k];
    }
  }
  return bits;
}

/// Other exclusions would hide neighbours from the network, for which the energy of an atom depends
/// on its whole neighbourhood.
void PairHipnnTs::refuse_exclusions() {
  const LAMMPS_NS::Neighbor& hidden = *neighbor;
  const auto refuse = [this](const std::string& what) {
    error->all(
        FLERR,
        "pair_style hipnn/ts: expected a neighbour list of all atoms, found 'neigh_modify exclude "
        "{}', which hides some of its atoms from each other; use 'neigh_modify exclude none'",
        what);
  };
  for (int k = 0; k < hidden.nex_type; ++k) {
    const int types[2] = {hidden.ex1_type[k], hidden.ex2_type[k]};
    if (species_of_type_[types[0]] >= 0 && species_of_type_[types[1]] >= 0) {
      refuse(fmt::format("type {} {}", types[0], types[1]));
    }
  }
  /// Our atoms in the first group, the second, and both.
  const auto count = [this](int first_bit, int second_bit) {
    std::array<LAMMPS_NS::bigint, 3> own{}, all{};
    for (int row = 0; row < rows_.counts().receivers; ++row) {
      const int mask = atom->mask[rows_.atom(row)];
      own[0] += (mask & first_bit) != 0;
      own[1] += (mask & second_bit) != 0;
      own[2] += (mask & first_bit) && (mask & second_bit);
    }
    MPI_Allreduce(own.data(), all.data(), 3, MPI_LMP_BIGINT, MPI_SUM, world);
    return all;
  };
  for (int k = 0; k < hidden.nex_group; ++k) {
    const auto [first, second, both] = count(hidden.ex1_bit[k], hidden.ex2_bit[k]);
    if (first * second - both > 0) {
      refuse(
          fmt::format(
              "group {} {}", group->names[hidden.ex1_group[k]], group->names[hidden.ex2_group[k]]));
    }
  }
  const int with_ghosts = GhostGroup::of(*comm); // 0: all
  const auto known = count(1, group->bitmask[with_ghosts]);
  if (known[0] > known[2]) {
    error->all(
        FLERR,
        "pair_style hipnn/ts: expected ghosts of all its atoms, found 'comm_modify group {}', "
        "which leaves some out",
        group->names[with_ghosts]);
  }
  for (int k = 0; k < hidden.nex_mol; ++k) {
    if (count(hidden.ex_mol_bit[k], 0)[0] > 1) {
      refuse(
          fmt::format(
              "molecule/{} {}", hidden.ex_mol_intra[k] ? "intra" : "inter",
              group->names[hidden.ex_mol_group[k]]));
    }
  }
}

/// A flux from halves of each pair's virial is wrong by as much as it is large.
void PairHipnnTs::warn_of_heat_flux() {
  if (modify->get_compute_by_style("^heat/flux").empty() ||
      !modify->get_compute_by_style("^centroid/stress/atom").empty() || heat_flux_told_) {
    return;
  }
  heat_flux_told_ = true;
  if (comm->me == 0) {
    error->warning(
        FLERR,
        "pair_style hipnn/ts: compute heat/flux needs compute centroid/stress/atom, found compute "
        "stress/atom only; the flux of a many-body potential is not that of its pairs");
  }
}

/// Ranks also compute projections of ghosts, and the gradients with respect to them. If that is
/// much work, the log says so once.
void PairHipnnTs::advise_on_ranks() {
  if (comm->nprocs == 1 || advised_) {
    return;
  }
  advised_ = true;
  const RowCounts& counts = rows_.counts();
  const std::array<LAMMPS_NS::bigint, 2> mine{counts.receivers, counts.senders - counts.receivers};
  std::array<LAMMPS_NS::bigint, 2> all{};
  MPI_Allreduce(mine.data(), all.data(), 2, MPI_LMP_BIGINT, MPI_SUM, world);
  const double ghosts = static_cast<double>(all[1]) / static_cast<double>(MAX(all[0], 1));
  const double share = ghosts * ghost_work / (1.0 + ghosts * ghost_work);
  if (share < share_worth_saying || comm->me != 0) {
    return;
  }
  utils::logmesg(
      lmp,
      "pair_style hipnn/ts: ranks also do part of the network for atoms of other ranks, {:.1f} for "
      "each of their own: about {:.0f} % of a step; fewer ranks with more threads each "
      "(OMP_NUM_THREADS) do less of it\n",
      ghosts, 100.0 * share);
}

/// A value that is not finite spreads through features and forces within a step: the rank with the
/// closest pair of atoms, the likely origin, must report it. Coordinates must be checked
/// separately, because their pairs just seem too far apart.
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

/// Atoms closer to each other than in the training data are reported at the 1st, 10th, 100th step
/// ...
void PairHipnnTs::watch_for_extrapolation() {
  if (beyond_training_ == BeyondTraining::ignore || !model_.closest.known()) {
    return;
  }
  Fault fault;
  const bool warn = beyond_training_ == BeyondTraining::warn;
  const bool beyond = evaluator_->is_beyond(model_.closest);
  // Finding the pair needs all of them, which a GPU must send first.
  if (beyond && (!warn || hipnn_ts::worth_telling(++n_extrapolations_))) {
    const auto pair = evaluator_->closer_than(model_.closest);
    fault.order = pair.distance / pair.limit;
    fault.sentence = fmt::format(
        "pair_style hipnn/ts: atoms {} and {} are {:.3g} Angstrom apart at step {}, closer than in "
        "the training data ({:.3g} Angstrom)",
        atom->tag[rows_.atom(pair.receiver)], atom->tag[rows_.atom(pair.sender)], pair.distance,
        update->ntimestep, pair.limit);
    if (warn) {
      error->warning(
          FLERR, "{}; energies and forces are extrapolated (occasion {})", fault.sentence,
          n_extrapolations_);
    }
  }
  if (beyond_training_ == BeyondTraining::stop) {
    stop_together(fault);
  }
}

/// If any rank has an error, all end with the sentence of the first such rank.
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
