// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/cache.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/cuda/compiler.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

/// FNV-1a, as hexadecimal digits.
std::string digest(const std::string& text, uint64_t hash) {
  for (const char each : text) {
    hash = (hash ^ static_cast<unsigned char>(each)) * 1099511628211u;
  }
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

constexpr uint64_t seeds[] = {14695981039346656037u, 8458220104731209173u};

} // namespace

std::string cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') {
    return std::string(cache) + "/hipnn-ts";
  }
  const char* home = std::getenv("HOME");
  return home && *home == '/' ? std::string(home) + "/.cache/hipnn-ts" : "";
}

Cache::Cache(const std::string& folder, const std::string& key) : folder_(folder) {
  if (!folder.empty()) {
    path_ = folder + "/" + digest(key, seeds[0]) + digest(key, seeds[1]) + ".cubin";
  }
}

/// A file ends with the digest of its content, so that one cut short by a full disk is detected.
std::string Cache::read() const {
  std::ifstream file(path_, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), {});
  if (path_.empty() || content.size() <= 16) {
    return "";
  }
  const std::string end = content.substr(content.size() - 16);
  content.resize(content.size() - 16);
  return digest(content, seeds[0]) == end ? content : "";
}

void Cache::write(const std::string& binary) const {
  if (path_.empty()) {
    return;
  }
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  const std::string temporary = path_ + "." + std::to_string(getpid());
  std::ofstream file(temporary, std::ios::binary);
  file << binary << digest(binary, seeds[0]);
  file.close();
  if (file) {
    std::filesystem::rename(temporary, path_, ignored);
  }
  std::filesystem::remove(temporary, ignored); // has no effect if it was renamed
}

} // namespace cuda
} // namespace hipnn_ts
