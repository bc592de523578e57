// SPDX-License-Identifier: GPL-2.0-or-later
#include "committee_output.h"

#include "fmt/format.h"
#include "input_error.h"

#include <cerrno>
#include <cstring>

namespace hipnn_ts_lammps {

bool CommitteeOutput::File::open(const std::string& wanted) {
  if (wanted == name) {
    return false;
  }
  name = wanted;
  file.reset();
  if (!name.empty()) {
    file.reset(std::fopen(name.c_str(), "w"));
    if (!file) {
      throw InputError(name + ": cannot be written: " + std::strerror(errno));
    }
  }
  return bool(file);
}

/// Flushed at once, so that whoever watches a run sees it.
void CommitteeOutput::File::write(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0) {
    throw InputError(name + ": cannot be written: " + std::strerror(errno));
  }
}

void CommitteeOutput::open(const CommitteeSettings& settings) {
  if (table_.open(settings.table)) {
    table_.write(
        fmt::format(
            "#{:>11}{:>19}{:>19}{:>19}{:>19}{:>19}{:>19}\n", "step", "max_devi_v", "min_devi_v",
            "avg_devi_v", "max_devi_f", "min_devi_f", "avg_devi_f"));
  }
  frames_.open(settings.frames);
}

void CommitteeOutput::write_row(
    LAMMPS_NS::bigint step, const DeviationSummary& found, double unit) {
  if (!table_.file) {
    return;
  }
  std::string row = fmt::format("{:>12}", step);
  for (const double value :
       {found.max_virial, found.min_virial, found.mean_virial, found.max_force, found.min_force,
        found.mean_force}) {
    row += fmt::format("{:>19.10e}", unit * value);
  }
  table_.write(row + "\n");
}

void CommitteeOutput::write_frame(const Frame& frame) {
  const auto& cell = frame.cell;
  const auto flag = [&](int c) { return frame.periodic[c] ? "T" : "F"; };
  std::string text = fmt::format(
      "{}\nLattice=\"{:.12g} {:.12g} {:.12g} {:.12g} {:.12g} {:.12g} {:.12g} {:.12g} {:.12g}\" "
      "Properties=species:S:1:pos:R:3:id:I:1:{}:R:1 step={} pbc=\"{} {} {}\"\n",
      frame.atoms.size(), cell[0][0], cell[0][1], cell[0][2], cell[1][0], cell[1][1], cell[1][2],
      cell[2][0], cell[2][1], cell[2][2], frame.column, frame.step, flag(0), flag(1), flag(2));
  for (const FrameAtom& atom : frame.atoms) {
    text += fmt::format(
        "{} {:.12g} {:.12g} {:.12g} {} {:.10e}\n", atom.element, atom.position[0], atom.position[1],
        atom.position[2], atom.id, atom.force_deviation);
  }
  frames_.write(text);
}

} // namespace hipnn_ts_lammps
