// SPDX-License-Identifier: BSD-3-Clause
#include "torch/cuda/gpu.hpp"

#include <ATen/ATen.h>
#include <dlfcn.h>

#include "core/cuda/compiler.hpp"
#include "core/cuda/driver_device.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

/// Folder of the torch in this process.
std::string torch_libraries() {
  Dl_info info{};
  const auto symbol = static_cast<at::Tensor (*)(const at::Tensor&)>(&at::relu);
  if (!dladdr(reinterpret_cast<void*>(symbol), &info) || !info.dli_fname) {
    return ".";
  }
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}

/// torch's CUDA library, opened and not linked, so that this library also loads beside a torch
/// without it.
const Library& torch_cuda() {
  static const Library library(
      {"libtorch_cuda.so", torch_libraries() + "/libtorch_cuda.so"},
      "CUDA: expected a torch built with CUDA, found one without (libtorch_cuda.so)");
  return library;
}

/// Through torch's C interface, which its CUDA library also has.
Stream torch_stream(int device) {
  static const auto get = torch_cuda().find<int(int, void**)>("aoti_torch_get_current_cuda_stream");
  void* stream = nullptr;
  TORCH_CHECK(get(device, &stream) == 0, "CUDA: torch gives no current stream");
  return static_cast<Stream>(stream);
}

class Gpu final : public DriverDevice {
public:
  explicit Gpu(int index) : DriverDevice(index, nvrtc_folders(torch_libraries())) {
    // The allocator needs torch to have initialised CUDA.
    at::empty({1}, options(at::kByte));
  }

  std::shared_ptr<void> allocate(int64_t bytes) override {
    // torch's allocator serves the current device and stream. A tensor would cost more.
    use_context();
    auto memory = std::make_shared<c10::DataPtr>(c10::GetAllocator(at::kCUDA)->allocate(bytes));
    return {memory, memory->get()};
  }

  void multiply(const Product<float>& product) override { multiply_any(product); }
  void multiply(const Product<double>& product) override { multiply_any(product); }

private:
  Stream current_stream() const override { return torch_stream(index()); }

  at::TensorOptions options(at::ScalarType type) const {
    return at::TensorOptions().dtype(type).device(
        at::kCUDA, static_cast<c10::DeviceIndex>(index()));
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
};

} // namespace

Device& gpu(int index) {
  torch_cuda();
  return one_for_each_gpu<Gpu>(index);
}

} // namespace cuda
} // namespace hipnn_ts
