// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/rank_step.hpp"

#include <algorithm>

#include "core/cuda/check_arguments.hpp"
#include "core/cuda/grids.hpp"

namespace hipnn_ts {
namespace cuda {
namespace {

constexpr int64_t most_partial = 512; // blocks that sum results: a few for each multiprocessor

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
RankStep<T>::RankStep(
    Device& device, const std::vector<NetworkWeights<T>>& members,
    const std::vector<double>& self_energies, const ClosestApproach& closest, double cutoff)
    : device_(&device), members_(uploaded(device, members)), self_energies_(device, self_energies),
      limits_(device, closest.limits()), n_species_(members_.front().n_species),
      n_limits_(closest.known() ? n_species_ : 0), cutoff_(cutoff), pairs_(device),
      network_(device, members_.front()), features_(members.front().blocks.size()),
      flags_(device, n_flags), partial_(device, most_partial * n_sums) {
  for (const BlockWeights<T>& block : members.front().blocks) {
    widths_.push_back(block.n_in);
  }
}

template <class T>
void RankStep<T>::set_atoms(
    const RankAtoms& atoms, const std::vector<int>& border, const double* places, double reach) {
  pairs_.list(search(), rank(), atoms, places, reach);
  n_rows_ = atoms.n_rows;
  n_receivers_ = atoms.n_receivers;
  border_ = Array<int>(*device_, border);
  vectors_ = Array<T>(*device_, 3 * pairs_.listed());
  vector_gradients_ = Array<T>(*device_, 3 * pairs_.listed());
  int64_t widest = 0;
  for (int k = 1; k < n_blocks(); ++k) {
    features_[k] = Array<T>(*device_, n_rows_ * padded(widths_[k]));
    widest = std::max<int64_t>(widest, widths_[k]);
  }
  message_ = Array<T>(*device_, widest * std::max(others(), border_.size()));
  constexpr int64_t of_row = 3 + 6 + 9, of_receiver = 1;
  results_ = Array<double>(*device_, sums_size + of_row * n_rows_ + of_receiver * n_receivers_);
}

template <class T> void RankStep<T>::set_species(const std::vector<int>& species) {
  species_ = Array<int>(*device_, species);
}

template <class T> void RankStep<T>::begin() {
  step_ = pairs_.near(rank(), cutoff_, species_.data(), vectors_);
  device_->zero(flags_.data(), bytes_of<int>(n_flags));
  search().launch(
      "check_pairs", warp_each(n_receivers_),
      CheckPairsArguments<T>{
          n_receivers_, step_.by_receiver, step_.species, step_.vectors, limits_.data(), n_limits_,
          flags_.data() + close_pairs, flags_.data() + not_finite});
}

template <class T> void RankStep<T>::choose(int member, bool afresh) {
  network_ = Network<T>(*device_, members_[member]);
  network_.begin(step_);
  gradients_ = Array<T>();
  if (afresh) {
    device_->zero(energies(), bytes_of<double>(n_receivers_));
    device_->zero(vector_gradients_.data(), bytes_of<T>(vector_gradients_.size()));
  }
  rank().launch(
      "add_self_energies", over(n_receivers_),
      AddSelfEnergiesArguments{
          n_receivers_, species_.data(), self_energies_.data() + int64_t{member} * n_species_,
          energies()});
}

template <class T> void RankStep<T>::forward(int k) {
  T* const out = k + 1 < n_blocks() ? features_[k + 1].data() : nullptr;
  network_.forward(k, features_[k].data(), out, energies());
}

template <class T> void RankStep<T>::backward(int k) {
  gradients_ = network_.backward(k, gradients_.data(), vector_gradients_.data());
}

template <class T> BorderArguments<T> RankStep<T>::border(int k, T* rows) const {
  return {border_.size(), widths_[k], padded(widths_[k]), border_.data(), 0, rows, message_.data()};
}

template <class T> BorderArguments<T> RankStep<T>::others_of(int k, T* rows) const {
  return {others(), widths_[k], padded(widths_[k]), nullptr, n_receivers_, rows, message_.data()};
}

template <class T> void RankStep<T>::fetch(const BorderArguments<T>& x, T* to) {
  rank().launch("pack_rows", over(x.n * x.padded), x);
  device_->download(to, message_.data(), bytes_of<T>(x.n * x.width));
}

template <class T>
void RankStep<T>::give(const char* kernel, const BorderArguments<T>& x, const T* from) {
  device_->upload(message_.data(), from, bytes_of<T>(x.n * x.width));
  rank().launch(kernel, over(x.n * x.padded), x);
}

template <class T> void RankStep<T>::fetch_features(int k, T* of_border) {
  fetch(border(k, features_[k].data()), of_border);
}

template <class T> void RankStep<T>::give_features(int k, const T* of_others) {
  give("unpack_rows", others_of(k, features_[k].data()), of_others);
}

template <class T> void RankStep<T>::fetch_gradients(int k, T* of_others) {
  fetch(others_of(k, gradients_.data()), of_others);
}

template <class T> void RankStep<T>::add_gradients(int k, const T* of_border) {
  give("add_rows", border(k, gradients_.data()), of_border);
}

template <class T> const RankResults& RankStep<T>::results(RowVirials wanted, bool forces_on_host) {
  network_.forces(vector_gradients_.data(), 1.0, results_.data());
  search().launch(
      "check_results", over(n_receivers_),
      CheckResultsArguments{n_receivers_, energies(), forces(), flags_.data() + not_finite});
  const int64_t n_partial = std::min((n_receivers_ + warps - 1) / warps, most_partial);
  rank().launch(
      "sum_results", Grid{n_partial, warps * warp_size, 1, warps * n_sums * 8},
      SumResultsArguments<T>{
          n_receivers_, step_.by_receiver, energies(), step_.vectors, vector_gradients_.data(),
          partial_.data()});
  rank().launch(
      "total_results", Grid{1, warp_size},
      TotalResultsArguments{
          n_partial, partial_.data(), flags_.data() + close_pairs, flags_.data() + not_finite,
          sums()});
  int64_t end = 3 * n_rows_ + sums_size + n_receivers_;
  const auto add_virials = [&](const char* kernel, int n_components) {
    rank().launch(
        kernel, warp_each(n_rows_),
        RowVirialsArguments<T>{
            n_rows_, n_receivers_, step_.by_receiver, step_.by_sender, step_.vectors,
            vector_gradients_.data(), results_.data() + end});
    end += n_components * n_rows_;
  };
  if (wanted != RowVirials::none) {
    add_virials("row_virials", 6);
  }
  if (wanted == RowVirials::all_to_senders_too) {
    add_virials("row_centroid_virials", 9);
  }
  const int64_t begin = forces_on_host ? 0 : 3 * n_rows_;
  const double* all = on_host_.resize(*device_, results_.size());
  device_->download(
      on_host_.data() + begin, results_.data() + begin, bytes_of<double>(end - begin));
  const double* sums = all + 3 * n_rows_;
  found_.energy = sums[0];
  std::copy_n(sums + 1, 6, found_.virial);
  found_.close = sums[sum_close] != 0;
  const auto wrong = static_cast<int64_t>(sums[sum_wrong]);
  found_.wrong = wrong > 0 ? n_receivers_ - wrong : -1;
  found_.forces = all;
  found_.energies = sums + sums_size;
  found_.virials = found_.energies + n_receivers_;
  found_.all_to_senders = found_.virials + 6 * n_rows_;
  return found_;
}

template <class T> int64_t RankStep<T>::bytes() const {
  int64_t reals = vectors_.size() + vector_gradients_.size() + message_.size();
  for (const Array<T>& each : features_) {
    reals += each.size();
  }
  return pairs_.bytes() + bytes_of<T>(reals) + bytes_of<int>(species_.size() + border_.size()) +
         bytes_of<double>(results_.size() + on_host_.size());
}

template class RankStep<float>;
template class RankStep<double>;

} // namespace cuda
} // namespace hipnn_ts
