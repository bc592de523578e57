"""What a committee costs in LAMMPS: four members in every step, and in every tenth, beside one.

    python -m benchmarks.speed.committee [--quick]

3,000 molecules of water, random weights of 64 features within 5 Å, float32: what is measured does
not depend on them. Whole steps on one thread, sides in turn. "scaled" is what committees were
before there was a file for them: one pair style for each member under hybrid/scaled.
"""

import copy
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import torch

from benchmarks.command import benchmark
from benchmarks.lammps import dynamics, hipnn, run, steps
from benchmarks.models import random_potential
from benchmarks.report import Check, at_most
from benchmarks.speed.timing import in_turn, medians
from benchmarks.water import water_box, write_data
from hipnn_ts.export import export_committee, export_potential

N_MEMBERS = 4
ONE, MEAN = "one member", "mean, deviations in every step"
SIDES = {
    ONE: hipnn("member-0.pt"),
    "mean, without deviations": hipnn("committee.pt"),
    MEAN: hipnn("committee.pt", "committee every 1 forces mean"),
    "member 0, deviations in every step": hipnn(
        "committee.pt", "committee every 1 forces member 0"
    ),
    "member 0, deviations in every 10th": hipnn(
        "committee.pt", "committee every 10 forces member 0"
    ),
    "scaled": f"pair_style hybrid/scaled {' '.join(['0.25 hipnn/ts'] * N_MEMBERS)}\n"
    + "".join(f"pair_coeff * * hipnn/ts {k + 1} member-{k}.pt O H\n" for k in range(N_MEMBERS)),
}
# In steps of one member. Predicted: networks, of which members share hardly anything, take 0.95 of
# a step, and so four of them 3.85 steps; 1.29 in every tenth step.
BARS = {MEAN: 3.8, "member 0, deviations in every 10th": 1.4}


def write_members(folder: Path) -> None:
    """Alone and together."""
    members = [random_potential()]
    for _ in range(N_MEMBERS - 1):
        members.append(copy.deepcopy(members[0]))
        with torch.no_grad():
            for parameter in members[-1].parameters():
                parameter *= 1 + 0.01 * torch.randn_like(parameter)
    for k, member in enumerate(members):
        export_potential(member, folder / f"member-{k}.pt", {})
    export_committee([(member, {}) for member in members], folder / "committee.pt")


@benchmark("committee", quick="One round of few steps of a small box.")
def main(quick: bool) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    rounds, n_steps, box = (1, 20, (4, 4, 4)) if quick else (3, 30, (20, 15, 10))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_members(folder)
        write_data(folder / "water.data", water_box(*box))
        # As many compared steps as belong to the steps that count: the first is another's.
        sides = {
            name: partial(run, dynamics(pair) + steps(n_steps, warm=1), folder)
            for name, pair in SIDES.items()
        }
        runs = in_turn(sides, rounds)
    raw = {name: [each.microseconds for each in found] for name, found in runs.items()}
    memory = {name: found[-1].resident_mbyte for name, found in runs.items()}
    in_steps = {
        name: median(a / b for a, b in zip(times, raw[ONE], strict=True))
        for name, times in raw.items()
    }
    for name, us in medians(raw).items():
        print(f"{name:40}{us:8.2f} µs/atom{in_steps[name]:8.2f} steps{memory[name]:8.0f} MB")
    of = f"committee of {N_MEMBERS}"
    return {"us_an_atom_step": raw, "steps_of_one_member": in_steps, "resident_MB": memory}, [
        *(
            at_most(f"{of}, {name}, in steps of one member", in_steps[name], limit)
            for name, limit in BARS.items()
        ),
        at_most(
            f"{of}, mean and deviations, times hybrid/scaled",
            in_steps[MEAN] / in_steps["scaled"],
            1.0,
        ),
        at_most(
            f"{of}, memory of the process, times one member's", memory[MEAN] / memory[ONE], 1.2
        ),
    ]


if __name__ == "__main__":
    main()
