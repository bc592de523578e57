"""One measurement of ase_steps.py in a process of its own, without torch; prints JSON.

    python -m benchmarks.speed.ase_worker WORK MODEL ATOMS REPEATS

WORK is "steps" (seconds per velocity Verlet step of ASE on the first frame of the file ATOMS, over
REPEATS steps), "call" (milliseconds of a force call for that frame, and ASE's own share of it) or
"batch" (seconds for all frames, one after the other and in one call). The times of "call" and
"batch" are the best of REPEATS.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.io import read
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet

from benchmarks.speed.timing import in_turn, seconds
from hipnn_ts.ase import HIPNNTSCalculator

TEMPERATURE, TIMESTEP = 300.0, 0.1  # K; fs: random weights hold no molecule together
CALLS = 200  # force calls in each repeat


def steps(calculator: HIPNNTSCalculator, frames: list[Atoms], repeats: int) -> dict[str, float]:
    atoms = frames[0]
    atoms.calc = calculator
    MaxwellBoltzmannDistribution(
        atoms, temperature_K=TEMPERATURE, rng=np.random.default_rng(1), force_temp=True
    )
    integrator = VelocityVerlet(atoms, TIMESTEP * units.fs)
    integrator.run(3)
    return {"step_s": seconds(lambda: integrator.run(repeats)) / repeats}


def call(calculator: HIPNNTSCalculator, frames: list[Atoms], repeats: int) -> dict[str, float]:
    atoms = frames[0]
    moves = atoms.positions + np.random.default_rng(0).normal(0, 1e-3, (CALLS, len(atoms), 3))

    def run(calculate: Callable) -> None:
        for positions in moves:
            atoms.positions = positions
            calculate(calculator, atoms, ["forces"], ["positions"])

    def best(calculate: Callable) -> float:
        return 1e3 * min(seconds(lambda: run(calculate)) for _ in range(repeats)) / CALLS

    own, of_ase = best(HIPNNTSCalculator.calculate), best(Calculator.calculate)
    most = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    return {"call_ms": own, "of_it_ase_ms": of_ase, "process_MB": int(most[1]) / 1024}


def batch(calculator: HIPNNTSCalculator, frames: list[Atoms], repeats: int) -> dict[str, float]:
    def singly() -> list:
        results = []
        for atoms in frames:
            calculator.calculate(atoms, ["energy", "forces"])
            results.append(calculator.results)
        return results

    def together() -> list:
        return calculator.evaluate_batch(frames)

    pairs = zip(singly(), together(), strict=True)
    different = sum((one["forces"] != other["forces"]).any() for one, other in pairs)
    works = {"singly_s": lambda: seconds(singly), "together_s": lambda: seconds(together)}
    best = {name: min(times) for name, times in in_turn(works, repeats).items()}
    return {**best, "structures_with_other_bits": int(different)}


if __name__ == "__main__":
    work, model, path, repeats = sys.argv[1:]
    calculator = HIPNNTSCalculator(model, beyond_training="ignore")
    function = {"steps": steps, "call": call, "batch": batch}[work]
    print(json.dumps(function(calculator, read(path, ":"), int(repeats))))
