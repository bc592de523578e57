// SPDX-License-Identifier: BSD-3-Clause
//
// Pickles as torch writes them for exported potentials, read without making anything of them but
// lists, numbers, text and views of tensors.
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
  /// Of a sequence its items; of what has named values, name and value in turns; of a tensor its
  /// storage, its first item there, its shape and its strides, and more; of a storage "storage",
  /// the type, the key of its record, the device and the number of items.
  std::shared_ptr<std::vector<Pickled>> items;
  int depth = 0; // of the items

  const std::vector<Pickled>& children() const;
  /// The value of that name, none where there is none.
  const Pickled& operator[](std::string_view name) const;
};

/// Bytes of an item of a storage's type ("torch FloatStorage").
int64_t bytes_per_item(std::string_view storage_type);

/// The value of a pickle, which messages call `name`. Throws FileError where it makes anything that
/// no exported potential has, or a tensor's storage is not as large as its record: `size_of` gives
/// the bytes of the record with a key, -1 where there is none.
HIPNN_TS_API Pickled read_pickle(
    std::string_view name, std::string_view content,
    const std::function<int64_t(const std::string&)>& size_of);

} // namespace hipnn_ts
