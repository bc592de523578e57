"""Figures of README's first page: what, results file, and its figure."""


def _first(result: dict, key: str, form: str) -> str:
    return format(next(iter(result["networks"].values()))[key], form)


def _force_difference(result: dict, dtype: str) -> str:
    rows = [row for row in result["engines"] if row["dtype"] == dtype]
    return f"{max(row['max_force_difference_eV_per_A'] for row in rows):.0e} eV/Å"


def _largest_box(result: dict) -> str | None:
    """Of ours: the largest size, or the one beside other potentials."""
    for section in ("sizes", "peers"):
        rows = result["sections"].get(section, {}).get("rows", {})
        ours = [row for name, row in rows.items() if section == "sizes" or "128" in name]
        if ours:
            row = max(ours, key=lambda row: row["n_atoms"])
            return f"{row['atom_steps_per_second']:,.0f} atom-steps/s, {row['n_atoms']:,} atoms"
    return None


def _check(result: dict, ending: str) -> float:
    return next(c["value"] for c in result["checks"] if c["name"].endswith(ending))


def _small_molecule(result: dict) -> str | None:
    rows = [row for row in result["systems"].values() if row["n_atoms"] == 22]
    return f"{1e3 * rows[0]['seconds']['TorchForce']['median']:.2f} ms a step" if rows else None


def _water_forces(result: dict) -> str:
    ours = next(run for run in result["runs"] if run["side"] == "hipnn-ts")
    theirs = result["published"]["valid"][0]
    return (
        f"{ours['tests']['valid']['forces_rmse']:.1f} meV/Å after {result['minutes']:g} minutes on "
        f"one core; published {theirs['model'].split(',')[0]}: {theirs['forces']:g}"
    )


# What, results file, its figure (None where the file has none).
HEADLINES = [
    (
        "energy and forces, 3,000 atoms of water, ANI-1x network (128 features), float32",
        "cpu",
        lambda r: f"{_first(r, 'us_per_atom', '.1f')} µs/atom",
    ),
    (
        "beside hippynn's best CPU kernel, same weights",
        "cpu",
        lambda r: f"{_first(r, 'times_hippynn', '.0f')} × as fast",
    ),
    (
        "share of the machine's float32 matrix-product peak, on the least work",
        "cpu",
        lambda r: format(
            next(iter(r["networks"].values()))["gflops_on_minimum_work"] / r["gemm_peak_gflops"],
            ".2f",
        ),
    ),
    (
        "training step beside hippynn",
        "cpu",
        lambda r: f"{min(row['times_hippynn'] for row in r['training'].values()):.1f} × as fast",
    ),
    (
        "forces of liquid water (PBE0+TS, 320 frames), RMSE",
        "accuracy/water_pbe0ts",
        _water_forces,
    ),
    (
        "largest difference of a force between ASE, LAMMPS and OpenMM, float32",
        "demo",
        lambda r: _force_difference(r, "float32"),
    ),
    ("the same, float64", "demo", lambda r: _force_difference(r, "float64")),
    ("LAMMPS on all cores, whole step, ANI-1x network, water", "lammps", _largest_box),
    ("OpenMM, alanine dipeptide, CPU platform", "openmm", _small_molecule),
    (
        "NVIDIA H200, 20,577 atoms of water, beside hippynn with Triton",
        "gpu",
        lambda r: f"{_check(r, 'times hippynn with Triton'):.1f} × as fast",
    ),
]
