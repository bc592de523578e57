// SPDX-License-Identifier: BSD-3-Clause
//
// Ziegler, Biersack and Littmark's universal potential, switched off as in LAMMPS's pair_style zbl;
// constants for eV and Å.
#include "core/repulsion.hpp"

#include <algorithm>
#include <cmath>

namespace hipnn_ts {
namespace {

constexpr double coulomb = 14.399645; // e^2 / (4 pi eps0), eV Å
constexpr double weights[screening_terms] = {0.18175, 0.50986, 0.28022, 0.02817};
constexpr double decays[screening_terms] = {3.19980, 0.94229, 0.40290, 0.20162};

RepulsionTerms terms_of(double z_receiver, double z_sender, const RepulsionRadii& radii) {
  const auto [inner, outer] = radii;
  RepulsionTerms out{};
  out.inner = inner;
  out.outer = outer;
  const double length = 0.46850 / (std::pow(z_receiver, 0.23) + std::pow(z_sender, 0.23));
  // Values at the outer radius, which the switch cancels.
  double energy = 0, slope = 0, curvature = 0;
  for (int k = 0; k < screening_terms; ++k) {
    out.strength[k] = coulomb * z_receiver * z_sender * weights[k];
    out.exponent[k] = -decays[k] / length;
    const double term = out.strength[k] * std::exp(out.exponent[k] * outer) / outer;
    const double falling = out.exponent[k] - 1 / outer;
    energy += term;
    slope += term * falling;
    curvature += term * (falling * falling + 1 / (outer * outer));
  }
  const double width = outer - inner;
  out.cubic = (-3 * slope + width * curvature) / (3 * width * width);
  out.quartic = (2 * slope - width * curvature) / (4 * width * width * width);
  out.shift = -energy + width * slope / 2 - width * width * curvature / 12;
  return out;
}

} // namespace

Repulsion
repulsion_of(const std::vector<RepulsionRadii>& radii, const std::vector<double>& charges) {
  Repulsion out;
  out.n_species = static_cast<int>(charges.size());
  for (const double receiver : charges) {
    for (const double sender : charges) {
      const RepulsionRadii& own = radii[out.terms.size()];
      out.reach = std::max(out.reach, own.outer);
      out.terms.push_back(terms_of(receiver, sender, own));
    }
  }
  return out;
}

template <class T>
void add_repulsion(
    const Repulsion& repulsion, const PairGroups& by_receiver, const int64_t* species,
    const int32_t* senders, const T* vectors, int n_threads, double* energies,
    T* vector_gradients) {
  const T reach = static_cast<T>(repulsion.reach * repulsion.reach);
#pragma omp parallel for schedule(static) num_threads(n_threads)
  for (int64_t i = 0; i < by_receiver.size; ++i) {
    const RepulsionTerms* own = repulsion.terms.data() + species[i] * repulsion.n_species;
    double energy = 0;
    for (int64_t k = by_receiver.offsets[i]; k < by_receiver.offsets[i + 1]; ++k) {
      const int64_t p = by_receiver.pair(k);
      const T* v = vectors + 3 * p;
      if (!(v[0] * v[0] + v[1] * v[1] + v[2] * v[2] < reach)) {
        continue; // most pairs
      }
      const double x = v[0], y = v[1], z = v[2];
      const double r = std::sqrt(x * x + y * y + z * z);
      const RepulsionTerms& terms = own[species[senders[p]]];
      if (!(r < terms.outer)) {
        continue;
      }
      const RadialEnergy whole = repulsion_at(r, terms);
      energy += whole.energy / 2;
      for (int c = 0; c < 3; ++c) {
        vector_gradients[3 * p + c] += static_cast<T>(whole.slope / 2 * v[c] / r);
      }
    }
    energies[i] += energy;
  }
}

template void add_repulsion(
    const Repulsion&, const PairGroups&, const int64_t*, const int32_t*, const float*, int, double*,
    float*);
template void add_repulsion(
    const Repulsion&, const PairGroups&, const int64_t*, const int32_t*, const double*, int,
    double*, double*);

} // namespace hipnn_ts
