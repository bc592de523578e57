// SPDX-License-Identifier: BSD-3-Clause
//
// safetensors documents: eight bytes with the length of the header, a header in JSON, and data.
// https://github.com/huggingface/safetensors#format
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/visibility.hpp"

namespace hipnn_ts {

/// Types of tensors in model files.
enum class ElementType { int16, float32, float64 };

using Shape = std::vector<int64_t>;

/// "F32 of shape [2, 8]"
std::string described(ElementType type, const Shape& shape);

/// Bytes of such a tensor. Throws FileError if they exceed any memory.
uint64_t size_of(ElementType type, const Shape& shape);

struct NamedTensor {
  std::string name;
  ElementType type;
  Shape shape;
  std::string_view data; // size_of(type, shape) bytes, anywhere
};

struct HIPNN_TS_API Safetensors {
  std::map<std::string, std::string> metadata;
  std::vector<NamedTensor> tensors; // in the order of their data

  /// Reads a document, which must outlive the tensors. Throws FileError unless every tensor lies
  /// within it and is as long as its shape says, and unless the tensors fill it without gaps or
  /// overlap.
  static Safetensors read(std::string_view document);

  /// The document with the data of these tensors, one after the other.
  std::string write() const;
};

} // namespace hipnn_ts
