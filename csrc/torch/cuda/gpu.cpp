// SPDX-License-Identifier: BSD-3-Clause
#include "torch/cuda/gpu.hpp"

#include <ATen/ATen.h>
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include "core/cuda/compiler.hpp"
#include "core/cuda/driver.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

/// Folder of the torch that this process runs.
std::string torch_libraries() {
  Dl_info info{};
  const auto symbol = static_cast<at::Tensor (*)(const at::Tensor&)>(&at::relu);
  if (!dladdr(reinterpret_cast<void*>(symbol), &info) || !info.dli_fname) {
    return ".";
  }
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}

/// torch's CUDA library: opened, not linked, so that this one also loads beside a torch without it.
/// Python has loaded it; in LAMMPS this call does.
const Library& torch_cuda() {
  static const Library library(
      {"libtorch_cuda.so", torch_libraries() + "/libtorch_cuda.so"},
      "CUDA: expected a torch built with CUDA, found one without (libtorch_cuda.so)");
  return library;
}

/// By torch's C interface, the one that its CUDA library has.
Stream current_stream(int device) {
  static const auto get = torch_cuda().find<int(int, void**)>("aoti_torch_get_current_cuda_stream");
  void* stream = nullptr;
  TORCH_CHECK(get(device, &stream) == 0, "CUDA: torch gives no current stream");
  return static_cast<Stream>(stream);
}

/// Where work goes: torch's current stream, in this thread's current context.
struct Queue {
  int device;
  Context context;

  Stream stream() const {
    Driver::get().use(context);
    return current_stream(device);
  }
};

class GpuModule final : public Module {
public:
  GpuModule(const Queue& queue, const std::string& binary)
      : queue_(queue), module_(Driver::get().load(binary)) {}

private:
  struct Kernel {
    Function function;
    int shared_bytes = 0;
  };

  void run(const char* name, const Grid& grid, const void* arguments) override {
    const Stream stream = queue_.stream();
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

  const Queue& queue_;
  LoadedModule module_;
  std::mutex mutex_;
  std::unordered_map<std::string, Kernel> kernels_;
};

class Gpu final : public Device {
public:
  explicit Gpu(int index)
      : queue_{index, Driver::get().primary_context(index)},
        architecture_(Driver::get().architecture(index)) {
    limits_.projection_bytes = Driver::get().memory(index) / 8;
    // In LAMMPS nothing else has made torch start CUDA, which its allocator needs.
    at::empty({1}, options(at::kByte));
  }

  Limits limits() const override { return limits_; }

  const void* stream() const override { return queue_.stream(); }
  bool recording() const override { return Driver::get().capturing(queue_.stream()); }

  Module& module(const Constants& c) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& found = modules_[std::tuple(
        c.double_precision, c.n_components, c.n_sensitivities, c.n_features, c.lane_features,
        c.max_window, std::string(c.program))];
    if (!found) {
      Driver::get().use(queue_.context);
      found = std::make_unique<GpuModule>(
          queue_, compile(architecture_, c, nvrtc_folders(torch_libraries())));
    }
    return *found;
  }

  std::shared_ptr<void> allocate(int64_t bytes) override {
    // torch's allocator serves the current device and stream. A tensor would cost more to make.
    Driver::get().use(queue_.context);
    auto memory = std::make_shared<c10::DataPtr>(c10::GetAllocator(at::kCUDA)->allocate(bytes));
    return {memory, memory->get()};
  }

  void zero(void* to, int64_t bytes) override {
    if (bytes > 0) {
      Driver::get().zero(to, bytes, queue_.stream());
    }
  }
  void copy(void* to, const void* from, int64_t bytes) override {
    if (bytes > 0) {
      Driver::get().copy(to, from, bytes, queue_.stream());
    }
  }
  void upload(void* to, const void* from, int64_t bytes) override {
    if (bytes > 0) {
      Driver::get().upload(to, from, bytes, queue_.stream());
    }
  }

  void download(void* to, const void* from, int64_t bytes) override {
    Driver::get().download(to, from, bytes, queue_.stream());
  }

  void multiply(const Product<float>& product) override { multiply_any(product); }
  void multiply(const Product<double>& product) override { multiply_any(product); }

private:
  at::TensorOptions options(at::ScalarType type) const {
    return at::TensorOptions().dtype(type).device(
        at::kCUDA, static_cast<c10::DeviceIndex>(queue_.device));
  }

  template <class T> at::Tensor matrix(const T* first, int64_t rows, int64_t columns) const {
    return at::from_blob(
        const_cast<T*>(first), {rows, columns}, options(c10::CppTypeToScalarType<T>::value));
  }

  template <class T> void multiply_any(const Product<T>& p) const {
    if (p.m == 0) {
      return;
    }
    at::Tensor y = matrix(p.y, p.m, p.n);
    const at::Tensor x = matrix(p.x, p.m, p.k);
    const at::Tensor w = p.transposed ? matrix(p.w, p.n, p.k).t() : matrix(p.w, p.k, p.n);
    if (p.accumulate) {
      at::addmm_out(y, y, x, w);
    } else {
      at::mm_out(y, x, w);
    }
  }

  const Queue queue_;
  int architecture_;
  Limits limits_;
  std::mutex mutex_;
  std::map<std::tuple<bool, int, int, int, int, int, std::string>, std::unique_ptr<Module>>
      modules_;
};

} // namespace

int n_gpus() {
  try {
    return Driver::get().n_devices();
  } catch (const std::runtime_error&) {
    return 0;
  }
}

Device& gpu(int index) {
  torch_cuda();
  // Never destroyed: at exit the driver may be gone before.
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
