// SPDX-License-Identifier: BSD-3-Clause
//
// The order of work of the last block, in which neither projections nor moments of all atoms need
// exist at once: receivers go in batches, and a tile of senders has its projections from the first
// batch that reads them to the last one, which also holds the last moment gradients it waits for.
// Senders at the faces of a periodic box are read by the first batches and by the last: these are
// visited twice, each time for the receivers of one run of batches.
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
  /// To be called before each batch, in their order: where projections are, and what the visits
  /// that begin are for.
  void begin_batch(int b);
  /// Tiles of senders whose projections batch b is the first of a visit to read.
  TileList born(int b) const { return list(born_, b); }
  TileList receivers(int b) const { return list(receivers_, b); }
  /// Tiles of senders whose receivers, of this visit, all have their moment gradients after batch
  /// b.
  TileList complete(int b) const { return list(complete_, b); }
  /// Every tile of receivers; every tile of senders that has a pair.
  TileList all_receivers() const { return all(receivers_); }
  TileList all_senders() const { return all(senders_); }

  /// Where an atom's projections are, in rows; of atoms that send in this batch.
  const int32_t* projection_rows() const { return projection_rows_.data(); }
  /// Of each tile of senders, for which receivers it is visited.
  const ReceiverRange* visiting() const { return visiting_.data(); }
  /// Where a receiver's moments are.
  const int32_t* moment_rows() const { return moment_rows_.data(); }
  int64_t n_projection_rows() const { return n_projection_rows_; }
  int64_t n_moment_rows() const { return n_moment_rows_; }
  int64_t bytes() const;

private:
  /// Lists of tiles or visits, one after the other.
  struct Lists {
    std::vector<int32_t> offsets, items;
  };

  /// The batches in which a tile of senders is read: one run of them, or two with a long gap.
  struct Life {
    int32_t first, first_end, second, last; // first_end is last, second n_batches without a gap
  };
  struct Visit {
    int32_t tile, first, last; // batches
    ReceiverRange receivers;
    int32_t slot; // of its projections
  };

  /// Things by batch; those of no batch (a number outside 0 ... n_batches - 1) are in no list.
  template <class BatchOf>
  static void sort(int64_t size, int n_batches, const BatchOf& batch_of, Lists& lists);
  static TileList list(const Lists& lists, int b) {
    return {lists.items.data() + lists.offsets[b], lists.offsets[b + 1] - lists.offsets[b]};
  }
  static TileList all(const Lists& lists) {
    return {lists.items.data(), static_cast<int64_t>(lists.items.size())};
  }
  void find_lives(const PairGroups& by_receiver, const int32_t* senders);
  void make_visits();
  void place_all();

  int n_batches_ = 0, tile_size_ = 0;
  int64_t n_atoms_ = 0, n_receivers_ = 0, tiles_per_batch_ = 0;
  int64_t n_projection_rows_ = 0, n_moment_rows_ = 0;
  Lists born_, receivers_, complete_, released_, senders_;
  Lists born_visits_, complete_visits_; // the same as born_ and complete_, as visits
  Lists met_;                           // distinct tiles of senders of each tile of receivers
  std::vector<int32_t> met_by_;         // of each tile of senders, the last of those
  std::vector<Life> lives_;             // of each tile of senders
  std::vector<Visit> visits_;
  std::vector<int32_t> batch_, release_; // of each tile of receivers
  std::vector<ReceiverRange> visiting_;
  std::vector<int32_t> projection_rows_, moment_rows_;
};

} // namespace hipnn_ts
