// SPDX-License-Identifier: GPL-2.0-or-later
#include "centroid_pass.h"

#include "feature_exchange.h"
#include "gather_pairs.h"
#include "seeded_kernels.h"

#include <algorithm>

namespace hipnn_ts_lammps {

namespace {

template <class Real> class TypedCentroidPass final : public CentroidPass {
public:
  TypedCentroidPass(const Model& model, int member)
      : potential_(
            model.portable ? model.portable->seeded(Real())
                           : create_seeded_kernels<Real>(model.fused, member)),
        widths_(block_inputs(model.network)), features_(widths_.size()),
        gradients_(widths_.size()) {}

  void rebuild(
      const LAMMPS_NS::Atom& atom, const LAMMPS_NS::NeighList& list, double cutoff,
      const std::vector<int>& species_of_type, int absent_groups) override {
    rows_.rebuild(atom, list, cutoff, species_of_type, absent_groups, AtomRows::Images::apart);
    rows_.update_species(atom, species_of_type);
    const RowCounts& counts = rows_.counts();
    potential_->set_atoms(counts, rows_.species());
    for (size_t k = 1; k < widths_.size(); ++k) {
      features_[k].resize(counts.rows * widths_[k]);
      for (auto& of_seed : gradients_[k]) {
        of_seed.resize(counts.rows * widths_[k]);
      }
    }
    const auto last = static_cast<int>(widths_.size()) - 1;
    out_.resize(counts.receivers * potential_->width_after(last));
  }

  void
  begin(const LAMMPS_NS::NeighList& list, double* const* x, double cutoff, int n_threads) override {
    hipnn_ts_lammps::gather_pairs(list, rows_, x, cutoff, n_threads, pairs_);
    potential_->set_pairs(pairs_, n_threads);
    take_places(x);
    for (auto& of_seed : pair_gradients_) {
      std::fill_n(of_seed.resize(3 * pairs_.capacity), 3 * pairs_.size, Real(0));
    }
  }

  void forward_block(int block) override {
    Real* in = block > 0 ? features_[block].data() : nullptr;
    potential_->forward_block(block, in, last(block) ? out_.data() : features_[block + 1].data());
  }

  void backward_block(int block) override {
    const RowCounts& counts = rows_.counts();
    const int64_t width_after = potential_->width_after(block);
    for (int seed = 0; seed < n_seeds; ++seed) {
      const Real* out_gradients = nullptr;
      if (!last(block)) {
        // Gradients that return are relative to each receiver's position; the weights that are
        // passed on are not.
        const Real* relative = gradients_[block + 1][seed].data();
        const Real* unit = gradients_[block + 1][0].data();
        out_gradients = relative;
        if (seed > 0) {
          out_gradients = shifted(relative, unit, Real(1), counts.receivers, width_after, seed);
        }
      }
      Real* gradients = block > 0 ? gradients_[block][seed].data() : nullptr;
      potential_->backward_block(
          block, places_[seed].data(), out_gradients, gradients, pair_gradients_[seed].data());
      if (block > 0) {
        const int64_t width = widths_[block];
        std::fill_n(
            gradients + counts.senders * width, (counts.rows - counts.senders) * width, Real(0));
        if (seed > 0) {
          const Real* back = shifted(
              gradients, gradients_[block][0].data(), Real(-1), counts.senders, width, seed);
          std::copy_n(back, counts.senders * width, gradients);
        }
      }
    }
  }

  void exchange_seed(int seed) override { exchanged_ = seed; }

  void add(double energy_unit, double* const* atom_virials) const override {
    constexpr int row[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, column[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};
    for (int64_t p = 0; p < pairs_.size; ++p) {
      const int i = pairs_.receivers.data()[p], j = pairs_.senders.data()[p];
      double* of_receiver = atom_virials[rows_.atom(i)];
      double* of_sender = atom_virials[rows_.atom(j)];
      for (int c = 0; c < 9; ++c) {
        const int seed = 1 + row[c];
        const double place = places_[seed].data()[i];
        const double unit = pair_gradients_[0].data()[3 * p + column[c]];
        const double d = pair_gradients_[seed].data()[3 * p + column[c]] - place * unit;
        of_sender[c] += energy_unit * d;
        of_receiver[c] -= energy_unit * d;
      }
    }
  }

  double memory_usage() const override {
    double bytes = potential_->memory_usage() + rows_.memory_usage() + pairs_.bytes();
    const auto add_all = [&bytes](const auto& buffers) {
      for (const auto& buffer : buffers) {
        bytes += buffer.bytes();
      }
    };
    add_all(features_);
    add_all(pair_gradients_);
    add_all(places_);
    for (const OfSeeds& of_block : gradients_) {
      add_all(of_block);
    }
    return bytes + out_.bytes() + shifted_.bytes();
  }

  int doubles_per_atom(int block) const override {
    return FeatureRows<Real>{nullptr, widths_[block]}.doubles_per_atom();
  }
  int pack_features(int block, int n, const int* atoms, double* buffer) override {
    return features(block).pack(rows_, n, atoms, buffer);
  }
  void unpack_features(int block, int n, int first_ghost, const double* buffer) override {
    features(block).unpack(rows_, n, first_ghost, buffer);
  }
  int pack_gradients(int block, int n, int first_ghost, double* buffer) override {
    return gradients(block).pack_ghosts(rows_, n, first_ghost, buffer);
  }
  void add_gradients(int block, int n, const int* atoms, const double* buffer) override {
    gradients(block).add(rows_, n, atoms, buffer);
  }

private:
  bool last(int block) const { return block + 1 == static_cast<int>(widths_.size()); }

  FeatureRows<Real> features(int block) { return {features_[block].data(), widths_[block]}; }
  FeatureRows<Real> gradients(int block) {
    return {gradients_[block][exchanged_].data(), widths_[block]};
  }

  /// Relative to the centre of the rank's own atoms, so that rounding stays small.
  void take_places(double* const* x) {
    const RowCounts& counts = rows_.counts();
    std::fill_n(places_[0].resize(counts.rows), counts.rows, Real(1));
    for (int c = 0; c < 3; ++c) {
      double middle = 0.0;
      for (int row = 0; row < counts.receivers; ++row) {
        middle += x[rows_.atom(row)][c] / counts.receivers;
      }
      Real* places = places_[1 + c].resize(counts.rows);
      for (int row = 0; row < counts.rows; ++row) {
        places[row] = static_cast<Real>(x[rows_.atom(row)][c] - middle);
      }
    }
  }

  /// a + sign r b of n rows.
  const Real* shifted(const Real* a, const Real* b, Real sign, int n, int64_t width, int seed) {
    Real* sum = shifted_.resize(n * width);
    for (int row = 0; row < n; ++row) {
      const Real r = sign * places_[seed].data()[row];
      for (int64_t f = row * width; f < (row + 1) * width; ++f) {
        sum[f] = a[f] + r * b[f];
      }
    }
    return sum;
  }

  using OfSeeds = std::array<hipnn_ts::Buffer<Real>, n_seeds>;

  std::unique_ptr<SeededPotential<Real>> potential_;
  AtomRows rows_;
  std::vector<int64_t> widths_;
  Pairs<Real> pairs_;
  std::vector<hipnn_ts::Buffer<Real>> features_; // inputs of each block
  std::vector<OfSeeds> gradients_;               // gradients with respect to them
  OfSeeds pair_gradients_, places_;              // for seed 0 all are 1
  hipnn_ts::Buffer<Real> out_, shifted_;
  int exchanged_ = 0;
};

} // namespace

std::unique_ptr<CentroidPass> create_centroid_pass(const Model& model, int member) {
  if (model.network.double_precision) {
    return std::make_unique<TypedCentroidPass<double>>(model, member);
  }
  return std::make_unique<TypedCentroidPass<float>>(model, member);
}

} // namespace hipnn_ts_lammps
