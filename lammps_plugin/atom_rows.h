// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "layered_potential.h"

#include "atom.h"
#include "neigh_list.h"

namespace hipnn_ts_lammps {

/// The rows of the potential among a rank's atoms and ghosts.
///
/// All images of one atom share a row, so that a periodic box on one rank needs no ghost rows at
/// all and the network's work per row is done once; or they are kept apart, because their positions
/// differ. Atoms of types without an element, and absent atoms, have no row (-1).
class AtomRows {
public:
  enum class Images { shared, apart };

  /// Atoms of the groups `absent`, bits of LAMMPS's masks, count as absent. Receivers come in slabs
  /// of half a cutoff (Å). Call it when the neighbour list was rebuilt. Returns an atom that the
  /// list names as a neighbour although it does not belong to this potential, or -1.
  int rebuild(
      const LAMMPS_NS::Atom& atom, const LAMMPS_NS::NeighList& list, double cutoff,
      const std::vector<int>& species_of_type, int absent_groups, Images images = Images::shared);

  /// The same without a list, for evaluators that search for pairs themselves: senders are atoms
  /// with an image within `reach` (Å) of a box around the receivers. Returns these images, which
  /// are atoms and ghosts of LAMMPS, receivers first, in order of their rows.
  std::vector<int> rebuild_by_place(
      const LAMMPS_NS::Atom& atom, double cutoff, double reach,
      const std::vector<int>& species_of_type, int absent_groups);

  /// Reads the types, which some fixes change between rebuilds; returns whether a species changed.
  bool update_species(const LAMMPS_NS::Atom& atom, const std::vector<int>& species_of_type);

  const RowCounts& counts() const { return counts_; }
  int of_atom(int atom) const { return row_of_atom_[atom]; }
  /// The rank's own atom, or the first of its ghosts.
  int atom(int row) const { return atom_of_row_[row]; }
  const std::vector<int64_t>& species() const { return species_; }
  double memory_usage() const {
    return (row_of_atom_.capacity() + atom_of_row_.capacity() + first_of_atom_.capacity()) *
               sizeof(int) +
           species_.capacity() * sizeof(int64_t);
  }

private:
  void begin(const LAMMPS_NS::Atom& atom, std::vector<int> receivers, double cutoff, Images images);
  void add_row(int i);
  template <class Present> void finish(const LAMMPS_NS::Atom& atom, const Present& present);

  RowCounts counts_;
  std::vector<int> row_of_atom_, atom_of_row_;
  std::vector<int> first_of_atom_; ///< for a ghost: the atom or ghost that is its row's
  std::vector<int64_t> species_;
};

} // namespace hipnn_ts_lammps
