// SPDX-License-Identifier: GPL-2.0-or-later
//
// Copies rows of features to and from LAMMPS's messages, which consist of doubles: bytes are
// copied, so two float32 share one double and nothing is rounded.
#pragma once

#include "atom_rows.h"

#include <algorithm>
#include <cstring>

namespace hipnn_ts_lammps {

template <class Real> struct FeatureRows {
  Real* data;
  int64_t width;
  const int* slots = nullptr; ///< places of the rows in `data`, -1: has none; null: their own

  int doubles_per_atom() const {
    return static_cast<int>((width * sizeof(Real) + sizeof(double) - 1) / sizeof(double));
  }

  /// Features of the listed atoms, which fill the ghosts of other ranks (or our own).
  int pack(const AtomRows& rows, int n, const int* atoms, double* buffer) const {
    const int stride = doubles_per_atom();
    for (int k = 0; k < n; ++k, buffer += stride) {
      write(rows.of_atom(atoms[k]), buffer);
    }
    return n * stride;
  }

  void unpack(const AtomRows& rows, int n, int first_ghost, const double* buffer) {
    const int stride = doubles_per_atom();
    for (int k = 0; k < n; ++k, buffer += stride) {
      const int row = rows.of_atom(first_ghost + k);
      if (row >= rows.counts().receivers) {
        std::memcpy(data + slot(row) * width, buffer, width * sizeof(Real));
      }
    }
  }

  /// Gradients of ghosts, sent to the atoms' owners. A row that several ghosts share is sent with
  /// the first of them: that one came with the earliest message and so leaves with the last, when
  /// all contributions from others have arrived.
  int pack_ghosts(const AtomRows& rows, int n, int first_ghost, double* buffer) const {
    const int stride = doubles_per_atom();
    for (int k = 0; k < n; ++k, buffer += stride) {
      const int row = rows.of_atom(first_ghost + k);
      write(row >= 0 && rows.atom(row) == first_ghost + k ? row : -1, buffer);
    }
    return n * stride;
  }

  void add(const AtomRows& rows, int n, const int* atoms, const double* buffer) {
    const int stride = doubles_per_atom();
    for (int k = 0; k < n; ++k, buffer += stride) {
      const int64_t place = slot(rows.of_atom(atoms[k]));
      if (place < 0) {
        continue;
      }
      Real* own = data + place * width;
      // Messages are doubles: each is read through a copy of the right type.
      constexpr int per_double = sizeof(double) / sizeof(Real);
      for (int64_t c = 0; c < width; c += per_double) {
        Real values[per_double];
        std::memcpy(values, buffer + c / per_double, sizeof(double));
        for (int64_t v = 0; v < per_double && c + v < width; ++v) {
          own[c + v] += values[v];
        }
      }
    }
  }

private:
  int64_t slot(int row) const { return row >= 0 && slots ? slots[row] : row; }

  void write(int row, double* buffer) const {
    if (const int64_t place = slot(row); place >= 0) {
      std::memcpy(buffer, data + place * width, width * sizeof(Real));
    } else {
      std::fill(buffer, buffer + doubles_per_atom(), 0.0);
    }
  }
};

} // namespace hipnn_ts_lammps
