// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace hipnn_ts {
namespace cuda {

std::vector<std::string>
library_names(const std::string& name, const std::vector<std::string>& folders, int newest) {
  std::vector<std::string> places;
  const char* const chosen = std::getenv("HIPNN_TS_CUDA_LIBRARIES");
  std::istringstream list(chosen ? chosen : "");
  for (std::string folder; std::getline(list, folder, ':');) {
    places.push_back(folder + "/");
  }
  places.emplace_back();
  for (const std::string& folder : folders) {
    places.push_back(folder + "/");
  }
  std::vector<std::string> out;
  for (const std::string& place : places) {
    for (int version = newest; version >= 12; --version) {
      out.push_back(place + name + ".so." + std::to_string(version));
    }
  }
  return out;
}

std::string missing_library(const std::string& name, const std::string& package, int newest) {
  return "CUDA: expected " + name + ".so." + std::to_string(newest) + ", found none; pip install " +
         package + (newest < 13 ? "-cu12" : "") +
         ", or let HIPNN_TS_CUDA_LIBRARIES name its folder";
}

std::vector<std::string> package_folders(const std::string& packages) {
  const std::string nvidia = packages + "/nvidia/";
  return {nvidia + "cu13/lib", nvidia + "cuda_nvrtc/lib", nvidia + "cublas/lib"};
}

std::vector<std::string> own_folders() {
  Dl_info self{};
  dladdr(reinterpret_cast<void*>(&own_folders), &self);
  const std::string path = self.dli_fname ? self.dli_fname : "";
  // Libraries are in hipnn_ts/lib, the Python module in hipnn_ts.
  const std::string here = path.substr(0, path.rfind('/') + 1);
  std::vector<std::string> out = package_folders(here + "../..");
  const auto beside = package_folders(here + "..");
  out.insert(out.end(), beside.begin(), beside.end());
  out.emplace_back("/usr/local/cuda/lib64");
  return out;
}

Library::Library(const std::vector<std::string>& names, const std::string& missing) {
  for (const std::string& name : names) {
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_) {
      name_ = name;
      return;
    }
  }
  throw std::runtime_error(missing);
}

void* Library::symbol(const char* name) const {
  void* found = dlsym(handle_, name);
  if (!found) {
    throw std::runtime_error(name_ + ": expected the function " + name + ", found none");
  }
  return found;
}

} // namespace cuda
} // namespace hipnn_ts
