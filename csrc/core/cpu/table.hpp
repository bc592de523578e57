// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "core/components.hpp"

namespace hipnn_ts {
namespace HIPNN_TS_ISA {

template <template <class> class Table, template <class, int> class Make, class T, int C>
constexpr Table<T> table = Make<T, C>::table();

/// For the order with this number of components, l_max or below.
template <
    template <class> class Table, template <class, int> class Make, class T, int l_max = max_order>
const Table<T>& table_of(int components) {
  if constexpr (l_max > 0) {
    if (components < n_components(l_max)) {
      return table_of<Table, Make, T, l_max - 1>(components);
    }
  }
  return table<Table, Make, T, n_components(l_max)>;
}

} // namespace HIPNN_TS_ISA
} // namespace hipnn_ts
