// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "core/cuda/device.hpp"
#include "core/cuda/driver.hpp"

namespace hipnn_ts {
namespace cuda {

/// A GPU through CUDA's driver: its kernels and copies. Derived classes choose memory, stream and
/// matrix products: those of torch, or its own (gpu.hpp).
class DriverDevice : public Device {
public:
  Limits limits() const override { return limits_; }
  const void* stream() const override { return queue(); }
  bool recording() const override { return Driver::get().capturing(queue()); }
  Module& module(const Constants& constants) override;
  std::shared_ptr<void> host_memory(int64_t bytes) override;
  void zero(void* to, int64_t bytes) override;
  void copy(void* to, const void* from, int64_t bytes) override;
  void upload(void* to, const void* from, int64_t bytes) override;
  void download(void* to, const void* from, int64_t bytes) override;

  /// The stream for work submitted now, in this GPU's context, which becomes this thread's.
  Stream queue() const {
    use_context();
    return current_stream();
  }

protected:
  /// NVRTC is also looked for in `folders`, of a CUDA no newer than `newest`.
  DriverDevice(int index, std::vector<std::string> folders, int newest = newest_cuda);

  void use_context() const { Driver::get().use(context_); }
  Context context() const { return context_; }
  virtual Stream current_stream() const = 0;
  int index() const { return index_; }

private:
  int index_;
  Context context_;
  int architecture_;
  std::vector<std::string> folders_;
  int newest_;
  Limits limits_;
  std::mutex mutex_;
  std::map<std::tuple<bool, int, int, int, int, int, std::string>, std::unique_ptr<Module>>
      modules_;
};

/// One object of this class for each GPU, created at the first request and alive until the process
/// ends, because at exit the driver may be unloaded first.
template <class Gpu> Gpu& one_for_each_gpu(int index) {
  static auto& gpus = *new std::map<int, std::unique_ptr<Gpu>>;
  static auto& mutex = *new std::mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& found = gpus[index];
  if (!found) {
    found = std::make_unique<Gpu>(index);
  }
  return *found;
}

} // namespace cuda
} // namespace hipnn_ts
