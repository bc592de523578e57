// SPDX-License-Identifier: GPL-2.0-or-later
#include "atom_rows.h"

#include <unordered_map>

namespace hipnn_ts_lammps {

int AtomRows::rebuild(
    const LAMMPS_NS::Atom& atom, const LAMMPS_NS::NeighList& list,
    const std::vector<int>& species_of_type) {
  const int n_all = atom.nlocal + atom.nghost;
  row_of_atom_.assign(n_all, -1);
  atom_of_row_.clear();

  // Without tags (atom_modify id no) images cannot be told: then every ghost is an atom.
  std::unordered_map<LAMMPS_NS::tagint, int> first_image;
  first_image.reserve(n_all);
  std::vector<int> image_of(n_all);
  for (int ii = 0; ii < list.inum; ++ii) {
    const int i = list.ilist[ii];
    row_of_atom_[i] = ii;
    atom_of_row_.push_back(i);
    if (atom.tag_enable) {
      first_image[atom.tag[i]] = i;
    }
  }
  counts_.receivers = list.inum;
  for (int i = atom.nlocal; i < n_all; ++i) {
    image_of[i] = atom.tag_enable ? first_image.emplace(atom.tag[i], i).first->second : i;
  }

  const auto add_row = [&](int i) {
    const int first = image_of[i];
    if (row_of_atom_[first] < 0) {
      row_of_atom_[first] = static_cast<int>(atom_of_row_.size());
      atom_of_row_.push_back(first);
    }
    row_of_atom_[i] = row_of_atom_[first];
  };
  for (int ii = 0; ii < list.inum; ++ii) {
    const int i = list.ilist[ii];
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
  counts_.senders = static_cast<int>(atom_of_row_.size());
  for (int i = atom.nlocal; i < n_all; ++i) {
    if (row_of_atom_[i] < 0 && species_of_type[atom.type[i]] >= 0) {
      add_row(i);
    }
  }
  counts_.rows = static_cast<int>(atom_of_row_.size());
  species_.assign(counts_.rows, -1);
  return -1;
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
