// SPDX-License-Identifier: BSD-3-Clause
//
// What tells how far results are to be trusted: deviations of a committee, uncertainty of one
// network.
#include "evaluation_handle.hpp"

using namespace hipnn_ts;

hipnn_ts_status hipnn_ts_evaluation_members(
    hipnn_ts_evaluation* evaluation, int32_t member, int32_t deviations, char* message,
    size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(evaluation, "evaluation");
    const int n_members = evaluation->evaluation.model().n_members();
    check_within(member, "member", mean_of_all, n_members - 1);
    evaluation->wanted.member = member;
    evaluation->wanted.deviations = deviations != 0;
    return HIPNN_TS_OK;
  });
}

hipnn_ts_status hipnn_ts_deviations(
    const hipnn_ts_evaluation* evaluation, double* energy, double* forces, double* virial,
    char* message, size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(evaluation, "evaluation");
    if (evaluation->deviations == Given::none) {
      throw std::invalid_argument(
          "expected a computation with deviations before, found none; ask for them by "
          "hipnn_ts_evaluation_members");
    }
    const auto n = static_cast<int64_t>(evaluation->species.size());
    if (evaluation->deviations == Given::structure) {
      const Deviations& found = evaluation->evaluation.deviations();
      copy(&found.energy, 1, energy);
      copy(found.forces, n, forces);
      copy(found.virial.begin(), 9, virial);
      return HIPNN_TS_OK;
    }
    copy(evaluation->force_deviations.begin(), n, forces);
    for (const BatchFacts& found : evaluation->facts) {
      copy(&found.energy_deviation, 1, energy ? energy++ : nullptr);
      copy(found.virial_deviation.begin(), 9, virial);
      virial += virial ? 9 : 0;
    }
    return HIPNN_TS_OK;
  });
}

hipnn_ts_status hipnn_ts_evaluation_uncertainty(
    hipnn_ts_evaluation* evaluation, int32_t wanted, char* message, size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(evaluation, "evaluation");
    if (wanted != 0 && !evaluation->evaluation.model().architecture().uncertain) {
      throw std::invalid_argument(no_uncertainty);
    }
    evaluation->wanted.uncertainty = wanted != 0;
    return HIPNN_TS_OK;
  });
}

hipnn_ts_status hipnn_ts_uncertainties(
    const hipnn_ts_evaluation* evaluation, double* forces, char* message, size_t message_size) {
  return guarded({message, message_size}, [&] {
    check_given(evaluation, "evaluation");
    if (evaluation->uncertainty == Given::none) {
      throw std::invalid_argument(
          "expected a computation with uncertainty before, found none; ask for it by "
          "hipnn_ts_evaluation_uncertainty");
    }
    const double* found = evaluation->uncertainty == Given::structure
                              ? evaluation->evaluation.uncertainties()
                              : evaluation->uncertainties.data();
    copy(found, static_cast<int64_t>(evaluation->species.size()), forces);
    return HIPNN_TS_OK;
  });
}
