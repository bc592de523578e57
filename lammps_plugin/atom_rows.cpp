// SPDX-License-Identifier: GPL-2.0-or-later
#include "atom_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace hipnn_ts_lammps {

namespace {

/// Atoms of a list in slabs along the direction in which they extend farthest, each in the list's
/// order. The network works through the slabs, and keeps most of its data only for a layer as thick
/// as the cutoff.
std::vector<int> in_slabs(std::vector<int> atoms, const double* const* x, double thickness) {
  double low[3], extent[3] = {};
  for (int c = 0; c < 3 && !atoms.empty(); ++c) {
    const auto [least, most] = std::minmax_element(
        atoms.begin(), atoms.end(), [&](int i, int j) { return x[i][c] < x[j][c]; });
    low[c] = x[*least][c];
    extent[c] = x[*most][c] - low[c];
  }
  const auto direction = std::max_element(extent, extent + 3) - extent;
  const double n_slabs = std::floor(extent[direction] / thickness);
  if (!(n_slabs > 1 && n_slabs < 1e6)) {
    return atoms;
  }
  const auto slab = [&](int i) {
    const double place = (x[i][direction] - low[direction]) / extent[direction] * n_slabs;
    return place > 0 ? static_cast<int>(place) : 0; // also for NaN
  };
  std::stable_sort(atoms.begin(), atoms.end(), [&](int i, int j) { return slab(i) < slab(j); });
  return atoms;
}

} // namespace

/// Receivers have rows; other atoms and ghosts do not yet.
void AtomRows::begin(
    const LAMMPS_NS::Atom& atom, std::vector<int> receivers, double cutoff, Images images) {
  const int n_all = atom.nlocal + atom.nghost;
  row_of_atom_.assign(n_all, -1);
  atom_of_row_ = in_slabs(std::move(receivers), atom.x, 0.5 * cutoff);
  counts_.receivers = static_cast<int>(atom_of_row_.size());

  // Without tags (atom_modify id no) images cannot be recognised, so every ghost counts as an atom.
  const bool shared = atom.tag_enable && images == Images::shared;
  std::unordered_map<LAMMPS_NS::tagint, int> first_image;
  first_image.reserve(n_all);
  first_of_atom_.resize(n_all);
  for (int row = 0; row < counts_.receivers; ++row) {
    const int i = atom_of_row_[row];
    row_of_atom_[i] = row;
    if (shared) {
      first_image[atom.tag[i]] = i;
    }
  }
  for (int i = atom.nlocal; i < n_all; ++i) {
    first_of_atom_[i] = shared ? first_image.emplace(atom.tag[i], i).first->second : i;
  }
}

/// Gives a row to a ghost, unless an image of it has one.
void AtomRows::add_row(int i) {
  const int first = first_of_atom_[i];
  if (row_of_atom_[first] < 0) {
    row_of_atom_[first] = static_cast<int>(atom_of_row_.size());
    atom_of_row_.push_back(first);
  }
  row_of_atom_[i] = row_of_atom_[first];
}

/// After the senders: rows of all other ghosts.
template <class Present>
void AtomRows::finish(const LAMMPS_NS::Atom& atom, const Present& present) {
  counts_.senders = static_cast<int>(atom_of_row_.size());
  for (int i = atom.nlocal; i < atom.nlocal + atom.nghost; ++i) {
    if (row_of_atom_[i] < 0 && present(i)) {
      add_row(i);
    }
  }
  counts_.rows = static_cast<int>(atom_of_row_.size());
  species_.assign(counts_.rows, -1);
}

int AtomRows::rebuild(
    const LAMMPS_NS::Atom& atom, const LAMMPS_NS::NeighList& list, double cutoff,
    const std::vector<int>& species_of_type, int absent_groups, Images images) {
  const auto absent = [&](int i) { return (atom.mask[i] & absent_groups) != 0; };
  std::vector<int> receivers;
  std::remove_copy_if(list.ilist, list.ilist + list.inum, std::back_inserter(receivers), absent);
  begin(atom, std::move(receivers), cutoff, images);
  for (int row = 0; row < counts_.receivers; ++row) {
    const int i = atom_of_row_[row];
    for (int jj = 0; jj < list.numneigh[i]; ++jj) {
      const int j = list.firstneigh[i][jj] & NEIGHMASK;
      if (row_of_atom_[j] >= 0) {
        continue;
      }
      if (j < atom.nlocal || species_of_type[atom.type[j]] < 0) {
        return j;
      }
      add_row(j);
    }
  }
  finish(atom, [&](int i) { return species_of_type[atom.type[i]] >= 0 && !absent(i); });
  return -1;
}

std::vector<int> AtomRows::rebuild_by_place(
    const LAMMPS_NS::Atom& atom, double cutoff, double reach,
    const std::vector<int>& species_of_type, int absent_groups) {
  const auto present = [&](int i) {
    return species_of_type[atom.type[i]] >= 0 && (atom.mask[i] & absent_groups) == 0;
  };
  std::vector<int> receivers;
  for (int i = 0; i < atom.nlocal; ++i) {
    if (present(i)) {
      receivers.push_back(i);
    }
  }
  begin(atom, std::move(receivers), cutoff, Images::shared);
  constexpr double far = std::numeric_limits<double>::infinity();
  double low[3] = {far, far, far}, high[3] = {-far, -far, -far};
  for (int row = 0; row < counts_.receivers; ++row) {
    for (int c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], atom.x[atom_of_row_[row]][c]);
      high[c] = std::max(high[c], atom.x[atom_of_row_[row]][c]);
    }
  }
  std::vector<int> images = atom_of_row_;
  for (int i = atom.nlocal; i < atom.nlocal + atom.nghost; ++i) {
    double squared = 0.0; // of the distance from the box around the receivers
    for (int c = 0; c < 3; ++c) {
      const double apart = std::max({low[c] - atom.x[i][c], atom.x[i][c] - high[c], 0.0});
      squared += apart * apart;
    }
    if (squared < reach * reach && present(i)) {
      add_row(i);
      images.push_back(i);
    }
  }
  finish(atom, present);
  return images;
}

bool AtomRows::update_species(
    const LAMMPS_NS::Atom& atom, const std::vector<int>& species_of_type) {
  bool changed = false;
  for (int row = 0; row < counts_.rows; ++row) {
    const int64_t species = species_of_type[atom.type[atom_of_row_[row]]];
    changed = changed || species != species_[row];
    species_[row] = species;
  }
  return changed;
}

} // namespace hipnn_ts_lammps
