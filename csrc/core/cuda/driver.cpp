// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/driver.hpp"

#include <stdexcept>

namespace hipnn_ts {
namespace cuda {
namespace {

// Numbers of CUDA's driver interface (cuda.h); they do not change between its versions.
constexpr int compute_capability_major = 75, compute_capability_minor = 76;
constexpr int max_dynamic_shared_size_bytes = 8;
constexpr int unasked_shared_bytes = 48 * 1024;

Address address(const void* pointer) {
  return reinterpret_cast<Address>(pointer);
}

} // namespace

Driver::Driver()
    : library_({"libcuda.so.1"}, "CUDA: expected NVIDIA's driver (libcuda.so.1), found none"),
      get_count_(library_.find<int(int*)>("cuDeviceGetCount")),
      get_attribute_(library_.find<int(int*, int, int)>("cuDeviceGetAttribute")),
      get_memory_(library_.find<int(size_t*, int)>("cuDeviceTotalMem_v2")),
      get_error_name_(library_.find<int(int, const char**)>("cuGetErrorName")),
      retain_primary_(library_.find<int(Context*, int)>("cuDevicePrimaryCtxRetain")),
      set_current_(library_.find<int(Context)>("cuCtxSetCurrent")),
      get_current_(library_.find<int(Context*)>("cuCtxGetCurrent")),
      load_data_(library_.find<int(LoadedModule*, const void*)>("cuModuleLoadData")),
      get_function_(
          library_.find<int(Function*, LoadedModule, const char*)>("cuModuleGetFunction")),
      set_function_attribute_(library_.find<int(Function, int, int)>("cuFuncSetAttribute")),
      launch_kernel_(library_.find<int(
                         Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                         unsigned, Stream, void**, void**)>("cuLaunchKernel")),
      memset_async_(library_.find<int(Address, unsigned char, size_t, Stream)>("cuMemsetD8Async")),
      copy_async_(library_.find<int(Address, Address, size_t, Stream)>("cuMemcpyDtoDAsync_v2")),
      upload_async_(
          library_.find<int(Address, const void*, size_t, Stream)>("cuMemcpyHtoDAsync_v2")),
      download_async_(library_.find<int(void*, Address, size_t, Stream)>("cuMemcpyDtoHAsync_v2")),
      synchronize_(library_.find<int(Stream)>("cuStreamSynchronize")),
      is_capturing_(library_.find<int(Stream, int*)>("cuStreamIsCapturing")) {
  check(library_.find<int(unsigned)>("cuInit")(0), "start");
}

const Driver& Driver::get() {
  static const Driver driver;
  return driver;
}

void Driver::check(int result, const char* doing) const {
  if (result != 0) {
    const char* name = nullptr;
    get_error_name_(result, &name);
    throw std::runtime_error(
        std::string("CUDA: ") + doing + ": " + (name ? name : std::to_string(result)));
  }
}

int Driver::n_devices() const {
  int n = 0;
  check(get_count_(&n), "devices");
  return n;
}

int Driver::architecture(int device) const {
  int major = 0, minor = 0;
  check(get_attribute_(&major, compute_capability_major, device), "compute capability");
  check(get_attribute_(&minor, compute_capability_minor, device), "compute capability");
  return 10 * major + minor;
}

int64_t Driver::memory(int device) const {
  size_t bytes = 0;
  check(get_memory_(&bytes, device), "memory");
  return static_cast<int64_t>(bytes);
}

Context Driver::primary_context(int device) const {
  Context context = nullptr;
  check(retain_primary_(&context, device), "primary context");
  return context;
}

void Driver::use(Context context) const {
  Context current = nullptr;
  check(get_current_(&current), "current context");
  if (current != context) {
    check(set_current_(context), "current context");
  }
}

LoadedModule Driver::load(const std::string& binary) const {
  LoadedModule module = nullptr;
  check(load_data_(&module, binary.data()), "loading kernels");
  return module;
}

Function Driver::function(LoadedModule module, const char* name) const {
  Function function = nullptr;
  check(get_function_(&function, module, name), name);
  return function;
}

void Driver::allow_shared_memory(Function function, int bytes) const {
  if (bytes > unasked_shared_bytes) {
    check(set_function_attribute_(function, max_dynamic_shared_size_bytes, bytes), "shared memory");
  }
}

void Driver::launch(
    Function function, unsigned blocks, unsigned passes, unsigned threads, unsigned shared_bytes,
    Stream stream, void** arguments) const {
  check(
      launch_kernel_(
          function, blocks, passes, 1, threads, 1, 1, shared_bytes, stream, arguments, nullptr),
      "launch");
}

void Driver::zero(void* to, size_t bytes, Stream stream) const {
  check(memset_async_(address(to), 0, bytes, stream), "zero");
}

void Driver::copy(void* to, const void* from, size_t bytes, Stream stream) const {
  check(copy_async_(address(to), address(from), bytes, stream), "copy");
}

void Driver::upload(void* to, const void* from, size_t bytes, Stream stream) const {
  check(upload_async_(address(to), from, bytes, stream), "upload");
}

void Driver::download(void* to, const void* from, size_t bytes, Stream stream) const {
  check(download_async_(to, address(from), bytes, stream), "download");
  check(synchronize_(stream), "waiting");
}

bool Driver::capturing(Stream stream) const {
  int status = 0; // CU_STREAM_CAPTURE_STATUS_NONE
  check(is_capturing_(stream, &status), "graph capture");
  return status != 0;
}

} // namespace cuda
} // namespace hipnn_ts
