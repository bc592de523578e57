"""Tables of the docs, each from one results file."""

from accuracy_page import accuracy
from markup import number, table
from minimum_work import BACKWARD_PRODUCTS

from hipnn_ts.learning.config import LearnConfig
from hipnn_ts.training.config import SECTIONS, describe


def cpu(result: dict) -> str:
    """Kernels alone, pairs given, beside hippynn."""
    peak = result["gemm_peak_gflops"]
    rows = [
        [
            name,
            f"{row['n_atoms']:,}",
            number(row["us_per_atom"], ".1f"),
            number(row["times_hippynn"], ".1f"),
            number(row["gflops_on_minimum_work"] / peak, ".2f"),
            number(row["bytes_per_atom"] / 1024, ".1f"),
        ]
        for name, row in result["networks"].items()
    ]
    head = ["network", "atoms", "µs/atom", "× hippynn", "of GEMM peak", "KiB/atom"]
    training = ", ".join(
        f"{name}: {row['times_hippynn']:.1f} × hippynn" for name, row in result["training"].items()
    )
    return (
        f"{table(head, rows)}\n\nTraining step (energy and force loss, 32 features), {training}. "
        f"float32 GEMM peak {peak:.0f} GFLOP/s with {result['threads']} threads."
    )


def stages(result: dict) -> str:
    """Where the kernels' time goes."""
    name, row = next(iter(result["networks"].items()))
    rows = [[stage, number(us, ".2f")] for stage, us in row["stages_us_per_atom"].items()]
    return table([f"{name}: stage", "µs/atom of one thread"], rows)


def demo(result: dict) -> str:
    rows = [
        [
            f"{row['engine']}, {row['dtype']}",
            number(row["max_force_difference_eV_per_A"], ".1e"),
            number(row["drift_ueV_per_atom_per_ps"], ".1f"),
            number(row["steps_per_second"], ".0f"),
        ]
        for row in result["engines"]
    ]
    head = ["engine", "force from ASE's, eV/Å", "slope of energy, µeV/atom/ps", "steps/s"]
    return f"{result['n_atoms']} atoms of water.\n\n{table(head, rows)}"


def published(result: dict) -> str:
    rows = [
        [
            engine,
            number(row["max_force_difference_from_ASE_eV_per_A"], ".1e"),
            number(row["energy_excursion_ueV_per_atom"], ".0f"),
            number(row["steps_per_second"], ".1f"),
        ]
        for engine, row in result["engines"].items()
    ]
    head = ["engine", "force from ASE's, eV/Å", "excursion of energy, µeV/atom", "steps/s"]
    return f"{result['n_atoms']} atoms of water, float32.\n\n{table(head, rows)}"


def openmm(result: dict) -> str:
    """Milliseconds a step between neighbour searches."""
    systems = result["systems"]
    sides = list(dict.fromkeys(side for row in systems.values() for side in row["seconds"]))
    rows = [
        [f"{row['n_atoms']:,}"]
        + [
            number(1e3 * row["seconds"][s]["median"], ".3f") if s in row["seconds"] else ""
            for s in sides
        ]
        for row in systems.values()
    ]
    between = result["steps_between_searches"]
    return (
        f"Milliseconds.\n\n{table(['atoms', *sides], rows)}\n\n"
        f"Water at 300 K searches every {between:.0f} steps."
    )


def lammps(result: dict) -> str:
    rows = [
        [
            name,
            f"{row['n_atoms']:,}",
            f"{row['ranks']} × {row['threads']}",
            f"{row['atom_steps_per_second']:,.0f}",
        ]
        for section in ("peers", "sizes")
        for name, row in result["sections"].get(section, {}).get("rows", {}).items()
    ]
    return table(["potential or size", "atoms", "ranks × threads", "atom-steps/s"], rows)


def small_networks(result: dict) -> str:
    """Whole LAMMPS steps beside an earlier version."""
    rows = [
        [
            name,
            number(row["us_per_atom"]["before"], ".1f"),
            number(row["us_per_atom"]["now"], ".1f"),
            number(row["times_faster"], ".2f"),
        ]
        for name, row in result["rows"].items()
    ]
    return (
        f"{table(['network', 'before, µs/atom', 'now, µs/atom', '× faster'], rows)}\n\n"
        f"{result['n_atoms']:,} atoms of water on one core, float32."
    )


def gpu(result: dict) -> str:
    rows = [
        [
            f"{row['n_atoms']:,}",
            number(row["milliseconds"], ".3g"),
            number(row["million_atom_steps_per_second"], ".2f"),
            number(row["kilobytes_per_atom"], ".1f"),
        ]
        for row in result["steps"]
    ]
    ceilings = result["ceilings"]
    remarks = "\n".join(f"- {remark}" for remark in result.get("remarks", []))
    return (
        f"{result['gpu']}, CUDA {result['cuda']}: float32 products reach "
        f"{ceilings['float32_tflops']:.0f} TFLOP/s, copies {ceilings['copy_tb_per_second']:.1f} "
        "TB/s.\n\n"
        f"{table(['atoms', 'ms a step', 'million atom-steps/s', 'kB/atom'], rows)}\n\n{remarks}"
    )


def gpu_kernels(result: dict) -> str:
    """Kernels that take more than a hundredth of a step."""
    times = result["microseconds_by_kernel_20577"]
    whole = sum(times.values())
    names = {name: name if name.isidentifier() else "cuBLAS" for name in times}
    sums: dict[str, float] = {}
    for name, microseconds in times.items():
        sums[names[name]] = sums.get(names[name], 0.0) + microseconds
    rows = [
        [f"`{name}`" if name != "cuBLAS" else name, number(us, ".0f"), number(us / whole, ".0%")]
        for name, us in sorted(sums.items(), key=lambda item: -item[1])
        if us > whole / 100
    ]
    return table(["kernel, 20,577 atoms", "µs a step", "share"], rows)


def peers(result: dict) -> str:
    """What each package takes in each engine, microseconds an atom."""
    systems = result["systems"]
    rows = [
        [
            name,
            model["version"],
            f"{model['parameters']:,}",
            "; ".join(
                f"{cutoff:g} ({number(neighbours, '.0f')})"
                for cutoff, neighbours in zip(
                    model.get("cutoffs", []), model.get("neighbours", []), strict=True
                )
            ),
        ]
        + [
            number(1e6 * row["seconds"][name]["median"] / row["n_atoms"], ".1f")
            if name in row["seconds"]
            else ""
            for row in systems.values()
        ]
        for name, model in result["models"].items()
    ]
    head = ["model", "version", "weights", "cutoff, Å (neighbours)", *systems]
    notes = [f"- {name}: {model['description']}" for name, model in result["models"].items()]
    notes += [f"- {name}: not measured: {why}" for name, why in result["missing"].items()]
    notes += [
        f"- {name}: not in LAMMPS: {why}"
        for name, why in result.get("without_pair_style", {}).items()
    ]
    return f"µs/atom.\n\n{table(head, rows)}\n\n" + "\n".join(notes)


def water_structure(result: dict) -> str:
    """First peak of oxygens about oxygens."""
    rows = [
        [side, f"{result['frames'][side]:,}", number(p["distance_A"], ".3f"), f"{p['height']:.2f}"]
        for side, p in result["first_peak_of_O_O"].items()
    ]
    head = ["first peak of g(r) of O-O", "frames", "at, Å", "height"]
    return (
        f"{table(head, rows)}\n\n64 molecules in LAMMPS for {result['picoseconds']:.0f} ps at "
        f"{result['temperature_K']:.0f} ± {result['temperature_standard_error']:.0f} K."
    )


def path_integral_water(result: dict) -> str:
    """First peaks of beads, centroids and the reference."""
    rows = [
        [
            side,
            f"{result['frames'][side]:,}",
            *(
                f"{number(of_sides[side]['distance_A'], '.3f')}; {of_sides[side]['height']:.2f}"
                for of_sides in result["first_peaks"].values()
            ),
        ]
        for side in result["frames"]
    ]
    head = ["", "frames", *(f"{pair}: first peak at, Å; height" for pair in result["first_peaks"])]
    return (
        f"{table(head, rows)}\n\n64 molecules for {result['picoseconds']:.1f} ps of "
        f"{result['beads']} beads in {result['hours']:.1f} hours, at "
        f"{result['temperature_K']:.0f} ± {result['temperature_standard_error']:.0f} K. A hydrogen "
        f"has a kinetic energy of {result['kinetic_energy_of_H_meV']:.0f} meV (a classical one has "
        f"39). The virial within the reference's molecules is that of "
        f"{result['reference_virial_temperature_K']:.0f} ± "
        f"{result['reference_virial_temperature_standard_error']:.0f} K."
    )


def cost(results: dict) -> str:
    """Arithmetic of one interaction layer by both orders of work, from its own formula."""
    n_features, n_sensitivities, n_components, pairs = 128, 20, 9, 110
    dense = 2 * n_sensitivities * n_features**2
    rows = [
        ["dense products, MFLOP", f"{n_components * dense / 1e6:.2f}", f"{dense / 1e6:.2f}"],
        [
            "pairs, MFLOP",
            f"{2 * pairs * n_components * n_sensitivities * n_features / 1e6:.2f}",
            f"{2 * pairs * (n_sensitivities + n_components) * n_features / 1e6:.2f}",
        ],
        [
            "kept between the two, numbers an atom",
            f"{n_components * n_sensitivities * n_features:,}",
            f"{n_sensitivities * n_features:,}",
        ],
    ]
    back = ", ".join(f"{n} at $l_\\text{{max}}$ {k}" for k, n in BACKWARD_PRODUCTS.items())
    return (
        f"{table(['an atom, forward', 'envelope first', 'contract first'], rows)}\n\n"
        f"$n_b = n_a = {n_features}$, $n_\\nu = {n_sensitivities}$, {n_components} components, "
        f"{pairs} neighbours. In the backward pass a pair costs, beside its sensitivities, "
        f"products per feature: {back}."
    )


def energy_walk(results: dict) -> str:
    """Walk of the conserved energy and the rise that follows from it."""

    def short(value: float, digits: int) -> str:
        return f"{float(f'{value:.{digits}g}'):,g}"

    rows = [
        [
            name.split(",")[0],
            f"{row['timestep_fs']:g}",
            f"{short(row['square_per_ps'], 2)} ± {short(row['standard_error'], 1)}",
            short(row["rise_ueV_per_atom_ps"], 1),
        ]
        for name, row in results["rows"].items()
    ]
    return table(["$\\varepsilon$", "step, fs", "$D$", "rise that follows"], rows)


def derived_physics(result: dict) -> str:
    """Silicon and molecules by the default beside the earlier one."""
    cases = [case for case in ("before", "default") if case in result]
    head = ["", *({"before": "ε = 1e-6", "default": "default"}[case] for case in cases)]

    def row(what: str, figure) -> list[str]:
        return [what, *(figure(result[case]) for case in cases)]

    def steps(value: int | None) -> str:
        return "not converged" if value is None else str(value)

    def listed(values: dict[str, float]) -> str:
        return " / ".join(f"{value:.4g}" for value in values.values())

    rows = []
    if result["default"]["silicon"]:
        rows = [
            row(f"Si, {what}", lambda case, key=key: listed(case["silicon"][key]))
            for what, key in (
                (
                    "force constant, eV/Å², at 0.05 / 0.01 / 0.003 / 0.001 Å",
                    "onsite_constant",
                ),
                ("optical mode at Γ, THz, at the same", "optical_mode_THz"),
                ("C44, GPa, at strains of 2 / 0.2 %", "c44_GPa"),
            )
        ]
        rows.append(
            row(
                "Si, LBFGS steps, 64 rattled atoms",
                lambda case: steps(case["silicon"]["steps_LBFGS"]),
            )
        )
    for name in result["default"]["molecules"]:
        rows += [
            row(
                f"{name}, BFGS steps from a rattled start",
                lambda case, name=name: steps(case["molecules"][name]["model"]["steps_BFGS"]),
            ),
            row(
                f"{name}, frequencies at 0.02 beside 0.003 Å, cm⁻¹, largest difference",
                lambda case, name=name: number(
                    case["molecules"][name]["model"]["largest_difference"], ".2g"
                ),
            ),
        ]
    return f"{table(head, rows)}\n\nEach trained for {result['minutes']:g} minutes of one core."


def uncertainty(result: dict) -> str:
    """Committee and one model beside each other on every test."""
    rows = []
    for name, tests in result["sets"].items():
        for label, sides in tests.items():
            row = [f"{name}, {label}", f"{sides['committee']['frames']:,}"]
            for side in sides.values():
                found = side.get("largest") or side["energies"]
                row += [
                    number(found["rank_correlation"], ".2f"),
                    number(found["worst_found"], ".2f"),
                    number(side.get("error_over_uncertainty"), ".2f"),
                ]
            rows.append(row)
    measures = ["rank correlation", "worst found", "error ÷ uncertainty"]
    head = ["test", "frames", *(f"{side}: {m}" for side in ("committee", "one") for m in measures)]
    return table(head, rows)


def cusp_accuracy(result: dict) -> str:
    """Errors of each set by cusp regularisation, means over seeds."""
    found: dict[str, dict[float, list[float]]] = {}
    for run in result["runs"]:
        for label, errors in run["tests"].items():
            what = "forces_rmse" if "forces_rmse" in errors else "energy_rmse"
            unit = "meV/Å" if what == "forces_rmse" else "meV/atom"
            row = found.setdefault(f"{run['set']}, {label}, {unit}", {})
            row.setdefault(run["cusp_regularisation"], []).append(errors[what])
    cusps = sorted({cusp for row in found.values() for cusp in row})
    rows = [[name, *(mean_and_spread(row.get(c), 1) for c in cusps)] for name, row in found.items()]
    seeds = len({run["seed"] for run in result["runs"]})
    return (
        f"{table(['set, test, RMSE in', *(f'ε = {c:g}' for c in cusps)], rows)}\n\n{seeds} seeds, "
        f"each trained for {result['minutes_of_the_record']:g} of the accuracy record's time."
    )


def mean_and_spread(values: list[float] | None, digits: int) -> str:
    """Mean, and half of what lies between the extremes where there are several."""
    if values is None:
        return ""
    spread = f" ± {(max(values) - min(values)) / 2:.{digits}f}" if len(values) > 1 else ""
    return f"{sum(values) / len(values):.{digits}f}{spread}"


def recipe(result: dict) -> str:
    """Forces RMSE of each candidate on each test, meV/Å; means over seeds."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in result["runs"]:
        for label, errors in run["tests"].items():
            column = f"{run['set']}, {label}"
            errors = errors["forces_rmse"]
            found.setdefault(run["candidate"], {}).setdefault(column, []).append(errors)
    columns = list(dict.fromkeys(column for row in found.values() for column in row))
    columns.sort(key=lambda column: (column.split(", ")[0], column.endswith("seen")))

    rows = [
        [name, *(mean_and_spread(row.get(column), 0) for column in columns)]
        for name, row in found.items()
    ]
    minutes = ", ".join(f"{m:g}" for m in sorted({run["minutes"] for run in result["runs"]}))
    return f"{table(['recipe', *columns], rows)}\n\nEach trained for {minutes} minute of one core."


def keys(results: dict) -> str:
    """Every key of a training configuration."""
    return "\n\n".join(f"## {name}\n\n{_keys(model, name)}" for name, model in SECTIONS.items())


def learning_keys(results: dict) -> str:
    """Every key of `hipnn-ts learn`."""
    return _keys(LearnConfig, "")


def _keys(model: type, name: str) -> str:
    rows = []
    for key, meaning in describe(model, name):
        key, _, default = key.partition(" = ")
        rows.append([f"`{key}`", f"`{default}`", meaning])
    return "\n".join(
        [
            "| key | default | meaning |",
            "|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
    )


# Name of the page's part: the results file it is from (None: all, or none) and what renders it.
TABLES = {
    "cpu": ("cpu", cpu),
    "stages": ("cpu", stages),
    "demo": ("demo", demo),
    "published": ("published", published),
    "openmm": ("openmm", openmm),
    "lammps": ("lammps", lammps),
    "small_networks": ("small_networks", small_networks),
    "gpu": ("gpu", gpu),
    "gpu_kernels": ("gpu", gpu_kernels),
    "peers": ("peers", peers),
    "accuracy": (None, accuracy),
    "water_structure": ("water_structure", water_structure),
    "path_integral_water": ("path_integral_water", path_integral_water),
    "cost": (None, cost),
    "energy_walk": ("energy_walk", energy_walk),
    "derived_physics": ("derived_physics", derived_physics),
    "cusp_accuracy": ("cusp_accuracy", cusp_accuracy),
    "uncertainty": ("uncertainty", uncertainty),
    "recipe": ("recipe", recipe),
    "keys": (None, keys),
    "learning_keys": (None, learning_keys),
}
