"""Tables of the docs: one description of rows and columns for each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from docs.rendering import trainings
from docs.rendering.markup import number, table

Column = tuple[str, str | Callable[[dict], Any], str]  # head, key or figure of a row, format
Rows = Iterable[tuple[str, dict]]


@dataclass(frozen=True)
class Table:
    """A row for each of ``rows``, named in the first column; text before and after."""

    source: str  # results file
    head: str
    rows: Callable[[dict], Rows]
    columns: Sequence[Column] | Callable[[dict], Iterable[Column]]
    before: Callable[[dict], str] = lambda result: ""
    after: Callable[[dict], str] = lambda result: ""

    def text(self, result: dict) -> str:
        """In Markdown."""
        columns = list(self.columns(result) if callable(self.columns) else self.columns)
        rows = [
            [name, *(number(_figure(row, figure), form) for _, figure, form in columns)]
            for name, row in self.rows(result)
        ]
        parts = self.before(result), table([self.head, *(c[0] for c in columns)], rows)
        return "\n\n".join(part for part in (*parts, self.after(result)) if part)


def _figure(row: dict, figure: str | Callable[[dict], Any]) -> Any:
    return figure(row) if callable(figure) else row.get(figure)


def _at(key: str) -> Callable[[dict], Rows]:
    return lambda result: result[key].items()


def _sides(result: dict, head: str, scale: Callable[[dict], float], form: str) -> list[Column]:
    """A column for each side of timed systems, blank where a system has no such side."""
    sides = dict.fromkeys(s for row in result["systems"].values() for s in row["seconds"])

    def of(side: str) -> Callable[[dict], float | None]:
        def figure(row: dict) -> float | None:
            times = row["seconds"].get(side)
            return times and scale(row) * times["median"]

        return figure

    return [(head.format(side), of(side), form) for side in sides]


def _after_cpu(result: dict) -> str:
    training = ", ".join(
        f"{name}: {row['times_hippynn']:.1f} × hippynn" for name, row in result["training"].items()
    )
    return (
        f"Training step (energy and force loss, 32 features), {training}. float32 GEMM peak "
        f"{result['gemm_peak_gflops']:.0f} GFLOP/s with {result['threads']} threads."
    )


def _lammps_rows(result: dict) -> Rows:
    for section in ("peers", "sizes"):
        yield from result["sections"].get(section, {}).get("rows", {}).items()


def _before_gpu(result: dict) -> str:
    ceilings = result["ceilings"]
    return (
        f"{result['gpu']}, CUDA {result['cuda']}: float32 products reach "
        f"{ceilings['float32_tflops']:.0f} TFLOP/s, copies {ceilings['copy_tb_per_second']:.1f} "
        "TB/s."
    )


def _gpu_kernels(result: dict) -> Rows:
    """Those that take more than a hundredth of a step; names that are not ours are cuBLAS's."""
    times = result["microseconds_by_kernel_20577"]
    sums: dict[str, float] = {}
    for name, microseconds in times.items():
        key = f"`{name}`" if name.isidentifier() else "cuBLAS"
        sums[key] = sums.get(key, 0.0) + microseconds
    whole = sum(times.values())
    for name, us in sorted(sums.items(), key=lambda item: -item[1]):
        if us > whole / 100:
            yield name, {"us": us, "share": us / whole}


def _models(result: dict) -> Rows:
    """Each with its times by engine."""
    for name, model in result["models"].items():
        within = zip(model.get("cutoffs", []), model.get("neighbours", []), strict=True)
        times = {
            engine: 1e6 * row["seconds"][name]["median"] / row["n_atoms"]
            for engine, row in result["systems"].items()
            if name in row["seconds"]
        }
        listed = "; ".join(f"{cutoff:g} ({neighbours:.0f})" for cutoff, neighbours in within)
        yield name, model | {"within": listed} | times


def _model_columns(result: dict) -> Iterable[Column]:
    yield from (
        ("version", "version", ""),
        ("weights", "parameters", ",d"),
        ("cutoff, Å (neighbours)", "within", ""),
    )
    yield from ((engine, engine, ".1f") for engine in result["systems"])


def _model_notes(result: dict) -> str:
    notes = [f"- {name}: {model['description']}" for name, model in result["models"].items()]
    notes += [f"- {name}: not measured: {why}" for name, why in result["missing"].items()]
    without = result.get("without_pair_style", {})
    return "\n".join(notes + [f"- {name}: not in LAMMPS: {why}" for name, why in without.items()])


def _temperature(result: dict) -> str:
    return f"{result['temperature_K']:.0f} ± {result['temperature_standard_error']:.0f} K"


def _first_peaks(result: dict) -> Rows:
    for side, peak in result["first_peak_of_O_O"].items():
        yield side, peak | {"frames": result["frames"][side]}


def _all_peaks(result: dict) -> Rows:
    for side, frames in result["frames"].items():
        peaks = {pair: of_sides[side] for pair, of_sides in result["first_peaks"].items()}
        listed = {pair: f"{p['distance_A']:.3f}; {p['height']:.2f}" for pair, p in peaks.items()}
        yield side, {"frames": frames} | listed


def _after_path_integral(result: dict) -> str:
    return (
        f"64 molecules for {result['picoseconds']:.1f} ps of {result['beads']} beads in "
        f"{result['hours']:.1f} hours, at {_temperature(result)}. A hydrogen has a kinetic energy "
        f"of {result['kinetic_energy_of_H_meV']:.0f} meV (a classical one has 39). The virial "
        f"within the reference's molecules is that of "
        f"{result['reference_virial_temperature_K']:.0f} ± "
        f"{result['reference_virial_temperature_standard_error']:.0f} K."
    )


def _rounded(value: float, digits: int) -> str:
    return f"{float(f'{value:.{digits}g}'):,g}"


def _walk(row: dict) -> str:
    return f"{_rounded(row['square_per_ps'], 2)} ± {_rounded(row['standard_error'], 1)}"


STEPS_PER_SECOND = "steps/s", "steps_per_second"
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
        after=_after_cpu,
    ),
    "stages": Table(
        "cpu",
        "stage",
        lambda result: (
            (stage, {"us": us})
            for stage, us in next(iter(result["networks"].values()))["stages_us_per_atom"].items()
        ),
        lambda result: [(f"{next(iter(result['networks']))}: µs/atom of one thread", "us", ".2f")],
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
        _at("engines"),
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
        lambda result: _sides(result, "{}", lambda row: 1e3, ".3f"),
        before=lambda result: "Milliseconds.",
        after=lambda result: (
            f"Water at 300 K searches every {result['steps_between_searches']:.0f} steps."
        ),
    ),
    "lammps": Table(
        "lammps",
        "potential or size",
        _lammps_rows,
        (
            ("atoms", "n_atoms", ",d"),
            ("ranks × threads", lambda row: f"{row['ranks']} × {row['threads']}", ""),
            ("atom-steps/s", "atom_steps_per_second", ",.0f"),
        ),
    ),
    "small_networks": Table(
        "small_networks",
        "network",
        _at("rows"),
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
        before=_before_gpu,
        after=lambda result: "\n".join(f"- {remark}" for remark in result.get("remarks", [])),
    ),
    "gpu_kernels": Table(
        "gpu",
        "kernel, 20,577 atoms",
        _gpu_kernels,
        (("µs a step", "us", ".0f"), ("share", "share", ".0%")),
    ),
    "peers": Table(
        "peers",
        "model",
        _models,
        _model_columns,
        before=lambda result: "µs/atom.",
        after=_model_notes,
    ),
    "water_structure": Table(
        "water_structure",
        "first peak of g(r) of O-O",
        _first_peaks,
        (("frames", "frames", ",d"), ("at, Å", "distance_A", ".3f"), ("height", "height", ".2f")),
        after=lambda result: (
            f"64 molecules in LAMMPS for {result['picoseconds']:.0f} ps at {_temperature(result)}."
        ),
    ),
    "path_integral_water": Table(
        "path_integral_water",
        "",
        _all_peaks,
        lambda result: [
            ("frames", "frames", ",d"),
            *((f"{pair}: first peak at, Å; height", pair, "") for pair in result["first_peaks"]),
        ],
        after=_after_path_integral,
    ),
    "energy_walk": Table(
        "energy_walk",
        "$\\varepsilon$",
        lambda result: ((name.split(",")[0], row) for name, row in result["rows"].items()),
        (
            ("step, fs", "timestep_fs", "g"),
            ("$D$", _walk, ""),
            ("rise that follows", lambda row: _rounded(row["rise_ueV_per_atom_ps"], 1), ""),
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
    "cusp_accuracy": Table(
        "cusp_accuracy",
        "set, test, RMSE in",
        trainings.cusp_rows,
        lambda result: [
            (f"ε = {cusp:g}", f"{cusp:g}", "")
            for cusp in sorted({run["cusp_regularisation"] for run in result["runs"]})
        ],
        after=lambda result: (
            f"{len({run['seed'] for run in result['runs']})} seeds, each trained for "
            f"{result['minutes_of_the_record']:g} of the accuracy record's time."
        ),
    ),
    "recipe": Table(
        "recipe",
        "recipe",
        trainings.recipe_rows,
        trainings.recipe_columns,
        after=lambda result: (
            f"Each trained for {trainings.minutes_of(result)} minute of one core."
        ),
    ),
}
