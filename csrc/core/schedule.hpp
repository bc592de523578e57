// SPDX-License-Identifier: BSD-3-Clause
//
// The schedule of the last block, for which neither projections nor moments of all atoms need to
// exist at once. Receivers go in batches. A tile of senders keeps its projections from the first
// batch that reads them to the last one, which also provides the last moment gradients that it
// waits for. The first and the last batches read the senders at the faces of a periodic box: these
// tiles are visited twice, each time for the receivers of one run of batches.
#pragma once

#include <cstdint>
#include <vector>

#include "core/pairs.hpp"
#include "core/tiles.hpp"

namespace hipnn_ts {

class Schedule {
public:
  /// `senders` (P,). If atoms that are near in space are near in number, a batch needs only a shell
  /// around it from outside.
  void build(
      const PairGroups& by_receiver, const int32_t* senders, int64_t n_atoms, int tile_size,
      int64_t tiles_per_batch);

  int n_batches() const { return n_batches_; }
  /// Call it before each batch, in order: sets the positions of projections, and the receivers of
  /// the visits that begin.
  void begin_batch(int b);
  /// Tiles of senders whose projections are read in batch b for the first time in a visit.
  TileList born(int b) const { return list(born_, b); }
  TileList receivers(int b) const { return list(receivers_, b); }
  /// Tiles of senders whose receivers, in this visit, all have their moment gradients after batch
  /// b.
  TileList complete(int b) const { return list(complete_, b); }
  /// Every tile of receivers; every tile of senders that has a pair.
  TileList all_receivers() const { return all(receivers_); }
  TileList all_senders() const { return all(senders_); }

  /// Row of an atom's projections, for atoms that send in this batch.
  const int32_t* projection_rows() const { return projection_rows_.data(); }
  /// For each tile of senders, the receivers of its visit.
  const ReceiverRange* visiting() const { return visiting_.data(); }
  /// Row of a receiver's moments.
  const int32_t* moment_rows() const { return moment_rows_.data(); }
  int64_t n_projection_rows() const { return n_projection_rows_; }
  int64_t n_moment_rows() const { return n_moment_rows_; }
  int64_t bytes() const;

private:
  /// Lists of tiles or visits, one after the other.
  struct Lists {
    std::vector<int32_t> offsets, items;
  };

  /// The batches that read a tile of senders: one run of them, or two with a long gap.
  struct Life {
    int32_t first, first_end, second, last; // without a gap first_end is last, second n_batches
  };
  struct Visit {
    int32_t tile, first, last; // batches
    ReceiverRange receivers;
    int32_t slot; // position of its projections
  };

  /// Sorts by batch; items with a number outside 0 ... n_batches - 1 are in no list.
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
  std::vector<int32_t> met_by_;         // for each tile of senders, the last of those
  std::vector<Life> lives_;             // for each tile of senders
  std::vector<Visit> visits_;
  std::vector<int32_t> batch_, release_; // for each tile of receivers
  std::vector<ReceiverRange> visiting_;
  std::vector<int32_t> projection_rows_, moment_rows_;
};

} // namespace hipnn_ts
