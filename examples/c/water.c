/* A water molecule by an exported potential: energy, forces, and ten steps of velocity Verlet.
 *
 *   water model.pt
 */
#include <hipnn_ts.h>
#include <stdio.h>
#include <stdlib.h>

#define N_ATOMS 3

static const int32_t numbers[N_ATOMS] = {8, 1, 1};
static const double masses[N_ATOMS] = {15.999, 1.008, 1.008}; /* u */
static const double time_step = 0.5;                          /* fs */
static const double acceleration = 9.648533212e-3;            /* Å/fs² in an eV/Å/u */

static char message[1000];

/* Ends the program with the library's sentence where a call has failed. */
static void check(hipnn_ts_status status) {
  if (status != HIPNN_TS_OK) {
    fprintf(stderr, "water: %s\n", message);
    exit(1);
  }
}

/* Energy in eV; forces (N_ATOMS, 3) in eV/Å are written. */
static double
compute(hipnn_ts_evaluation* evaluation, double positions[N_ATOMS][3], double forces[N_ATOMS][3]) {
  double energy;
  check(hipnn_ts_compute(
      evaluation, N_ATOMS, numbers, positions[0], NULL, NULL, 1, &energy, NULL, forces[0], NULL,
      message, sizeof message));
  return energy;
}

static double kinetic_energy(double velocities[N_ATOMS][3]) {
  double sum = 0;
  for (int i = 0; i < N_ATOMS; ++i) {
    for (int k = 0; k < 3; ++k) {
      sum += 0.5 * masses[i] * velocities[i][k] * velocities[i][k] / acceleration;
    }
  }
  return sum;
}

int main(int n_arguments, char** arguments) {
  if (n_arguments != 2) {
    fprintf(stderr, "usage: water model.pt\n");
    return 2;
  }
  hipnn_ts_model* model;
  hipnn_ts_evaluation* evaluation;
  check(hipnn_ts_model_load(arguments[1], &model, message, sizeof message));
  check(hipnn_ts_evaluation_create(model, &evaluation, message, sizeof message));

  double positions[N_ATOMS][3] = {
      {0.0, 0.0, 0.119262}, {0.0, 0.763239, -0.477047}, {0.0, -0.763239, -0.477047}};
  double velocities[N_ATOMS][3] = {{0}};
  double forces[N_ATOMS][3];
  double energy = compute(evaluation, positions, forces);
  for (int i = 0; i < N_ATOMS; ++i) {
    printf("force %d %16.10f %16.10f %16.10f\n", i, forces[i][0], forces[i][1], forces[i][2]);
  }
  printf("step 0 potential %.10f total %.10f\n", energy, energy);

  for (int step = 1; step <= 10; ++step) {
    for (int i = 0; i < N_ATOMS; ++i) {
      for (int k = 0; k < 3; ++k) {
        velocities[i][k] += 0.5 * time_step * acceleration * forces[i][k] / masses[i];
        positions[i][k] += time_step * velocities[i][k];
      }
    }
    energy = compute(evaluation, positions, forces);
    for (int i = 0; i < N_ATOMS; ++i) {
      for (int k = 0; k < 3; ++k) {
        velocities[i][k] += 0.5 * time_step * acceleration * forces[i][k] / masses[i];
      }
    }
    const double total = energy + kinetic_energy(velocities);
    printf("step %d potential %.10f total %.10f\n", step, energy, total);
  }
  const hipnn_ts_pair closest = hipnn_ts_closest_pair(evaluation);
  if (closest.receiver >= 0) {
    printf(
        "closer than in the training data: atoms %d and %d, %.3f Å apart\n", (int)closest.receiver,
        (int)closest.sender, closest.distance);
  }
  hipnn_ts_evaluation_free(evaluation);
  hipnn_ts_model_free(model);
  return 0;
}
