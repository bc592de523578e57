// SPDX-License-Identifier: BSD-3-Clause
#include "core/cuda/rank_pairs.hpp"

#include <algorithm>

#include "core/cuda/grids.hpp"
#include "core/cuda/neighbour_arguments.hpp"
#include "core/cuda/rank_arguments.hpp"

namespace hipnn_ts {
namespace cuda {

void RankPairs::list(
    Module& search, Module& rank, const RankAtoms& atoms, const double* places, double reach) {
  const Bins bins = divide(places, atoms.n_images(), Box(), reach);
  n_receivers_ = atoms.n_receivers;
  n_rows_ = atoms.n_rows;
  n_images_ = atoms.n_images();
  rows_ = Array<int>(*device_, atoms.row_of_image);
  shifts_ = Array<int16_t>(*device_, atoms.shifts);
  positions_ = Array<double>(*device_, 3 * n_rows_);
  places_ = Array<double>(*device_, 3 * n_images_);
  place(places);
  pairs_ = search_cells(
      *device_, search, places_.data(), n_images_, n_receivers_, bins, Box(), reach, false);

  const int64_t n = pairs_.size;
  const Array<int> counts = zeros<int>(*device_, n_rows_), filled = zeros<int>(*device_, n_rows_);
  receiver_of_ = Array<int>(*device_, n);
  rank.launch(
      "count_senders", warp_each(n_receivers_),
      CountSendersArguments{
          n_receivers_, pairs_.first.data(), pairs_.senders.data(), rows_.data(), counts.data(),
          receiver_of_.data()});
  sent_ = Array<long long>(*device_, n_rows_ + 1);
  search.launch("scan", scan_grid(), ScanArguments{n_rows_, counts.data(), sent_.data()});
  listed_ = Array<int>(*device_, n);
  rank.launch(
      "place_senders", over(n),
      PlaceSendersArguments{
          n, pairs_.senders.data(), rows_.data(), sent_.data(), filled.data(), listed_.data()});
  search.launch(
      "sort_bins", over(n_rows_), SortBinsArguments{n_rows_, sent_.data(), listed_.data()});
  receiver_end_ = Array<long long>(*device_, n_receivers_);
  sender_end_ = Array<long long>(*device_, n_rows_);
  for (Array<int>* each : {&moved_, &senders_, &sent_pairs_, &receivers_}) {
    *each = Array<int>(*device_, n);
  }
}

void RankPairs::move(Module& rank, const double* positions, const double* box) {
  device_->upload(positions_.data(), positions, bytes_of<double>(3 * n_rows_));
  PlaceImagesArguments x{};
  x.n = n_images_;
  x.rows = rows_.data();
  x.shifts = shifts_.data();
  std::copy_n(box, 9, x.box);
  x.positions = positions_.data();
  x.places = places_.data();
  rank.launch("place_images", over(n_images_), x);
}

void RankPairs::place(const double* places) {
  device_->upload(places_.data(), places, bytes_of<double>(3 * n_images_));
}

template <class T>
DeviceConfiguration<T>
RankPairs::near(Module& rank, double cutoff, const int* species, Array<T>& vectors) {
  if (vectors.size() != 3 * pairs_.size) {
    vectors = Array<T>(*device_, 3 * pairs_.size);
  }
  rank.launch(
      "near_pairs", warp_each(n_receivers_),
      NearPairsArguments<T>{
          n_receivers_, cutoff * cutoff, places_.data(), rows_.data(), pairs_.first.data(),
          pairs_.senders.data(), receiver_end_.data(), senders_.data(), vectors.data(),
          moved_.data()});
  rank.launch(
      "sender_pairs", warp_each(n_rows_),
      SenderPairsArguments{
          n_rows_, sent_.data(), listed_.data(), moved_.data(), receiver_of_.data(),
          sender_end_.data(), sent_pairs_.data(), receivers_.data()});
  return {
      n_rows_,
      n_receivers_,
      species,
      vectors.data(),
      {pairs_.first.data(), receiver_end_.data(), nullptr, senders_.data()},
      {sent_.data(), sender_end_.data(), sent_pairs_.data(), receivers_.data()}};
}

int64_t RankPairs::bytes() const {
  int64_t ints = rows_.size() + pairs_.senders.size();
  for (const Array<int>* each :
       {&listed_, &receiver_of_, &moved_, &senders_, &sent_pairs_, &receivers_}) {
    ints += each->size();
  }
  return bytes_of<int>(ints) + bytes_of<int16_t>(shifts_.size()) +
         bytes_of<double>(positions_.size() + places_.size()) +
         bytes_of<long long>(
             pairs_.first.size() + sent_.size() + receiver_end_.size() + sender_end_.size());
}

template DeviceConfiguration<float> RankPairs::near(Module&, double, const int*, Array<float>&);
template DeviceConfiguration<double> RankPairs::near(Module&, double, const int*, Array<double>&);

} // namespace cuda
} // namespace hipnn_ts
