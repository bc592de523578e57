// SPDX-License-Identifier: GPL-2.0-or-later
//
// The stages of a step: their time is measured, and their exceptions are reported.
#pragma once

#include "pair_hipnn_ts.h"

#include "error.h"
#include "platform.h"
#include "update.h"

namespace hipnn_ts_lammps {

template <class Call> void PairHipnnTs::timed(Stage stage, const Call& call) {
  const double began = LAMMPS_NS::platform::walltime();
  call();
  shown_[stage] += LAMMPS_NS::platform::walltime() - began;
}

/// An exception of the network becomes a LAMMPS error of this rank.
template <class Call> void PairHipnnTs::guarded(Stage stage, const Call& call) {
  try {
    timed(stage, call);
  } catch (const std::exception& failure) {
    error->one(
        FLERR, "pair_style hipnn/ts: {}: failed at step {}: {}", path_, update->ntimestep,
        reason(failure));
  }
}

/// LAMMPS's own exchange, of a block's input or of the gradients with respect to it.
template <class Call>
void PairHipnnTs::exchange_block(Exchange& values, int block, const Call& call) {
  exchanged_ = &values;
  exchanged_block_ = block;
  // LAMMPS reads the size here; elsewhere it needs the largest one.
  const int largest = comm_forward;
  comm_forward = comm_reverse = values.doubles_per_atom(block);
  timed(EXCHANGE, call);
  comm_forward = comm_reverse = largest;
}

} // namespace hipnn_ts_lammps
