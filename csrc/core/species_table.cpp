// SPDX-License-Identifier: BSD-3-Clause
#include "core/species_table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "core/panels.hpp"

namespace hipnn_ts {

// Gram-Schmidt orthogonalisation, twice, because once loses digits.
void orthogonalise(int n, int width, double* q, double* l) {
  std::fill_n(l, n * n, 0.0);
  const auto product = [&](int v, int w) {
    return std::inner_product(q + v * width, q + (v + 1) * width, q + w * width, 0.0);
  };
  for (int v = 0; v < n; ++v) {
    double* row = q + v * width;
    const double length = std::sqrt(product(v, v));
    for (int pass = 0; pass < 2; ++pass) {
      for (int w = 0; w < v; ++w) {
        const double along = product(v, w);
        l[v * n + w] += along;
        for (int f = 0; f < width; ++f) {
          row[f] -= along * q[w * width + f];
        }
      }
    }
    const double rest = std::sqrt(product(v, v));
    const bool dependent = rest <= 1e-14 * length;
    l[v * n + v] = dependent ? 0.0 : rest;
    for (int f = 0; f < width; ++f) {
      row[f] = dependent ? 0.0 : row[f] / rest;
    }
  }
}

template <class T>
void SpeciesTable<T>::take(const BlockWeights<T>& first_block, const int64_t* species, int64_t n) {
  const int n_species = first_block.n_in;
  found_.assign(n_species, 0);
  for (int64_t i = 0; i < n; ++i) {
    if (species[i] < 0 || species[i] >= n_species) {
      throw std::invalid_argument(
          "atom " + std::to_string(i) + ": expected a species below " + std::to_string(n_species) +
          ", found " + std::to_string(species[i]));
    }
    found_[species[i]] = 1;
  }
  if (found_ != present_) {
    present_ = found_;
    pack(first_block);
  }
  places_.resize(n);
  for (int64_t i = 0; i < n; ++i) {
    places_[i] = place_of_species_[species[i]];
  }
}

template <class T> void SpeciesTable<T>::pack(const BlockWeights<T>& first_block) {
  const int V = first_block.radial.n_sensitivities, a = first_block.n_middle;
  const auto n_present = static_cast<int>(std::count(present_.begin(), present_.end(), 1));
  n_in_ = n_present * V;
  n_out_ = a;
  const int64_t forward_size = panels_size(n_in_, a), backward_size = panels_size(a, n_in_);
  std::fill_n(forward_.resize(forward_size), forward_size, T(0));
  std::fill_n(backward_.resize(backward_size), backward_size, T(0));
  mixing_.resize(int64_t{n_in_} * V);
  std::vector<double> q(int64_t{V} * a);
  place_of_species_.assign(first_block.n_in, -1);
  int place = 0;
  for (int z = 0; z < first_block.n_in; ++z) {
    if (!present_[z]) {
      continue;
    }
    std::copy_n(first_block.table + z * int64_t{V} * a, q.size(), q.begin());
    orthogonalise(V, a, q.data(), mixing_.data() + int64_t{place} * V * V);
    for (int v = 0; v < V; ++v) {
      for (int f = 0; f < a; ++f) {
        const int k = place * V + v;
        const auto weight = static_cast<T>(q[v * a + f]);
        forward_.data()[in_panels(k, f, n_in_)] = weight;
        backward_.data()[in_panels(f, k, a)] = weight;
      }
    }
    place_of_species_[z] = place++;
  }
}

template <class T> int64_t SpeciesTable<T>::bytes() const {
  return static_cast<int64_t>(
             places_.capacity() * sizeof(int32_t) + mixing_.size() * sizeof(double)) +
         forward_.bytes() + backward_.bytes();
}

template class SpeciesTable<float>;
template class SpeciesTable<double>;

} // namespace hipnn_ts
