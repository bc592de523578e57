// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "member_results.h"

#include "core/runtime/committee.hpp"

#include "lmptype.h"

#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace hipnn_ts_lammps {

/// The input script's settings for a committee, or for a network with force uncertainty; thresholds
/// of forces in LAMMPS's units.
struct CommitteeSettings {
  std::string keyword;                ///< "committee" or "uncertainty", empty if not given
  LAMMPS_NS::bigint every = 0;        ///< in each such step; never if 0
  int member = hipnn_ts::mean_of_all; ///< the one that moves the atoms
  double stop = std::numeric_limits<double>::infinity();
  double above = std::numeric_limits<double>::infinity();
  std::string table, frames; ///< files, empty if not wanted
};

/// One atom of a frame.
struct FrameAtom {
  LAMMPS_NS::tagint id;
  std::string element;
  double position[3];     ///< Å
  double force_deviation; ///< or uncertainty, eV/Å
};

struct Frame {
  LAMMPS_NS::bigint step;
  double cell[3][3]; ///< Å, rows
  bool periodic[3];
  const char* column; ///< name of the deviation or uncertainty in extended XYZ
  std::vector<FrameAtom> atoms;
};

/// The output files of a committee or of uncertainty, on the writing rank. Functions throw
/// InputError if a file cannot be written.
class CommitteeOutput {
public:
  /// Empties them, unless they are open under these names.
  void open(const CommitteeSettings& settings);
  /// A line in the format of DeePMD-kit's model_devi.out; `unit` is 1 eV in LAMMPS's units.
  void write_row(LAMMPS_NS::bigint step, const DeviationSummary& found, double unit);
  /// Extended XYZ.
  void write_frame(const Frame& frame);

private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct File {
    std::string name;
    std::unique_ptr<std::FILE, Closer> file;

    bool open(const std::string& wanted);
    void write(const std::string& text);
  };

  File table_, frames_;
};

} // namespace hipnn_ts_lammps
