// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/model.hpp"

#include <algorithm>
#include <map>

#include "core/model_file/architecture_json.hpp"

namespace hipnn_ts {
namespace {

constexpr const char* precision_key = "dtype";
constexpr int64_t cache_line = 64;

Architecture architecture_of(const Safetensors& document) {
  const auto found = document.metadata.find(network_key);
  if (found == document.metadata.end()) {
    throw FileError("__metadata__: expected a 'network', found none");
  }
  const Json network = parse_json(found->second, network_key);
  Architecture out = read_architecture(network, network_key);
  const std::string dtype = text_of(value_of(network, precision_key, network_key), precision_key);
  if (dtype != "float32" && dtype != "float64") {
    throw FileError("network: dtype: expected 'float32' or 'float64', found " + shown(dtype));
  }
  out.double_precision = dtype == "float64";
  out.n_members = read_members(network, network_key);
  out.uncertain = read_uncertain(network, network_key);
  if (out.uncertain && out.n_members > 1) {
    throw FileError("network: uncertainty: expected that of one network, found several members");
  }
  return out;
}

/// Each tensor of a document, used once.
class Named final : public TensorSource {
public:
  explicit Named(const std::vector<NamedTensor>& tensors) {
    for (const NamedTensor& tensor : tensors) {
      left_[tensor.name] = &tensor;
    }
  }

  const void* take(const std::string& name, ElementType type, const Shape& shape) override {
    const auto found = left_.find(name);
    if (found == left_.end()) {
      throw FileError("expected a tensor '" + name + "', found none");
    }
    const NamedTensor& tensor = *found->second;
    if (tensor.type != type || tensor.shape != shape) {
      throw FileError(
          name + ": expected " + described(type, shape) + ", found " +
          described(tensor.type, tensor.shape));
    }
    left_.erase(found);
    return tensor.data.data();
  }

  void finish() const {
    if (!left_.empty()) {
      throw FileError(
          "found a tensor '" + left_.begin()->first.substr(0, 100) +
          "', which no such network has");
    }
  }

private:
  std::map<std::string, const NamedTensor*> left_;
};

/// The tensors of one member among those of all.
class OfMember final : public TensorSource {
public:
  OfMember(TensorSource& all, int member)
      : all_(all), prefix_("members." + std::to_string(member) + ".") {}

  const void* take(const std::string& name, ElementType type, const Shape& shape) override {
    return all_.take(prefix_ + name, type, shape);
  }

private:
  TensorSource& all_;
  std::string prefix_;
};

/// Tensors of a single network have no prefix.
template <class T>
std::vector<BoundNetwork<T>> bind_members(const Architecture& network, TensorSource& tensors) {
  std::vector<BoundNetwork<T>> out;
  for (int m = 0; network.n_members > 1 && m < network.n_members; ++m) {
    OfMember own(tensors, m);
    out.push_back(bind_network<T>(network, own));
  }
  if (out.empty()) {
    out.push_back(bind_network<T>(network, tensors));
  }
  return out;
}

int64_t rounded_up(int64_t n) {
  return (n + cache_line - 1) / cache_line * cache_line;
}

} // namespace

Model::~Model() = default;
Model::Model(Model&&) noexcept = default;

Model::Model(std::string_view document) {
  const Safetensors read = Safetensors::read(document);
  architecture_ = architecture_of(read);
  int64_t size = 0;
  for (const NamedTensor& tensor : read.tensors) {
    size += rounded_up(static_cast<int64_t>(tensor.data.size()));
  }
  char* place = data_.resize(size);
  for (NamedTensor tensor : read.tensors) {
    std::copy(tensor.data.begin(), tensor.data.end(), place);
    tensor.data = {place, tensor.data.size()};
    place += rounded_up(static_cast<int64_t>(tensor.data.size()));
    tensors_.push_back(std::move(tensor));
  }
  Named source(tensors_);
  if (architecture_.double_precision) {
    members_ = bind_members<double>(architecture_, source);
  } else {
    members_ = bind_members<float>(architecture_, source);
  }
  source.finish();
}

const double* Model::self_energies(int member) const {
  return std::visit([&](const auto& all) { return all[member].self_energies; }, members_);
}

double Model::mean_self_energy(int64_t species) const {
  double sum = 0.0;
  for (int member = 0; member < n_members(); ++member) {
    sum += self_energies(member)[species];
  }
  return sum / n_members();
}

void Model::add_self_energies(
    const int64_t* species, int64_t n, double* energies, int member) const {
  const double* of_species = self_energies(member);
  for (int64_t i = 0; i < n; ++i) {
    energies[i] += of_species[species[i]];
  }
}

std::string described(const Architecture& network) {
  Json out = write_architecture(network);
  out[precision_key] = network.double_precision ? "float64" : "float32";
  if (network.n_members > 1) {
    out[members_key] = network.n_members;
  }
  if (network.uncertain) {
    out[uncertainty_key] = true;
  }
  return out.dump();
}

} // namespace hipnn_ts
