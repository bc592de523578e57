// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "layered_potential.h"
#include "model_file.h"

#include "core/network.hpp"

namespace hipnn_ts_lammps {

/// This package's own kernels on the CPU, without autograd.
template <class Real> class FusedPotential final : public LayeredPotential<Real> {
public:
  explicit FusedPotential(const Model& model)
      : model_(model.fused), network_(model_->template all_weights<Real>()),
        self_energies_(model.self_energies), widths_(block_inputs(model.network)),
        features_(widths_.size()), feature_gradients_(widths_.size()) {}

  void set_atoms(const RowCounts& counts, const std::vector<int64_t>& species) override;
  void set_pairs(const Pairs<Real>& pairs, int n_threads) override;
  void set_member(int member) override;
  void forward_block(int block) override;
  void tell_uncertainties(bool wanted) override { uncertain_ = wanted; }
  const double* uncertainties() const override { return uncertainties_.data(); }
  void backward_block(int block) override;
  Real* features(int block) override { return features_[block].data(); }
  Real* feature_gradients(int block) override { return feature_gradients_[block].data(); }
  const double* energies() const override { return energies_.data(); }
  const Real* pair_gradients() const override { return pair_gradients_.data(); }
  void forces(double* out) const override { network_.forces(pair_gradients_.data(), out); }
  double memory_usage() const override;

private:
  Real* cleared_gradients(int block);
  void last_with_uncertainties(const Real* in, Real* gradients);
  bool last(int block) const { return block + 1 == network_.n_blocks(); }

  std::shared_ptr<const hipnn_ts::Model> model_;
  hipnn_ts::Network<Real> network_;
  std::vector<double> self_energies_; // of the species, member after member
  std::vector<int64_t> widths_;
  RowCounts counts_;
  std::vector<int64_t> species_;
  std::vector<double> energies_;
  bool uncertain_ = false;
  std::vector<double> uncertainties_;    // of the receivers, eV/Å
  hipnn_ts::Buffer<Real> last_features_; // of these, for that
  int64_t n_pairs_ = 0;
  int n_threads_ = 1;
  hipnn_ts::Buffer<Real> pair_gradients_;
  std::vector<hipnn_ts::Buffer<Real>> features_, feature_gradients_;
};

} // namespace hipnn_ts_lammps
