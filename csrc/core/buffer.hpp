// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace hipnn_ts {

/// Uninitialised, cache-line aligned storage that only grows.
template <class T> class Buffer {
public:
  Buffer() = default;
  explicit Buffer(int64_t size) { resize(size); }
  ~Buffer() { release(); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept : data_(other.data_), capacity_(other.capacity_) {
    other.data_ = nullptr;
    other.capacity_ = 0;
  }

  /// Room for `size` values; what was there is lost where it has to grow.
  T* resize(int64_t size) {
    if (size > capacity_) {
      release();
      data_ = static_cast<T*>(::operator new(sizeof(T) * static_cast<size_t>(size), alignment));
      capacity_ = size;
    }
    return data_;
  }

  T* data() const { return data_; }
  int64_t bytes() const { return capacity_ * static_cast<int64_t>(sizeof(T)); }

private:
  static constexpr std::align_val_t alignment{64};

  void release() {
    if (data_) {
      ::operator delete(data_, alignment);
      data_ = nullptr;
      capacity_ = 0;
    }
  }

  T* data_ = nullptr;
  int64_t capacity_ = 0;
};

} // namespace hipnn_ts
