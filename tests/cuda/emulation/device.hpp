// SPDX-License-Identifier: BSD-3-Clause
//
// A device whose kernels run on the processor. A module is a shared library that the compiler
// makes of the kernels, as NVRTC makes a cubin.
#pragma once

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>

#include "core/cuda/device.hpp"

namespace emulation {

using namespace hipnn_ts::cuda;

[[noreturn]] inline void stop(const std::string& problem) {
  throw std::runtime_error("emulated device: " + problem);
}

class EmulatedModule final : public Module {
public:
  explicit EmulatedModule(const std::string& path) : library_(dlopen(path.c_str(), RTLD_NOW)) {
    if (!library_) {
      stop(dlerror());
    }
  }

private:
  void run(const char* kernel, const Grid& grid, const void* arguments) override {
    using Kernel = void (*)(const void*);
    using Emulate = void (*)(Kernel, unsigned, unsigned, unsigned, unsigned, const void*);
    const auto emulate = reinterpret_cast<Emulate>(find("emulate"));
    if (grid.threads < 1 || grid.threads > max_threads || grid.threads % warp_size != 0) {
      stop(std::string(kernel) + ": blocks of " + std::to_string(grid.threads) + " threads");
    }
    emulate(
        reinterpret_cast<Kernel>(find("emulated_" + std::string(kernel))),
        static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.passes),
        static_cast<unsigned>(grid.threads), static_cast<unsigned>(grid.shared_bytes), arguments);
  }

  void* find(const std::string& name) const {
    void* symbol = dlsym(library_, name.c_str());
    return symbol ? symbol : (stop(dlerror()), nullptr);
  }

  void* library_;
};

/// Memory starts as NaN and has guards at both ends.
class EmulatedDevice final : public Device {
public:
  /// `compile` names a program that is given the path of a library to make, the kernels' file and
  /// then NAME=VALUE.
  EmulatedDevice(std::string compile, std::string folder)
      : compile_(std::move(compile)), folder_(std::move(folder)) {}

  /// So little that small systems are done in parts.
  Limits limits() const override { return {5, 6, 7, 6, 50'000, 200'000}; }

  Module& module(const Constants& constants) override {
    std::string name = constants.program, definitions = std::string(" ") + constants.program;
    for (const std::string& each : constants.definitions()) {
      name += "-" + each.substr(each.find('=') + 1);
      definitions += " " + each;
    }
    auto& found = modules_[name];
    if (!found) {
      const std::string path = folder_ + "/" + name + ".so";
      if (std::system((compile_ + " " + path + definitions).c_str()) != 0) {
        stop("the kernels do not compile with" + definitions);
      }
      found = std::make_unique<EmulatedModule>(path);
    }
    return *found;
  }

  /// The most memory since the last call, beyond what was in use then.
  int64_t peak() {
    const int64_t out = peak_ - began_;
    began_ = peak_ = in_use_;
    return out;
  }

  /// How often the device was waited for.
  int64_t waits() const { return waits_; }

  /// As if a CUDA graph were captured: whoever waits meanwhile is stopped.
  void record(bool recording) { recording_ = recording; }
  bool recording() const override { return recording_; }

  std::shared_ptr<void> allocate(int64_t bytes) override {
    in_use_ += bytes;
    peak_ = std::max(peak_, in_use_);
    auto* block = static_cast<unsigned char*>(std::malloc(bytes + 2 * guard));
    std::memset(block, guard_byte, bytes + 2 * guard);
    std::memset(block + guard, 0xff, bytes);
    return {block + guard, [this, block, bytes](void*) {
              in_use_ -= bytes;
              for (int64_t k = 0; k < guard; ++k) {
                if (block[k] != guard_byte || block[guard + bytes + k] != guard_byte) {
                  std::fputs("emulated device: written outside of an array\n", stderr);
                  std::abort();
                }
              }
              std::free(block);
            }};
  }

  void zero(void* to, int64_t bytes) override { std::memset(to, 0, bytes); }
  void copy(void* to, const void* from, int64_t bytes) override { std::memcpy(to, from, bytes); }
  void upload(void* to, const void* from, int64_t bytes) override { std::memcpy(to, from, bytes); }
  void download(void* to, const void* from, int64_t bytes) override {
    if (recording_) {
      stop("waited for while work is recorded");
    }
    ++waits_;
    std::memcpy(to, from, bytes);
  }
  void multiply(const Product<float>& product) override { product_of(product); }
  void multiply(const Product<double>& product) override { product_of(product); }

private:
  static constexpr int64_t guard = 256;
  static constexpr unsigned char guard_byte = 0xa5;

  template <class T> static void product_of(const Product<T>& p) {
    for (int64_t i = 0; i < p.m; ++i) {
      for (int64_t j = 0; j < p.n; ++j) {
        T sum = p.accumulate ? p.y[i * p.n + j] : T(0);
        for (int64_t k = 0; k < p.k; ++k) {
          sum += p.x[i * p.k + k] * (p.transposed ? p.w[j * p.k + k] : p.w[k * p.n + j]);
        }
        p.y[i * p.n + j] = sum;
      }
    }
  }

  int64_t in_use_ = 0, peak_ = 0, began_ = 0, waits_ = 0;
  bool recording_ = false;
  std::string compile_, folder_;
  std::map<std::string, std::unique_ptr<Module>> modules_;
};

/// The one of the tests.
EmulatedDevice& device();

} // namespace emulation
