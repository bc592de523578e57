// SPDX-License-Identifier: BSD-3-Clause
//
// What was made of some tensors lately, kept as long as they live unchanged.
#pragma once

#include <ATen/ATen.h>
#include <c10/util/intrusive_ptr.h>

#include <list>
#include <vector>

namespace hipnn_ts {

/// Tensors as they were: the same objects, not written to since through torch.
class Unchanged {
public:
  explicit Unchanged(const std::vector<at::Tensor>& tensors);

  bool are(const std::vector<at::Tensor>& tensors) const;
  /// Whether one of the tensors is gone.
  bool gone() const;
  /// Whether writing to these tensors shows; it does not for those of inference mode.
  static bool shows(const std::vector<at::Tensor>& tensors);

private:
  struct Seen {
    c10::weak_intrusive_ptr<c10::TensorImpl> tensor;
    const void* data;
    int64_t size;
    uint32_t version;
  };
  std::vector<Seen> seen_;
};

/// What was made of some tensors and sizes lately.
template <class Made> class Recent {
public:
  template <class Make>
  const Made&
  get(const std::vector<at::Tensor>& tensors, const std::vector<int64_t>& sizes, const Make& make) {
    const bool lasting = Unchanged::shows(tensors);
    for (auto entry = entries_.begin(); lasting && entry != entries_.end(); ++entry) {
      if (entry->sizes == sizes && entry->tensors.are(tensors)) {
        entries_.splice(entries_.begin(), entries_, entry);
        return entry->made;
      }
    }
    entries_.remove_if([](const Entry& entry) { return entry.tensors.gone(); });
    if (entries_.size() >= most_kept) {
      entries_.pop_back();
    }
    entries_.push_front(
        {Unchanged(lasting ? tensors : std::vector<at::Tensor>()),
         lasting ? sizes : std::vector<int64_t>(), make()});
    return entries_.front().made;
  }

private:
  static constexpr size_t most_kept = 8; // interaction layers have windows of their own

  struct Entry {
    Unchanged tensors;
    std::vector<int64_t> sizes;
    Made made;
  };
  std::list<Entry> entries_;
};

} // namespace hipnn_ts
