// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace hipnn_ts {
namespace cuda {

/// Released memory of a device, kept for the next request: a step reuses the memory of the previous
/// one and requests nothing from the driver. Work goes to one stream, so a new owner's work comes
/// after the previous owner's.
class MemoryCache {
public:
  using Allocate = std::function<void*(int64_t)>;
  using Free = std::function<void(void*)>;

  MemoryCache(Allocate allocate, Free free)
      : allocate_(std::move(allocate)), free_(std::move(free)) {}

  /// The cache must outlive the returned memory.
  std::shared_ptr<void> take(int64_t bytes) {
    const int64_t size = rounded(bytes);
    return {piece(size), [this, size](void* last) { give_back(last, size); }};
  }

private:
  /// Up to an eighth more, because rebuilt lists have about the same size and then fit.
  static int64_t rounded(int64_t bytes) {
    int64_t step = 256;
    while (16 * step <= bytes) {
      step *= 2;
    }
    return (bytes + step - 1) / step * step;
  }

  void* piece(int64_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& pieces = kept_[size];
    if (!pieces.empty()) {
      void* const found = pieces.back();
      pieces.pop_back();
      kept_bytes_ -= size;
      used_bytes_ += size;
      return found;
    }
    // Sizes that are no longer requested must not fill the device.
    if (kept_bytes_ > used_bytes_) {
      release();
    }
    void* const found = allocated(size);
    used_bytes_ += size;
    return found;
  }

  void* allocated(int64_t size) {
    try {
      return allocate_(size);
    } catch (const std::runtime_error&) {
      if (kept_bytes_ == 0) {
        throw;
      }
      release();
      return allocate_(size);
    }
  }

  void give_back(void* memory, int64_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    kept_[size].push_back(memory);
    kept_bytes_ += size;
    used_bytes_ -= size;
  }

  void release() {
    for (auto& [size, pieces] : kept_) {
      for (void* each : pieces) {
        free_(each);
      }
    }
    kept_.clear();
    kept_bytes_ = 0;
  }

  Allocate allocate_;
  Free free_;
  std::mutex mutex_;
  std::map<int64_t, std::vector<void*>> kept_; // by size
  int64_t kept_bytes_ = 0, used_bytes_ = 0;
};

} // namespace cuda
} // namespace hipnn_ts
