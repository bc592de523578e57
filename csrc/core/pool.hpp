// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace hipnn_ts {

/// Objects that one caller at a time uses, such as buffers: as many as there were simultaneous
/// callers.
template <class T> class Pool {
public:
  /// Sole use of an object during its lifetime.
  class Lease {
  public:
    Lease(Pool& pool, std::unique_ptr<T> object) : pool_(pool), object_(std::move(object)) {}
    ~Lease() {
      if (object_) {
        const std::lock_guard<std::mutex> lock(pool_.mutex_);
        pool_.free_.push_back(std::move(object_));
      }
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    T& operator*() const { return *object_; }
    T* operator->() const { return object_.get(); }

  private:
    Pool& pool_;
    std::unique_ptr<T> object_;
  };

  /// The free object that was used last, or else the unique_ptr from make().
  template <class Make> Lease take(const Make& make) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<T> object = std::move(free_.back());
        free_.pop_back();
        return {*this, std::move(object)};
      }
    }
    return {*this, make()};
  }

  /// Calls use(object) for each that is free.
  template <class Use> void for_each(const Use& use) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& object : free_) {
      use(*object);
    }
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;
};

} // namespace hipnn_ts
