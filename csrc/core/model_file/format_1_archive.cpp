// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "core/buffer.hpp"
#include "core/model_file/file_error.hpp"
#include "core/model_file/format_1.hpp"
#include "core/model_file/pickle.hpp"

namespace hipnn_ts {
namespace {

constexpr const char* pickle_record = "data.pkl";
constexpr const char* tensor_folder = "data/";

[[noreturn]] void unlike(const std::string& name, const char* expected) {
  throw FileError(
      std::string("'") + pickle_record + "': " + name + ": expected " + expected +
      ", found something else");
}

const std::vector<Pickled>& list_of(const Pickled& module, const char* name) {
  const Pickled& value = module[name];
  if (value.kind != Pickled::sequence) {
    unlike(name, "a list");
  }
  return value.children();
}

/// The value of `member`.
template <class Value, class Member>
std::vector<Value>
values_of(const Pickled& list, const std::string& name, Pickled::Kind kind, Member member) {
  std::vector<Value> out;
  for (const Pickled& item : list.children()) {
    if (item.kind != kind) {
      unlike(name, "values of one type");
    }
    out.push_back(item.*member);
  }
  return out;
}

/// Copies of the tensors, aligned as the kernels require.
class Tensors {
public:
  explicit Tensors(const ZipArchive& archive) : archive_(archive) {}

  NamedTensor copy(const std::string& name, const Pickled& tensor) {
    const auto& x = tensor.children();
    if (tensor.kind != Pickled::tensor || x.size() < 4 || x[0].kind != Pickled::storage ||
        x[1].kind != Pickled::integer) {
      unlike(name, "a tensor");
    }
    const std::string& type = x[0].children()[1].string;
    NamedTensor out{name, {}, shape_of(name, x[2]), {}};
    if (type == "torch ShortStorage") {
      out.type = ElementType::int16;
    } else if (type == "torch FloatStorage") {
      out.type = ElementType::float32;
    } else if (type == "torch DoubleStorage") {
      out.type = ElementType::float64;
    } else {
      unlike(name, "a tensor of int16, float32 or float64");
    }
    int64_t stride = 1;
    const Shape strides = shape_of(name, x[3]);
    for (size_t k = out.shape.size(); k-- > 0;) {
      if (strides.size() != out.shape.size() || (out.shape[k] > 1 && strides[k] != stride)) {
        unlike(name, "a tensor whose items follow each other");
      }
      stride *= std::max<int64_t>(out.shape[k], 1);
    }
    const uint64_t size = size_of(out.type, out.shape);
    const std::string_view record = archive_.read(tensor_folder + x[0].children()[2].string);
    const auto first = static_cast<uint64_t>(x[1].integer_value);
    const uint64_t begin = first * static_cast<uint64_t>(bytes_per_item(type));
    if (first > record.size() || begin > record.size() || size > record.size() - begin) {
      unlike(name, "a tensor within its record");
    }
    char* place = kept_.emplace_back().resize(std::max<int64_t>(static_cast<int64_t>(size), 1));
    std::copy_n(record.data() + begin, size, place);
    out.data = {place, size};
    return out;
  }

private:
  static Shape shape_of(const std::string& name, const Pickled& sizes) {
    const auto out = values_of<int64_t>(sizes, name, Pickled::integer, &Pickled::integer_value);
    if (std::any_of(out.begin(), out.end(), [](int64_t n) { return n < 0; })) {
      unlike(name, "a shape");
    }
    return out;
  }

  const ZipArchive& archive_;
  std::vector<Buffer<char>> kept_;
};

} // namespace

std::string document_of_format_1(const ZipArchive& archive) {
  const Pickled module =
      read_pickle(pickle_record, archive.read(pickle_record), [&](const std::string& key) {
        const auto found = archive.records().find(tensor_folder + key);
        return found == archive.records().end() ? -1 : static_cast<int64_t>(found->second.size);
      });
  const Pickled& portable = module["portable"];
  if (portable.kind != Pickled::boolean || portable.integer_value != 0) {
    unlike("portable", "False, as the metadata say");
  }
  Tensors tensors(archive);
  FormatOne parts;
  const auto of = [&](const char* name, Pickled::Kind kind, auto member) {
    list_of(module, name);
    using Value = std::decay_t<decltype(module.*member)>;
    return values_of<Value>(module[name], name, kind, member);
  };
  parts.sizes = of("sizes", Pickled::integer, &Pickled::integer_value);
  parts.scalars = of("scalars", Pickled::real, &Pickled::real_value);
  parts.elements = of("elements", Pickled::text, &Pickled::string);
  parts.self_energies = tensors.copy("self_energies", module["self_energies"]);
  for (const Pickled& weight : list_of(module, "weights")) {
    parts.weights.push_back(
        tensors.copy("packed weight " + std::to_string(parts.weights.size()), weight));
  }
  return document_of(parts);
}

} // namespace hipnn_ts
