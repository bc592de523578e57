// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/driver_device.hpp"

#include <unordered_map>

#include "core/cuda/compiler.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

class DriverModule final : public Module {
public:
  DriverModule(const DriverDevice& device, const std::string& binary)
      : device_(device), module_(Driver::get().load(binary)) {}

private:
  struct Kernel {
    Function function;
    int shared_bytes = 0;
  };

  void run(const char* name, const Grid& grid, const void* arguments) override {
    const Stream stream = device_.queue();
    const Kernel kernel = find(name, grid.shared_bytes);
    void* parameters[] = {const_cast<void*>(arguments)};
    Driver::get().launch(
        kernel.function, static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.passes),
        static_cast<unsigned>(grid.threads), static_cast<unsigned>(grid.shared_bytes), stream,
        parameters);
  }

  Kernel find(const std::string& name, int shared_bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto found = kernels_.find(name);
    if (found == kernels_.end()) {
      found =
          kernels_.emplace(name, Kernel{Driver::get().function(module_, name.c_str()), 0}).first;
    }
    if (shared_bytes > found->second.shared_bytes) {
      Driver::get().allow_shared_memory(found->second.function, shared_bytes);
      found->second.shared_bytes = shared_bytes;
    }
    return found->second;
  }

  const DriverDevice& device_;
  LoadedModule module_;
  std::mutex mutex_;
  std::unordered_map<std::string, Kernel> kernels_;
};

} // namespace

DriverDevice::DriverDevice(int index, std::vector<std::string> folders, int newest)
    : index_(index), context_(Driver::get().primary_context(index)),
      architecture_(Driver::get().architecture(index)), folders_(std::move(folders)),
      newest_(newest) {
  limits_.projection_bytes = Driver::get().memory(index) / 8;
}

Module& DriverDevice::module(const Constants& c) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto& found = modules_[std::tuple(
      c.double_precision, c.n_components, c.n_sensitivities, c.n_features, c.lane_features,
      c.max_window, std::string(c.program))];
  if (!found) {
    use_context();
    found = std::make_unique<DriverModule>(*this, compile(architecture_, c, folders_, newest_));
  }
  return *found;
}

std::shared_ptr<void> DriverDevice::host_memory(int64_t bytes) {
  use_context();
  void* const memory = Driver::get().allocate_host(bytes);
  return {memory, [this](void* last) { Driver::get().free_host(last, context_); }};
}

void DriverDevice::zero(void* to, int64_t bytes) {
  if (bytes > 0) {
    Driver::get().zero(to, bytes, queue());
  }
}

void DriverDevice::copy(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) {
    Driver::get().copy(to, from, bytes, queue());
  }
}

void DriverDevice::upload(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) {
    Driver::get().upload(to, from, bytes, queue());
  }
}

void DriverDevice::download(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) {
    Driver::get().download(to, from, bytes, queue());
  }
}

} // namespace cuda
} // namespace hipnn_ts
