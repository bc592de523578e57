// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <ATen/Parallel.h>

namespace hipnn_ts_lammps {

/// Sets torch's thread count while we compute, because the process may use torch otherwise.
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
