// SPDX-License-Identifier: BSD-3-Clause
#include "torch/force_checks.hpp"

#include <cmath>
#include <limits>
#include <sstream>

namespace hipnn_ts {

template <class T>
void ForceChecks::results(
    const double* energies, const double* forces, const HostPairs<T>& pairs) const {
  for (int64_t i = 0; i < n_atoms(); ++i) {
    const double* f = forces + 3 * i;
    if (!std::isfinite(energies[i] + f[0] + f[1] + f[2])) {
      refuse(i, pairs);
    }
  }
}

template <class T> void ForceChecks::refuse(int64_t atom, const HostPairs<T>& pairs) const {
  int64_t closest = -1;
  double lowest = std::numeric_limits<double>::infinity();
  for (int64_t p = 0; p < pairs.n; ++p) {
    const T* v = pairs.vectors + 3 * p;
    const double distance = std::hypot(v[0], v[1], v[2]);
    if (distance < lowest) {
      lowest = distance;
      closest = p;
    }
  }
  std::ostringstream text;
  text << "hipnn-ts: expected finite energies and forces, found none for particle " << name(atom)
       << " at evaluation " << guard_.evaluations() << " of this force";
  if (closest >= 0) {
    text << " (closest are the particles " << name(pairs.receivers[closest]) << " and "
         << name(pairs.senders[closest]) << ", " << lowest << " Å apart)";
  }
  C10_THROW_ERROR(ValueError, text.str());
}

template void ForceChecks::results(const double*, const double*, const HostPairs<float>&) const;
template void ForceChecks::results(const double*, const double*, const HostPairs<double>&) const;
template void ForceChecks::refuse(int64_t, const HostPairs<float>&) const;
template void ForceChecks::refuse(int64_t, const HostPairs<double>&) const;

} // namespace hipnn_ts
