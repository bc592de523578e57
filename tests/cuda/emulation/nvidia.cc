// SPDX-License-Identifier: BSD-3-Clause
//
// NVIDIA's driver, NVRTC and cuBLAS as far as this package calls them, for one GPU that is the
// processor: libcuda.so.1, libnvrtc.so.12 and libcublas.so.12 in one. Compiled kernels are the path
// of a library that the emulation's compiler has made. What is used wrongly ends the process.
//
// HIPNN_TS_EMULATION_COUNTS names a folder for a file of each process: whenever the GPU is waited
// for, a line of what has been done so far (struct Counts).
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

int context_of_the_gpu, stream_of_the_gpu, pool_of_the_gpu, handle_of_cublas;
void* current = nullptr; // context
std::map<void*, size_t> memory;

struct Counts {
  long long up = 0, down = 0; // bytes between host and device
  long long uploads = 0, downloads = 0, launches = 0, products = 0, allocations = 0, waits = 0;
} counts;

void write_counts() {
  const char* folder = std::getenv("HIPNN_TS_EMULATION_COUNTS");
  if (!folder) {
    return;
  }
  static std::FILE* file =
      std::fopen((std::string(folder) + "/" + std::to_string(getpid())).c_str(), "w");
  std::fprintf(
      file, "%lld %lld %lld %lld %lld %lld %lld %lld\n", counts.up, counts.down, counts.uploads,
      counts.downloads, counts.launches, counts.products, counts.allocations, counts.waits);
  std::fflush(file);
}

[[noreturn]] void stop(const char* problem) {
  std::fprintf(stderr, "emulated driver: %s\n", problem);
  std::_Exit(70);
}

void expect(bool fine, const char* problem) {
  if (!fine) {
    stop(problem);
  }
}

void* pointer(unsigned long long address) {
  return reinterpret_cast<void*>(address);
}

/// All of a copy must lie in one piece of memory.
void* within(unsigned long long address, size_t bytes) {
  auto* first = static_cast<char*>(pointer(address));
  if (bytes == 0) {
    return first;
  }
  for (const auto& [begin, size] : memory) {
    if (first >= begin && first + bytes <= static_cast<char*>(begin) + size) {
      return first;
    }
  }
  stop("a copy leaves what was allocated");
}

struct Program {
  std::string main, path;
};

/// As the reference BLAS has it: matrices are stored by columns.
template <class T>
int gemm(
    void* handle, int a_transposed, int b_transposed, int m, int n, int k, const T* alpha,
    const T* a, int lda, const T* b, int ldb, const T* beta, T* c, int ldc) {
  expect(handle == &handle_of_cublas, "a handle that was not created");
  expect(
      lda >= (a_transposed ? k : m) && ldb >= (b_transposed ? n : k) && ldc >= m,
      "a leading dimension");
  ++counts.products;
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < m; ++i) {
      T sum = 0;
      for (int l = 0; l < k; ++l) {
        sum += a[a_transposed ? l + i * lda : i + l * lda] *
               b[b_transposed ? j + l * ldb : l + j * ldb];
      }
      c[i + j * ldc] = *alpha * sum + (*beta == 0 ? T(0) : *beta * c[i + j * ldc]);
    }
  }
  return 0;
}

} // namespace

extern "C" {

int cuInit(unsigned) {
  return 0;
}
int cuDriverGetVersion(int* version) {
  *version = 12080;
  return 0;
}
int cuDeviceGetCount(int* n) {
  *n = 1;
  return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 9 : 0;
  return 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = size_t{1} << 24;
  return 0;
}
int cuGetErrorName(int, const char** name) {
  *name = "an error";
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int) {
  *context = &context_of_the_gpu;
  return 0;
}
/// The host's memory counts as a device's if a variable says so; then LAMMPS's arrays are in it.
int cuPointerGetAttribute(void* value, int attribute, unsigned long long) {
  const char* device = std::getenv("HIPNN_TS_EMULATION_HOST_MEMORY_IS_OF_DEVICE");
  if (!device) {
    return 1;
  }
  constexpr int memory_type = 2, of_device = 2;
  *static_cast<int*>(value) = attribute == memory_type ? of_device : std::atoi(device);
  return 0;
}
int cuCtxSetCurrent(void* context) {
  current = context;
  return 0;
}
int cuCtxGetCurrent(void** context) {
  *context = current;
  return 0;
}
int cuStreamCreate(void** stream, unsigned) {
  expect(current, "no context");
  *stream = &stream_of_the_gpu;
  return 0;
}
int cuStreamSynchronize(void*) {
  ++counts.waits;
  write_counts();
  return 0;
}
int cuStreamIsCapturing(void*, int* status) {
  *status = 0;
  return 0;
}

int cuMemPoolCreate(void** pool, const void* properties) {
  const int expected[] = {1, 0, 1, 0};
  expect(std::memcmp(properties, expected, sizeof expected) == 0, "properties of the pool");
  *pool = &pool_of_the_gpu;
  return 0;
}
int cuMemPoolSetAttribute(void*, int, void*) {
  return 0;
}
int cuMemAllocFromPoolAsync(unsigned long long* address, size_t bytes, void* pool, void* stream) {
  expect(bytes > 0 && pool == &pool_of_the_gpu && stream == &stream_of_the_gpu, "allocation");
  ++counts.allocations;
  void* const found = std::malloc(bytes);
  std::memset(found, 0xff, bytes);
  memory[found] = bytes;
  *address = reinterpret_cast<unsigned long long>(found);
  return 0;
}
int cuMemFreeAsync(unsigned long long address, void* stream) {
  expect(stream == &stream_of_the_gpu && memory.erase(pointer(address)) == 1, "freed twice");
  std::free(pointer(address));
  return 0;
}
int cuMemAllocHost_v2(void** found, size_t bytes) {
  expect(current && bytes > 0, "allocation of the host's memory");
  ++counts.allocations;
  *found = std::malloc(bytes);
  std::memset(*found, 0xff, bytes);
  return 0;
}
int cuMemFreeHost(void* memory) {
  std::free(memory);
  return 0;
}
int cuMemsetD8Async(unsigned long long to, unsigned char value, size_t bytes, void*) {
  std::memset(within(to, bytes), value, bytes);
  return 0;
}
int cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t bytes, void*) {
  std::memcpy(within(to, bytes), within(from, bytes), bytes);
  return 0;
}
int cuMemcpyHtoDAsync_v2(unsigned long long to, const void* from, size_t bytes, void*) {
  counts.up += bytes;
  ++counts.uploads;
  std::memcpy(within(to, bytes), from, bytes);
  return 0;
}
int cuMemcpyDtoHAsync_v2(void* to, unsigned long long from, size_t bytes, void*) {
  counts.down += bytes;
  ++counts.downloads;
  std::memcpy(to, within(from, bytes), bytes);
  return 0;
}

int cuModuleLoadData(void** module, const void* data) {
  *module = dlopen(static_cast<const char*>(data), RTLD_NOW);
  expect(*module, dlerror());
  return 0;
}
struct EmulatedFunction {
  void (*kernel)(const void*);
  void (*emulate)(void (*)(const void*), unsigned, unsigned, unsigned, unsigned, const void*);
};
int cuModuleGetFunction(void** function, void* module, const char* name) {
  auto* const found = new EmulatedFunction;
  found->kernel = reinterpret_cast<void (*)(const void*)>(
      dlsym(module, (std::string("emulated_") + name).c_str()));
  found->emulate = reinterpret_cast<decltype(found->emulate)>(dlsym(module, "emulate"));
  expect(found->kernel && found->emulate, name);
  *function = found;
  return 0;
}
int cuFuncSetAttribute(void*, int attribute, int) {
  expect(attribute == 8, "attribute");
  return 0;
}
int cuLaunchKernel(
    void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned, unsigned,
    unsigned shared_bytes, void* stream, void** arguments, void**) {
  expect(current == &context_of_the_gpu && stream == &stream_of_the_gpu && z == 1, "launch");
  ++counts.launches;
  const auto* f = static_cast<EmulatedFunction*>(function);
  f->emulate(f->kernel, x, y, threads, shared_bytes, arguments[0]);
  return 0;
}

int nvrtcVersion(int* major, int* minor) {
  *major = 12;
  *minor = 8;
  return 0;
}
int nvrtcGetNumSupportedArchs(int* n) {
  *n = 1;
  return 0;
}
int nvrtcGetSupportedArchs(int* architectures) {
  *architectures = 90;
  return 0;
}
const char* nvrtcGetErrorString(int) {
  return "an error";
}
int nvrtcCreateProgram(
    Program** program, const char* main, const char*, int, const char* const*, const char* const*) {
  const std::string text = main;
  const auto begin = text.find('"') + 1;
  *program = new Program{text.substr(begin, text.find('"', begin) - begin), ""};
  return 0;
}
int nvrtcCompileProgram(Program* program, int n, const char* const* options) {
  static int count = 0;
  program->path = std::string(std::getenv("HIPNN_TS_EMULATION_FOLDER")) + "/kernels" +
                  std::to_string(getpid()) + "-" + std::to_string(count++) + ".so";
  std::string command = std::getenv("HIPNN_TS_EMULATION_COMPILE");
  command += " " + program->path + " " + program->main;
  for (int k = 0; k < n; ++k) {
    const std::string option = options[k];
    command += option.rfind("-D", 0) == 0 ? " " + option.substr(2) : "";
  }
  return std::system(command.c_str());
}
int nvrtcGetCUBINSize(Program* program, size_t* size) {
  *size = program->path.size() + 1;
  return 0;
}
int nvrtcGetCUBIN(Program* program, char* text) {
  std::strcpy(text, program->path.c_str());
  return 0;
}
int nvrtcGetProgramLogSize(Program*, size_t* size) {
  *size = 1;
  return 0;
}
int nvrtcGetProgramLog(Program*, char* text) {
  *text = 0;
  return 0;
}
int nvrtcDestroyProgram(Program** program) {
  delete *program;
  return 0;
}

int cublasCreate_v2(void** handle) {
  expect(current, "no context");
  *handle = &handle_of_cublas;
  return 0;
}
int cublasSetStream_v2(void*, void* stream) {
  expect(stream == &stream_of_the_gpu, "stream of cuBLAS");
  return 0;
}
int cublasSgemm_v2(
    void* handle, int ta, int tb, int m, int n, int k, const float* alpha, const float* a, int lda,
    const float* b, int ldb, const float* beta, float* c, int ldc) {
  return gemm(handle, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
int cublasDgemm_v2(
    void* handle, int ta, int tb, int m, int n, int k, const double* alpha, const double* a,
    int lda, const double* b, int ldb, const double* beta, double* c, int ldc) {
  return gemm(handle, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

} // extern "C"
