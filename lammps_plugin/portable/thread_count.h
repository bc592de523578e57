// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <ATen/Parallel.h>

namespace hipnn_ts_lammps {

/// Torch's thread count for as long as we compute: the process may have other uses for torch.
class ThreadCount {
public:
  explicit ThreadCount(int n) : before_(at::get_num_threads()) { set(n); }
  ~ThreadCount() { set(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

private:
  static void set(int n) {
    if (n != at::get_num_threads()) {
      at::set_num_threads(n);
    }
  }
  int before_;
};

} // namespace hipnn_ts_lammps
