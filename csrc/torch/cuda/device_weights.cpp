// SPDX-License-Identifier: BSD-3-Clause
#include <cstring>
#include <limits>
#include <mutex>

#include "torch/cuda/inference.hpp"
#include "torch/packed.hpp"
#include "torch/unchanged.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

/// Device, sizes and scalars as one list of integers.
std::vector<int64_t>
key_of(const Device& device, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  std::vector<int64_t> key = {
      reinterpret_cast<int64_t>(&device), static_cast<int64_t>(sizes.size())};
  key.insert(key.end(), sizes.begin(), sizes.end());
  for (const double scalar : scalars) {
    int64_t bits;
    std::memcpy(&bits, &scalar, sizeof bits);
    key.push_back(bits);
  }
  return key;
}

} // namespace

template <class T>
std::shared_ptr<const DeviceWeights<T>> device_weights(
    Device& device, at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  using Made = std::shared_ptr<const DeviceWeights<T>>;
  // Of as many networks as live: sending one of them anew each step would take longer than the
  // step. Never destroyed: at exit the device may be gone before.
  static auto& recent = *new Recent<Made>(std::numeric_limits<size_t>::max());
  static auto& mutex = *new std::mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  return recent.get(weights.vec(), key_of(device, sizes, scalars), [&]() -> Made {
    std::vector<at::Tensor> on_host;
    for (const at::Tensor& tensor : weights) {
      on_host.push_back(tensor.to(at::kCPU));
    }
    const auto packed = unpack<T>(on_host, sizes, scalars);
    return std::make_shared<const DeviceWeights<T>>(device, packed->weights);
  });
}

template std::shared_ptr<const DeviceWeights<float>>
device_weights(Device&, at::TensorList, at::IntArrayRef, at::ArrayRef<double>);
template std::shared_ptr<const DeviceWeights<double>>
device_weights(Device&, at::TensorList, at::IntArrayRef, at::ArrayRef<double>);

} // namespace cuda
} // namespace hipnn_ts
