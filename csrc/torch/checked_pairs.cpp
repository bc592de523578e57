// SPDX-License-Identifier: BSD-3-Clause
#include "torch/checked_pairs.hpp"

#include "torch/checks.hpp"

namespace hipnn_ts {

Unchanged::Unchanged(const std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& t : tensors) {
    seen_.push_back(
        {c10::weak_intrusive_ptr<c10::TensorImpl>(t.getIntrusivePtr()), t.const_data_ptr(),
         t.numel(), static_cast<uint32_t>(t._version())});
  }
}

bool Unchanged::are(const std::vector<at::Tensor>& tensors) const {
  for (size_t k = 0; k < tensors.size(); ++k) {
    const at::Tensor& t = tensors[k];
    // A weak pointer keeps the address of a tensor that is gone from being used again.
    if (seen_[k].tensor._unsafe_get_target() != t.unsafeGetTensorImpl() ||
        seen_[k].data != t.const_data_ptr() || seen_[k].size != t.numel() ||
        seen_[k].version != static_cast<uint32_t>(t._version())) {
      return false;
    }
  }
  return true;
}

bool Unchanged::gone() const {
  for (const Seen& seen : seen_) {
    if (seen.tensor.expired()) {
      return true;
    }
  }
  return false;
}

bool Unchanged::shows(const std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& t : tensors) {
    if (t.is_inference()) {
      return false;
    }
  }
  return true;
}

namespace {

constexpr size_t most_kept = 8; // interaction layers have windows of their own

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
  struct Entry {
    Unchanged tensors;
    std::vector<int64_t> sizes;
    Made made;
  };
  std::list<Entry> entries_;
};

} // namespace

CheckedPairs::CheckedPairs(const PairTensors& pairs, const Sizes& sizes) {
  const int64_t n = pairs.receivers.size(0);
  check_index<int64_t>(pairs.receivers, "receivers", n, sizes.n_receivers);
  check_index<int64_t>(pairs.senders, "senders", n, sizes.n_senders);
  check_windows_once(pairs.first, pairs.count, n, sizes.window, sizes.n_sensitivities);
  PairGrouping by_count;
  by_count.build(pairs.count.const_data_ptr<int32_t>(), n, sizes.window + 1);
  const int32_t* order = by_count.groups().pairs;
  by_receiver_.build(pairs.receivers.const_data_ptr<int64_t>(), n, sizes.n_receivers, order);
  by_sender_.build(pairs.senders.const_data_ptr<int64_t>(), n, sizes.n_senders, order);
}

const CheckedPairs& checked_pairs(const PairTensors& pairs, const Sizes& sizes) {
  thread_local Recent<CheckedPairs> recent;
  return recent.get(
      {pairs.first, pairs.count, pairs.receivers, pairs.senders},
      {sizes.n_receivers, sizes.n_senders, sizes.window, sizes.n_sensitivities},
      [&] { return CheckedPairs(pairs, sizes); });
}

void check_windows_once(
    const at::Tensor& first, const at::Tensor& count, int64_t n, int64_t window,
    int64_t n_sensitivities) {
  thread_local Recent<bool> recent;
  recent.get({first, count}, {n, window, n_sensitivities}, [&] {
    check_windows(first, count, n, window, n_sensitivities);
    return true;
  });
}

} // namespace hipnn_ts
