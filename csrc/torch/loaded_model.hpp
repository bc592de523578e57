// SPDX-License-Identifier: BSD-3-Clause
//
// A network on torch's side: made from a document once, with everything needed to evaluate it, for
// all holders of the document's tensor.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <mutex>

#include "core/cuda/weights.hpp"
#include "core/model_file/model.hpp"
#include "core/pool.hpp"
#include "core/runtime/pair_evaluation.hpp"
#include "torch/file_checked.hpp"

namespace hipnn_ts {

class HIPNN_TS_API LoadedModel {
public:
  explicit LoadedModel(Model model) : model_(std::make_shared<const Model>(std::move(model))) {}

  const std::shared_ptr<const Model>& model() const { return model_; }
  const Architecture& architecture() const { return model_->architecture(); }

  /// Calls use(one) with one = float() or double(), the network's precision.
  template <class Use> auto with_precision(const Use& use) const {
    return architecture().double_precision ? use(double()) : use(float());
  }

  /// Sole use of the network and its buffers, which are kept for the next caller.
  template <class T> typename Pool<PairEvaluation<T>>::Lease evaluation() {
    return evaluations<T>().take(
        [&] { return std::make_unique<PairEvaluation<T>>(model_->all_weights<T>()); });
  }
  /// Buffers that nobody uses now.
  template <class T> Pool<PairEvaluation<T>>& evaluations() {
    return std::get<Pool<PairEvaluation<T>>>(evaluations_);
  }

  int n_members() const { return model_->n_members(); }
  /// A member's weights on a device, uploaded once.
  template <class T>
  std::shared_ptr<const cuda::DeviceWeights<T>> on_device(cuda::Device& device, int member);
  /// Self energies (n_species,) float64, eV, mean of the members, on this device, uploaded once.
  at::Tensor self_energies_on(at::Device where);

private:
  template <class T>
  using OnDevices =
      std::map<std::pair<cuda::Device*, int>, std::shared_ptr<const cuda::DeviceWeights<T>>>;

  std::shared_ptr<const Model> model_;
  std::tuple<Pool<PairEvaluation<float>>, Pool<PairEvaluation<double>>> evaluations_;
  std::mutex mutex_;
  std::tuple<OnDevices<float>, OnDevices<double>> on_devices_;
  std::map<std::pair<int, int>, at::Tensor> self_energies_; // by type and index of the device
};

/// From a document (uint8) on any device; the same object while its tensor lives and is not written
/// to. Throws c10::Error if the document cannot be used.
HIPNN_TS_API std::shared_ptr<LoadedModel> loaded_model(const at::Tensor& document);

/// Likewise from the packed weights, sizes and scalars of format 1, whose self energies are added
/// elsewhere.
std::shared_ptr<LoadedModel>
loaded_model(at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars);

/// The document of a potential of format 1. Throws c10::Error if the parts do not fit.
HIPNN_TS_API at::Tensor document_of_format_1(
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars,
    const at::Tensor& self_energies, const std::vector<std::string>& elements);

} // namespace hipnn_ts
