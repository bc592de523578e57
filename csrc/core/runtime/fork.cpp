// SPDX-License-Identifier: BSD-3-Clause
//
// fork() in a process that has computed with several threads: Python's multiprocessing, joblib, ...
#include <omp.h>
#include <pthread.h>

namespace hipnn_ts {
namespace {

/// Threads do not survive a fork, but OpenMP's record of them does: the child would wait forever
/// for a team that does not exist there. So the team of the forking thread, the only thread that
/// the child will have, ends first; parent and child each start another when they next need one.
/// torch uses the same OpenMP, so this serves its operators, too. Without a team nothing happens.
void end_team() {
  omp_pause_resource_all(omp_pause_soft);
}

[[maybe_unused]] const int registered = pthread_atfork(end_team, nullptr, nullptr);

} // namespace
} // namespace hipnn_ts
