// SPDX-License-Identifier: GPL-2.0-or-later
#include "pair_hipnn_ts.h"

#include "comm.h"
#include "error.h"
#include "force.h"
#include "lammps.h"
#include "memory.h"
#include "neighbor.h"
#include "platform.h"
#include "update.h"

namespace hipnn_ts_lammps {

using LAMMPS_NS::Error;
using LAMMPS_NS::NeighList;
namespace utils = LAMMPS_NS::utils;

PairHipnnTs::PairHipnnTs(LAMMPS_NS::LAMMPS* instance) : Pair(instance) {
  // Updates of one version of LAMMPS have moved members of Pair: what its constructor has set is
  // not found where the headers of another update say.
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
  // Forces go to one image of an atom, so they and the positions of all images make no virial.
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
  // Of a hybrid style LAMMPS reads this before pair_coeff has told the width of the features.
  force->pair->comm_forward = MAX(force->pair->comm_forward, comm_forward);
  force->pair->comm_reverse = MAX(force->pair->comm_reverse, comm_reverse);
  neighbor->add_request(this, LAMMPS_NS::NeighConst::REQ_FULL);
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
  const bool rebuilt = new_run_ || neighbor->ago == 0 || n_atoms != n_atoms_;
  if (rebuilt) {
    n_atoms_ = n_atoms;
    timed(GATHER_PAIRS, [&] { rebuild_rows(); });
  }
  if (rows_.update_species(*atom, species_of_type_) || rebuilt) {
    guarded(GATHER_PAIRS, [&] { evaluator_->set_atoms(); });
  }
  guarded(GATHER_PAIRS, [&] {
    evaluator_->gather_pairs(*list, atom->x, model_.network.cutoff, comm->nthreads);
  });
  const bool measured = deviations_wanted();
  evaluator_->tell_uncertainties(measured && uncertain());
  guarded(NETWORK, [&] { evaluator_->begin(comm->nthreads); });
  watch_for_extrapolation();

  scaled_unit_ = energy_unit_ * common_scale();
  row_energies_.assign(rows_.counts().receivers, 0.0);
  const int n_members = model_.network.n_members;
  const bool deviate = measured && n_members > 1;
  if (deviate) {
    member_results_.begin(n_members);
  }
  for (int member = 0; member < n_members; ++member) {
    if (deviate || weight_of(member) > 0) {
      evaluate_member(member, deviate);
    }
  }
  if (cvflag_atom && model_.network.n_blocks() > 1) {
    add_centroid_passes();
  }
  if (measured) {
    take_deviations();
  }
}

/// Adds the member's share to LAMMPS's results.
void PairHipnnTs::evaluate_member(int member, bool deviate) {
  guarded(NETWORK, [&] { evaluator_->set_member(member); });
  evaluate_blocks();
  const double weight = weight_of(member);
  Sums sums;
  Tally tally{};
  tally.energy_unit = weight * scaled_unit_;
  tally.sums = deviate ? &sums : nullptr;
  if (weight > 0) {
    tally.forces = atom->f;
    tally.energy = eflag_global ? &eng_vdwl : nullptr;
    tally.virial = vflag_global ? virial : nullptr;
    tally.atom_energies = eflag_atom ? eatom : nullptr;
    tally.atom_virials = vflag_atom ? vatom : nullptr;
    tally.centroid_virials = cvflag_atom ? cvatom : nullptr;
  }
  int bad_receiver = -1;
  timed(ADD_RESULTS, [&] { bad_receiver = evaluator_->add_results(tally, comm->nthreads); });
  timed(EXCHANGE, [&] { refuse_what_is_not_finite(bad_receiver); });
  for (size_t row = 0; row < row_energies_.size(); ++row) {
    row_energies_[row] += weight * evaluator_->energies()[row];
  }
  if (deviate) {
    member_results_.take(member, evaluator_->forces(), sums);
  }
}

void PairHipnnTs::rebuild_rows() {
  const int stranger =
      rows_.rebuild(*atom, *list, model_.network.cutoff, species_of_type_, absent_groups());
  if (stranger >= 0) {
    error->one(
        FLERR,
        "pair_style hipnn/ts: expected neighbours of mapped types only, found atom {} of type {} "
        "in the neighbour list",
        atom->tag[stranger], atom->type[stranger]);
  }
  if (new_run_) {
    refuse_special_bonds();
    refuse_exclusions();
    advise_on_ranks();
  }
  new_run_ = false;
}

/// A rank alone has images of its own atoms only, which share their rows: nothing to send.
bool PairHipnnTs::alone() const {
  return comm->nprocs == 1 && rows_.counts().rows == rows_.counts().receivers;
}

void PairHipnnTs::evaluate_blocks() {
  const int n_blocks = model_.network.n_blocks();
  const auto exchange = [&](int block, auto call) {
    if (block > 0 && !alone()) {
      exchange_block(*evaluator_, block, call);
    }
  };
  for (int block = 0; block < n_blocks; ++block) {
    exchange(block, [&] { comm->forward_comm(this); });
    guarded(NETWORK, [&] { evaluator_->forward_block(block); });
  }
  for (int block = n_blocks - 1; block >= 0; --block) {
    guarded(NETWORK, [&] { evaluator_->backward_block(block); });
    exchange(block, [&] { comm->reverse_comm(this); });
  }
}

/// What compute centroid/stress/atom needs of a network of several blocks, in steps that ask.
void PairHipnnTs::add_centroid_passes() {
  centroid_passes_.resize(model_.network.n_members);
  for (int member = 0; member < model_.network.n_members; ++member) {
    auto& pass = centroid_passes_[member];
    if (weight_of(member) > 0) {
      if (!pass) {
        guarded(NETWORK, [&] { pass = create_centroid_pass(model_, member); });
      }
      run_centroid_pass(*pass, weight_of(member));
    }
  }
}

void PairHipnnTs::run_centroid_pass(CentroidPass& pass, double weight) {
  const int n_blocks = model_.network.n_blocks();
  guarded(GATHER_PAIRS, [&] {
    pass.rebuild(*atom, *list, model_.network.cutoff, species_of_type_, absent_groups());
    pass.begin(*list, atom->x, model_.network.cutoff, comm->nthreads);
  });
  for (int block = 0; block < n_blocks; ++block) {
    if (block > 0) {
      exchange_block(pass, block, [&] { comm->forward_comm(this); });
    }
    guarded(NETWORK, [&] { pass.forward_block(block); });
  }
  for (int block = n_blocks - 1; block >= 0; --block) {
    guarded(NETWORK, [&] { pass.backward_block(block); });
    for (int seed = 0; block > 0 && seed < CentroidPass::n_seeds; ++seed) {
      pass.exchange_seed(seed);
      exchange_block(pass, block, [&] { comm->reverse_comm(this); });
    }
  }
  timed(ADD_RESULTS, [&] { pass.add(weight * scaled_unit_, cvatom); });
}

/// LAMMPS's own exchange, of what enters a block or of the gradients with respect to it.
template <class Call>
void PairHipnnTs::exchange_block(Exchange& values, int block, const Call& call) {
  exchanged_ = &values;
  exchanged_block_ = block;
  // LAMMPS reads the size here; elsewhere it wants to know the largest.
  const int largest = comm_forward;
  comm_forward = comm_reverse = values.doubles_per_atom(block);
  timed(EXCHANGE, call);
  comm_forward = comm_reverse = largest;
}

/// What this rank has found of the forces on its ghosts goes to their owners.
void PairHipnnTs::exchange_member_forces() {
  if (!alone()) {
    exchange_block(member_results_, 0, [&] { comm->reverse_comm(this); });
  }
}

template <class Call> void PairHipnnTs::timed(Stage stage, const Call& call) {
  const double began = LAMMPS_NS::platform::walltime();
  call();
  shown_[stage] += LAMMPS_NS::platform::walltime() - began;
}

/// What the network throws becomes a LAMMPS error of this rank.
template <class Call> void PairHipnnTs::guarded(Stage stage, const Call& call) {
  try {
    timed(stage, call);
  } catch (const std::exception& failure) {
    error->one(
        FLERR, "pair_style hipnn/ts: {}: failed at step {}: {}", path_, update->ntimestep,
        reason(failure));
  }
}

int PairHipnnTs::pack_forward_comm(int n, int* atoms, double* buffer, int, int*) {
  return exchanged_->pack_features(exchanged_block_, n, atoms, buffer);
}

void PairHipnnTs::unpack_forward_comm(int n, int first, double* buffer) {
  exchanged_->unpack_features(exchanged_block_, n, first, buffer);
}

int PairHipnnTs::pack_reverse_comm(int n, int first, double* buffer) {
  return exchanged_->pack_gradients(exchanged_block_, n, first, buffer);
}

void PairHipnnTs::unpack_reverse_comm(int n, int* atoms, double* buffer) {
  exchanged_->add_gradients(exchanged_block_, n, atoms, buffer);
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
