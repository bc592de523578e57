// SPDX-License-Identifier: BSD-3-Clause
#include "torch/cuda/pairs.hpp"

#include <limits>
#include <mutex>

#include "core/cuda/grids.hpp"
#include "torch/cuda/arguments.hpp"
#include "torch/cuda/training_kernels.hpp"
#include "torch/unchanged.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using at::Tensor;

/// Threads of the backward pass use the results of the forward pass. Work of other streams does not
/// wait for it, so each stream has its own.
template <class Made> class RecentOfStreams {
public:
  template <class Make>
  std::shared_ptr<const Made>
  get(Device& device, const std::vector<Tensor>& tensors, std::vector<int64_t> sizes,
      const Make& make) {
    sizes.push_back(reinterpret_cast<int64_t>(&device));
    sizes.push_back(reinterpret_cast<int64_t>(device.stream()));
    const std::lock_guard<std::mutex> lock(mutex_);
    return recent_.get(tensors, sizes, make);
  }

private:
  std::mutex mutex_;
  Recent<std::shared_ptr<const Made>> recent_;
};

/// Interaction layers differ in windows, but not in the order of pairs.
std::shared_ptr<const Sorted> sorted(Device& device, const Tensor& ends, int64_t n_groups) {
  static auto& recent = *new RecentOfStreams<Sorted>; // at exit the driver may be unloaded first
  return recent.get(device, {ends}, {n_groups}, [&] {
    // Every pair is in a group: an index out of range makes NaN there.
    return std::make_shared<const Sorted>(
        ends.clamp(0, std::max<int64_t>(n_groups - 1, 0)).to(at::kInt), n_groups);
  });
}

template <class T>
void make_records(
    Device& device, const PairTensors& pairs, const Sizes& sizes, const Sorted& by_receiver,
    const Sorted& by_sender, const TrainingPairs& out) {
  const auto records = [](const Tensor& t) {
    return reinterpret_cast<PairRecord*>(t.data_ptr<int>());
  };
  const int64_t n = pairs.receivers.size(0);
  training_module(device, out.start.scalar_type(), sizes.n_components)
      .launch(
          "make_records", over(n),
          RecordsArguments<T>{
              n, sizes.n_receivers, sizes.n_senders, static_cast<int>(sizes.n_sensitivities),
              static_cast<int>(sizes.window), long_pointer(pairs.receivers),
              long_pointer(pairs.senders), pairs.first.const_data_ptr<int>(),
              pairs.count.const_data_ptr<int>(), by_receiver.pairs.const_data_ptr<int>(),
              by_sender.pairs.const_data_ptr<int>(), records(out.receiver_records),
              records(out.sender_records), out.start.data_ptr<T>()});
}

} // namespace

GroupedPairs TrainingPairs::grouped(const Tensor& begin, const Tensor& records) {
  return {long_pointer(begin), reinterpret_cast<const PairRecord*>(records.const_data_ptr<int>())};
}

std::shared_ptr<const TrainingPairs>
training_pairs(Device& device, const PairTensors& pairs, const Sizes& sizes, at::ScalarType type) {
  const int64_t n = pairs.receivers.size(0);
  TORCH_CHECK(
      n <= std::numeric_limits<int32_t>::max(), "expected fewer than 2^31 pairs, found ", n);
  TORCH_CHECK(
      n == 0 || (sizes.n_receivers > 0 && sizes.n_senders > 0), "expected atoms for ", n,
      " pairs, found none");
  static auto& recent = *new RecentOfStreams<TrainingPairs>;
  return recent.get(
      device, {pairs.first, pairs.count, pairs.receivers, pairs.senders},
      {sizes.n_receivers, sizes.n_senders, sizes.window, sizes.n_sensitivities,
       static_cast<int64_t>(type)},
      [&] {
        const auto by_receiver = sorted(device, pairs.receivers, sizes.n_receivers);
        const auto by_sender = sorted(device, pairs.senders, sizes.n_senders);
        const auto integers = pairs.first.options();
        TrainingPairs made{
            by_receiver->offsets, by_sender->offsets, at::empty({n, 4}, integers),
            at::empty({n, 4}, integers), at::zeros({1}, integers.dtype(type))};
        const auto call = type == at::kDouble ? make_records<double> : make_records<float>;
        call(device, pairs, sizes, *by_receiver, *by_sender, made);
        return std::make_shared<const TrainingPairs>(std::move(made));
      });
}

} // namespace cuda
} // namespace hipnn_ts
