// SPDX-License-Identifier: BSD-3-Clause
#include "torch/checked_pairs.hpp"

#include "torch/checks.hpp"
#include "torch/unchanged.hpp"

namespace hipnn_ts {

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
