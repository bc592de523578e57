// SPDX-License-Identifier: GPL-2.0-or-later
#include "seeded_kernels.h"

#include "core/network.hpp"

namespace hipnn_ts_lammps {

namespace {

/// A network whose last block is never used: all earlier blocks can run forward and backward with
/// any gradient of their features, and so with any weight of an energy, which is linear in a
/// block's output features.
template <class Real>
hipnn_ts::NetworkWeights<Real> with_another_block(hipnn_ts::NetworkWeights<Real> weights) {
  weights.blocks.push_back(weights.blocks.back());
  return weights;
}

template <class Real> class SeededKernels final : public SeededPotential<Real> {
public:
  SeededKernels(std::shared_ptr<const hipnn_ts::Model> model, int member)
      : model_(std::move(model)), member_(member), network_(with_another_block(weights())),
        passes_(blocks().size()) {}

  int64_t width_after(int block) const override { return blocks()[block].n_out; }

  void set_atoms(const RowCounts& counts, const std::vector<int64_t>& species) override {
    counts_ = counts;
    species_ = species;
  }

  void set_pairs(const Pairs<Real>& pairs, int n_threads) override {
    network_.begin(
        {counts_.senders, counts_.receivers, pairs.size, species_.data(), pairs.receivers.data(),
         pairs.senders.data(), pairs.vectors.data(), n_threads});
    energies_.resize(counts_.receivers);
  }

  void forward_block(int block, Real* features, Real* out) override {
    passes_[block] = {features, false};
    network_.forward(block, features, out, energies_.data());
  }

  /// The backward pass destroys the results of the forward pass, so the block runs forward again.
  void backward_block(
      int block, const Real* seeds, const Real* out_gradients, Real* feature_gradients,
      Real* pair_gradients) override {
    const auto& weights = blocks()[block];
    const int64_t width = weights.n_out;
    Real* work = work_.resize(counts_.receivers * width);
    if (passes_[block].went_back) {
      network_.forward(block, passes_[block].features, work, energies_.data());
    }
    passes_[block].went_back = true;
    for (int i = 0; i < counts_.receivers; ++i) {
      for (int64_t f = 0; f < width; ++f) {
        // The kernels themselves count each energy once.
        const Real more = (seeds[i] - 1) * weights.readout_weights[f];
        work[i * width + f] = (out_gradients ? out_gradients[i * width + f] : Real(0)) + more;
      }
    }
    network_.backward(block, work, feature_gradients, pair_gradients);
  }

  double memory_usage() const override { return network_.bytes() + work_.bytes(); }

private:
  struct Pass {
    Real* features;
    bool went_back;
  };

  const hipnn_ts::NetworkWeights<Real>& weights() const { return model_->weights<Real>(member_); }
  const std::vector<hipnn_ts::BlockWeights<Real>>& blocks() const { return weights().blocks; }

  std::shared_ptr<const hipnn_ts::Model> model_;
  int member_;
  hipnn_ts::Network<Real> network_;
  RowCounts counts_;
  std::vector<int64_t> species_;
  std::vector<double> energies_; // not used
  std::vector<Pass> passes_;     // of each block
  hipnn_ts::Buffer<Real> work_;
};

} // namespace

template <class Real>
std::unique_ptr<SeededPotential<Real>>
create_seeded_kernels(std::shared_ptr<const hipnn_ts::Model> model, int member) {
  return std::make_unique<SeededKernels<Real>>(std::move(model), member);
}

template std::unique_ptr<SeededPotential<float>>
create_seeded_kernels(std::shared_ptr<const hipnn_ts::Model>, int);
template std::unique_ptr<SeededPotential<double>>
create_seeded_kernels(std::shared_ptr<const hipnn_ts::Model>, int);

} // namespace hipnn_ts_lammps
