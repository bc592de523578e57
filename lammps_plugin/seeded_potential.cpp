// SPDX-License-Identifier: GPL-2.0-or-later
#include "seeded_potential.h"

#include "core/network.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>

namespace hipnn_ts_lammps {

namespace {

/// A network whose last block is never used: all before it can be gone through forward and back
/// with any gradient of their features, and so with any weight of an energy, which is linear in
/// the features that leave its block.
template <class Real>
hipnn_ts::NetworkWeights<Real> with_another_block(hipnn_ts::NetworkWeights<Real> weights) {
  weights.blocks.push_back(weights.blocks.back());
  return weights;
}

template <class Real> class SeededKernels final : public SeededPotential<Real> {
public:
  explicit SeededKernels(const Model& model)
      : model_(model.fused), network_(with_another_block(model_->weights<Real>())),
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

  /// The way back destroys what the way forward has left: the block is gone through anew.
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
        // The kernels count each energy once by themselves.
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

  const std::vector<hipnn_ts::BlockWeights<Real>>& blocks() const {
    return model_->weights<Real>().blocks;
  }

  std::shared_ptr<const hipnn_ts::Model> model_;
  hipnn_ts::Network<Real> network_;
  RowCounts counts_;
  std::vector<int64_t> species_;
  std::vector<double> energies_; // not used
  std::vector<Pass> passes_;     // of each block
  hipnn_ts::Buffer<Real> work_;
};

template <class Real> class SeededScript final : public SeededPotential<Real> {
public:
  explicit SeededScript(const Model& model)
      : module_(model.module), block_(module_.get_method("block")), widths_(model.block_inputs()),
        graphs_(widths_.size()) {
    widths_.push_back(model.network.n_features.back());
  }

  int64_t width_after(int block) const override { return widths_[block + 1]; }

  void set_atoms(const RowCounts& counts, const std::vector<int64_t>& species) override {
    counts_ = counts;
    const auto of_rows = at::tensor(species, at::kLong);
    one_hot_ = module_.get_method("encode")({of_rows}).toTensor().narrow(0, 0, counts.senders);
  }

  void set_pairs(const Pairs<Real>& pairs, int) override {
    n_pairs_ = pairs.size;
    receivers_ = at::from_blob(pairs.receivers.data(), {n_pairs_}, at::kInt).to(at::kLong);
    senders_ = at::from_blob(pairs.senders.data(), {n_pairs_}, at::kInt).to(at::kLong);
    vectors_ = matrix(pairs.vectors.data(), n_pairs_, 3);
  }

  void forward_block(int block, Real* features, Real* out) override {
    const at::AutoGradMode graph_on(true);
    auto& graph = graphs_[block];
    graph.vectors = vectors_.detach().requires_grad_();
    graph.features =
        block > 0 ? matrix(features, counts_.senders, widths_[block]).clone() : one_hot_.detach();
    graph.features.requires_grad_(block > 0);
    const auto result =
        block_({block, graph.features, receivers_, senders_, graph.vectors, counts_.receivers})
            .toTuple();
    graph.out = result->elements()[0].toTensor();
    graph.energies = result->elements()[1].toTensor();
    matrix(out, counts_.receivers, widths_[block + 1]).copy_(graph.out.detach());
  }

  void backward_block(
      int block, const Real* seeds, const Real* out_gradients, Real* feature_gradients,
      Real* pair_gradients) override {
    auto& graph = graphs_[block];
    const auto weights = matrix(seeds, counts_.receivers, 1).squeeze(1).to(graph.energies.dtype());
    torch::autograd::variable_list outputs{graph.energies}, output_gradients{weights};
    if (out_gradients) {
      outputs.push_back(graph.out);
      output_gradients.push_back(matrix(out_gradients, counts_.receivers, widths_[block + 1]));
    }
    torch::autograd::variable_list inputs{graph.vectors};
    if (feature_gradients) {
      inputs.push_back(graph.features);
    }
    const auto gradients = torch::autograd::grad(outputs, inputs, output_gradients, true);
    matrix(pair_gradients, n_pairs_, 3).add_(gradients[0]);
    if (feature_gradients) {
      matrix(feature_gradients, counts_.senders, widths_[block]).copy_(gradients[1]);
    }
  }

  /// Autograd's graphs are not counted, as elsewhere.
  double memory_usage() const override { return 0; }

private:
  struct Graph {
    at::Tensor features, vectors, out, energies;
  };

  static at::Tensor matrix(const Real* data, int64_t n, int64_t width) {
    return at::from_blob(
        const_cast<Real*>(data), {n, width},
        at::TensorOptions(c10::CppTypeToScalarType<Real>::value));
  }

  torch::jit::Module module_;
  torch::jit::Method block_;
  std::vector<int64_t> widths_;
  RowCounts counts_;
  int64_t n_pairs_ = 0;
  at::Tensor one_hot_, receivers_, senders_, vectors_;
  std::vector<Graph> graphs_;
};

} // namespace

template <class Real>
std::unique_ptr<SeededPotential<Real>> create_seeded_potential(const Model& model) {
  if (model.portable()) {
    return std::make_unique<SeededScript<Real>>(model);
  }
  return std::make_unique<SeededKernels<Real>>(model);
}

template std::unique_ptr<SeededPotential<float>> create_seeded_potential(const Model&);
template std::unique_ptr<SeededPotential<double>> create_seeded_potential(const Model&);

} // namespace hipnn_ts_lammps
