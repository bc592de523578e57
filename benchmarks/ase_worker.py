"""One side of ase_steps.py in a process of its own, without torch; prints JSON.

    python ase_worker.py WORK MODEL ATOMS REPEATS

WORK is steps: seconds a step of ASE's velocity Verlet on the first of ATOMS, a file that ASE reads;
call: milliseconds of a force call for it, and ASE's own share of that; or batch: seconds of all of
ATOMS one after the other and in one call. Each is the best of REPEATS but for steps, which takes
that many of them.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import units
from ase.calculators.calculator import Calculator
from ase.io import read
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet

from hipnn_ts.ase import HIPNNTSCalculator

TEMPERATURE, TIMESTEP = 300.0, 0.1  # K; fs: random weights hold no molecule together
CALLS = 200  # of nine atoms, in each repeat


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def steps(calculator: HIPNNTSCalculator, frames: list, repeats: int) -> dict[str, float]:
    atoms = frames[0]
    atoms.calc = calculator
    MaxwellBoltzmannDistribution(
        atoms, temperature_K=TEMPERATURE, rng=np.random.default_rng(1), force_temp=True
    )
    integrator = VelocityVerlet(atoms, TIMESTEP * units.fs)
    integrator.run(3)
    return {"step_s": seconds(lambda: integrator.run(repeats)) / repeats}


def call(calculator: HIPNNTSCalculator, frames: list, repeats: int) -> dict[str, float]:
    atoms = frames[0]
    moves = atoms.positions + np.random.default_rng(0).normal(0, 1e-3, (CALLS, len(atoms), 3))

    def run(calculate: Callable) -> None:
        for positions in moves:
            atoms.positions = positions
            calculate(calculator, atoms, ["forces"], ["positions"])

    best = {
        name: min(seconds(lambda c=calculate: run(c)) for _ in range(repeats)) / CALLS * 1e3
        for name, calculate in (
            ("call_ms", HIPNNTSCalculator.calculate),
            ("of_it_ase_ms", Calculator.calculate),
        )
    }
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {**best, "process_MB": float(status["VmHWM"].split()[0]) / 1024}


def batch(calculator: HIPNNTSCalculator, frames: list, repeats: int) -> dict[str, float]:
    def singly() -> list:
        results = []
        for atoms in frames:
            calculator.calculate(atoms, ["energy", "forces"])
            results.append(calculator.results)
        return results

    def together() -> list:
        return calculator.evaluate_batch(frames)

    pairs = list(zip(singly(), together(), strict=True))
    different = sum((a["forces"] != b["forces"]).any() for a, b in pairs)
    best = {"singly_s": float("inf"), "together_s": float("inf")}
    for _ in range(repeats):
        for name, work in (("singly_s", singly), ("together_s", together)):
            best[name] = min(best[name], seconds(work))
    return {**best, "structures_with_other_bits": int(different)}


if __name__ == "__main__":
    work, model, path, repeats = sys.argv[1:]
    calculator = HIPNNTSCalculator(model, beyond_training="ignore")
    done = {"steps": steps, "call": call, "batch": batch}[work](
        calculator, read(path, ":"), int(repeats)
    )
    assert "torch" not in sys.modules
    print(json.dumps(done))
