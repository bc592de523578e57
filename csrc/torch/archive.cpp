// SPDX-License-Identifier: BSD-3-Clause
#include "torch/archive.hpp"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/library.h>

#include <array>
#include <cstring>
#include <map>
#include <sstream>

namespace hipnn_ts {
namespace {

/// As zip has it (ISO 3309).
uint32_t checksum(const unsigned char* data, size_t size) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t n = 0; n < 256; ++n) {
      t[n] = n;
      for (int bit = 0; bit < 8; ++bit) {
        t[n] = t[n] & 1 ? 0xEDB88320U ^ (t[n] >> 1) : t[n] >> 1;
      }
    }
    return t;
  }();
  uint32_t crc = 0xFFFFFFFFU;
  for (size_t i = 0; i < size; ++i) {
    crc = table[(crc ^ data[i]) & 0xFFU] ^ (crc >> 8);
  }
  return ~crc;
}

/// Little-endian numbers of the zip directory, each read within the file.
class Bytes {
public:
  explicit Bytes(const std::string& bytes) : bytes_(bytes) {}

  template <class Integer> Integer at(size_t place) const {
    TORCH_CHECK(
        place <= bytes_.size() && sizeof(Integer) <= bytes_.size() - place,
        "damaged: its directory leaves the file");
    Integer value;
    std::memcpy(&value, bytes_.data() + place, sizeof(Integer));
    return value;
  }

  std::string text(size_t place, size_t size) const {
    TORCH_CHECK(
        place <= bytes_.size() && size <= bytes_.size() - place,
        "damaged: its directory leaves the file");
    return bytes_.substr(place, size);
  }

private:
  const std::string& bytes_;
};

/// Name, without the archive's own folder, and checksum of each record (zip's appnote 4.3).
std::map<std::string, uint32_t> directory(const std::string& content) {
  const Bytes bytes(content);
  const size_t end = content.rfind("PK\5\6");
  TORCH_CHECK(end != std::string::npos, "damaged: it has no directory");
  size_t n_records = bytes.at<uint16_t>(end + 10);
  size_t place = bytes.at<uint32_t>(end + 16);
  if (end >= 20 && content.compare(end - 20, 4, "PK\6\7") == 0) {
    const auto large = bytes.at<uint64_t>(end - 20 + 8);
    n_records = bytes.at<uint64_t>(large + 32);
    place = bytes.at<uint64_t>(large + 48);
  }
  std::map<std::string, uint32_t> out;
  for (size_t k = 0; k < n_records; ++k) {
    TORCH_CHECK(bytes.text(place, 4) == "PK\1\2", "damaged: its directory is no directory");
    const size_t n_name = bytes.at<uint16_t>(place + 28);
    const std::string name = bytes.text(place + 46, n_name);
    const size_t slash = name.find('/');
    TORCH_CHECK(
        slash != std::string::npos &&
            out.emplace(name.substr(slash + 1), bytes.at<uint32_t>(place + 16)).second,
        "damaged: found the record '", name, "' in a wrong place or twice");
    place += 46 + n_name + bytes.at<uint16_t>(place + 30) + bytes.at<uint16_t>(place + 32);
  }
  return out;
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

} // namespace

void check_archive(const std::string& bytes) {
  const auto checksums = directory(bytes);
  std::istringstream stream(bytes);
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  const auto names = reader.getAllRecords();
  TORCH_CHECK(names.size() == checksums.size(), "damaged: its directory is read in two ways");
  for (const std::string& name : names) {
    // Code compresses well, but not a thousandfold.
    TORCH_CHECK(
        reader.getRecordSize(name) / 1000 <= bytes.size(), "damaged: '", name,
        "' claims to be larger than can be");
    const auto [data, size] = reader.getRecord(name);
    const auto* content = static_cast<const unsigned char*>(data.get());
    const auto found = checksums.find(name);
    TORCH_CHECK(
        found != checksums.end() && checksum(content, size) == found->second, "damaged: '", name,
        "' does not have the checksum it was written with");
    const std::string_view text(static_cast<const char*>(data.get()), size);
    if (ends_with(name, ".py")) {
      check_code(name, text);
    } else if (ends_with(name, "pkl")) {
      const std::string folder = name.substr(0, name.rfind('.')) + "/";
      check_pickle(name, text, [&](const std::string& key) {
        const std::string record = folder + key;
        return checksums.count(record) ? static_cast<int64_t>(reader.getRecordSize(record)) : -1;
      });
    } else {
      const bool known = name.rfind("data/", 0) == 0 || name.rfind("constants/", 0) == 0 ||
                         name == "extra/hipnn_ts.json" || name == "version" ||
                         name == "byteorder" || name == ".data/serialization_id";
      TORCH_CHECK(known, "found the record '", name, "', which no exported potential has");
    }
  }
}

namespace {

void check_archive_operator(const at::Tensor& bytes) {
  TORCH_CHECK(
      bytes.device().is_cpu() && bytes.scalar_type() == at::kByte && bytes.dim() == 1 &&
          bytes.is_contiguous(),
      "bytes: expected a CPU tensor of bytes");
  check_archive({bytes.const_data_ptr<uint8_t>(), bytes.const_data_ptr<uint8_t>() + bytes.numel()});
}

} // namespace
} // namespace hipnn_ts

TORCH_LIBRARY_FRAGMENT(hipnn_ts, m) {
  m.def("check_archive(Tensor bytes) -> ()");
}

TORCH_LIBRARY_IMPL(hipnn_ts, CPU, m) {
  m.impl("check_archive", &hipnn_ts::check_archive_operator);
}
