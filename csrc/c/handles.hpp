// SPDX-License-Identifier: BSD-3-Clause
//
// The handles of the C interface, and the translation of exceptions at its border.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "core/closest_approach.hpp"
#include "core/model_file/file_error.hpp"
#include "core/model_file/model.hpp"
#include "hipnn_ts.h"

struct hipnn_ts_model {
  std::shared_ptr<const hipnn_ts::Model> model;
  hipnn_ts::ClosestApproach closest;

  const hipnn_ts::Architecture& network() const { return model->architecture(); }
  bool knows(int species) const { return species >= 0 && species < network().n_species(); }
};

namespace hipnn_ts {

/// Where a caller wants the sentence.
struct Message {
  char* text;
  size_t size;

  /// As much as there is room for, without cutting a character.
  void write(const std::string& sentence) const {
    if (!text || size == 0) {
      return;
    }
    size_t n = std::min(sentence.size(), size - 1);
    while (n > 0 && n < sentence.size() && (sentence[n] & 0xC0) == 0x80) {
      --n;
    }
    std::memcpy(text, sentence.data(), n);
    text[n] = '\0';
  }
};

/// Calls body(), which returns a status; an exception becomes one, with its sentence.
template <class Body> hipnn_ts_status guarded(const Message& message, const Body& body) noexcept {
  const auto told = [&](hipnn_ts_status status, const char* sentence) {
    try {
      message.write(sentence);
    } catch (...) { // no memory for the sentence
    }
    return status;
  };
  try {
    return body();
  } catch (const FileError& error) {
    return told(HIPNN_TS_BAD_FILE, error.what());
  } catch (const std::invalid_argument& error) {
    return told(HIPNN_TS_INVALID_ARGUMENT, error.what());
  } catch (const std::bad_alloc&) {
    return told(HIPNN_TS_NO_MEMORY, "expected enough memory, found too little");
  } catch (const std::length_error&) {
    return told(HIPNN_TS_NO_MEMORY, "expected enough memory, found too little");
  } catch (const std::exception& error) {
    return told(HIPNN_TS_FAILED, error.what());
  } catch (...) {
    return told(HIPNN_TS_FAILED, "an error without a description");
  }
}

/// Throws if the pointer is null.
inline void check_given(const void* pointer, const char* name) {
  if (!pointer) {
    throw std::invalid_argument(std::string(name) + ": expected a pointer, found null");
  }
}

/// Throws unless lowest <= value <= highest.
inline void check_within(int64_t value, const char* name, int64_t lowest, int64_t highest) {
  if (value < lowest || value > highest) {
    throw std::invalid_argument(
        std::string(name) + ": expected " + std::to_string(lowest) + " to " +
        std::to_string(highest) + ", found " + std::to_string(value));
  }
}

/// *handle becomes make(), or null if that throws or a pointer is missing. `name` is the handle's.
template <class Handle, class Make>
hipnn_ts_status
created(Handle** handle, const char* name, const Message& message, const Make& make) {
  return guarded(message, [&] {
    check_given(handle, name);
    *handle = nullptr;
    *handle = make();
    return HIPNN_TS_OK;
  });
}

constexpr int most_threads = 1024;

} // namespace hipnn_ts
