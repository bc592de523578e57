// SPDX-License-Identifier: BSD-3-Clause
//
// CUDA's driver, opened at run time: only the functions that are used here.
#pragma once

#include <string>

#include "core/cuda/library.hpp"

namespace hipnn_ts {
namespace cuda {

using Context = struct ContextHandle*;
using Stream = struct StreamHandle*;
using LoadedModule = struct LoadedModuleHandle*;
using Function = struct FunctionHandle*;
using MemoryPool = struct MemoryPoolHandle*;
using Address = unsigned long long;

/// Throws std::runtime_error, with the action and the driver's message, if a call fails.
class Driver {
public:
  /// Throws std::runtime_error if this machine has no driver.
  static const Driver& get();

  /// The newest CUDA that this driver supports: 12080 for 12.8.
  int version() const;
  int n_devices() const;
  /// Compute capability of a device: 90 for 9.0.
  int architecture(int device) const;
  /// Bytes.
  int64_t memory(int device) const;
  /// The device's primary context, which the CUDA runtime also uses, kept until the process ends.
  Context primary_context(int device) const;
  /// The device in whose memory this is, or -1.
  int device_of(const void* memory) const noexcept;
  /// Make a context this thread's.
  void use(Context context) const;

  /// A separate stream, in this thread's context.
  Stream create_stream() const;
  /// A pool of a device's memory, which keeps freed memory for the next request.
  MemoryPool create_pool(int device) const;
  /// Allocates memory for work submitted to the stream from now on, until it is freed.
  void* allocate(size_t bytes, MemoryPool pool, Stream stream) const;
  void free(void* memory, Context context, Stream stream) const noexcept;

  /// Page-locked host memory, which copies use directly.
  void* allocate_host(size_t bytes) const;
  void free_host(void* memory, Context context) const noexcept;

  LoadedModule load(const std::string& binary) const;
  Function function(LoadedModule module, const char* name) const;
  /// Lets a function have more dynamic shared memory than every GPU grants by default.
  void allow_shared_memory(Function function, int bytes) const;
  void launch(
      Function function, unsigned blocks, unsigned passes, unsigned threads, unsigned shared_bytes,
      Stream stream, void** arguments) const;

  void zero(void* to, size_t bytes, Stream stream) const;
  void copy(void* to, const void* from, size_t bytes, Stream stream) const;
  void upload(void* to, const void* from, size_t bytes, Stream stream) const;
  /// Waits for the stream.
  void download(void* to, const void* from, size_t bytes, Stream stream) const;
  /// Whether the stream's work is captured in a graph.
  bool capturing(Stream stream) const;

private:
  Driver();
  void check(int result, const char* doing) const;

  Library library_;
  int (*get_version_)(int*);
  int (*get_count_)(int*);
  int (*get_attribute_)(int*, int, int);
  int (*get_memory_)(size_t*, int);
  int (*get_error_name_)(int, const char**);
  int (*retain_primary_)(Context*, int);
  int (*get_pointer_attribute_)(void*, int, Address);
  int (*set_current_)(Context);
  int (*get_current_)(Context*);
  int (*create_stream_)(Stream*, unsigned);
  int (*create_pool_)(MemoryPool*, const void*);
  int (*set_pool_attribute_)(MemoryPool, int, void*);
  int (*allocate_async_)(Address*, size_t, MemoryPool, Stream);
  int (*free_async_)(Address, Stream);
  int (*allocate_host_)(void**, size_t);
  int (*free_host_)(void*);
  int (*load_data_)(LoadedModule*, const void*);
  int (*get_function_)(Function*, LoadedModule, const char*);
  int (*set_function_attribute_)(Function, int, int);
  int (*launch_kernel_)(
      Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream,
      void**, void**);
  int (*memset_async_)(Address, unsigned char, size_t, Stream);
  int (*copy_async_)(Address, Address, size_t, Stream);
  int (*upload_async_)(Address, const void*, size_t, Stream);
  int (*download_async_)(void*, Address, size_t, Stream);
  int (*synchronize_)(Stream);
  int (*is_capturing_)(Stream, int*);
};

/// GPUs that the driver shows; none if there is no driver.
int n_gpus();

} // namespace cuda
} // namespace hipnn_ts
