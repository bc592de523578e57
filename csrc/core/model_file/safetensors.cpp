// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/model_file/json.hpp"

namespace hipnn_ts {
namespace {

struct Kind {
  ElementType type;
  const char* name;
  uint64_t size;
};
constexpr std::array<Kind, 3> kinds{
    {{ElementType::int16, "I16", 2},
     {ElementType::float32, "F32", 4},
     {ElementType::float64, "F64", 8}}};
constexpr uint64_t length_size = 8; // bytes of the number before the header
constexpr uint64_t alignment = 8;   // alignment of the data, by blanks after the header
constexpr uint64_t largest = uint64_t{1} << 40;
constexpr const char* header_name = "header";

const Kind& kind_of(ElementType type) {
  return *std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.type == type; });
}

NamedTensor tensor_of(const std::string& name, const Json& entry, std::string_view data) {
  const std::string where = "'" + name.substr(0, 100) + "'";
  NamedTensor out{name, {}, {}, {}};
  const std::string type = text_of(value_of(entry, "dtype", where), where + ": dtype");
  const auto kind =
      std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.name == type; });
  if (kind == kinds.end()) {
    throw FileError(where + ": dtype: expected I16, F32 or F64, found " + shown(type));
  }
  out.type = kind->type;
  const Json& shape = value_of(entry, "shape", where);
  const Json& offsets = value_of(entry, "data_offsets", where);
  if (!shape.is_array() || !offsets.is_array() || offsets.size() != 2 || entry.size() != 3) {
    throw FileError(
        where + ": expected a dtype, a shape and two data_offsets, found another entry");
  }
  for (const Json& size : shape) {
    out.shape.push_back(integer_of(size, where + ": shape", 0));
  }
  const auto limit = static_cast<int64_t>(data.size());
  const auto begin = integer_of(offsets[0], where + ": data_offsets", 0, limit);
  const auto end = integer_of(offsets[1], where + ": data_offsets", begin, limit);
  const uint64_t size = size_of(out.type, out.shape);
  if (size != static_cast<uint64_t>(end - begin)) {
    throw FileError(
        where + ": expected " + std::to_string(size) + " bytes, for " +
        described(out.type, out.shape) + ", found " + std::to_string(end - begin));
  }
  out.data = data.substr(begin, size);
  return out;
}

} // namespace

std::string described(ElementType type, const Shape& shape) {
  std::string out = std::string(kind_of(type).name) + " of shape [";
  for (size_t k = 0; k < shape.size(); ++k) {
    out += (k ? ", " : "") + std::to_string(shape[k]);
  }
  return out + "]";
}

uint64_t size_of(ElementType type, const Shape& shape) {
  uint64_t size = kind_of(type).size;
  for (const int64_t n : shape) {
    if (n > 0 && size > largest / static_cast<uint64_t>(n)) {
      throw FileError("expected a tensor that fits into memory, found " + described(type, shape));
    }
    size *= static_cast<uint64_t>(n);
  }
  return size;
}

Safetensors Safetensors::read(std::string_view document) {
  uint64_t n_header = 0;
  if (document.size() >= length_size) {
    std::memcpy(&n_header, document.data(), length_size);
  }
  if (document.size() < length_size || n_header > document.size() - length_size) {
    throw FileError("expected a safetensors document, found one whose header leaves it");
  }
  const Json header = parse_json(document.substr(length_size, n_header), header_name);
  const std::string_view data = document.substr(length_size + n_header);
  Safetensors out;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        out.metadata[key] = text_of(value, "__metadata__");
      }
    } else {
      out.tensors.push_back(tensor_of(name, entry, data));
    }
  }
  // Empty tensors begin at the place of the next tensor.
  std::sort(out.tensors.begin(), out.tensors.end(), [](const auto& a, const auto& b) {
    return std::make_pair(a.data.data(), a.data.size()) <
           std::make_pair(b.data.data(), b.data.size());
  });
  const char* end = data.data();
  for (const NamedTensor& tensor : out.tensors) {
    if (tensor.data.data() != end) {
      throw FileError(
          "'" + tensor.name.substr(0, 100) +
          "': expected data where those before end, found a gap "
          "or an overlap");
    }
    end += tensor.data.size();
  }
  if (end != data.data() + data.size()) {
    throw FileError("expected nothing after the last tensor, found more bytes");
  }
  return out;
}

std::string Safetensors::write() const {
  Json header;
  header["__metadata__"] = metadata;
  uint64_t end = 0;
  for (const NamedTensor& tensor : tensors) {
    const uint64_t begin = end;
    end += tensor.data.size();
    header[tensor.name] = {
        {"dtype", kind_of(tensor.type).name},
        {"shape", tensor.shape},
        {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + alignment - 1) / alignment * alignment, ' ');
  const uint64_t n_header = text.size();
  std::string out(length_size, '\0');
  std::memcpy(out.data(), &n_header, length_size);
  out += text;
  out.reserve(out.size() + end);
  for (const NamedTensor& tensor : tensors) {
    out += tensor.data;
  }
  return out;
}

} // namespace hipnn_ts
