// SPDX-License-Identifier: BSD-3-Clause
#include "core/schedule.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace hipnn_ts {

namespace {

/// Slots for tiles, the lowest free ones first, so that memory is reused while it is in cache.
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

void set_rows(
    int64_t tile, int32_t slot, int tile_size, int64_t n_atoms, std::vector<int32_t>& rows) {
  const int64_t begin = tile * tile_size;
  const auto end = std::min(begin + tile_size, n_atoms);
  std::iota(rows.begin() + begin, rows.begin() + end, slot * tile_size);
}

constexpr int32_t everything = std::numeric_limits<int32_t>::max();

} // namespace

void Schedule::build(
    const PairGroups& by_receiver, const int32_t* senders, int64_t n_atoms, int tile_size,
    int64_t tiles_per_batch) {
  const auto tiles = [&](int64_t n) { return (n + tile_size - 1) / tile_size; };
  tile_size_ = tile_size;
  tiles_per_batch_ = tiles_per_batch;
  n_atoms_ = n_atoms;
  n_receivers_ = by_receiver.size;
  const int64_t n_receiver_tiles = tiles(n_receivers_);
  n_batches_ = static_cast<int>((n_receiver_tiles + tiles_per_batch - 1) / tiles_per_batch);
  batch_.resize(n_receiver_tiles);
  for (int64_t t = 0; t < n_receiver_tiles; ++t) {
    batch_[t] = static_cast<int32_t>(t / tiles_per_batch);
  }
  sort(n_receiver_tiles, n_batches_, [&](int64_t t) { return batch_[t]; }, receivers_);
  lives_.resize(tiles(n_atoms));
  find_lives(by_receiver, senders);
  make_visits();
  place_all();
}

/// Batches are numbered in the order of receivers, so they are met in that order.
void Schedule::find_lives(const PairGroups& by_receiver, const int32_t* senders) {
  const auto n_tiles = static_cast<int32_t>(lives_.size());
  if (n_batches_ == 1) {
    std::fill_n(lives_.begin(), n_tiles, Life{0, 0, 1, 0});
    release_.assign(batch_.size(), 0);
    return;
  }
  std::fill_n(lives_.begin(), n_tiles, Life{n_batches_, n_batches_, n_batches_, -1});
  release_ = batch_;
  const int32_t long_gap = std::max(4, n_batches_ / 4);
  const auto tile_size = static_cast<uint32_t>(tile_size_);
  met_.offsets.assign(1, 0);
  met_.items.clear();
  met_by_.assign(n_tiles, -1);
  for (int32_t t = 0; t < static_cast<int32_t>(batch_.size()); ++t) {
    const int64_t begin = int64_t{t} * tile_size_;
    const int64_t end = std::min(begin + tile_size_, n_receivers_);
    for (int64_t k = by_receiver.offsets[begin]; k < by_receiver.offsets[end]; ++k) {
      const uint32_t tile = static_cast<uint32_t>(senders[by_receiver.pair(k)]) / tile_size;
      if (met_by_[tile] == t) {
        continue;
      }
      met_by_[tile] = t;
      met_.items.push_back(static_cast<int32_t>(tile));
      Life& life = lives_[tile];
      if (life.last < 0) {
        life.first = batch_[t];
      } else if (life.second == n_batches_ && batch_[t] - life.last > long_gap) {
        life.first_end = life.last;
        life.second = batch_[t];
      }
      life.last = batch_[t];
    }
    met_.offsets.push_back(static_cast<int32_t>(met_.items.size()));
  }
  for (Life& life : lives_) {
    life.first_end = std::min(life.first_end, life.last);
  }
  for (size_t t = 0; t < batch_.size(); ++t) {
    for (int32_t k = met_.offsets[t]; k < met_.offsets[t + 1]; ++k) {
      const Life& life = lives_[met_.items[k]];
      release_[t] = std::max(release_[t], batch_[t] < life.second ? life.first_end : life.last);
    }
  }
}

void Schedule::make_visits() {
  visits_.clear();
  for (size_t t = 0; t < lives_.size(); ++t) {
    const Life& life = lives_[t];
    const auto tile = static_cast<int32_t>(t);
    if (life.last < 0) {
      continue;
    }
    if (life.second == n_batches_) {
      visits_.push_back({tile, life.first, life.last, {0, everything}, 0});
    } else {
      const auto boundary = static_cast<int32_t>(life.second * tiles_per_batch_ * tile_size_);
      visits_.push_back({tile, life.first, life.first_end, {0, boundary}, 0});
      visits_.push_back({tile, life.second, life.last, {boundary, everything}, 0});
    }
  }
  const auto size = static_cast<int64_t>(visits_.size());
  sort(size, n_batches_, [&](int64_t v) { return visits_[v].first; }, born_visits_);
  sort(size, n_batches_, [&](int64_t v) { return visits_[v].last; }, complete_visits_);
  const auto tiles_of = [&](const Lists& visits, Lists& tiles) {
    tiles.offsets = visits.offsets;
    tiles.items.resize(visits.items.size());
    std::transform(visits.items.begin(), visits.items.end(), tiles.items.begin(), [&](int32_t v) {
      return visits_[v].tile;
    });
  };
  tiles_of(born_visits_, born_);
  tiles_of(complete_visits_, complete_);
  sort(lives_.size(), 1, [&](int64_t t) { return lives_[t].last < 0 ? -1 : 0; }, senders_);
  sort(release_.size(), n_batches_, [&](int64_t t) { return release_[t]; }, released_);
}

void Schedule::place_all() {
  projection_rows_.resize(n_atoms_);
  visiting_.resize(lives_.size());
  moment_rows_.resize(n_receivers_);
  Slots projections, moments;
  for (int b = 0; b < n_batches_; ++b) {
    const TileList born = list(born_visits_, b), done = list(complete_visits_, b);
    for (int64_t k = 0; k < born.size; ++k) {
      visits_[born.tiles[k]].slot = projections.take();
    }
    for (int64_t k = 0; k < receivers(b).size; ++k) {
      set_rows(receivers(b).tiles[k], moments.take(), tile_size_, n_receivers_, moment_rows_);
    }
    for (int64_t k = 0; k < done.size; ++k) {
      projections.give_back(visits_[done.tiles[k]].slot);
    }
    const TileList released = list(released_, b);
    for (int64_t k = 0; k < released.size; ++k) {
      moments.give_back(moment_rows_[int64_t{released.tiles[k]} * tile_size_] / tile_size_);
    }
  }
  n_projection_rows_ = int64_t{projections.size()} * tile_size_;
  n_moment_rows_ = int64_t{moments.size()} * tile_size_;
}

void Schedule::begin_batch(int b) {
  const TileList born = list(born_visits_, b);
  for (int64_t k = 0; k < born.size; ++k) {
    const Visit& visit = visits_[born.tiles[k]];
    set_rows(visit.tile, visit.slot, tile_size_, n_atoms_, projection_rows_);
    visiting_[visit.tile] = visit.receivers;
  }
}

template <class BatchOf>
void Schedule::sort(int64_t size, int n_batches, const BatchOf& batch_of, Lists& lists) {
  auto& [offsets, items] = lists;
  offsets.assign(n_batches + 1, 0);
  for (int64_t t = 0; t < size; ++t) {
    const int32_t b = batch_of(t);
    if (b >= 0 && b < n_batches) {
      ++offsets[b + 1];
    }
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  items.resize(offsets[n_batches]);
  std::vector<int32_t> next(offsets.begin(), offsets.end());
  for (int64_t t = 0; t < size; ++t) {
    const int32_t b = batch_of(t);
    if (b >= 0 && b < n_batches) {
      items[next[b]++] = static_cast<int32_t>(t);
    }
  }
}

int64_t Schedule::bytes() const {
  size_t entries = projection_rows_.capacity() + moment_rows_.capacity() + met_by_.capacity();
  for (const auto* of_tiles : {&batch_, &release_}) {
    entries += of_tiles->capacity();
  }
  for (const Lists* lists :
       {&born_, &receivers_, &complete_, &released_, &senders_, &born_visits_, &complete_visits_,
        &met_}) {
    entries += lists->offsets.capacity() + lists->items.capacity();
  }
  return static_cast<int64_t>(
      entries * sizeof(int32_t) + lives_.capacity() * sizeof(Life) +
      visits_.capacity() * sizeof(Visit) + visiting_.capacity() * sizeof(ReceiverRange));
}

} // namespace hipnn_ts
