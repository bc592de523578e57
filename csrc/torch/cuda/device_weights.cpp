// SPDX-License-Identifier: BSD-3-Clause
#include <list>
#include <mutex>

#include "torch/cuda/inference.hpp"
#include "torch/packed.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

/// What is on a device came from these tensors, as they were.
struct Entry {
  const Device* device;
  std::vector<WeakTensor> sources;
  std::vector<uint32_t> versions;
  std::vector<int64_t> sizes;
  std::vector<double> scalars;
  std::shared_ptr<const void> weights;

  bool alive() const {
    return std::none_of(
        sources.begin(), sources.end(), [](const WeakTensor& each) { return each.expired(); });
  }
};

uint32_t version(const at::Tensor& t) {
  return t.is_inference() ? 0 : t._version();
}

bool matches(
    const Entry& entry, const Device& device, at::TensorList weights, at::IntArrayRef sizes,
    at::ArrayRef<double> scalars) {
  if (entry.device != &device || entry.sources.size() != weights.size() ||
      !sizes.equals(entry.sizes) || !scalars.equals(entry.scalars)) {
    return false;
  }
  for (size_t k = 0; k < weights.size(); ++k) {
    if (entry.sources[k]._unsafe_get_target() != weights[k].unsafeGetTensorImpl() ||
        entry.versions[k] != version(weights[k])) {
      return false;
    }
  }
  return true;
}

} // namespace

template <class T>
std::shared_ptr<const DeviceWeights<T>> device_weights(
    Device& device, at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  // Never destroyed: at exit the device may be gone before.
  static auto& entries = *new std::list<Entry>;
  static auto& mutex = *new std::mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  entries.remove_if([](const Entry& each) { return !each.alive(); });
  for (const Entry& entry : entries) {
    if (matches(entry, device, weights, sizes, scalars)) {
      return std::static_pointer_cast<const DeviceWeights<T>>(entry.weights);
    }
  }
  std::vector<at::Tensor> on_host;
  Entry entry{&device, {}, {}, sizes.vec(), scalars.vec(), nullptr};
  for (const at::Tensor& tensor : weights) {
    on_host.push_back(tensor.to(at::kCPU));
    entry.sources.emplace_back(tensor.getIntrusivePtr());
    entry.versions.push_back(version(tensor));
  }
  const auto packed = unpack<T>(on_host, sizes, scalars);
  auto made = std::make_shared<const DeviceWeights<T>>(device, packed->weights);
  entry.weights = made;
  entries.push_back(std::move(entry));
  return made;
}

template std::shared_ptr<const DeviceWeights<float>>
device_weights(Device&, at::TensorList, at::IntArrayRef, at::ArrayRef<double>);
template std::shared_ptr<const DeviceWeights<double>>
device_weights(Device&, at::TensorList, at::IntArrayRef, at::ArrayRef<double>);

} // namespace cuda
} // namespace hipnn_ts
