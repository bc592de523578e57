// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdexcept>
#include <string>

namespace hipnn_ts_lammps {

/// A user's mistake, in one sentence.
struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The message of an exception, without the C++ and TorchScript backtraces that torch adds.
inline std::string reason(const std::exception& error) {
  std::string text = error.what();
  text = text.substr(0, text.find("\nException raised from"));
  // TorchScript puts its traceback first and the error last.
  const auto last = text.rfind("RuntimeError: ");
  if (last != std::string::npos) {
    text = text.substr(last);
  }
  return text.substr(0, text.find('\n'));
}

} // namespace hipnn_ts_lammps
