// SPDX-License-Identifier: GPL-2.0-or-later
#include "evaluator.h"

#include "add_results.h"
#include "device_evaluator.h"
#include "feature_exchange.h"
#include "fused_potential.h"
#include "gather_pairs.h"

#include "core/cuda/gpu.hpp"

namespace hipnn_ts_lammps {

namespace {

template <class Real> class TypedEvaluator final : public Evaluator {
public:
  TypedEvaluator(
      std::unique_ptr<LayeredPotential<Real>> potential, const AtomRows& rows,
      std::vector<int64_t> widths)
      : potential_(std::move(potential)), rows_(rows), widths_(std::move(widths)) {}

  bool needs_list() const override { return true; }
  Exchange* border() override { return nullptr; }
  void rebuild(const Places&, std::vector<int>) override {}
  void set_atoms() override { potential_->set_atoms(rows_.counts(), rows_.species()); }

  void gather_pairs(const Places& places) override {
    hipnn_ts_lammps::gather_pairs(
        *places.list, rows_, places.x, places.cutoff, places.n_threads, pairs_);
  }
  void begin(int n_threads) override { potential_->set_pairs(pairs_, n_threads); }

  bool adds_members_up() const override { return false; }
  void set_member(int member, bool) override { potential_->set_member(member); }
  void forward_block(int block) override { potential_->forward_block(block); }
  void backward_block(int block) override { potential_->backward_block(block); }
  void fetch_features(int) override {}
  void give_features(int) override {}
  void fetch_gradients(int) override {}
  void give_gradients(int) override {}

  void tell_uncertainties(bool wanted) override { potential_->tell_uncertainties(wanted); }
  const double* uncertainties() const override { return potential_->uncertainties(); }

  int add_results(const Tally& tally, int n_threads) override {
    return hipnn_ts_lammps::add_results(tally, rows_, pairs_, *potential_, scratch_, n_threads);
  }
  const double* energies() const override { return potential_->energies(); }
  const double* forces() const override { return scratch_.forces.data(); }

  ClosestPair closest_pair() const override {
    ClosestPair closest{0, 0, std::numeric_limits<double>::infinity()};
    for (int64_t p = 0; p < pairs_.size; ++p) {
      const Real* v = pairs_.vectors.data() + 3 * p;
      const double distance = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
      if (distance < closest.distance) {
        closest = {pairs_.receivers.data()[p], pairs_.senders.data()[p], distance};
      }
    }
    return closest;
  }

  bool is_beyond(const hipnn_ts::ClosestApproach& closest) const override {
    return static_cast<bool>(closer_than(closest));
  }
  hipnn_ts::ClosePair closer_than(const hipnn_ts::ClosestApproach& closest) const override {
    return closest.find(
        rows_.species().data(), pairs_.receivers.data(), pairs_.senders.data(),
        pairs_.vectors.data(), pairs_.size);
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

  double memory_usage() const override {
    return potential_->memory_usage() + pairs_.bytes() + scratch_.bytes();
  }

private:
  FeatureRows<Real> features(int block) { return {potential_->features(block), widths_[block]}; }
  FeatureRows<Real> gradients(int block) {
    return {potential_->feature_gradients(block), widths_[block]};
  }

  std::unique_ptr<LayeredPotential<Real>> potential_;
  const AtomRows& rows_;
  std::vector<int64_t> widths_;
  Pairs<Real> pairs_;
  ResultScratch scratch_;
};

template <class Real>
std::unique_ptr<Evaluator> create_typed(const Model& model, const AtomRows& rows, int gpu) {
  if (model.portable && gpu != no_gpu) {
    throw InputError("device cuda: expected a fused potential, found one exported with --portable");
  }
  if (gpu != no_gpu) {
    return create_device_evaluator<Real>(model, rows, hipnn_ts::cuda::own_gpu(gpu));
  }
  std::unique_ptr<LayeredPotential<Real>> potential;
  if (model.portable) {
    potential = model.portable->layered(Real(), model.self_energies);
  } else {
    potential = std::make_unique<FusedPotential<Real>>(model);
  }
  return std::make_unique<TypedEvaluator<Real>>(
      std::move(potential), rows, block_inputs(model.network));
}

} // namespace

std::unique_ptr<Evaluator> create_evaluator(const Model& model, const AtomRows& rows, int gpu) {
  return model.network.double_precision ? create_typed<double>(model, rows, gpu)
                                        : create_typed<float>(model, rows, gpu);
}

} // namespace hipnn_ts_lammps
