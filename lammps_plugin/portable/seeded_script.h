// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "seeded_potential.h"
#include "thread_count.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/csrc/jit/api/module.h>

namespace hipnn_ts_lammps {

/// The exported file's own TorchScript code, each block differentiated by torch's autograd.
template <class Real> class SeededScript final : public SeededPotential<Real> {
public:
  SeededScript(const torch::jit::Module& module, const hipnn_ts::Architecture& network)
      : module_(module), block_(module_.get_method("block")), widths_(block_inputs(network)),
        graphs_(widths_.size()) {
    widths_.push_back(network.n_features.back());
  }

  int64_t width_after(int block) const override { return widths_[block + 1]; }

  void set_atoms(const RowCounts& counts, const std::vector<int64_t>& species) override {
    counts_ = counts;
    const auto of_rows = at::tensor(species, at::kLong);
    one_hot_ = module_.get_method("encode")({of_rows}).toTensor().narrow(0, 0, counts.senders);
  }

  void set_pairs(const Pairs<Real>& pairs, int n_threads) override {
    n_threads_ = n_threads;
    const ThreadCount threads(n_threads_);
    n_pairs_ = pairs.size;
    receivers_ = at::from_blob(pairs.receivers.data(), {n_pairs_}, at::kInt).to(at::kLong);
    senders_ = at::from_blob(pairs.senders.data(), {n_pairs_}, at::kInt).to(at::kLong);
    vectors_ = matrix(pairs.vectors.data(), n_pairs_, 3);
  }

  void forward_block(int block, Real* features, Real* out) override {
    const ThreadCount threads(n_threads_);
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
    const ThreadCount threads(n_threads_);
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

  /// Without autograd's graphs, as elsewhere.
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
  int n_threads_ = 1;
  at::Tensor one_hot_, receivers_, senders_, vectors_;
  std::vector<Graph> graphs_;
};

} // namespace hipnn_ts_lammps
