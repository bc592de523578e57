// SPDX-License-Identifier: GPL-2.0-or-later
#include "pair_stages.h"

#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "lammps.h"
#include "memory.h"
#include "neighbor.h"
#include "update.h"

namespace hipnn_ts_lammps {

using LAMMPS_NS::Error;
using LAMMPS_NS::NeighList;
namespace utils = LAMMPS_NS::utils;

PairHipnnTs::PairHipnnTs(LAMMPS_NS::LAMMPS* instance) : Pair(instance) {
  // Updates of one version of LAMMPS have moved members of Pair: with the headers of another
  // update, the values that its constructor set are not where these headers say.
  const bool as_built = single_enable == 1 && restartinfo == 1 && reinitflag == 1 &&
                        ncoultablebits == 12 && ndisptablebits == 12 && allocated == 0 &&
                        compute_flag == 1 && mixed_flag == 1;
  if (!as_built) {
    error->all(
        FLERR,
        "pair_style hipnn/ts: built for LAMMPS {}, found another update of LAMMPS {}; install that "
        "update or build hipnn-ts against this one",
        LAMMPS_BUILD, lmp->num_ver);
  }
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  // Forces go to one image of an atom, so they and the positions of all images do not give a
  // virial.
  no_virial_fdotr_compute = 1;
  centroidstressflag = LAMMPS_NS::CENTROID_AVAIL;
  nextra = N_SHOWN;
  pvector = shown_.data();
}

PairHipnnTs::~PairHipnnTs() {
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
    memory->destroy(scale_);
  }
}

void PairHipnnTs::init_style() {
  if (force->newton_pair == 0) {
    error->all(FLERR, "pair_style hipnn/ts: expected newton on, found newton pair off");
  }
  const std::string units = update->unit_style;
  if (units == "metal") {
    energy_unit_ = 1.0;
  } else if (units == "real") {
    energy_unit_ = utils::get_conversion_factor(utils::ENERGY, utils::METAL2REAL);
  } else {
    error->all(FLERR, "pair_style hipnn/ts: expected units metal or real, found units {}", units);
  }
  // A hybrid style reads this before pair_coeff has set the width of the features.
  force->pair->comm_forward = MAX(force->pair->comm_forward, comm_forward);
  force->pair->comm_reverse = MAX(force->pair->comm_reverse, comm_reverse);
  // A device searches for pairs itself: LAMMPS then builds its list only for compute
  // centroid/stress/atom.
  constexpr int full = LAMMPS_NS::NeighConst::REQ_FULL;
  neighbor->add_request(this, gpu_ == no_gpu ? full : full | LAMMPS_NS::NeighConst::REQ_OCCASIONAL);
  new_run_ = true;
  shown_.fill(0.0);
  open_committee_files();
  if (!mapping_printed_) {
    print_mapping();
  }
  warn_of_heat_flux();
}

double PairHipnnTs::init_one(int i, int j) {
  scale_[j][i] = scale_[i][j];
  return model_.network.cutoff;
}

void PairHipnnTs::compute(int eflag, int vflag) {
  ev_init(eflag, vflag);
  const int n_atoms = atom->nlocal + atom->nghost;
  const Places places = places_of_atoms();
  const bool rebuilt = new_run_ || neighbor->ago == 0 || n_atoms != n_atoms_;
  if (rebuilt) {
    n_atoms_ = n_atoms;
    rebuild(places);
  }
  if (rows_.update_species(*atom, species_of_type_) || rebuilt) {
    guarded(GATHER_PAIRS, [&] { evaluator_->set_atoms(); });
  }
  guarded(GATHER_PAIRS, [&] { evaluator_->gather_pairs(places); });
  const bool measured = deviations_wanted();
  evaluator_->tell_uncertainties(measured && uncertain());
  guarded(NETWORK, [&] { evaluator_->begin(comm->nthreads); });

  scaled_unit_ = energy_unit_ * common_scale();
  row_energies_.assign(rows_.counts().receivers, 0.0);
  evaluate_members(measured);
  if (cvflag_atom && model_.network.n_blocks() > 1) {
    add_centroid_passes();
  }
}

/// Evaluates the members whose forces move the atoms, or all if they are compared. All that move
/// the atoms have equal weight.
void PairHipnnTs::evaluate_members(bool measured) {
  const int n_members = model_.network.n_members;
  const bool deviate = measured && n_members > 1;
  const bool together = !deviate && evaluator_->adds_members_up();
  watched_ = false;
  if (deviate) {
    member_results_.begin(n_members);
  }
  int last = -1; // not added yet
  for (int member = 0; member < n_members; ++member) {
    if (!deviate && weight_of(member) == 0) {
      continue;
    }
    guarded(NETWORK, [&] { evaluator_->set_member(member, !together || last < 0); });
    evaluate_blocks();
    last = member;
    if (!together) {
      add_results(member, deviate);
    }
  }
  if (together) {
    add_results(last, false);
  }
  if (measured) {
    take_deviations();
  }
}

/// Adds the results of the member, or of all so far, to LAMMPS's results.
void PairHipnnTs::add_results(int member, bool deviate) {
  const double weight = weight_of(member);
  Sums sums;
  Tally tally{};
  tally.energy_unit = weight * scaled_unit_;
  tally.sums = deviate ? &sums : nullptr;
  if (weight > 0) {
    tally.on_device = atoms_on_device();
    tally.forces = tally.on_device ? nullptr : atom->f;
    tally.energy = eflag_global ? &eng_vdwl : nullptr;
    tally.virial = vflag_global ? virial : nullptr;
    tally.atom_energies = eflag_atom ? eatom : nullptr;
    tally.atom_virials = vflag_atom ? vatom : nullptr;
    tally.centroid_virials = cvflag_atom ? cvatom : nullptr;
  }
  int bad_receiver = -1;
  guarded(ADD_RESULTS, [&] { bad_receiver = evaluator_->add_results(tally, comm->nthreads); });
  if (!watched_) {
    watch_for_extrapolation();
    watched_ = true;
  }
  timed(EXCHANGE, [&] { refuse_what_is_not_finite(bad_receiver); });
  for (size_t row = 0; row < row_energies_.size(); ++row) {
    row_energies_[row] += weight * evaluator_->energies()[row];
  }
  if (deviate) {
    member_results_.take(member, evaluator_->forces(), sums);
  }
}

Places PairHipnnTs::places_of_atoms() const {
  const auto& box = *domain;
  return {
      list,
      atom->x,
      atoms_on_device(),
      {box.xprd, 0.0, 0.0, box.xy, box.yprd, 0.0, box.xz, box.yz, box.zprd},
      model_.network.cutoff,
      model_.network.cutoff + neighbor->skin,
      comm->nthreads};
}

void PairHipnnTs::rebuild(const Places& places) {
  bring_positions_to_host();
  std::vector<int> images;
  timed(GATHER_PAIRS, [&] { images = rebuild_rows(places); });
  if (Exchange* const border = evaluator_->border(); border && !alone()) {
    exchange_block(*border, 0, [&] { comm->reverse_comm(this); });
  }
  guarded(GATHER_PAIRS, [&] { evaluator_->rebuild(places, std::move(images)); });
}

/// Returns the images of atoms that an evaluator without a list needs.
std::vector<int> PairHipnnTs::rebuild_rows(const Places& places) {
  std::vector<int> images;
  if (evaluator_->needs_list()) {
    const int stranger =
        rows_.rebuild(*atom, *list, places.cutoff, species_of_type_, absent_groups());
    if (stranger >= 0) {
      error->one(
          FLERR,
          "pair_style hipnn/ts: expected neighbours of mapped types only, found atom {} of type {} "
          "in the neighbour list",
          atom->tag[stranger], atom->type[stranger]);
    }
  } else {
    images = rows_.rebuild_by_place(
        *atom, places.cutoff, places.reach, species_of_type_, absent_groups());
  }
  if (new_run_) {
    refuse_special_bonds();
    refuse_exclusions();
    advise_on_ranks();
  }
  new_run_ = false;
  return images;
}

double PairHipnnTs::memory_usage() {
  double bytes = Pair::memory_usage() + rows_.memory_usage() + member_results_.memory_usage() +
                 (evaluator_ ? evaluator_->memory_usage() : 0.0);
  for (const auto& pass : centroid_passes_) {
    bytes += pass ? pass->memory_usage() : 0.0;
  }
  return bytes;
}

} // namespace hipnn_ts_lammps
