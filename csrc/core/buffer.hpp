// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace hipnn_ts {

/// Uninitialised, cache-line aligned storage that only grows, in huge pages if it is large.
template <class T> class Buffer {
public:
  Buffer() = default;
  explicit Buffer(int64_t size) { resize(size); }
  ~Buffer() { release(); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept
      : data_(other.data_), capacity_(other.capacity_), alignment_(other.alignment_) {
    other.data_ = nullptr;
    other.capacity_ = 0;
  }

  /// Room for `size` values; the content is lost if it has to grow.
  T* resize(int64_t size) {
    if (size > capacity_) {
      release();
      const size_t bytes = sizeof(T) * static_cast<size_t>(size);
      alignment_ = std::align_val_t{bytes < huge_page ? cache_line : huge_page};
      data_ = static_cast<T*>(::operator new(bytes, alignment_));
#ifdef MADV_HUGEPAGE
      if (bytes >= huge_page) {
        // Rows of atoms are read in any order, and there are more small pages than a TLB holds.
        madvise(data_, bytes, MADV_HUGEPAGE);
      }
#endif
      capacity_ = size;
    }
    return data_;
  }

  T* data() const { return data_; }
  int64_t bytes() const { return capacity_ * static_cast<int64_t>(sizeof(T)); }

private:
  static constexpr size_t cache_line = 64, huge_page = 2 << 20;

  void release() {
    if (data_) {
      ::operator delete(data_, alignment_);
      data_ = nullptr;
      capacity_ = 0;
    }
  }

  T* data_ = nullptr;
  int64_t capacity_ = 0;
  std::align_val_t alignment_{cache_line};
};

} // namespace hipnn_ts
