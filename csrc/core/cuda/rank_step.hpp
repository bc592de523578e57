// SPDX-License-Identifier: BSD-3-Clause
//
// A step of one rank of a host that moves atoms and exchanges features with other ranks: positions
// go to the device, forces return, and messages about the border's atoms in between.
#pragma once

#include "core/closest_approach.hpp"
#include "core/cuda/fetched_pairs.hpp"
#include "core/cuda/rank_arguments.hpp"
#include "core/cuda/rank_pairs.hpp"

namespace hipnn_ts {
namespace cuda {

/// In host memory, until the next results. eV and Å.
struct RankResults {
  double energy = 0;            // energies of the receivers, self energies included
  double virial[6] = {};        // xx yy zz xy xz yz
  bool close = false;           // a pair is closer than in the training data
  int64_t wrong = -1;           // a receiver whose energy or force is not finite
  const double* forces;         // (n_rows, 3), if wanted
  const double* energies;       // (n_receivers,)
  const double* virials;        // (n_rows, 6): half of each pair's to each of its ends
  const double* all_to_senders; // (n_rows, 9): xx yy zz xy xz yz yx zx zy
};

/// Optional results of a step.
enum class RowVirials { none, halves, all_to_senders_too };

/// Order of calls: set_atoms if the host renews its list, set_species if those changed; positions
/// by move, place or places; begin, then for each wanted member choose, forward(0 .. n - 1),
/// backward(n - 1 .. 0), and results. Before forward(k > 0) the features of rows that are not
/// receivers come in; after backward(k > 0) their gradients go out, and those of the border's
/// receivers are added. Only set_atoms, fetch_* and results synchronise with the device.
template <class T> class HIPNN_TS_API RankStep {
public:
  /// Weights are copied, and the device is borrowed. self_energies (members, species), eV.
  RankStep(
      Device& device, const std::vector<NetworkWeights<T>>& members,
      const std::vector<double>& self_energies, const ClosestApproach& closest, double cutoff);

  /// Border: receivers whose features other ranks know. Otherwise as in RankPairs::list.
  void set_atoms(
      const RankAtoms& atoms, const std::vector<int>& border, const double* places, double reach);
  /// (n_rows,)
  void set_species(const std::vector<int>& species);

  /// As in RankPairs.
  void move(const double* positions, const double* box) { pairs_.move(rank(), positions, box); }
  void place(const double* places) { pairs_.place(places); }
  double* places() { return pairs_.places(); }
  void begin();

  /// Results start from zero if `afresh`; otherwise the member's are added.
  void choose(int member, bool afresh);
  void forward(int k);
  void backward(int k);

  /// Dense rows (n, input features of block k): of the border, and of rows that are not receivers.
  void fetch_features(int k, T* of_border);
  void give_features(int k, const T* of_others);
  void fetch_gradients(int k, T* of_others);
  void add_gradients(int k, const T* of_border);

  /// Without `forces_on_host` the forces stay on the device.
  const RankResults& results(RowVirials wanted, bool forces_on_host = true);
  /// (n_rows, 3) on the device, until the next results. eV/Å.
  const double* forces() const { return results_.data(); }
  /// Of the last step.
  FetchedPairs<T> fetched_pairs() const { return {*device_, step_, pairs_.listed()}; }

  int n_blocks() const { return static_cast<int>(widths_.size()); }
  int64_t bytes() const;

private:
  enum Flag { close_pairs, not_finite, n_flags };

  Module& rank() const { return device_->module(Constants::rank(sizeof(T) == sizeof(double))); }
  Module& search() const { return device_->module(members_.front().blocks.front().wide.constants); }
  int64_t others() const { return n_rows_ - n_receivers_; }
  BorderArguments<T> border(int k, T* rows) const;
  BorderArguments<T> others_of(int k, T* rows) const;
  void fetch(const BorderArguments<T>& x, T* to);
  void give(const char* kernel, const BorderArguments<T>& x, const T* from);
  double* sums() const { return results_.data() + 3 * n_rows_; }
  double* energies() const { return sums() + sums_size; }

  Device* device_;
  std::vector<DeviceWeights<T>> members_;
  std::vector<int> widths_; // number of input features of each block
  Array<double> self_energies_, limits_;
  int n_species_, n_limits_;
  double cutoff_;
  RankPairs pairs_;
  Network<T> network_;
  int64_t n_rows_ = 0, n_receivers_ = 0;
  Array<int> species_, border_;
  DeviceConfiguration<T> step_{};
  Array<T> vectors_, vector_gradients_, message_;
  std::vector<Array<T>> features_; // input features of each block, padded
  Array<T> gradients_;             // gradients of the last block's input
  Array<int> flags_;
  Array<double> results_; // forces, sums, energies, virials: what goes to the host is in one piece
  Array<double> partial_;
  HostArray<double> on_host_;
  RankResults found_;
};

} // namespace cuda
} // namespace hipnn_ts
