// SPDX-License-Identifier: GPL-2.0-or-later
#include "scripted_potential.h"

#include "thread_count.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>

namespace hipnn_ts_lammps {

template <class Real>
ScriptedPotential<Real>::ScriptedPotential(
    const torch::jit::Module& module, const hipnn_ts::Architecture& network,
    const std::vector<double>& self_energies)
    : module_(module), block_(module_.get_method("block")), widths_(block_inputs(network)),
      species_self_energies_(at::tensor(self_energies, at::kDouble)), features_(widths_.size()),
      feature_gradients_(widths_.size()), graphs_(widths_.size()) {}

template <class Real>
void ScriptedPotential<Real>::set_atoms(
    const RowCounts& counts, const std::vector<int64_t>& species) {
  const ThreadCount threads(n_threads_);
  counts_ = counts;
  const auto of_rows = at::tensor(species, at::kLong);
  self_energies_ = species_self_energies_.index_select(0, of_rows.narrow(0, 0, counts.receivers));
  energies_ = self_energies_.clone();
  features_[0] = module_.get_method("encode")({of_rows}).toTensor();
  const auto options = features_[0].options();
  for (size_t k = 1; k < widths_.size(); ++k) {
    features_[k] = at::zeros({counts.rows, widths_[k]}, options);
    feature_gradients_[k] = at::zeros({counts.rows, widths_[k]}, options);
  }
}

template <class Real>
void ScriptedPotential<Real>::set_pairs(const Pairs<Real>& pairs, int n_threads) {
  n_threads_ = n_threads;
  const ThreadCount threads(n_threads_);
  const int64_t n = pairs.size;
  const auto rows = [n](const hipnn_ts::Buffer<int32_t>& buffer) {
    return at::from_blob(buffer.data(), {n}, at::kInt).to(at::kLong);
  };
  receivers_ = rows(pairs.receivers);
  senders_ = rows(pairs.senders);
  vectors_ = at::from_blob(pairs.vectors.data(), {n, 3}, features_[0].options());
}

/// There is only one.
template <class Real> void ScriptedPotential<Real>::set_member(int) {
  const ThreadCount threads(n_threads_);
  pair_gradients_ = at::zeros_like(vectors_);
  energies_.copy_(self_energies_);
}

template <class Real> void ScriptedPotential<Real>::forward_block(int block) {
  const ThreadCount threads(n_threads_);
  const at::AutoGradMode graph_on(true);
  auto& graph = graphs_[block];
  graph.vectors = vectors_.detach().requires_grad_();
  graph.features = features_[block].narrow(0, 0, counts_.senders).detach();
  graph.features.requires_grad_(block > 0);
  const auto out =
      block_({block, graph.features, receivers_, senders_, graph.vectors, counts_.receivers})
          .toTuple();
  graph.new_features = out->elements()[0].toTensor();
  graph.energies = out->elements()[1].toTensor();
  energies_ += graph.energies.detach();
  if (block + 1 < static_cast<int>(widths_.size())) {
    features_[block + 1].narrow(0, 0, counts_.receivers).copy_(graph.new_features.detach());
  }
}

template <class Real> void ScriptedPotential<Real>::backward_block(int block) {
  const ThreadCount threads(n_threads_);
  auto& graph = graphs_[block];
  torch::autograd::variable_list outputs{graph.energies};
  torch::autograd::variable_list output_gradients{at::ones_like(graph.energies)};
  if (block + 1 < static_cast<int>(widths_.size())) {
    outputs.push_back(graph.new_features);
    output_gradients.push_back(feature_gradients_[block + 1].narrow(0, 0, counts_.receivers));
  }
  torch::autograd::variable_list inputs{graph.vectors};
  if (block > 0) {
    inputs.push_back(graph.features);
  }
  const auto gradients = torch::autograd::grad(outputs, inputs, output_gradients);
  pair_gradients_ += gradients[0];
  if (block > 0) {
    // Rows that are only passed on start from zero: other ranks' gradients are added to them.
    feature_gradients_[block].zero_();
    feature_gradients_[block].narrow(0, 0, counts_.senders).copy_(gradients[1]);
  }
  graph = Graph{};
}

template <class Real> Real* ScriptedPotential<Real>::features(int block) {
  return features_[block].template data_ptr<Real>();
}

template <class Real> Real* ScriptedPotential<Real>::feature_gradients(int block) {
  return feature_gradients_[block].template data_ptr<Real>();
}

template <class Real> const double* ScriptedPotential<Real>::energies() const {
  return energies_.template const_data_ptr<double>();
}

template <class Real> const Real* ScriptedPotential<Real>::pair_gradients() const {
  return pair_gradients_.template const_data_ptr<Real>();
}

template <class Real> void ScriptedPotential<Real>::forces(double* out) const {
  const ThreadCount threads(n_threads_);
  auto all = at::from_blob(out, {counts_.senders, 3}, at::kDouble);
  const auto gradients = pair_gradients_.to(at::kDouble);
  all.zero_().index_add_(0, receivers_, gradients).index_add_(0, senders_, gradients, -1);
}

template <class Real> double ScriptedPotential<Real>::memory_usage() const {
  double bytes = 0;
  for (const auto* tensors : {&features_, &feature_gradients_}) {
    for (const auto& tensor : *tensors) {
      bytes += tensor.defined() ? tensor.nbytes() : 0;
    }
  }
  return bytes + (pair_gradients_.defined() ? pair_gradients_.nbytes() : 0);
}

template class ScriptedPotential<float>;
template class ScriptedPotential<double>;

} // namespace hipnn_ts_lammps
