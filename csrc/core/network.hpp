// SPDX-License-Identifier: BSD-3-Clause
//
// A whole network for inference, block by block, so that a host can exchange features and their
// gradients between ranks in between. It uses no autograd, and allocates nothing once its buffers
// have grown.
#pragma once

#include <vector>

#include "core/buffer.hpp"
#include "core/kernels.hpp"
#include "core/pair_order.hpp"
#include "core/repulsion.hpp"
#include "core/schedule.hpp"
#include "core/species_table.hpp"
#include "core/uncertainty.hpp"
#include "core/visibility.hpp"

namespace hipnn_ts {

template <class T> struct NetworkWeights {
  int l_max;
  std::vector<BlockWeights<T>> blocks;
  Repulsion repulsion;
  UncertaintyWeights<T> uncertainty; // if the file has them

  int n_components() const { return hipnn_ts::n_components(l_max); }
};

/// The atoms and directed pairs of a step. Receivers are the first `n_receivers` atoms; the others
/// are ghosts, which only send.
template <class T> struct Configuration {
  int64_t n_atoms;
  int64_t n_receivers;
  int64_t n_pairs;
  const int64_t* species;   // (n_atoms,)
  const int32_t* receivers; // (P,)
  const int32_t* senders;   // (P,)
  const T* vectors;         // (P, 3), r_sender - r_receiver
  int n_threads;
};

/// One step: begin, forward(0), forward(1), ..., last, ..., backward(1), backward(0).
///
/// With several networks of one shape, the members of a committee, each goes through the blocks in
/// turn, on the pairs that `begin` has grouped and in the same buffers.
///
/// Weights and configuration are borrowed: they must outlive the step.
template <class T> class HIPNN_TS_API Network {
public:
  explicit Network(const NetworkWeights<T>& weights)
      : Network(std::vector<NetworkWeights<T>>{weights}) {}
  explicit Network(std::vector<NetworkWeights<T>> members);

  /// Selects the first member. Throws std::invalid_argument if an index is out of range.
  void begin(const Configuration<T>& configuration);

  /// Selects the member whose forward(0) comes next, in the same step.
  void choose(int member);

  /// Block k, not the last: features `out` (n_receivers, n_out) from its input `features` (n_atoms,
  /// n_in) (null for the first, which needs only species), and its energies, added to
  /// (n_receivers,).
  void forward(int k, const T* features, T* out, double* energies);

  /// The last block, forward and backward at once, and the repulsion: energies, added to
  /// (n_receivers,), from the features (n_atoms, n_in). The gradient with respect to these
  /// (including ghosts) is written, and pair vectors' gradients (P, 3) are added to. Features and
  /// their gradients are null if the last block is the first. The block's output is written to
  /// `out` (n_receivers, n_out) if that is not null.
  void last(
      const T* features, double* energies, T* feature_gradients, T* vector_gradients,
      T* out = nullptr);

  /// Backward pass through block k, not the last. `out_gradients` (n_receivers, n_out), which is
  /// destroyed, is the gradient with respect to its output; `feature_gradients` (n_atoms, n_in) is
  /// written (including ghosts), null for the first; pair vectors' gradients (P, 3) are added to.
  void backward(int k, T* out_gradients, T* feature_gradients, T* vector_gradients);

  /// Forces (n_atoms, 3), -dE/dposition, from the pair vectors' gradients: written, in double
  /// precision and in a fixed order, so that rounding leaves no net force.
  void forces(const T* vector_gradients, double* forces) const;

  /// Force uncertainties (n_receivers,), eV/Å, from the output features of each block,
  /// (n_receivers, n_out) each: written. Throws std::invalid_argument if the file has none.
  void uncertainties(const T* const* features, double* out);

  /// Seconds spent so far in each stage, summed over threads.
  StageSeconds stage_seconds() const;

  int n_blocks() const { return static_cast<int>(weights().blocks.size()); }
  /// Of the selected member.
  const NetworkWeights<T>& weights() const { return members_[member_]; }

  /// Memory of all buffers.
  int64_t bytes() const;

private:
  /// The data that the backward pass through a block before the last needs.
  struct Kept {
    Buffer<T> moments; // (n_receivers, C, n_middle), of the first block the radial ones (.., C, K)
    Buffer<T> slopes;  // of the activations
    const T* features = nullptr; // input features of the block
  };

  const SpeciesTable<T>& species() const { return species_[member_]; }
  void mark_species();
  void group_pairs();
  BlockProblem<T> problem(int k);
  void resize_scratch();
  void clear(int k, T* feature_gradients) const;

  std::vector<NetworkWeights<T>> members_;
  int member_ = 0;
  const Kernels<T>* kernels_;
  Configuration<T> step_{};
  int tile_size_ = 0;
  PairOrder order_;
  PairGrouping by_receiver_, by_sender_;
  Schedule schedule_;
  std::vector<Kept> kept_;               // of each block
  std::vector<SpeciesTable<T>> species_; // of each member
  std::vector<int32_t> all_rows_;        // (n_receivers,), if moments of all receivers are kept
  Buffer<T> one_hot_;                    // (n_receivers, n_species)
  Buffer<T> projections_;                // rows according to the schedule, after the first block
  Buffer<T> last_moments_;               // likewise, of the last block unless it is the first
  Buffer<T> scratch_;                    // of the kernels, for each thread
  Uncertainties<T> uncertainties_;
  int64_t scratch_size_ = 0;
  std::vector<StageSeconds> seconds_; // of each thread
};

} // namespace hipnn_ts
