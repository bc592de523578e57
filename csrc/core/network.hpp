// SPDX-License-Identifier: BSD-3-Clause
//
// A whole network for inference, block by block, so that a host can exchange features and their
// gradients between ranks in between. No autograd, no allocation once its buffers have grown.
#pragma once

#include <vector>

#include "core/buffer.hpp"
#include "core/kernels.hpp"
#include "core/stages.hpp"
#include "core/visibility.hpp"

namespace hipnn_ts {

template <class T> struct NetworkWeights {
  int l_max;
  std::vector<BlockWeights<T>> blocks;

  int n_components() const { return (l_max + 1) * (l_max + 1); }
};

/// The atoms and directed pairs of a step. Receivers are the first `n_receivers` atoms; the others
/// are ghosts, which only send.
template <class T> struct Configuration {
  int64_t n_atoms;
  int64_t n_receivers;
  int64_t n_pairs;
  const int64_t* species;   // (n_atoms,)
  const int64_t* receivers; // (P,)
  const int64_t* senders;   // (P,)
  const T* vectors;         // (P, 3), r_sender - r_receiver
  int n_threads;
};

/// One step: begin, forward(0), forward(1), ..., backward(last), ..., backward(0).
///
/// Weights and configuration are borrowed: they must outlive the step.
template <class T> class HIPNN_TS_API Network {
public:
  explicit Network(const NetworkWeights<T>& weights);

  /// Other weights from the next step on; buffers stay.
  void use(const NetworkWeights<T>& weights);

  /// Throws std::invalid_argument where an index is out of range.
  void begin(const Configuration<T>& configuration);

  /// Block k: features (n_receivers, n_out) from the `features` (n_atoms, n_in) that entered it
  /// (null for the first: species are enough), and its energies, added to (n_receivers,).
  /// The last block goes forward and back at once and gives no features: `out` is null there.
  void forward(int k, const T* features, T* out, double* energies);

  /// Back through block k. `out_gradients` (n_receivers, n_out), destroyed, is the gradient with
  /// respect to its features, null for the last block; `feature_gradients` (n_atoms, n_in) is
  /// written (ghosts' share included), null for the first; pair vectors' gradients (P, 3) are
  /// added to.
  void backward(int k, T* out_gradients, T* feature_gradients, T* vector_gradients);

  /// Forces (n_atoms, 3), -dE/dposition, of the pair vectors' gradients: written, in double
  /// precision and in one order, so that rounding leaves no net force.
  void forces(const T* vector_gradients, double* forces) const;

  /// Wall time spent so far in each stage.
  const StageTimes& stage_times() const { return times_; }

  int n_blocks() const { return static_cast<int>(weights_.blocks.size()); }
  const NetworkWeights<T>& weights() const { return weights_; }

  /// Memory of all buffers.
  int64_t bytes() const;

private:
  struct Kept {
    Buffer<T> moments;           // (n_receivers, C, n_middle); on the way back their gradients
    Buffer<T> slopes;            // of the activations; none for the last block
    Buffer<T> own_gradients;     // (n_receivers, n_in) of the last block, from the forward pass
    const T* features = nullptr; // that entered the block
  };

  InteractionProblem<T> interaction(int k) const;
  OnSiteProblem<T> onsite(int k) const;
  void project(int k);

  NetworkWeights<T> weights_;
  const Kernels<T>* kernels_;
  Configuration<T> step_{};
  PairGrouping by_receiver_, by_sender_;
  std::vector<Kept> kept_;
  Buffer<T> one_hot_;            // (n_receivers, n_species)
  Buffer<int64_t> species_rows_; // (P,) species of each pair's sender
  Buffer<T> projections_;        // (n_atoms, V, n_middle)
  Buffer<T> scratch_;            // of the kernels, for each thread
  int64_t scratch_size_ = 0;
  StageTimes times_;
};

} // namespace hipnn_ts
