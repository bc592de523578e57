// SPDX-License-Identifier: GPL-2.0-or-later
//
// The passes through the blocks, with LAMMPS's exchange between ranks in between.
#include "pair_stages.h"

#include "comm.h"
#include "neighbor.h"

namespace hipnn_ts_lammps {

/// A single rank has images only of its own atoms, which share their rows, so it sends nothing.
bool PairHipnnTs::alone() const {
  return comm->nprocs == 1 && rows_.counts().rows == rows_.counts().receivers;
}

void PairHipnnTs::evaluate_blocks() {
  const int n_blocks = model_.network.n_blocks();
  const auto exchanged = [&](int block) { return block > 0 && !alone(); };
  for (int block = 0; block < n_blocks; ++block) {
    if (exchanged(block)) {
      guarded(NETWORK, [&] { evaluator_->fetch_features(block); });
      exchange_block(*evaluator_, block, [&] { comm->forward_comm(this); });
      guarded(NETWORK, [&] { evaluator_->give_features(block); });
    }
    guarded(NETWORK, [&] { evaluator_->forward_block(block); });
  }
  for (int block = n_blocks - 1; block >= 0; --block) {
    guarded(NETWORK, [&] { evaluator_->backward_block(block); });
    if (exchanged(block)) {
      guarded(NETWORK, [&] { evaluator_->fetch_gradients(block); });
      exchange_block(*evaluator_, block, [&] { comm->reverse_comm(this); });
      guarded(NETWORK, [&] { evaluator_->give_gradients(block); });
    }
  }
}

/// The additional passes of compute centroid/stress/atom for a network of several blocks, in steps
/// that request it.
void PairHipnnTs::add_centroid_passes() {
  bring_positions_to_host();
  if (!evaluator_->needs_list()) {
    neighbor->build_one(list);
  }
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

/// This rank's contributions to the forces on its ghosts go to their owners.
void PairHipnnTs::exchange_member_forces() {
  if (!alone()) {
    exchange_block(member_results_, 0, [&] { comm->reverse_comm(this); });
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

} // namespace hipnn_ts_lammps
