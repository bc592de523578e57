// SPDX-License-Identifier: BSD-3-Clause
//
// fork() in a process that has computed with several threads: Python's multiprocessing, joblib, ...
#include <omp.h>
#include <pthread.h>

namespace hipnn_ts {
namespace {

/// Threads do not survive a fork, but OpenMP's record of them does: the child would wait for ever
/// for a team that stayed behind. Here the team of the thread that forks, the only thread that the
/// child will have, ends first; parent and child each start another when they next need one. torch
/// has the same OpenMP, so this serves its operators too. Where no team is there, nothing happens.
void end_team() {
  omp_pause_resource_all(omp_pause_soft);
}

[[maybe_unused]] const int registered = pthread_atfork(end_team, nullptr, nullptr);

} // namespace
} // namespace hipnn_ts
