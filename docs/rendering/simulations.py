"""Rows and remarks of the tables on simulations."""

from docs.rendering.table import Rows


def temperature(result: dict) -> str:
    return f"{result['temperature_K']:.0f} ± {result['temperature_standard_error']:.0f} K"


def first_peaks(result: dict) -> Rows:
    for side, peak in result["first_peak_of_O_O"].items():
        yield side, peak | {"frames": result["frames"][side]}


def all_peaks(result: dict) -> Rows:
    for side, frames in result["frames"].items():
        peaks = {pair: of_sides[side] for pair, of_sides in result["first_peaks"].items()}
        listed = {pair: f"{p['distance_A']:.3f}; {p['height']:.2f}" for pair, p in peaks.items()}
        yield side, {"frames": frames} | listed


def after_structure(result: dict) -> str:
    time = f"{result['picoseconds']:.0f} ps"
    return f"64 molecules in LAMMPS for {time} at {temperature(result)}."


def after_path_integral(result: dict) -> str:
    short = ""
    for side, energies in result.get("approach_eV", {}).items():
        listed = ", ".join(f"{energy:.1f}" for energy in energies)
        short += f" {side.capitalize()}: {listed} eV."
    if short:
        distances = ", ".join(f"{distance:g}" for distance in result["short_A"])
        short = f"\n\nEnergy of an O–H bond of {distances} Å, beyond that at 1 Å.{short}"
    return (
        f"64 molecules for {result['picoseconds']:.1f} ps of {result['beads']} beads in "
        f"{result['hours']:.1f} hours, at {temperature(result)}. A hydrogen has a kinetic energy "
        f"of {result['kinetic_energy_of_H_meV']:.0f} meV (a classical one has 39). The virial "
        f"within the reference's molecules is that of "
        f"{result['reference_virial_temperature_K']:.0f} ± "
        f"{result['reference_virial_temperature_standard_error']:.0f} K.{short}"
    )


def stability(result: dict) -> Rows:
    """For each model, how long its runs stayed stable, and how those that did not ended."""
    for name, runs in result["rows"].items():
        changes = [run["largest_change"] for run in runs if run["largest_change"] is not None]
        yield (
            name,
            {
                "held": sum(not run["end"] for run in runs),
                "picoseconds": sum(run["picoseconds"] for run in runs),
                "largest": max(changes, default=None),
                "ends": "; ".join(run["end"] for run in runs if run["end"]) or "–",
            },
        )


def after_stability(result: dict) -> str:
    n_runs = max(len(runs) for runs in result["rows"].values())
    return f"{n_runs} runs of {result['picoseconds']:g} ps each, from different frames."


def deepest_wells(result: dict) -> Rows:
    """Of each set, by the shares of the closest approach at which the repulsion acts."""
    for name, found in result["sets"].items():
        yield (
            name,
            {shares: max(row["wells_eV"].values()) for shares, row in found["rows"].items()},
        )


def shares_of_repulsion(result: dict) -> list[tuple[str, str, str]]:
    shares = next(iter(result["sets"].values()))["rows"]
    return [(each, each, ".2f") for each in shares]


def after_repulsion(result: dict) -> str:
    added = result["sets"]["3bpa"]["rows"]
    listed = ", ".join(
        f"{row['added_forces_meV_A']['1200 K']:.2g} ({shares})"
        for shares, row in added.items()
        if shares != "none"
    )
    return f"Forces that it adds on 3BPA at 1200 K, RMS, meV/Å: {listed}."


def rounded(value: float, digits: int) -> str:
    return f"{float(f'{value:.{digits}g}'):,g}"


def walk(row: dict) -> str:
    return f"{rounded(row['square_per_ps'], 2)} ± {rounded(row['standard_error'], 1)}"


def rise(row: dict) -> str:
    return rounded(row["rise_ueV_per_atom_ps"], 1)
