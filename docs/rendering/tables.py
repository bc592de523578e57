"""All tables of the docs that come from one results file each."""

from docs.rendering import simulations, timings, trainings
from docs.rendering.table import Table, at

STEPS_PER_SECOND = "steps/s", "steps_per_second"


def _screening(source: str) -> Table:
    """Table of the candidate recipes that one results file compares."""
    return Table(
        source,
        "recipe",
        trainings.recipe_rows,
        trainings.recipe_columns,
        after=lambda result: (
            f"Minutes of one core for each training: {trainings.minutes_of(result)}."
        ),
    )


TABLES = {
    "cpu": Table(
        "cpu",
        "network",
        lambda result: (
            (name, row | {"peak": result["gemm_peak_gflops"]})
            for name, row in result["networks"].items()
        ),
        (
            ("atoms", "n_atoms", ",d"),
            ("µs/atom", "us_per_atom", ".1f"),
            ("× hippynn", "times_hippynn", ".1f"),
            ("of GEMM peak", lambda row: row["gflops_on_minimum_work"] / row["peak"], ".2f"),
            ("KiB/atom", lambda row: row["bytes_per_atom"] / 1024, ".1f"),
        ),
        after=timings.after_cpu,
    ),
    "stages": Table(
        "cpu",
        "µs/atom of one thread",
        timings.stages,
        lambda result: [(stage, stage, ".1f") for stage in next(timings.stages(result))[1]],
    ),
    "demo": Table(
        "demo",
        "engine",
        lambda result: ((f"{row['engine']}, {row['dtype']}", row) for row in result["engines"]),
        (
            ("force from ASE's, eV/Å", "max_force_difference_eV_per_A", ".1e"),
            ("slope of energy, µeV/atom/ps", "drift_ueV_per_atom_per_ps", ".1f"),
            (*STEPS_PER_SECOND, ".0f"),
        ),
        before=lambda result: f"{result['n_atoms']} atoms of water.",
    ),
    "published": Table(
        "published",
        "engine",
        at("engines"),
        (
            ("force from ASE's, eV/Å", "max_force_difference_from_ASE_eV_per_A", ".1e"),
            ("excursion of energy, µeV/atom", "energy_excursion_ueV_per_atom", ".0f"),
            (*STEPS_PER_SECOND, ".1f"),
        ),
        before=lambda result: f"{result['n_atoms']} atoms of water, float32.",
    ),
    "openmm": Table(
        "openmm",
        "atoms",
        lambda result: ((f"{row['n_atoms']:,}", row) for row in result["systems"].values()),
        lambda result: timings.sides(result, "{}", lambda row: 1e3, ".3f"),
        before=lambda result: "Milliseconds.",
        after=lambda result: (
            f"Water at 300 K searches every {result['steps_between_searches']:.0f} steps."
        ),
    ),
    "lammps": Table(
        "lammps",
        "potential or size",
        timings.lammps_rows,
        (
            ("atoms", "n_atoms", ",d"),
            ("ranks × threads", lambda row: f"{row['ranks']} × {row['threads']}", ""),
            ("atom-steps/s", "atom_steps_per_second", ",.0f"),
        ),
    ),
    "small_networks": Table(
        "small_networks",
        "network",
        at("rows"),
        (
            ("before, µs/atom", lambda row: row["us_per_atom"]["before"], ".1f"),
            ("now, µs/atom", lambda row: row["us_per_atom"]["now"], ".1f"),
            ("× faster", "times_faster", ".2f"),
        ),
        after=lambda result: f"{result['n_atoms']:,} atoms of water on one core, float32.",
    ),
    "gpu": Table(
        "gpu",
        "atoms",
        lambda result: ((f"{row['n_atoms']:,}", row) for row in result["steps"]),
        (
            ("ms a step", "milliseconds", ".3g"),
            ("million atom-steps/s", "million_atom_steps_per_second", ".2f"),
            ("kB/atom", "kilobytes_per_atom", ".1f"),
        ),
        before=timings.before_gpu,
        after=lambda result: "\n".join(f"- {remark}" for remark in result.get("remarks", [])),
    ),
    "gpu_kernels": Table(
        "gpu",
        "kernel, 20,577 atoms",
        timings.gpu_kernels,
        (("µs a step", "us", ".0f"), ("share", "share", ".0%")),
    ),
    "peers": Table(
        "peers",
        "model",
        timings.models,
        timings.model_columns,
        before=lambda result: "µs/atom.",
        after=timings.model_notes,
    ),
    "water_structure": Table(
        "water_structure",
        "first peak of g(r) of O-O",
        simulations.first_peaks,
        (("frames", "frames", ",d"), ("at, Å", "distance_A", ".3f"), ("height", "height", ".2f")),
        after=simulations.after_structure,
    ),
    "path_integral_water": Table(
        "path_integral_water",
        "",
        simulations.all_peaks,
        lambda result: [
            ("frames", "frames", ",d"),
            *((f"{pair}: first peak at, Å; height", pair, "") for pair in result["first_peaks"]),
        ],
        after=simulations.after_path_integral,
    ),
    "energy_walk": Table(
        "energy_walk",
        "$\\varepsilon$",
        lambda result: ((name.split(",")[0], row) for name, row in result["rows"].items()),
        (
            ("step, fs", "timestep_fs", "g"),
            ("$D$", simulations.walk, ""),
            (
                "rise that follows",
                lambda row: simulations.rounded(row["rise_ueV_per_atom_ps"], 1),
                "",
            ),
        ),
    ),
    "derived_physics": Table(
        "derived_physics",
        "",
        trainings.derived_rows,
        lambda result: [
            ({"before": "ε = 1e-6", "default": "default"}[case], case, "")
            for case in ("before", "default")
            if case in result
        ],
        after=lambda result: f"Each trained for {result['minutes']:g} minutes of one core.",
    ),
    "uncertainty": Table(
        "uncertainty",
        "test",
        trainings.uncertainty_rows,
        [
            ("frames", "frames", ",d"),
            *(
                (f"{side}: {measure}", f"{side}: {measure}", ".2f")
                for side in ("committee", "one")
                for measure in trainings.MEASURES
            ),
        ],
    ),
    "learning": Table(
        "learning",
        "test",
        trainings.learning_rows,
        lambda result: [(side, side, "") for side in result["forces_rmse_by_labels"]],
        after=lambda result: "Forces RMSE in meV/Å: mean of the seeds ± half of their range.",
    ),
    "recipe": _screening("recipe"),
    "stability": Table(
        "stability",
        "set, model",
        simulations.stability,
        (
            ("runs to the end", "held", "d"),
            ("held, ps", "picoseconds", ",.0f"),
            ("largest change of a bond, Å", "largest", ".2f"),
            ("ends", "ends", ""),
        ),
        after=simulations.after_stability,
    ),
    "repulsion": Table(
        "repulsion",
        "set",
        simulations.deepest_wells,
        simulations.shares_of_repulsion,
        before=lambda result: "Deepest well below the closest approach, eV.",
        after=simulations.after_repulsion,
    ),
    "recipe_gap": _screening("recipe_gap"),
    "recipe_optimizer": _screening("recipe_optimizer"),
}
