/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The C interface of hipnn-ts: energies, forces and virials of exported potentials. It reads
 * fused files; only libtorch runs those of `hipnn-ts export --portable`.
 *
 * Units. Energies in eV, lengths in Å (1e-10 m), forces in eV/Å.
 *
 * Arrays. Dense and row-major: positions (n, 3) are x, y, z of atom 0, x, y, z of atom 1, ...
 * Atoms are counted from 0. Arrays are borrowed only for the call.
 *
 * Errors. Functions that can fail return a hipnn_ts_status. If that is not HIPNN_TS_OK they
 * write one sentence (UTF-8, always ended by a zero, cut off if it does not fit) to `message`,
 * which has room for message_size bytes; it may be null. No C++ exception leaves the library.
 *
 * Threads. A model never changes after loading: any number of threads may use it. An evaluation
 * belongs to one caller at a time; evaluations are independent of each other. Nothing is kept for
 * a thread, and no call changes the locale, signals or the number of OpenMP's threads.
 *
 * Versions. Within one HIPNN_TS_API_VERSION functions may be added; none changes or disappears. The
 * library's file name ends in that number.
 */
#ifndef HIPNN_TS_H
#define HIPNN_TS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HIPNN_TS_API_VERSION 1

/* HIPNN_TS_API_VERSION of the library that runs, and the version of the package that it came
 * with, such as "0.1.0". */
int hipnn_ts_api_version(void);
const char* hipnn_ts_version(void);

typedef enum hipnn_ts_status {
  HIPNN_TS_OK = 0,
  HIPNN_TS_INVALID_ARGUMENT = 1, /* a position, box, element, number or pointer is of no use */
  HIPNN_TS_BAD_FILE = 2,         /* missing, damaged, or not what this library reads */
  HIPNN_TS_NOT_FINITE = 3,       /* results were written, and some are not finite */
  HIPNN_TS_NO_MEMORY = 4,
  HIPNN_TS_FAILED = 5 /* anything else, such as HIPNN_TS_ISA with an unknown value */
} hipnn_ts_status;

/* ---- Models -------------------------------------------------------------------------------- */

typedef struct hipnn_ts_model hipnn_ts_model;

/* From a file written by `hipnn-ts export`. Nothing in it is run or unpickled, and each part is
 * checked before it is used. *model is to be freed; null after a failure. */
hipnn_ts_status
hipnn_ts_model_load(const char* path, hipnn_ts_model** model, char* message, size_t message_size);

/* The same from the whole content of a file; `name` is its name in messages. */
hipnn_ts_status hipnn_ts_model_load_memory(
    const void* content, size_t content_size, const char* name, hipnn_ts_model** model,
    char* message, size_t message_size);

/* Evaluations of the model may continue to exist. Null is ignored. */
void hipnn_ts_model_free(hipnn_ts_model* model);

/* Number of elements that the model knows; `species` below is one of them, from 0. */
int hipnn_ts_model_n_species(const hipnn_ts_model* model);
/* Symbol, such as "O", as long as the model lives, and atomic number; null and 0 for others. */
const char* hipnn_ts_model_element(const hipnn_ts_model* model, int species);
int hipnn_ts_model_atomic_number(const hipnn_ts_model* model, int species);
/* Energy of the free atom, eV, for a committee the mean; 0 for others. */
double hipnn_ts_model_self_energy(const hipnn_ts_model* model, int species);

/* Number of networks in the file: several are a committee, whose mean is computed unless
 * hipnn_ts_evaluation_members says otherwise. `member` below is one of them, from 0. */
int hipnn_ts_model_n_members(const hipnn_ts_model* model);
/* Energy of the free atom according to one of them, eV; 0 for others. */
double hipnn_ts_model_member_self_energy(const hipnn_ts_model* model, int member, int species);

/* 1 if the file has force uncertainty, else 0; a committee never has. */
int hipnn_ts_model_has_uncertainty(const hipnn_ts_model* model);

/* Å. */
double hipnn_ts_model_cutoff(const hipnn_ts_model* model);
/* "float32" or "float64", the precision of the network. */
const char* hipnn_ts_model_dtype(const hipnn_ts_model* model);
/* How close two elements came to each other in the training data, Å; below that the network
 * extrapolates. The cutoff if they never met, 0 if nothing is known. */
double hipnn_ts_model_closest_approach(const hipnn_ts_model* model, int species, int other_species);

/* ---- Evaluations --------------------------------------------------------------------------- */

typedef struct hipnn_ts_evaluation hipnn_ts_evaluation;

/* Buffers and neighbour lists for one caller at a time. *evaluation is to be freed; null after a
 * failure. */
hipnn_ts_status hipnn_ts_evaluation_create(
    const hipnn_ts_model* model, hipnn_ts_evaluation** evaluation, char* message,
    size_t message_size);

/* Null is ignored. */
void hipnn_ts_evaluation_free(hipnn_ts_evaluation* evaluation);

/* Energy, forces and virial of n_atoms atoms. Neighbour lists are built, and kept from call to call
 * while atoms have moved little.
 *
 * atomic_numbers  (n_atoms,)
 * positions       (n_atoms, 3), Å, in the box or not
 * cell            (3, 3), Å, rows are the box vectors; null for open boundaries. Any box:
 *                 triclinic, left-handed, smaller than the cutoff
 * pbc             (3,), whether each vector is periodic; vectors of other directions are not
 *                 read. Null: along all three
 * n_threads       0 for as many as OpenMP gives (OMP_NUM_THREADS)
 *
 * Written, each of them unless it is null:
 * energy          eV, energies of the free atoms included
 * energies        (n_atoms,), eV, of each atom
 * forces          (n_atoms, 3), eV/Å
 * virial          (3, 3), eV: the derivative of the energy with respect to a homogeneous strain.
 *                 The stress, tensile positive, is this over the box's volume
 *
 * The results are bitwise equal on any number of threads. */
hipnn_ts_status hipnn_ts_compute(
    hipnn_ts_evaluation* evaluation, int64_t n_atoms, const int32_t* atomic_numbers,
    const double* positions, const double* cell, const int32_t* pbc, int32_t n_threads,
    double* energy, double* energies, double* forces, double* virial, char* message,
    size_t message_size);

/* Two atoms, receiver and sender, and their distance, Å. */
typedef struct hipnn_ts_pair {
  int64_t receiver, sender; /* -1 where there is no such pair */
  double distance;
  double limit; /* hipnn_ts_model_closest_approach of their elements */
} hipnn_ts_pair;

/* In the last hipnn_ts_compute, the pair that came closest relative to its limit and is closer
 * than that; none if all pairs keep to their limits, or if the limits are unknown. */
hipnn_ts_pair hipnn_ts_closest_pair(const hipnn_ts_evaluation* evaluation);

/* hipnn_ts_compute for n_structures structures in one call, threads over structures: small ones
 * share passes of the network; results are bitwise equal to those of single calls. Arrays hold the
 * structures one after the other, N atoms in all.
 *
 * n_atoms         (n_structures,), of each structure
 * atomic_numbers  (N,)
 * positions       (N, 3), Å
 * cells           (n_structures, 3, 3), Å; null for open boundaries everywhere
 * pbc             (n_structures, 3); null: along all three vectors of each cell
 *
 * Written, each of them unless it is null: energy (n_structures,), energies (N,), forces (N, 3),
 * virial (n_structures, 3, 3). Messages begin with the first structure that they concern, such as
 * "structure 3: atom 1: ..."; after an error nothing that was written is usable. */
hipnn_ts_status hipnn_ts_compute_batch(
    hipnn_ts_evaluation* evaluation, int64_t n_structures, const int64_t* n_atoms,
    const int32_t* atomic_numbers, const double* positions, const double* cells, const int32_t* pbc,
    int32_t n_threads, double* energy, double* energies, double* forces, double* virial,
    char* message, size_t message_size);

/* The same as hipnn_ts_closest_pair, for a structure of the last hipnn_ts_compute_batch. */
hipnn_ts_pair hipnn_ts_closest_pair_of(const hipnn_ts_evaluation* evaluation, int64_t structure);

/* Results of the following calls of hipnn_ts_compute and hipnn_ts_compute_batch for a committee:
 * energies, forces and virial of the mean of all members if `member` is -1, which is how an
 * evaluation begins, or of that member alone, which takes as long as one network. If
 * `deviations` is not 0, all members are computed, and hipnn_ts_deviations returns their spread. */
hipnn_ts_status hipnn_ts_evaluation_members(
    hipnn_ts_evaluation* evaluation, int32_t member, int32_t deviations, char* message,
    size_t message_size);

/* Standard deviations over the members in the last hipnn_ts_compute or hipnn_ts_compute_batch
 * (whose arrays they then have, structure after structure), each unless it is null:
 * energy  eV, of the structure
 * forces  (n_atoms,), eV/Å: sqrt(mean |F - mean F|^2) of each atom
 * virial  (3, 3), eV, of each component */
hipnn_ts_status hipnn_ts_deviations(
    const hipnn_ts_evaluation* evaluation, double* energy, double* forces, double* virial,
    char* message, size_t message_size);

/* Whether the following calls of hipnn_ts_compute and hipnn_ts_compute_batch also compute the
 * uncertainty of forces, which hipnn_ts_uncertainties returns. An error if the model has none. */
hipnn_ts_status hipnn_ts_evaluation_uncertainty(
    hipnn_ts_evaluation* evaluation, int32_t wanted, char* message, size_t message_size);

/* For the last hipnn_ts_compute or hipnn_ts_compute_batch (whose arrays they then have, structure
 * after structure): forces (n_atoms,), eV/Å, an estimate of the norm of the error of each atom's
 * force. */
hipnn_ts_status hipnn_ts_uncertainties(
    const hipnn_ts_evaluation* evaluation, double* forces, char* message, size_t message_size);

/* ---- Domain decomposition ------------------------------------------------------------------ */

/* For engines that distribute atoms: the network block by block, on pairs of the engine's own.
 * The first n_receivers atoms are the engine's own, the others are ghosts, which only send. One
 * step is
 *
 *   begin, forward(0), forward(1), ..., last, ..., backward(1), backward(0), forces
 *
 * with n_blocks - 1 calls of forward and of backward. After forward(k) and before the next call the
 * caller fills the features of ghosts; after `last` and after backward(k) it adds the gradients
 * of other ranks for its receivers to them. Arrays of `void` are in the model's precision
 * (hipnn_ts_model_dtype) and, like the arguments of begin, must stay in place until the step is
 * over. The engine adds the energies of free atoms.
 *
 * Shapes: P pairs, n atoms, width(k) is hipnn_ts_model_block_width(model, k). */
typedef struct hipnn_ts_stages hipnn_ts_stages;

/* Number of blocks, and the number of output features of block `block` for each atom. */
int hipnn_ts_model_n_blocks(const hipnn_ts_model* model);
int hipnn_ts_model_block_width(const hipnn_ts_model* model, int block);

hipnn_ts_status hipnn_ts_stages_create(
    const hipnn_ts_model* model, hipnn_ts_stages** stages, char* message, size_t message_size);
void hipnn_ts_stages_free(hipnn_ts_stages* stages);

/* species (n,), of the model, int64; receivers and senders (P,), indices of atoms; vectors (P, 3),
 * r_sender - r_receiver, Å. */
hipnn_ts_status hipnn_ts_stages_begin(
    hipnn_ts_stages* stages, int64_t n_atoms, int64_t n_receivers, const int64_t* species,
    int64_t n_pairs, const int32_t* receivers, const int32_t* senders, const void* vectors,
    int32_t n_threads, char* message, size_t message_size);

/* For a committee, the member that goes through the blocks next, on the pairs of this step: each
 * member has its own forward(0), ..., backward(0). A step begins with member 0. */
hipnn_ts_status
hipnn_ts_stages_member(hipnn_ts_stages* stages, int32_t member, char* message, size_t message_size);

/* Block k: `features` (n, width(k - 1)) are its input (null for the first), `out`
 * (n_receivers, width(k)) is written, energies (n_receivers,) in eV are added to. */
hipnn_ts_status hipnn_ts_stages_forward(
    hipnn_ts_stages* stages, int block, const void* features, void* out, double* energies,
    char* message, size_t message_size);

/* The last block, forward and backward: feature_gradients (n, width(n_blocks - 2)) is written, pair
 * vectors' gradients (P, 3) are added to. Features and their gradients are null if there is only
 * one block. */
hipnn_ts_status hipnn_ts_stages_last(
    hipnn_ts_stages* stages, const void* features, double* energies, void* feature_gradients,
    void* vector_gradients, char* message, size_t message_size);

/* The same, and `out` (n_receivers, width(n_blocks - 1)), the output of the last block, is written.
 */
hipnn_ts_status hipnn_ts_stages_last_with_features(
    hipnn_ts_stages* stages, const void* features, double* energies, void* feature_gradients,
    void* vector_gradients, void* out, char* message, size_t message_size);

/* Uncertainty of forces (n_receivers,), eV/Å, written, for a model that has it. `features` are
 * n_blocks arrays: the output of block k, (n_receivers, width(k)). */
hipnn_ts_status hipnn_ts_stages_uncertainties(
    hipnn_ts_stages* stages, const void* const* features, double* uncertainties, char* message,
    size_t message_size);

/* Backward pass through block k: out_gradients (n_receivers, width(k)) is destroyed,
 * feature_gradients (n, width(k - 1)) is written (null for the first), vector_gradients (P, 3) are
 * added to. */
hipnn_ts_status hipnn_ts_stages_backward(
    hipnn_ts_stages* stages, int block, void* out_gradients, void* feature_gradients,
    void* vector_gradients, char* message, size_t message_size);

/* Forces (n, 3), eV/Å, including those on ghosts, from the vectors' gradients (P, 3). */
hipnn_ts_status hipnn_ts_stages_forces(
    hipnn_ts_stages* stages, const void* vector_gradients, double* forces, char* message,
    size_t message_size);

#ifdef __cplusplus
}
#endif

#endif
