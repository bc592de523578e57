// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "atom_rows.h"
#include "centroid_pass.h"
#include "committee_output.h"
#include "evaluator.h"
#include "member_results.h"
#include "model_file.h"

#include "pair.h"

#include <array>
#include <limits>

namespace hipnn_ts_lammps {

/// pair_style hipnn/ts: the potential in LAMMPS. Only this level knows units, types and
/// communication.
class PairHipnnTs : public LAMMPS_NS::Pair {
public:
  explicit PairHipnnTs(LAMMPS_NS::LAMMPS* lmp);
  ~PairHipnnTs() override;

  void settings(int narg, char** arg) override;
  void coeff(int narg, char** arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  void compute(int eflag, int vflag) override;

  int pack_forward_comm(int n, int* atoms, double* buffer, int, int*) override;
  void unpack_forward_comm(int n, int first, double* buffer) override;
  int pack_reverse_comm(int n, int first, double* buffer) override;
  void unpack_reverse_comm(int n, int* atoms, double* buffer) override;
  void* extract(const char* name, int& dimension) override;
  void* extract_peratom(const char* name, int& n_columns) override;
  double memory_usage() override;

protected:
  /// Where this step finds positions and leaves forces, if not in the host's memory. The host reads
  /// positions all the same in some steps, and before that lets them be brought there.
  virtual AtomsOnDevice* atoms_on_device() const { return nullptr; }
  virtual void bring_positions_to_host() {}
  int gpu() const { return gpu_; }
  bool deviations_wanted() const;

private:
  /// The vector of `compute pair`, summed over ranks: wall time since the run began, in seconds;
  /// then, on one rank, the maximum, minimum and mean of the force deviations of a committee, or of
  /// the uncertainties of a network with force uncertainty.
  enum Stage { GATHER_PAIRS, NETWORK, EXCHANGE, ADD_RESULTS, N_STAGES };
  static constexpr int N_SHOWN = N_STAGES + 3;

  struct Fault {
    double order = std::numeric_limits<double>::infinity(); ///< none
    std::string sentence;
  };

  int gpu_of_this_rank();
  void stop_where_failed(const std::string& command, const std::string& mistake);
  std::string read_on_all_ranks(const std::string& path);
  void map_types(int n_names, char** names);
  void print_mapping();
  Places places_of_atoms() const;
  void rebuild(const Places& places);
  std::vector<int> rebuild_rows(const Places& places);
  double common_scale();
  void refuse_special_bonds();
  int absent_groups() const;
  void refuse_exclusions();
  void advise_on_ranks();
  void warn_of_heat_flux();
  void refuse_what_is_not_finite(int bad_receiver);
  void watch_for_extrapolation();
  void stop_together(Fault& fault);
  int committee_settings(const std::string& keyword, int narg, char** arg);
  void check_committee();
  void check_uncertainty();
  bool uncertain() const;
  void open_committee_files();
  template <class Write> void write_files(const Write& write);
  double weight_of(int member) const;
  bool alone() const;
  void evaluate_members(bool measured);
  void add_results(int member, bool deviate);
  void evaluate_blocks();
  void exchange_member_forces();
  void take_deviations();
  Frame gather_frame();
  void add_centroid_passes();
  void run_centroid_pass(CentroidPass& pass, double weight);
  template <class Call> void exchange_block(Exchange& values, int block, const Call& call);
  template <class Call> void timed(Stage stage, const Call& call);
  template <class Call> void guarded(Stage stage, const Call& call);

  std::array<double, N_SHOWN> shown_{};
  std::string path_;
  Model model_;
  int gpu_ = no_gpu;
  AtomRows rows_;
  std::unique_ptr<Evaluator> evaluator_;
  std::vector<std::unique_ptr<CentroidPass>> centroid_passes_; ///< of the members, if requested
  std::vector<double> row_energies_;                           ///< of the receivers, eV
  std::vector<double> atom_values_;                            ///< for extract_peratom
  CommitteeSettings committee_;
  CommitteeOutput committee_output_;
  MemberResults member_results_{rows_};
  int deviation_flag_ = 0; ///< fix pair requests them for the next step
  LAMMPS_NS::bigint deviated_at_step_ = -1;
  std::vector<int> species_of_type_; ///< -1: no element
  double** scale_ = nullptr;         ///< factor on all results, for each two types: fix adapt's
  double energy_unit_ = 1.0;         ///< 1 eV in LAMMPS's units
  double scaled_unit_ = 1.0;         ///< times the scale, at the last evaluation
  bool self_energies_ = true;
  enum class BeyondTraining { ignore, warn, stop } beyond_training_ = BeyondTraining::warn;
  int64_t n_extrapolations_ = 0;  ///< number of steps of this rank
  Exchange* exchanged_ = nullptr; ///< in progress
  int exchanged_block_ = 0;
  bool watched_ = false; ///< for extrapolation, in this step
  bool mapping_printed_ = false, heat_flux_told_ = false, advised_ = false, new_run_ = true;
  int n_atoms_ = 0;
};

} // namespace hipnn_ts_lammps
