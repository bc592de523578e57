// SPDX-License-Identifier: BSD-3-Clause
#include "torch/loaded_model.hpp"

#include <torch/library.h>

#include <cstring>
#include <limits>

#include "core/model_file/format_1.hpp"
#include "torch/unchanged.hpp"

namespace hipnn_ts {
namespace {

using at::Tensor;
using Shared = std::shared_ptr<LoadedModel>;

/// Models of living tensors, all of which are kept, since making one takes longer than a step.
/// Those of destroyed tensors are deleted when another one is made.
class Models {
public:
  template <class Make>
  Shared
  get(const std::vector<Tensor>& tensors, const std::vector<int64_t>& key, const Make& make) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return recent_.get(tensors, key, [&] {
      return file_checked([&] { return std::make_shared<LoadedModel>(Model(make())); });
    });
  }

private:
  std::mutex mutex_;
  Recent<Shared> recent_{std::numeric_limits<size_t>::max()};
};

/// Never destroyed, because at exit a device may be unloaded first.
Models& models() {
  static auto& all = *new Models;
  return all;
}

std::string_view bytes_of(const Tensor& t) {
  return {static_cast<const char*>(t.const_data_ptr()), static_cast<size_t>(t.nbytes())};
}

NamedTensor named(std::string name, const Tensor& t) {
  const auto type = t.scalar_type();
  TORCH_CHECK(
      type == at::kShort || type == at::kFloat || type == at::kDouble, name,
      ": expected a tensor of int16, float32 or float64, found ", type);
  return {
      std::move(name),
      type == at::kShort   ? ElementType::int16
      : type == at::kFloat ? ElementType::float32
                           : ElementType::float64,
      t.sizes().vec(), bytes_of(t)};
}

std::string format_1_document(
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars,
    const Tensor& self_energies, std::vector<std::string> elements) {
  std::vector<Tensor> owners = {self_energies.cpu().contiguous()};
  FormatOne parts{{}, sizes.vec(), scalars.vec(), std::move(elements), {}};
  parts.self_energies = named("self_energies", owners.front());
  for (const Tensor& weight : weights) {
    owners.push_back(weight.cpu().contiguous());
    parts.weights.push_back(
        named("packed weight " + std::to_string(parts.weights.size()), owners.back()));
  }
  return document_of(parts);
}

} // namespace

template <class T>
std::shared_ptr<const cuda::DeviceWeights<T>>
LoadedModel::on_device(cuda::Device& device, int member) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto& found = std::get<OnDevices<T>>(on_devices_)[{&device, member}];
  if (!found) {
    found = std::make_shared<const cuda::DeviceWeights<T>>(device, model_->weights<T>(member));
  }
  return found;
}

template std::shared_ptr<const cuda::DeviceWeights<float>>
LoadedModel::on_device(cuda::Device&, int);
template std::shared_ptr<const cuda::DeviceWeights<double>>
LoadedModel::on_device(cuda::Device&, int);

Tensor LoadedModel::self_energies_on(at::Device where) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto& found = self_energies_[{static_cast<int>(where.type()), where.index()}];
  if (!found.defined()) {
    std::vector<double> values(architecture().n_species());
    for (size_t species = 0; species < values.size(); ++species) {
      values[species] = model_->mean_self_energy(species);
    }
    found = at::tensor(values, at::kDouble).to(where);
  }
  return found;
}

Shared loaded_model(const Tensor& document) {
  TORCH_CHECK(
      document.scalar_type() == at::kByte && document.dim() == 1,
      "document: expected a tensor of bytes, found ", document.scalar_type(), " of shape ",
      document.sizes());
  return models().get({document}, {}, [&] {
    const Tensor here = document.cpu().contiguous();
    return std::string(bytes_of(here));
  });
}

Shared loaded_model(at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars) {
  TORCH_CHECK(!weights.empty(), "weights: expected packed weights, found none");
  std::vector<int64_t> key = sizes.vec();
  key.push_back(static_cast<int64_t>(sizes.size()));
  for (const double scalar : scalars) {
    int64_t bits;
    std::memcpy(&bits, &scalar, sizeof bits);
    key.push_back(bits);
  }
  return models().get(weights.vec(), key, [&] {
    const int64_t n_species = sizes.size() > 4 ? std::max<int64_t>(sizes[4], 0) : 0;
    TORCH_CHECK(n_species <= n_elements, "packed weights: found ", n_species, " species");
    return format_1_document(weights, sizes, scalars, at::zeros({n_species}, at::kDouble), {});
  });
}

Tensor document_of_format_1(
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars,
    const Tensor& self_energies, const std::vector<std::string>& elements) {
  const std::string document = file_checked(
      [&] { return format_1_document(weights, sizes, scalars, self_energies, elements); });
  Tensor out = at::empty({static_cast<int64_t>(document.size())}, at::kByte);
  std::memcpy(out.mutable_data_ptr(), document.data(), document.size());
  return out;
}

namespace {

Tensor document_operator(
    at::TensorList weights, at::IntArrayRef sizes, at::ArrayRef<double> scalars,
    const Tensor& self_energies, const std::vector<std::string>& elements) {
  return document_of_format_1(weights, sizes, scalars, self_energies, elements);
}

/// A document's description of its network, in JSON, after all checks.
std::string describe_document(const Tensor& document) {
  return described(loaded_model(document)->architecture());
}

} // namespace
} // namespace hipnn_ts

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def("describe_document(Tensor document) -> str", &hipnn_ts::describe_document);
  m.def(
      "document_of_format_1(Tensor[] weights, int[] sizes, float[] scalars, Tensor self_energies, "
      "str[] elements) -> Tensor",
      &hipnn_ts::document_operator);
}
