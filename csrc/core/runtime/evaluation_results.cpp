// SPDX-License-Identifier: BSD-3-Clause
//
// Results of a step after its networks have run.
#include "core/runtime/evaluation.hpp"

#include <algorithm>
#include <cmath>

namespace hipnn_ts {

void Evaluation::take_results() {
  const auto n = static_cast<int64_t>(species_.size());
  const auto n_parts = static_cast<int64_t>(parts_.size());
  const bool mean = n_places_ > 1 && wanted_.member == mean_of_all;
  const int place = n_places_ > 1 && !mean ? wanted_.member : 0;
  const double* energies = energies_.data() + place * n;
  const double* forces = forces_.data() + 3 * place * n;
  if (mean) {
    average(energies, n_places_, n, n, mean_energies_.resize(n));
    average(forces, n_places_, 3 * n, 3 * n, mean_forces_.resize(3 * n));
    energies = mean_energies_.data();
    forces = mean_forces_.data();
  }
  results_.clear();
  for (int64_t s = 0; s < n_parts; ++s) {
    const Part& part = parts_[s];
    Results found{
        sums_[place * n_parts + s], energies + part.first_atom, forces + 3 * part.first_atom, -1};
    if (mean) {
      average(sums_.data() + s, n_places_, n_parts, 1, &found.energy);
    }
    for (int64_t i = part.n_atoms - 1; i >= 0; --i) {
      const double* force = found.forces + 3 * i;
      if (!std::isfinite(found.energies[i] + force[0] + force[1] + force[2])) {
        found.not_finite = i;
      }
    }
    results_.push_back(found);
  }
}

void Evaluation::take_deviations() {
  deviations_.clear();
  if (!wanted_.deviations) {
    return;
  }
  const auto n = static_cast<int64_t>(species_.size());
  const auto n_parts = static_cast<int64_t>(parts_.size());
  double* of_forces = force_deviations_.resize(n);
  for (int64_t i = 0; i < n; ++i) {
    of_forces[i] = deviation(forces_.data() + 3 * i, n_places_, 3 * n, 3);
  }
  for (int64_t s = 0; s < n_parts; ++s) {
    Deviations found{
        deviation(sums_.data() + s, n_places_, n_parts), of_forces + parts_[s].first_atom, {}};
    for (int c = 0; c < 9; ++c) {
      found.virial[c] =
          n_places_ > 1 ? deviation(virials_.data() + 9 * s + c, n_places_, 9 * n_parts) : 0.0;
    }
    deviations_.push_back(found);
  }
}

ClosePair Evaluation::within(const Part& part, ClosePair pair) const {
  if (pair) {
    pair.receiver -= part.first_atom;
    pair.sender -= part.first_atom;
  }
  return pair;
}

ClosePair Evaluation::closer_than(const ClosestApproach& limits, int64_t structure) const {
  const Part& part = parts_[structure];
  return within(
      part, std::visit(
                [&](const auto& step) {
                  return limits.find(
                      species_.data(), receivers_.data() + part.first_pair,
                      senders_.data() + part.first_pair, step.vectors.data() + 3 * part.first_pair,
                      part.n_pairs);
                },
                step_));
}

ClosePair Evaluation::closest(int64_t structure) const {
  const Part& part = parts_[structure];
  return within(
      part, std::visit(
                [&](const auto& step) {
                  return closest_pair(
                      receivers_.data() + part.first_pair, senders_.data() + part.first_pair,
                      step.vectors.data() + 3 * part.first_pair, part.n_pairs);
                },
                step_));
}

ClosePair Evaluation::coincident(int64_t structure) const {
  // Rounding to the network's precision may turn a small vector into zero, but none longer than
  // this.
  constexpr double apart = 1e-60; // Å²
  if (parts_[structure].lowest_squared > apart) {
    return {};
  }
  const ClosePair pair = closest(structure);
  return pair && pair.distance == 0.0 ? pair : ClosePair{};
}

std::array<double, 9> Evaluation::virial(int64_t structure) const {
  if (n_places_ <= 1) {
    return virial_of(parts_[structure]);
  }
  std::array<double, 9> out;
  const auto row = static_cast<int64_t>(9 * parts_.size());
  const double* first = virials_.data() + 9 * structure;
  if (wanted_.member == mean_of_all) {
    average(first, n_places_, row, 9, out.data());
  } else {
    std::copy_n(first + wanted_.member * row, 9, out.begin());
  }
  return out;
}

std::array<double, 9> Evaluation::virial_of(const Part& part) const {
  constexpr int64_t share = 4096; // number of pairs that one thread sums
  const int64_t n_shares = (part.n_pairs + share - 1) / share;
  std::vector<std::array<double, 9>> sums(n_shares);
  std::visit(
      [&](const auto& step) {
        const auto* r = step.vectors.data() + 3 * part.first_pair;
        const auto* g = step.gradients.data() + 3 * part.first_pair;
#pragma omp parallel for num_threads(n_shares > 1 ? n_threads_ : 1) schedule(static)
        for (int64_t s = 0; s < n_shares; ++s) {
          std::array<double, 9> sum{};
          for (int64_t p = 3 * s * share; p < 3 * std::min((s + 1) * share, part.n_pairs); p += 3) {
            const double gradient[3] = {
                static_cast<double>(g[p]), static_cast<double>(g[p + 1]),
                static_cast<double>(g[p + 2])};
            for (int c = 0; c < 3; ++c) {
              const double x = static_cast<double>(r[p + c]);
              for (int d = 0; d < 3; ++d) {
                sum[3 * c + d] += x * gradient[d];
              }
            }
          }
          sums[s] = sum;
        }
      },
      step_);
  std::array<double, 9> total{};
  for (const auto& sum : sums) {
    for (int c = 0; c < 9; ++c) {
      total[c] += sum[c];
    }
  }
  return total;
}

int64_t Evaluation::bytes() const {
  const int64_t of_pairs = std::visit(
      [](const auto& step) {
        return step.network.bytes() + step.vectors.bytes() + step.gradients.bytes();
      },
      step_);
  return of_pairs + receivers_.bytes() + senders_.bytes() + energies_.bytes() + forces_.bytes() +
         mean_energies_.bytes() + mean_forces_.bytes() + force_deviations_.bytes() +
         uncertainties_.bytes() + static_cast<int64_t>(species_.capacity() * sizeof(int64_t));
}

} // namespace hipnn_ts
