// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/library.hpp"

#include <dlfcn.h>

#include <stdexcept>

namespace hipnn_ts {
namespace cuda {

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
