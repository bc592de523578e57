// SPDX-License-Identifier: BSD-3-Clause
//
// The interface of a device for the network. A GPU is one (csrc/torch/cuda); the tests have another
// that runs the same kernels on the CPU.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/cuda/arguments.hpp"

namespace hipnn_ts {
namespace cuda {

/// The constants with which kernels are compiled.
struct Constants {
  bool double_precision;
  int n_components;
  int n_sensitivities; // padded: a multiple of four
  int n_features;      // padded: a multiple of the features of one pass
  int lane_features;
  int max_window; // the largest number of sensitivities that matter at any distance
  const char* program = "inference.cu";

  /// For the training operators, whose other sizes are arguments.
  static Constants training(bool double_precision, int n_components) {
    return {double_precision, n_components, 4, warp_size, 1, 1, "training.cu"};
  }

  /// For kernels that depend on no network.
  static Constants rank(bool double_precision) {
    return {double_precision, 1, 4, warp_size, 1, 1, "rank.cu"};
  }

  int pass() const { return lane_features * warp_size; }
  int passes() const { return n_features / pass(); }
  int real_bytes() const { return double_precision ? 8 : 4; }

  /// Preprocessor definitions NAME=VALUE.
  std::vector<std::string> definitions() const {
    const auto define = [](const char* name, int value) {
      return std::string(name) + "=" + std::to_string(value);
    };
    return {
        std::string("Real=") + (double_precision ? "double" : "float"),
        define("N_COMPONENTS", n_components),
        define("N_SENSITIVITIES", n_sensitivities),
        define("N_FEATURES", n_features),
        define("LANE_FEATURES", lane_features),
        define("MAX_WINDOW", max_window)};
  }
};

/// A launch. Each block has `shared_bytes` of dynamic shared memory.
struct Grid {
  int64_t blocks;
  int threads;
  int passes = 1; // blocks along y
  int shared_bytes = 0;
};

/// Kernels compiled for one set of constants.
class Module {
public:
  virtual ~Module() = default;

  /// Runs a kernel of the program on the device's stream. A grid without blocks does nothing.
  template <class Arguments>
  void launch(const char* kernel, const Grid& grid, const Arguments& arguments) {
    if (grid.blocks > 0) {
      run(kernel, grid, &arguments);
    }
  }

protected:
  virtual void run(const char* kernel, const Grid& grid, const void* arguments) = 0;
};

/// A product of row-major matrices: y (m, n) = x (m, k) w, plus y itself if `accumulate`; w is (k,
/// n), or (n, k) if `transposed`.
template <class T> struct Product {
  int64_t m, n, k;
  const T* x;
  const T* w;
  T* y;
  bool transposed = false;
  bool accumulate = false;
};

/// How much is processed at a time: enough to fill a GPU, and little beside a large system.
struct Limits {
  int64_t senders = 16384;               // with projections and gradients in the backward pass
  int64_t first_atoms = 65536;           // with moments of the first block
  int64_t onsite_atoms = 32768;          // with values of the last on-site layers
  int64_t shared_groups = 2048;          // up to so many groups of pairs, a block's warps share one
  int64_t kept_bytes = int64_t{1} << 30; // projections for the backward pass
  int64_t projection_bytes = int64_t{1} << 31; // all atoms' projections, wide pass
};

/// Memory and work on one device, in order of submission. Only `download` synchronises.
class Device {
public:
  virtual ~Device() = default;

  virtual Limits limits() const { return {}; }

  /// The queue for work submitted now; work in different queues has no order.
  virtual const void* stream() const { return nullptr; }

  /// Whether that queue is recorded for a CUDA graph instead of run; then nothing can be read.
  virtual bool recording() const { return false; }

  /// The kernels for these constants, compiled at the first request; the device keeps them.
  virtual Module& module(const Constants& constants) = 0;

  /// Uninitialised memory, reused by later work after the last owner has released it.
  virtual std::shared_ptr<void> allocate(int64_t bytes) = 0;
  virtual void zero(void* to, int64_t bytes) = 0;
  virtual void copy(void* to, const void* from, int64_t bytes) = 0;
  /// Host memory for copies, which for a GPU is faster than any other.
  virtual std::shared_ptr<void> host_memory(int64_t bytes) {
    return {new char[bytes], std::default_delete<char[]>()};
  }
  /// From host memory, which may change as soon as this returns; `host_memory` only after a
  /// synchronisation with the device.
  virtual void upload(void* to, const void* from, int64_t bytes) = 0;
  /// To host memory, after all work submitted so far is done.
  virtual void download(void* to, const void* from, int64_t bytes) = 0;

  virtual void multiply(const Product<float>& product) = 0;
  virtual void multiply(const Product<double>& product) = 0;
};

/// An array on a device.
template <class T> class Array {
public:
  Array() = default;
  Array(Device& device, int64_t size)
      : memory_(size > 0 ? device.allocate(size * static_cast<int64_t>(sizeof(T))) : nullptr),
        size_(size) {}
  Array(Device& device, const std::vector<T>& values)
      : Array(device, static_cast<int64_t>(values.size())) {
    if (size_ > 0) {
      device.upload(data(), values.data(), size_ * static_cast<int64_t>(sizeof(T)));
    }
  }

  T* data() const { return static_cast<T*>(memory_.get()); }
  int64_t size() const { return size_; }

private:
  std::shared_ptr<void> memory_;
  int64_t size_ = 0;
};

/// An array in host memory, for copies to and from a device. It only grows.
template <class T> class HostArray {
public:
  /// Room for `size` values; the content is lost if it has to grow.
  T* resize(Device& device, int64_t size) {
    if (size > size_) {
      memory_.reset();
      memory_ = device.host_memory(size * static_cast<int64_t>(sizeof(T)));
      size_ = size;
    }
    return data();
  }

  T* data() const { return static_cast<T*>(memory_.get()); }
  int64_t size() const { return size_; }

private:
  std::shared_ptr<void> memory_;
  int64_t size_ = 0;
};

} // namespace cuda
} // namespace hipnn_ts
