// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/elements.hpp"

#include <algorithm>

namespace hipnn_ts {
namespace {

constexpr const char* symbols[n_elements] = {
    "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",
    "S",  "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn",
    "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh",
    "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd",
    "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re",
    "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th",
    "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db",
    "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

} // namespace

int atomic_number(const std::string& symbol) {
  for (int k = 0; k < n_elements; ++k) {
    if (symbol == symbols[k]) {
      return k + 1;
    }
  }
  return 0;
}

const char* chemical_symbol(int atomic_number) {
  return symbols[atomic_number - 1];
}

std::string pair_name(const std::string& first, const std::string& second) {
  return std::min(first, second) + "-" + std::max(first, second);
}

} // namespace hipnn_ts
