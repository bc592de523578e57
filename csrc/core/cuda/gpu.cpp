// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/gpu.hpp"

#include "core/cuda/compiler.hpp"
#include "core/cuda/cublas.hpp"
#include "core/cuda/driver_device.hpp"
#include "core/cuda/memory_cache.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

/// The CUDA version whose libraries this driver supports: those of a newer one may not start.
int newest_served() {
  return Driver::get().version() >= 1000 * newest_cuda ? newest_cuda : newest_cuda - 1;
}

class Gpu final : public DriverDevice {
public:
  explicit Gpu(int index)
      : DriverDevice(index, own_folders(), newest_served()), cublas_(open_cublas()),
        pool_(Driver::get().create_pool(index)), stream_(Driver::get().create_stream()),
        memory_(
            [this](int64_t bytes) { return Driver::get().allocate(bytes, pool_, queue()); },
            [this](void* memory) { Driver::get().free(memory, context(), stream_); }) {}

  std::shared_ptr<void> allocate(int64_t bytes) override { return memory_.take(bytes); }

  void multiply(const Product<float>& product) override { multiply_any(product); }
  void multiply(const Product<double>& product) override { multiply_any(product); }

private:
  Stream current_stream() const override { return stream_; }

  Cublas open_cublas() const {
    require_compiler(own_folders(), newest_served());
    use_context();
    return {own_folders(), newest_served()};
  }

  template <class T> void multiply_any(const Product<T>& product) {
    const std::lock_guard<std::mutex> lock(mutex_);
    cublas_.multiply(product, queue());
  }

  Cublas cublas_;
  MemoryPool pool_;
  Stream stream_;
  MemoryCache memory_;
  std::mutex mutex_;
};

} // namespace

Device& own_gpu(int index) {
  return one_for_each_gpu<Gpu>(index);
}

} // namespace cuda
} // namespace hipnn_ts
