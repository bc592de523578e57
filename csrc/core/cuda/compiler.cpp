// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/compiler.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/cuda/cache.hpp"
#include "core/cuda/sources.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using Program = struct ProgramHandle*;

/// The part of NVRTC's interface that is used here. Its functions return 0 for success.
struct Nvrtc {
  Nvrtc(const std::vector<std::string>& folders, int newest)
      : library(
            library_names("libnvrtc", folders, newest),
            missing_library("libnvrtc", "nvidia-cuda-nvrtc", newest)) {}

  Library library;
  int (*version)(int*, int*) = library.find<int(int*, int*)>("nvrtcVersion");
  int (*n_architectures)(int*) = library.find<int(int*)>("nvrtcGetNumSupportedArchs");
  int (*architectures)(int*) = library.find<int(int*)>("nvrtcGetSupportedArchs");
  int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*) =
      library.find<
          int(Program*, const char*, const char*, int, const char* const*, const char* const*)>(
          "nvrtcCreateProgram");
  int (*build)(Program, int, const char* const*) =
      library.find<int(Program, int, const char* const*)>("nvrtcCompileProgram");
  int (*destroy)(Program*) = library.find<int(Program*)>("nvrtcDestroyProgram");

  /// The result of a pair of functions "size" and "content".
  std::string content(Program program, const std::string& what) const {
    size_t size = 0;
    const auto measure = library.find<int(Program, size_t*)>(("nvrtcGet" + what + "Size").c_str());
    const auto get = library.find<int(Program, char*)>(("nvrtcGet" + what).c_str());
    check(measure(program, &size), what);
    std::string out(size, '\0');
    check(get(program, out.data()), what);
    return out;
  }

  void check(int result, const std::string& doing) const {
    if (result != 0) {
      const auto describe = library.find<const char*(int)>("nvrtcGetErrorString");
      throw std::runtime_error("NVRTC: " + doing + ": " + describe(result));
    }
  }
};

struct Target {
  std::string option;
  bool ptx;
};

/// The architecture itself, or the newest one below it that this NVRTC knows, as PTX.
Target target(const Nvrtc& nvrtc, int architecture) {
  int n = 0;
  nvrtc.check(nvrtc.n_architectures(&n), "architectures");
  std::vector<int> known(n);
  nvrtc.check(nvrtc.architectures(known.data()), "architectures");
  int best = 0;
  for (const int each : known) {
    best = each <= architecture ? std::max(best, each) : best;
  }
  if (best == 0) {
    throw std::runtime_error(
        "CUDA: a GPU of compute capability " + std::to_string(architecture) +
        " is older than this NVRTC compiles for");
  }
  const bool ptx = best != architecture;
  return {
      std::string("--gpu-architecture=") + (ptx ? "compute_" : "sm_") + std::to_string(best), ptx};
}

Binary build(
    const Nvrtc& nvrtc, const std::string& main, const std::vector<std::string>& options,
    bool ptx) {
  std::vector<const char*> names, texts, flags;
  for (const Source* source = sources; source->name; ++source) {
    names.push_back(source->name);
    texts.push_back(source->text);
  }
  for (const std::string& option : options) {
    flags.push_back(option.c_str());
  }
  Program program = nullptr;
  const int n = static_cast<int>(names.size());
  nvrtc.check(
      nvrtc.create(&program, main.c_str(), "hipnn_ts.cu", n, texts.data(), names.data()),
      "program");
  const int failed = nvrtc.build(program, static_cast<int>(flags.size()), flags.data());
  std::string out =
      failed ? nvrtc.content(program, "ProgramLog") : nvrtc.content(program, ptx ? "PTX" : "CUBIN");
  nvrtc.destroy(&program);
  if (failed) {
    throw std::runtime_error("NVRTC: the kernels do not compile:\n" + out);
  }
  return out;
}

const Nvrtc& opened(const std::vector<std::string>& folders, int newest) {
  static const Nvrtc nvrtc(folders, newest);
  return nvrtc;
}

} // namespace

std::vector<std::string> nvrtc_folders(const std::string& torch_libraries) {
  return package_folders(torch_libraries + "/../..");
}

void require_compiler(const std::vector<std::string>& folders, int newest) {
  opened(folders, newest);
}

Binary compile(
    int architecture, const Constants& constants, const std::vector<std::string>& folders,
    int newest) {
  const Nvrtc& nvrtc = opened(folders, newest);
  int major = 0, minor = 0;
  nvrtc.check(nvrtc.version(&major, &minor), "version");
  const Target to = target(nvrtc, architecture);
  std::vector<std::string> options = {to.option, "--std=c++17", "-default-device"};
  for (const std::string& definition : constants.definitions()) {
    options.push_back("-D" + definition);
  }
  const std::string main = std::string("#include \"") + constants.program + "\"\n";
  std::string key = main + std::to_string(major) + "." + std::to_string(minor);
  for (const std::string& option : options) {
    key += " " + option;
  }
  for (const Source* source = sources; source->name; ++source) {
    key += std::string("\n") + source->name + "\n" + source->text;
  }
  const Cache cache(cache_folder(), key);
  Binary binary = cache.read();
  if (binary.empty()) {
    binary = build(nvrtc, main, options, to.ptx);
    cache.write(binary);
  }
  return binary;
}

} // namespace cuda
} // namespace hipnn_ts
