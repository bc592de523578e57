// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "layered_potential.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>

namespace hipnn_ts_lammps {

/// The exported file's own TorchScript code, each block differentiated by torch's autograd.
template <class Real> class ScriptedPotential final : public LayeredPotential<Real> {
public:
  ScriptedPotential(
      const torch::jit::Module& module, const hipnn_ts::Architecture& network,
      const std::vector<double>& self_energies);

  void set_atoms(const RowCounts& counts, const std::vector<int64_t>& species) override;
  void set_pairs(const Pairs<Real>& pairs, int n_threads) override;
  void set_member(int member) override;
  void forward_block(int block) override;
  void backward_block(int block) override;
  Real* features(int block) override;
  Real* feature_gradients(int block) override;
  const double* energies() const override;
  const Real* pair_gradients() const override;
  void forces(double* out) const override;
  double memory_usage() const override;

private:
  /// A block's inputs and outputs, connected by autograd's graph from its forward to its backward
  /// pass.
  struct Graph {
    at::Tensor features, vectors, new_features, energies;
  };

  torch::jit::Module module_;
  torch::jit::Method block_;
  std::vector<int64_t> widths_;
  RowCounts counts_;
  int n_threads_ = 1;
  at::Tensor species_self_energies_;
  at::Tensor self_energies_, energies_, receivers_, senders_, vectors_, pair_gradients_;
  std::vector<at::Tensor> features_, feature_gradients_;
  std::vector<Graph> graphs_;
};

} // namespace hipnn_ts_lammps
