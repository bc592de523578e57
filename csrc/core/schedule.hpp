// SPDX-License-Identifier: BSD-3-Clause
//
// The order of work of the last block, in which neither projections nor moments of all atoms need
// exist at once: receivers go in batches, and a tile of senders has its projections from the first
// batch that reads them to the last one, which also holds the last moment gradients it waits for.
#pragma once

#include <cstdint>
#include <vector>

#include "core/pairs.hpp"
#include "core/tiles.hpp"

namespace hipnn_ts {

class Schedule {
public:
  /// `senders` (P,). Where atoms that are near in space are near in number, what a batch needs
  /// from outside itself is a shell around it.
  void build(
      const PairGroups& by_receiver, const int32_t* senders, int64_t n_atoms, int tile_size,
      int64_t tiles_per_batch);

  int n_batches() const { return n_batches_; }
  /// Tiles of senders whose projections batch b is the first to read.
  TileList born(int b) const { return list(born_, b); }
  TileList receivers(int b) const { return list(receivers_, b); }
  /// Tiles of senders whose receivers all have their moment gradients after batch b.
  TileList complete(int b) const { return list(complete_, b); }
  /// Every tile of receivers; every tile of senders that has a pair.
  TileList all_receivers() const { return all(receivers_); }
  TileList all_senders() const { return all(born_); }

  /// Where an atom's projections are, in rows; of atoms that send or receive.
  const int32_t* projection_rows() const { return projection_rows_.data(); }
  /// Where a receiver's moments are.
  const int32_t* moment_rows() const { return moment_rows_.data(); }
  int64_t n_projection_rows() const { return n_projection_rows_; }
  int64_t n_moment_rows() const { return n_moment_rows_; }
  int64_t bytes() const;

private:
  /// Lists of tiles, one after the other.
  struct Lists {
    std::vector<int32_t> offsets, tiles;
  };

  static void sort(const std::vector<int32_t>& batch_of_tile, int n_batches, Lists& lists);
  static TileList list(const Lists& lists, int b) {
    return {lists.tiles.data() + lists.offsets[b], lists.offsets[b + 1] - lists.offsets[b]};
  }
  static TileList all(const Lists& lists) {
    return {lists.tiles.data(), static_cast<int64_t>(lists.tiles.size())};
  }
  void find_lifetimes(const PairGroups& by_receiver, const int32_t* senders, int tile_size);

  int n_batches_ = 0;
  int64_t n_projection_rows_ = 0, n_moment_rows_ = 0;
  Lists born_, receivers_, complete_, released_;
  std::vector<int32_t> batch_, first_, last_, release_; // of each tile
  std::vector<int32_t> projection_rows_, moment_rows_;
};

} // namespace hipnn_ts
