"""What a committee costs in LAMMPS: four members in every step, and in every tenth, beside one.

    python benchmarks/committee.py [--quick]

3,000 molecules of water, random weights of 64 features within 5 Å, float32: what is measured does
not depend on them. Whole steps on one thread, sides in turn. "scaled" is what committees were
before there was a file for them: one pair style for each member under hybrid/scaled. Writes
benchmarks/results/committee.json.
"""

import copy
import tempfile
from pathlib import Path
from statistics import median

import click
import torch
from ase.io import write
from lammps_runs import launch, parse
from water import water_box

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import export_committee, export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

REPORT = Path(__file__).parent / "results" / "committee.json"
N_MEMBERS = 4
SCALED = f"pair_style hybrid/scaled {' '.join(['0.25 hipnn/ts'] * N_MEMBERS)}\n" + "\n".join(
    f"pair_coeff * * hipnn/ts {k + 1} member-{k}.pt H O" for k in range(N_MEMBERS)
)
COMMITTEE = "pair_style hipnn/ts committee every {every} forces {forces}\n"
COEFFICIENTS = "pair_coeff * * committee.pt H O"
SIDES = {
    "one member": "pair_style hipnn/ts\npair_coeff * * member-0.pt H O",
    "mean, without deviations": f"pair_style hipnn/ts\n{COEFFICIENTS}",
    "mean, deviations in every step": COMMITTEE.format(every=1, forces="mean") + COEFFICIENTS,
    "member 0, deviations in every step": COMMITTEE.format(every=1, forces="member 0")
    + COEFFICIENTS,
    "member 0, deviations in every 10th": COMMITTEE.format(every=10, forces="member 0")
    + COEFFICIENTS,
    "scaled": SCALED,
}
# In steps of one member. Predicted: networks, of which members share hardly anything, take 0.95 of
# a step, and so four of them 3.85 steps; 1.29 in every tenth step.
BARS = {
    "mean, deviations in every step": 3.8,
    "member 0, deviations in every 10th": 1.4,
}
INPUT = """\
units metal
boundary p p p
atom_style atomic
read_data water.data
mass 1 1.008
mass 2 15.999
{pair}
velocity all create 300 1
timestep 0.0001
fix 1 all nve
run {warm}
run {steps}
info memory
"""


def files(folder: Path, box: tuple[int, int, int]) -> None:
    """Members, alone and together, and the water."""
    torch.manual_seed(0)
    config = NetworkConfig(elements=["H", "O"], n_features=[64, 64], cutoff=5.0, soft_max=4.5)
    first = Potential(config)
    members = [first]
    for _ in range(N_MEMBERS - 1):
        other = copy.deepcopy(first)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter *= 1 + 0.01 * torch.randn_like(parameter)
        members.append(other)
    for k, member in enumerate(members):
        export_potential(member, folder / f"member-{k}.pt", {})
    export_committee([(member, {}) for member in members], folder / "committee.pt")
    data = {"format": "lammps-data", "specorder": ["H", "O"], "atom_style": "atomic"}
    write(folder / "water.data", water_box(*box), **data)


@click.command()
@click.option("--quick", is_flag=True, help="One round of few steps of a small box.")
@click.option("--output", default=REPORT, type=click.Path(path_type=Path), show_default=True)
def main(quick: bool, output: Path) -> None:
    """Measure, print, write the report."""
    rounds, steps, box = (1, 20, (4, 4, 4)) if quick else (3, 30, (20, 15, 10))
    raw: dict[str, list[float]] = {name: [] for name in SIDES}
    memory: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files(folder, box)
        for _ in range(rounds):
            for name, pair in SIDES.items():
                # As many compared steps as belong to the steps that count: the first is another's.
                script = INPUT.format(pair=pair, warm=1, steps=steps)
                run = parse(launch(script, folder, 1, 1), 1, 1)
                raw[name].append(1e6 * run.seconds / run.steps / run.n_atoms)
                memory[name] = run.resident_mbyte
    one = "one member"
    in_steps = {
        name: median(a / b for a, b in zip(times, raw[one], strict=True))
        for name, times in raw.items()
    }
    for name, times in raw.items():
        print(
            f"{name:40}{median(times):8.2f} µs/atom{in_steps[name]:8.2f} steps of one member"
            f"{memory[name]:8.0f} MB"
        )
    checks = [
        *(
            Check(
                name=f"committee of {N_MEMBERS}, {name}, in steps of one member",
                value=in_steps[name],
                limit=limit,
                better="lower",
            )
            for name, limit in BARS.items()
        ),
        Check(
            name=f"committee of {N_MEMBERS}, mean and deviations, times hybrid/scaled",
            value=in_steps["mean, deviations in every step"] / in_steps["scaled"],
            limit=1.0,
            better="lower",
        ),
        Check(
            name=f"committee of {N_MEMBERS}, memory of the process, times one member's",
            value=memory["mean, deviations in every step"] / memory[one],
            limit=1.2,
            better="lower",
        ),
    ]
    for check in checks:
        print(f"{check.name}: {check.value:.3g}, bar {check.limit:g}")
    figures = {"us_an_atom_step": raw, "steps_of_one_member": in_steps, "resident_MB": memory}
    write_report(output, figures, checks)


if __name__ == "__main__":
    main()
