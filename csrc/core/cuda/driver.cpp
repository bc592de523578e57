// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/driver.hpp"

#include <cstdint>
#include <stdexcept>

namespace hipnn_ts {
namespace cuda {
namespace {

// Numbers of CUDA's driver interface (cuda.h); they do not change between its versions.
constexpr int compute_capability_major = 75, compute_capability_minor = 76;
constexpr int pointer_memory_type = 2, device_memory = 2, pointer_device = 9;
constexpr int max_dynamic_shared_size_bytes = 8;
constexpr int unasked_shared_bytes = 48 * 1024;
constexpr int pinned_allocation = 1, device_location = 1, default_stream = 0;
constexpr int pool_release_threshold = 4;

/// CUmemPoolProps of cuda.h.
struct PoolProperties {
  int allocation_type, handle_types, location_type, location;
  void* security_attributes;
  size_t largest;
  unsigned short usage;
  unsigned char reserved[54];
};
static_assert(sizeof(PoolProperties) == 88, "as CUDA lays it out");

Address address(const void* pointer) {
  return reinterpret_cast<Address>(pointer);
}

} // namespace

Driver::Driver()
    : library_({"libcuda.so.1"}, "CUDA: expected NVIDIA's driver (libcuda.so.1), found none"),
      get_version_(library_.find<int(int*)>("cuDriverGetVersion")),
      get_count_(library_.find<int(int*)>("cuDeviceGetCount")),
      get_attribute_(library_.find<int(int*, int, int)>("cuDeviceGetAttribute")),
      get_memory_(library_.find<int(size_t*, int)>("cuDeviceTotalMem_v2")),
      get_error_name_(library_.find<int(int, const char**)>("cuGetErrorName")),
      retain_primary_(library_.find<int(Context*, int)>("cuDevicePrimaryCtxRetain")),
      get_pointer_attribute_(library_.find<int(void*, int, Address)>("cuPointerGetAttribute")),
      set_current_(library_.find<int(Context)>("cuCtxSetCurrent")),
      get_current_(library_.find<int(Context*)>("cuCtxGetCurrent")),
      create_stream_(library_.find<int(Stream*, unsigned)>("cuStreamCreate")),
      create_pool_(library_.find<int(MemoryPool*, const void*)>("cuMemPoolCreate")),
      set_pool_attribute_(library_.find<int(MemoryPool, int, void*)>("cuMemPoolSetAttribute")),
      allocate_async_(
          library_.find<int(Address*, size_t, MemoryPool, Stream)>("cuMemAllocFromPoolAsync")),
      free_async_(library_.find<int(Address, Stream)>("cuMemFreeAsync")),
      allocate_host_(library_.find<int(void**, size_t)>("cuMemAllocHost_v2")),
      free_host_(library_.find<int(void*)>("cuMemFreeHost")),
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

int Driver::version() const {
  int version = 0;
  check(get_version_(&version), "version");
  return version;
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

int Driver::device_of(const void* memory) const noexcept {
  unsigned type = 0;
  int device = -1;
  const bool known = get_pointer_attribute_(&type, pointer_memory_type, address(memory)) == 0 &&
                     type == device_memory &&
                     get_pointer_attribute_(&device, pointer_device, address(memory)) == 0;
  return known ? device : -1;
}

void Driver::use(Context context) const {
  Context current = nullptr;
  check(get_current_(&current), "current context");
  if (current != context) {
    check(set_current_(context), "current context");
  }
}

Stream Driver::create_stream() const {
  Stream stream = nullptr;
  check(create_stream_(&stream, default_stream), "stream");
  return stream;
}

MemoryPool Driver::create_pool(int device) const {
  PoolProperties properties{};
  properties.allocation_type = pinned_allocation;
  properties.location_type = device_location;
  properties.location = device;
  MemoryPool pool = nullptr;
  check(create_pool_(&pool, &properties), "memory pool");
  uint64_t all = UINT64_MAX;
  check(set_pool_attribute_(pool, pool_release_threshold, &all), "memory pool");
  return pool;
}

void* Driver::allocate(size_t bytes, MemoryPool pool, Stream stream) const {
  Address found = 0;
  check(allocate_async_(&found, bytes, pool, stream), "allocating memory");
  return reinterpret_cast<void*>(found);
}

/// At exit the driver may be unloaded first: then there is nothing to free.
void Driver::free(void* memory, Context context, Stream stream) const noexcept {
  set_current_(context);
  free_async_(address(memory), stream);
}

void* Driver::allocate_host(size_t bytes) const {
  void* found = nullptr;
  check(allocate_host_(&found, bytes), "allocating the host's memory");
  return found;
}

void Driver::free_host(void* memory, Context context) const noexcept {
  set_current_(context);
  free_host_(memory);
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

int n_gpus() {
  try {
    return Driver::get().n_devices();
  } catch (const std::runtime_error&) {
    return 0;
  }
}

} // namespace cuda
} // namespace hipnn_ts
