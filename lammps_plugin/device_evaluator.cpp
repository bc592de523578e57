// SPDX-License-Identifier: GPL-2.0-or-later
#include "device_evaluator.h"

#include "add_results.h"
#include "border.h"
#include "lattice.h"

#include "core/cuda/rank_step.hpp"

#include <algorithm>

namespace hipnn_ts_lammps {

namespace {

using hipnn_ts::cuda::Array;
using hipnn_ts::cuda::RowVirials;

template <class Real> class DeviceEvaluator final : public Evaluator {
public:
  DeviceEvaluator(const Model& model, const AtomRows& rows, hipnn_ts::cuda::Device& device)
      : device_(device), rows_(rows), widths_(block_inputs(model.network)), border_(rows),
        step_(
            device, model.fused->all_weights<Real>(), model.self_energies, model.closest,
            model.network.cutoff) {}

  bool needs_list() const override { return false; }

  Exchange* border() override {
    border_.begin();
    return widths_.size() > 1 ? &border_ : nullptr;
  }

  void rebuild(const Places& places, std::vector<int> images) override {
    border_.end();
    images_ = std::move(images);
    const RowCounts& counts = rows_.counts();
    hipnn_ts::cuda::RankAtoms atoms;
    atoms.n_receivers = counts.receivers;
    atoms.n_rows = counts.senders;
    double* at = place_images(places.x);
    for (const int image : images_) {
      atoms.row_of_image.push_back(rows_.of_atom(image));
    }
    atoms.shifts = shifts_between(
        Lattice(places.box), images_, atoms.row_of_image, rows_, places.x, counts.receivers);
    step_.set_atoms(atoms, border_.receivers(), at, places.reach);
    atoms_ = std::move(atoms);
    numbers_are_there_ = false;
    int64_t widest = 0;
    for (size_t k = 1; k < widths_.size(); ++k) {
      widest = std::max(widest, widths_[k]);
    }
    messages_.resize(device_, widest * (border_.size() + counts.rows - counts.receivers));
  }

  void set_atoms() override {
    const auto& species = rows_.species();
    step_.set_species(std::vector<int>(species.begin(), species.begin() + rows_.counts().senders));
  }

  void gather_pairs(const Places& places) override {
    if (places.on_device) {
      upload_numbers();
      places.on_device->read_positions(image_atoms_.size(), image_atoms_.data(), step_.places());
      return;
    }
    const Lattice lattice(places.box);
    if (in_lattice(lattice, atoms_, images_, rows_, places.x, places.n_threads)) {
      const int n_rows = rows_.counts().senders;
      double* const positions = positions_.resize(device_, 3 * int64_t{n_rows});
      for (int row = 0; row < n_rows; ++row) {
        std::copy_n(places.x[rows_.atom(row)], 3, positions + 3 * int64_t{row});
      }
      step_.move(positions, places.box.data());
    } else {
      step_.place(place_images(places.x));
    }
  }

  void begin(int) override { step_.begin(); }
  bool adds_members_up() const override { return true; }
  void set_member(int member, bool afresh) override { step_.choose(member, afresh); }
  void forward_block(int block) override { step_.forward(block); }
  void backward_block(int block) override { step_.backward(block); }

  void fetch_features(int block) override { step_.fetch_features(block, messages_.data()); }
  void give_features(int block) override { step_.give_features(block, of_others(block)); }
  void fetch_gradients(int block) override {
    const RowCounts& counts = rows_.counts();
    const int64_t width = widths_[block], passed_on = counts.rows - counts.senders;
    step_.fetch_gradients(block, of_others(block));
    std::fill_n(messages_.data(), border_.size() * width, Real(0));
    std::fill_n(
        of_others(block) + (counts.senders - counts.receivers) * width, passed_on * width, Real(0));
  }
  void give_gradients(int block) override { step_.add_gradients(block, messages_.data()); }

  int add_results(const Tally& tally, int n_threads) override {
    const RowCounts& counts = rows_.counts();
    const RowVirials wanted = tally.centroid_virials ? RowVirials::all_to_senders_too
                              : tally.atom_virials   ? RowVirials::halves
                                                     : RowVirials::none;
    results_ = step_.results(wanted, !tally.on_device);
    Sums total;
    total.energy = results_.energy;
    std::copy_n(results_.virial, 6, total.virial.begin());
    add_sums(tally, total);
    if (tally.on_device) {
      tally.on_device->add_forces(
          row_atoms_.size(), row_atoms_.data(), tally.energy_unit, step_.forces());
    }
    if (tally.forces) {
      add_rows<3>(tally, rows_, counts.senders, results_.forces, tally.forces, n_threads);
    }
    for (int i = 0; i < counts.receivers && tally.atom_energies; ++i) {
      tally.atom_energies[rows_.atom(i)] += tally.energy_unit * results_.energies[i];
    }
    if (tally.atom_virials) {
      add_rows<6>(tally, rows_, counts.senders, results_.virials, tally.atom_virials, n_threads);
    }
    if (tally.centroid_virials) {
      add_rows<9>(
          tally, rows_, counts.senders, results_.all_to_senders, tally.centroid_virials, n_threads);
    }
    return static_cast<int>(results_.wrong);
  }
  const double* energies() const override { return results_.energies; }
  const double* forces() const override { return results_.forces; }

  ClosestPair closest_pair() const override {
    const auto pair = step_.fetched_pairs().closest();
    if (!pair) {
      return {0, 0, std::numeric_limits<double>::infinity()};
    }
    return {static_cast<int>(pair.receiver), static_cast<int>(pair.sender), pair.distance};
  }
  bool is_beyond(const hipnn_ts::ClosestApproach&) const override { return results_.close; }
  hipnn_ts::ClosePair closer_than(const hipnn_ts::ClosestApproach& closest) const override {
    return step_.fetched_pairs().closer_than(closest, rows_.species().data());
  }

  int doubles_per_atom(int block) const override { return message(block).doubles_per_atom(); }
  int pack_features(int block, int n, const int* atoms, double* buffer) override {
    return message(block).pack(rows_, n, atoms, buffer);
  }
  void unpack_features(int block, int n, int first_ghost, const double* buffer) override {
    message(block).unpack(rows_, n, first_ghost, buffer);
  }
  int pack_gradients(int block, int n, int first_ghost, double* buffer) override {
    return message(block).pack_ghosts(rows_, n, first_ghost, buffer);
  }
  void add_gradients(int block, int n, const int* atoms, const double* buffer) override {
    message(block).add(rows_, n, atoms, buffer);
  }

  double memory_usage() const override {
    return static_cast<double>(step_.bytes()) + border_.bytes() +
           (positions_.size() + places_.size()) * sizeof(double) + messages_.size() * sizeof(Real) +
           (images_.capacity() + atoms_.row_of_image.capacity() + image_atoms_.size() +
            row_atoms_.size()) *
               sizeof(int) +
           atoms_.shifts.capacity() * sizeof(int16_t);
  }

private:
  FeatureRows<Real> message(int block) const {
    return {messages_.data(), widths_[block], border_.slots()};
  }
  Real* of_others(int block) const { return messages_.data() + border_.size() * widths_[block]; }

  /// The numbers of LAMMPS's atoms, which AtomsOnDevice needs, after each rebuild.
  void upload_numbers() {
    if (numbers_are_there_) {
      return;
    }
    numbers_are_there_ = true;
    image_atoms_ = Array<int>(device_, images_);
    std::vector<int> of_rows(rows_.counts().senders);
    for (size_t row = 0; row < of_rows.size(); ++row) {
      of_rows[row] = rows_.atom(static_cast<int>(row));
    }
    row_atoms_ = Array<int>(device_, of_rows);
  }

  double* place_images(double* const* x) {
    double* const places = places_.resize(device_, 3 * static_cast<int64_t>(images_.size()));
    for (size_t k = 0; k < images_.size(); ++k) {
      std::copy_n(x[images_[k]], 3, places + 3 * k);
    }
    return places;
  }

  hipnn_ts::cuda::Device& device_;
  const AtomRows& rows_;
  std::vector<int64_t> widths_;
  Border border_;
  hipnn_ts::cuda::RankStep<Real> step_;
  hipnn_ts::cuda::RankAtoms atoms_;
  Array<int> image_atoms_, row_atoms_; // LAMMPS's atoms, on the device
  bool numbers_are_there_ = false;
  std::vector<int> images_; // LAMMPS's atoms
  hipnn_ts::cuda::HostArray<double> positions_, places_;
  hipnn_ts::cuda::HostArray<Real> messages_; // rows of the border
  hipnn_ts::cuda::RankResults results_;
};

} // namespace

template <class Real>
std::unique_ptr<Evaluator>
create_device_evaluator(const Model& model, const AtomRows& rows, hipnn_ts::cuda::Device& device) {
  return std::make_unique<DeviceEvaluator<Real>>(model, rows, device);
}

template std::unique_ptr<Evaluator>
create_device_evaluator<float>(const Model&, const AtomRows&, hipnn_ts::cuda::Device&);
template std::unique_ptr<Evaluator>
create_device_evaluator<double>(const Model&, const AtomRows&, hipnn_ts::cuda::Device&);

} // namespace hipnn_ts_lammps
