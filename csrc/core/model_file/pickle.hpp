// SPDX-License-Identifier: BSD-3-Clause
//
// Reader for pickles of exported potentials, which creates nothing from them but lists, numbers,
// text and views of tensors.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/visibility.hpp"

namespace hipnn_ts {

struct Pickled {
  enum Kind { none, mark, boolean, integer, real, text, type, sequence, named, storage, tensor };

  Kind kind = none;
  int64_t integer_value = 0; // of integers and booleans
  double real_value = 0.0;
  std::string string; // a text, or a type's name
  /// For a sequence its items; for named values, names and values in turn; for a tensor its
  /// storage, first item, shape, strides and more; for a storage "storage", the type, the key of
  /// its record, the device and the number of items.
  std::shared_ptr<std::vector<Pickled>> items;
  int depth = 0; // of the items

  const std::vector<Pickled>& children() const;
  /// The value with that name, or none.
  const Pickled& operator[](std::string_view name) const;
};

/// Bytes of an item of a storage's type ("torch FloatStorage").
int64_t bytes_per_item(std::string_view storage_type);

/// The value of a pickle, whose name in messages is `name`. Throws FileError if the pickle creates
/// something that no exported potential has, or if a tensor's storage differs in size from its
/// record: `size_of` gives the bytes of the record with a key, or -1 if there is none.
HIPNN_TS_API Pickled read_pickle(
    std::string_view name, std::string_view content,
    const std::function<int64_t(const std::string&)>& size_of);

} // namespace hipnn_ts
