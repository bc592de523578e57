// SPDX-License-Identifier: BSD-3-Clause
//
// A cache of values computed from tensors, which are kept while the tensors live unchanged.
#pragma once

#include <ATen/ATen.h>
#include <c10/util/intrusive_ptr.h>

#include <list>
#include <optional>
#include <vector>

namespace hipnn_ts {

/// A record of tensors: the same objects, not written to since through torch.
class Unchanged {
public:
  explicit Unchanged(const std::vector<at::Tensor>& tensors);

  bool are(const std::vector<at::Tensor>& tensors) const;
  /// Whether they cannot occur again: one of the tensors was destroyed or written to.
  bool past() const;
  /// Whether writes to these tensors are recorded; those of inference mode record none.
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

/// Values computed recently from some tensors and sizes, up to a maximum number.
template <class Made> class Recent {
public:
  /// Interaction layers, for example, have separate windows.
  explicit Recent(size_t most_kept = 8) : most_kept_(most_kept) {}

  template <class Make>
  const Made&
  get(const std::vector<at::Tensor>& tensors, const std::vector<int64_t>& sizes, const Make& make) {
    if (!Unchanged::shows(tensors)) {
      return passing_.emplace(make());
    }
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->sizes == sizes && entry->tensors.are(tensors)) {
        entries_.splice(entries_.begin(), entries_, entry);
        return entry->made;
      }
    }
    entries_.remove_if([](const Entry& entry) { return entry.tensors.past(); });
    if (entries_.size() >= most_kept_) {
      entries_.pop_back();
    }
    entries_.push_front({Unchanged(tensors), sizes, make()});
    return entries_.front().made;
  }

private:
  struct Entry {
    Unchanged tensors;
    std::vector<int64_t> sizes;
    Made made;
  };
  size_t most_kept_;
  std::list<Entry> entries_;
  std::optional<Made> passing_; // from tensors whose changes are not recorded
};

} // namespace hipnn_ts
