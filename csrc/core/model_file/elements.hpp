// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace hipnn_ts {

constexpr int n_elements = 118;

/// Atomic number of the chemical symbol, from 1; 0 if there is none.
int atomic_number(const std::string& symbol);
/// Symbol of the atomic number, from 1 to n_elements.
const char* chemical_symbol(int atomic_number);
/// "H-O" for two elements in any order.
std::string pair_name(const std::string& first, const std::string& second);

} // namespace hipnn_ts
