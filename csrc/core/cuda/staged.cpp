// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/staged.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/cuda/grids.hpp"

namespace hipnn_ts {
namespace cuda {

namespace {

template <class T>
std::vector<DeviceWeights<T>>
uploaded(Device& device, const std::vector<NetworkWeights<T>>& members) {
  std::vector<DeviceWeights<T>> out;
  out.reserve(members.size());
  for (const NetworkWeights<T>& member : members) {
    out.emplace_back(device, member);
  }
  return out;
}

} // namespace

template <class T>
StagedNetwork<T>::StagedNetwork(Device& device, const std::vector<NetworkWeights<T>>& members)
    : device_(&device), members_(uploaded(device, members)), network_(device, members_.front()),
      features_(members.front().blocks.size()) {
  for (const BlockWeights<T>& block : members.front().blocks) {
    widths_.push_back(block.n_in);
  }
}

template <class T>
typename StagedNetwork<T>::Grouped
StagedNetwork<T>::upload(const PairGroups& groups, const int32_t* other_ends) const {
  const std::vector<long long> offsets(groups.offsets, groups.offsets + groups.size + 1);
  std::vector<int> others(offsets.back());
  for (int64_t entry = 0; entry < offsets.back(); ++entry) {
    others[entry] = other_ends[groups.pair(entry)];
  }
  const int64_t n = groups.pairs ? offsets.back() : 0;
  return {
      {*device_, offsets},
      {*device_, std::vector<int>(groups.pairs, groups.pairs + n)},
      {*device_, others}};
}

template <class T> void StagedNetwork<T>::begin(const Configuration<T>& x) {
  check_ends(x.receivers, x.n_pairs, x.n_receivers);
  check_ends(x.senders, x.n_pairs, x.n_atoms);
  by_receiver_.build(x.receivers, x.n_pairs, x.n_receivers);
  by_sender_.build(x.senders, x.n_pairs, x.n_atoms);
  for (int64_t i = 0; i < x.n_atoms; ++i) {
    if (x.species[i] < 0 || x.species[i] >= members_.front().n_species) {
      throw std::invalid_argument(
          "atom " + std::to_string(i) + ": expected a species below " +
          std::to_string(members_.front().n_species) + ", found " + std::to_string(x.species[i]));
    }
  }
  n_atoms_ = x.n_atoms;
  n_receivers_ = x.n_receivers;
  n_pairs_ = x.n_pairs;
  n_threads_ = x.n_threads;
  received_ = upload(by_receiver_.groups(), x.senders);
  sent_ = upload(by_sender_.groups(), x.receivers);
  species_ = {*device_, std::vector<int>(x.species, x.species + n_atoms_)};
  vectors_ = Array<T>(*device_, 3 * n_pairs_);
  device_->upload(vectors_.data(), x.vectors, bytes_of<T>(3 * n_pairs_));
  const auto groups = [](const Grouped& g) {
    return Groups{g.offsets.data(), g.offsets.data() + 1, g.pairs.data(), g.others.data()};
  };
  configuration_ = {n_atoms_,        n_receivers_,      species_.data(),
                    vectors_.data(), groups(received_), groups(sent_)};
  choose(0);
}

template <class T> void StagedNetwork<T>::choose(int member) {
  network_ = Network<T>(*device_, members_[member]);
  network_.begin(configuration_);
}

template <class T> Array<T> StagedNetwork<T>::widened(const T* rows, int64_t n, int width) const {
  const int wide = padded(width);
  std::vector<T> out(n * wide, T(0));
  for (int64_t i = 0; i < n; ++i) {
    std::copy_n(rows + i * width, width, out.data() + i * wide);
  }
  return {*device_, out};
}

template <class T>
void StagedNetwork<T>::narrowed(const Array<T>& from, int64_t n, int width, T* rows) const {
  const int wide = padded(width);
  std::vector<T> in(n * wide);
  device_->download(in.data(), from.data(), bytes_of<T>(n * wide));
  for (int64_t i = 0; i < n; ++i) {
    std::copy_n(in.data() + i * wide, width, rows + i * width);
  }
}

template <class T>
void StagedNetwork<T>::there(int k, const T* features, T* made, double* energies) {
  if (k > 0) {
    features_[k] = widened(features, n_atoms_, widths_[k]);
  }
  const Array<double> own(*device_, n_receivers_);
  device_->zero(own.data(), bytes_of<double>(n_receivers_));
  network_.forward(k, features_[k].data(), made, own.data());
  std::vector<double> on_host(n_receivers_);
  device_->download(on_host.data(), own.data(), bytes_of<double>(n_receivers_));
  std::transform(on_host.begin(), on_host.end(), energies, energies, std::plus<>());
}

template <class T>
void StagedNetwork<T>::back(int k, T* above, T* feature_gradients, T* vector_gradients) {
  const Array<T> below = network_.backward(k, above, vector_gradients_.data());
  features_[k] = Array<T>();
  if (k > 0) {
    narrowed(below, n_atoms_, widths_[k], feature_gradients);
    return;
  }
  // The backward pass ends here: the device has added all blocks' up.
  std::vector<T> gradients(3 * n_pairs_);
  device_->download(gradients.data(), vector_gradients_.data(), bytes_of<T>(3 * n_pairs_));
  vector_gradients_ = Array<T>();
  std::transform(
      gradients.begin(), gradients.end(), vector_gradients, vector_gradients, std::plus<>());
}

template <class T>
void StagedNetwork<T>::forward(int k, const T* features, T* out, double* energies) {
  const Array<T> made(*device_, n_receivers_ * padded(widths_[k + 1]));
  there(k, features, made.data(), energies);
  narrowed(made, n_receivers_, widths_[k + 1], out);
}

template <class T>
void StagedNetwork<T>::last(
    const T* features, double* energies, T* feature_gradients, T* vector_gradients) {
  there(n_blocks() - 1, features, nullptr, energies);
  vector_gradients_ = Array<T>(*device_, 3 * n_pairs_);
  device_->zero(vector_gradients_.data(), bytes_of<T>(3 * n_pairs_));
  back(n_blocks() - 1, nullptr, feature_gradients, vector_gradients);
}

template <class T>
void StagedNetwork<T>::backward(
    int k, T* out_gradients, T* feature_gradients, T* vector_gradients) {
  const Array<T> above = widened(out_gradients, n_receivers_, widths_[k + 1]);
  back(k, above.data(), feature_gradients, vector_gradients);
}

template <class T> int64_t StagedNetwork<T>::bytes() const {
  int64_t reals = vectors_.size() + vector_gradients_.size();
  for (const Array<T>& each : features_) {
    reals += each.size();
  }
  return bytes_of<T>(reals) +
         bytes_of<int>(
             species_.size() + received_.pairs.size() + received_.others.size() +
             sent_.pairs.size() + sent_.others.size()) +
         bytes_of<long long>(received_.offsets.size() + sent_.offsets.size());
}

template class StagedNetwork<float>;
template class StagedNetwork<double>;

} // namespace cuda
} // namespace hipnn_ts
