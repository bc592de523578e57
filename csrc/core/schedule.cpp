// SPDX-License-Identifier: BSD-3-Clause
#include "core/schedule.hpp"

#include <algorithm>
#include <numeric>

namespace hipnn_ts {

namespace {

/// Places for tiles, the lowest free ones first so that memory is used again while it is in cache.
class Slots {
public:
  int32_t take() {
    if (free_.empty()) {
      return size_++;
    }
    const int32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give_back(int32_t slot) { free_.push_back(slot); }
  int32_t size() const { return size_; }

private:
  int32_t size_ = 0;
  std::vector<int32_t> free_;
};

void place(
    TileList tiles, int tile_size, int64_t n_atoms, Slots& slots, std::vector<int32_t>& rows) {
  for (int64_t k = 0; k < tiles.size; ++k) {
    const int64_t begin = int64_t{tiles.tiles[k]} * tile_size;
    const auto end = std::min(begin + tile_size, n_atoms);
    std::iota(rows.begin() + begin, rows.begin() + end, slots.take() * tile_size);
  }
}

void release(TileList tiles, int tile_size, const std::vector<int32_t>& rows, Slots& slots) {
  for (int64_t k = 0; k < tiles.size; ++k) {
    slots.give_back(rows[int64_t{tiles.tiles[k]} * tile_size] / tile_size);
  }
}

} // namespace

void Schedule::build(
    const PairGroups& by_receiver, const int32_t* senders, int64_t n_atoms, int tile_size,
    int64_t tiles_per_batch) {
  const auto tiles = [&](int64_t n) { return (n + tile_size - 1) / tile_size; };
  const int64_t n_receiver_tiles = tiles(by_receiver.size);
  n_batches_ = static_cast<int>((n_receiver_tiles + tiles_per_batch - 1) / tiles_per_batch);
  batch_.resize(n_receiver_tiles);
  for (int64_t t = 0; t < n_receiver_tiles; ++t) {
    batch_[t] = static_cast<int32_t>(t / tiles_per_batch);
  }
  first_.assign(tiles(n_atoms), n_batches_);
  last_.assign(tiles(n_atoms), -1);
  release_.assign(n_receiver_tiles, 0);
  find_lifetimes(by_receiver, senders, tile_size);
  sort(batch_, n_batches_, receivers_);
  sort(first_, n_batches_, born_);
  sort(last_, n_batches_, complete_);
  sort(release_, n_batches_, released_);

  projection_rows_.resize(n_atoms);
  moment_rows_.resize(by_receiver.size);
  Slots projections, moments;
  for (int b = 0; b < n_batches_; ++b) {
    place(born(b), tile_size, n_atoms, projections, projection_rows_);
    place(receivers(b), tile_size, by_receiver.size, moments, moment_rows_);
    release(complete(b), tile_size, projection_rows_, projections);
    release(list(released_, b), tile_size, moment_rows_, moments);
  }
  n_projection_rows_ = int64_t{projections.size()} * tile_size;
  n_moment_rows_ = int64_t{moments.size()} * tile_size;
}

/// Batches are numbered in the order of receivers, so the first that is met is the lowest.
void Schedule::find_lifetimes(
    const PairGroups& by_receiver, const int32_t* senders, int tile_size) {
  if (n_batches_ == 1) {
    std::fill(first_.begin(), first_.end(), 0);
    std::fill(last_.begin(), last_.end(), 0);
    return;
  }
  // A receiver's own tile counts too: its features' gradient begins with the on-site layers' share.
  for (int64_t i = 0; i < by_receiver.size; ++i) {
    const int32_t batch = batch_[i / tile_size];
    const auto meet = [&](int64_t tile) {
      first_[tile] = std::min(first_[tile], batch);
      last_[tile] = batch;
    };
    meet(i / tile_size);
    for (int64_t k = by_receiver.offsets[i]; k < by_receiver.offsets[i + 1]; ++k) {
      meet(senders[by_receiver.pair(k)] / tile_size);
    }
  }
  for (int64_t i = 0; i < by_receiver.size; ++i) {
    int32_t& released = release_[i / tile_size];
    released = std::max(released, batch_[i / tile_size]);
    for (int64_t k = by_receiver.offsets[i]; k < by_receiver.offsets[i + 1]; ++k) {
      released = std::max(released, last_[senders[by_receiver.pair(k)] / tile_size]);
    }
  }
}

/// Tiles by batch; those of no batch (a number outside 0 ... n_batches - 1) are in no list.
void Schedule::sort(const std::vector<int32_t>& batch_of_tile, int n_batches, Lists& lists) {
  auto& [offsets, tiles] = lists;
  offsets.assign(n_batches + 1, 0);
  for (const int32_t b : batch_of_tile) {
    if (b >= 0 && b < n_batches) {
      ++offsets[b + 1];
    }
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  tiles.resize(offsets[n_batches]);
  std::vector<int32_t> next(offsets.begin(), offsets.end());
  for (size_t t = 0; t < batch_of_tile.size(); ++t) {
    const int32_t b = batch_of_tile[t];
    if (b >= 0 && b < n_batches) {
      tiles[next[b]++] = static_cast<int32_t>(t);
    }
  }
}

int64_t Schedule::bytes() const {
  size_t entries = projection_rows_.capacity() + moment_rows_.capacity();
  for (const auto* of_tiles : {&batch_, &first_, &last_, &release_}) {
    entries += of_tiles->capacity();
  }
  for (const Lists* lists : {&born_, &receivers_, &complete_, &released_}) {
    entries += lists->offsets.capacity() + lists->tiles.capacity();
  }
  return static_cast<int64_t>(entries * sizeof(int32_t));
}

} // namespace hipnn_ts
