// SPDX-License-Identifier: GPL-2.0-or-later
#include "fused_potential.h"

#include <algorithm>

namespace hipnn_ts_lammps {

template <class Real>
void FusedPotential<Real>::set_atoms(const RowCounts& counts, const std::vector<int64_t>& species) {
  counts_ = counts;
  species_ = species;
  for (size_t k = 1; k < widths_.size(); ++k) {
    features_[k].resize(counts.rows * widths_[k]);
    feature_gradients_[k].resize(counts.rows * widths_[k]);
  }
}

template <class Real>
void FusedPotential<Real>::set_pairs(const Pairs<Real>& pairs, int n_threads) {
  network_.begin(
      {counts_.senders, counts_.receivers, pairs.size, species_.data(), pairs.receivers.data(),
       pairs.senders.data(), pairs.vectors.data(), n_threads});
  n_pairs_ = pairs.size;
  n_threads_ = n_threads;
  pair_gradients_.resize(3 * pairs.capacity);
  energies_.resize(counts_.receivers);
}

template <class Real> void FusedPotential<Real>::set_member(int member) {
  network_.choose(member);
  Real* gradients = pair_gradients_.data();
#pragma omp parallel for num_threads(n_threads_)
  for (int64_t k = 0; k < 3 * n_pairs_; ++k) {
    gradients[k] = 0;
  }
  const double* self_energies = self_energies_.data() + member * model_->architecture().n_species();
  for (int i = 0; i < counts_.receivers; ++i) {
    energies_[i] = self_energies[species_[i]];
  }
}

template <class Real> void FusedPotential<Real>::forward_block(int block) {
  const Real* in = block > 0 ? features(block) : nullptr;
  if (last(block) && uncertain_) {
    last_with_uncertainties(in, cleared_gradients(block));
  } else if (last(block)) {
    network_.last(in, energies_.data(), cleared_gradients(block), pair_gradients_.data());
  } else {
    network_.forward(block, in, features(block + 1), energies_.data());
  }
}

template <class Real>
void FusedPotential<Real>::last_with_uncertainties(const Real* in, Real* gradients) {
  const int64_t width = model_->architecture().n_features.back();
  Real* out = last_features_.resize(counts_.receivers * width);
  network_.last(in, energies_.data(), gradients, pair_gradients_.data(), out);
  std::vector<const Real*> of_blocks;
  for (size_t k = 1; k < features_.size(); ++k) {
    of_blocks.push_back(features_[k].data());
  }
  of_blocks.push_back(out);
  uncertainties_.resize(counts_.receivers);
  network_.uncertainties(of_blocks.data(), uncertainties_.data());
}

/// The last block's backward pass was part of its forward pass.
template <class Real> void FusedPotential<Real>::backward_block(int block) {
  if (!last(block)) {
    network_.backward(
        block, feature_gradients(block + 1), cleared_gradients(block), pair_gradients_.data());
  }
}

/// Rows that are only passed on start from zero: other ranks' gradients are added to them.
template <class Real> Real* FusedPotential<Real>::cleared_gradients(int block) {
  if (block == 0) {
    return nullptr;
  }
  Real* gradients = feature_gradients(block);
  const int64_t passed_on = counts_.rows - counts_.senders;
  std::fill_n(gradients + counts_.senders * widths_[block], passed_on * widths_[block], Real(0));
  return gradients;
}

template <class Real> double FusedPotential<Real>::memory_usage() const {
  int64_t bytes = network_.bytes() + pair_gradients_.bytes() + last_features_.bytes();
  for (const auto* buffers : {&features_, &feature_gradients_}) {
    for (const auto& buffer : *buffers) {
      bytes += buffer.bytes();
    }
  }
  return bytes + sizeof(double) * (energies_.capacity() + uncertainties_.capacity());
}

template class FusedPotential<float>;
template class FusedPotential<double>;

} // namespace hipnn_ts_lammps
