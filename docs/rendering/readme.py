"""README's marked blocks: its table of figures, and the list of missed bars."""

import re
from typing import Any

from docs.rendering.cost_accuracy import fingerprint
from docs.rendering.results import ROOT, command_of

README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "pictures" / "cost_accuracy.svg"
MARKED = "<!-- begin: {name} -->{body}<!-- end: {name} -->"


def _first(result: dict) -> dict:
    return next(iter(result["networks"].values()))


def _force_difference(result: dict, dtype: str) -> float:
    rows = [row for row in result["engines"] if row["dtype"] == dtype]
    return max(row["max_force_difference_eV_per_A"] for row in rows)


def _largest_box(result: dict) -> dict | None:
    """Our row with the most atoms, from the sizes or else from the comparison with peers."""
    for section in ("sizes", "peers"):
        rows = result["sections"].get(section, {}).get("rows", {})
        ours = [row for name, row in rows.items() if section == "sizes" or "128" in name]
        if ours:
            return max(ours, key=lambda row: row["n_atoms"])
    return None


def _small_molecule(result: dict) -> float | None:
    rows = [row for row in result["systems"].values() if row["n_atoms"] == 22]
    return 1e3 * rows[0]["seconds"]["TorchForce"]["median"] if rows else None


def _water_forces(result: dict) -> dict[str, Any]:
    ours = next(run for run in result["runs"] if run["side"] == "hipnn-ts")
    theirs = result["published"]["valid"][0]
    return {
        "rmse": ours["tests"]["valid"]["forces_rmse"],
        "minutes": result["minutes"],
        "model": theirs["model"].split(",")[0],
        "published": theirs["forces"],
    }


# Label, results file, the figure (None if the file has none), and its format.
HEADLINES = (
    (
        "energy and forces, 3,000 atoms of water, ANI-1x network (128 features), float32",
        *("cpu", lambda r: _first(r)["us_per_atom"], "{:.1f} µs/atom"),
    ),
    (
        "compared with hippynn's best CPU kernel, same weights",
        *("cpu", lambda r: _first(r)["times_hippynn"], "{:.0f} × as fast"),
    ),
    (
        "share of the machine's float32 matrix-product peak, on the least work",
        *("cpu", lambda r: _first(r)["gflops_on_minimum_work"] / r["gemm_peak_gflops"], "{:.2f}"),
    ),
    (
        "training step compared with hippynn",
        "cpu",
        lambda r: min(row["times_hippynn"] for row in r["training"].values()),
        "{:.1f} × as fast",
    ),
    (
        "forces of liquid water (PBE0+TS, 320 frames), RMSE",
        *("accuracy/water_pbe0ts", _water_forces),
        "{0[rmse]:.1f} meV/Å after {0[minutes]:g} minutes on one core; "
        "published {0[model]}: {0[published]:g}",
    ),
    (
        "largest difference of a force between ASE, LAMMPS and OpenMM, float32",
        *("demo", lambda r: _force_difference(r, "float32"), "{:.0e} eV/Å"),
    ),
    ("the same, float64", "demo", lambda r: _force_difference(r, "float64"), "{:.0e} eV/Å"),
    (
        "LAMMPS on all cores, whole step, ANI-1x network, water",
        *("lammps", _largest_box),
        "{0[atom_steps_per_second]:,.0f} atom-steps/s, {0[n_atoms]:,} atoms",
    ),
    ("OpenMM, alanine dipeptide, CPU platform", "openmm", _small_molecule, "{:.2f} ms a step"),
    (
        "NVIDIA H200, 20,577 atoms of water, compared with hippynn's Triton kernels",
        "gpu",
        lambda r: next(
            check["value"]
            for check in r["checks"]
            if check["name"].endswith("times hippynn with Triton")
        ),
        "{:.1f} × as fast",
    ),
)


def headlines(results: dict) -> str:
    """README's table of labels, figures and their origin."""
    lines = ["| | measured | by |", "|---|---|---|"]
    absent = []
    for what, name, figure, form in HEADLINES:
        if name not in results:
            absent.append(command_of(name))
            continue
        value = figure(results[name])
        if value is not None:
            date, commit = results[name]["date"][:10], results[name]["commit"]
            by = f"`{command_of(name)}`, {date}, {commit}"
            lines.append(f"| {what} | {form.format(value)} | {by} |")
    machines = {
        f"{r['machine']['processor']}, {r['machine']['cores']} cores, "
        f"{r['machine']['instruction_set']}"
        for r in results.values()
    }
    lines += ["", f"Machine: {'; '.join(sorted(machines))}."]
    if absent:
        missing = ", ".join(f"`{command}`" for command in dict.fromkeys(absent))
        lines.append(f"Left out, because not measured here: {missing}.")
    return "\n".join(lines)


def short(results: dict) -> str:
    """List of the bars that were missed."""
    lines = []
    for name, result in results.items():
        for check in result["checks"]:
            if check["passed"] is False:
                sign = "≤" if check["better"] == "lower" else "≥"
                lines.append(
                    f"- {check['name']}: {check['value']:.3g}, bar {sign} {check['limit']:g} "
                    f"(`{command_of(name)}`)"
                )
    return "\n".join(lines) or "- none"


BLOCKS = {"headline": headlines, "short": short}


def filled(text: str, results: dict) -> str:
    """README's text with every marked block replaced."""
    for name, block in BLOCKS.items():
        body = MARKED.format(name=name, body=f"\n{block(results)}\n")
        pattern = MARKED.format(name=name, body=".*?")
        text, n = re.subn(pattern, lambda _, body=body: body, text, flags=re.DOTALL)
        if n != 1:
            raise SystemExit(f"README.md: expected one block '{name}', found {n}")
    return text


def stale(results: dict) -> list[str]:
    """Files that do not follow from the results."""
    found = []
    if filled(README.read_text(), results) != README.read_text():
        found.append(str(README.relative_to(ROOT)))
    if not PICTURE.is_file() or fingerprint(results) not in PICTURE.read_text():
        found.append(str(PICTURE.relative_to(ROOT)))
    return found
