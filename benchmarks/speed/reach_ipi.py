"""How much longer a step of i-PI takes than the kernels it waits for; for reach.py.

The driver has a process of its own with one thread; i-PI has another core. Sides named "ours" are
the loop of `hipnn-ts ipi`, the other is i-PI's own driver of ASE calculators with our calculator;
the runtime's calls are timed inside either.

    python -m benchmarks.speed.reach_ipi SIDE MODEL ATOMS ADDRESS

is such a driver, and prints JSON.
"""

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median

from ase import Atoms
from ase.io import read

from benchmarks.ipi import LOG, START, running, socket, write_input
from benchmarks.speed.timing import asked, in_turn
from hipnn_ts.processes import program

BEADS = 8
SIDES = {"ours": 1, "ours, beads together": BEADS, "i-PI's ASE driver": 1}  # beads in one message


class Timed:
    """Wraps the runtime's evaluator and records when each of its calls began and its seconds."""

    def __init__(self, evaluator):
        self._evaluator = evaluator
        self.began: list[float] = []
        self.seconds: list[float] = []

    def compute(self, *arguments):
        self.began.append(time.perf_counter())
        found = self._evaluator.compute(*arguments)
        self.seconds.append(time.perf_counter() - self.began[-1])
        return found

    def figures(self) -> dict[str, float]:
        """Milliseconds of a step, all beads, and of its kernels: medians without the ends."""
        steps = range(2 * BEADS, len(self.began) - BEADS, BEADS)
        whole = [self.began[k + BEADS] - self.began[k] for k in steps]
        kernels = [sum(self.seconds[k : k + BEADS]) for k in steps]
        return {
            "step_ms": 1e3 * median(whole),
            "kernels_ms": 1e3 * median(kernels),
            "over_kernels": median(a / b - 1 for a, b in zip(whole, kernels, strict=True)),
            "steps": len(whole),
        }


def driver(side: str, model: str, atoms: str, address: str) -> dict[str, object]:
    """Serve i-PI until it ends; the figures."""
    from hipnn_ts.ase import HIPNNTSCalculator

    calculator = HIPNNTSCalculator(model, beyond_training="ignore")
    calculator._evaluator = timed = Timed(calculator._evaluator)
    if not side.startswith("ours"):
        _ipis_own(calculator, atoms, address)
        return timed.figures()
    from hipnn_ts.ipi import serve

    served = serve(calculator, read(atoms), address, unix=True, wait=60)
    return {**timed.figures(), "served": asdict(served)}


def _ipis_own(calculator, atoms: str, address: str) -> None:
    """The loop of i-PI's `i-pi-driver-py -m ase`, with our calculator."""
    from importlib.machinery import SourceFileLoader

    from ipi.pes._ase import ASEDriver

    own = SourceFileLoader("ipi_driver", program("i-pi-py_driver")).load_module()
    wrapped = ASEDriver(template=atoms)
    wrapped.ase_calculator = calculator
    ends = time.monotonic() + 60
    while not socket(address).exists() and time.monotonic() < ends:
        time.sleep(0.1)
    own.run_driver(unix=True, address=address, driver=wrapped)


def measure(model: Path, water: Atoms, steps: int, rounds: int) -> dict:
    """Figures of each side for each round, alternately, and their medians."""
    raw = in_turn({side: partial(_run, side, model, water, steps) for side in SIDES}, rounds)
    keys = "step_ms", "kernels_ms", "over_kernels"
    rows = {
        side: {key: median(run[key] for run in runs) for key in keys} for side, runs in raw.items()
    }
    return {"n_atoms": len(water), "beads": BEADS, "sides": rows, "raw": raw}


def _run(side: str, model: Path, water: Atoms, steps: int) -> dict:
    address = f"hipnn_ts_reach_{os.getpid()}"
    settings = {"beads": BEADS, "timestep": 0.1, "address": address}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_input(folder, water, steps=steps, together=SIDES[side], **settings)
        with running(["i-pi", "input.xml"], folder=folder) as (server,):
            try:
                module = "benchmarks.speed.reach_ipi"
                found = asked(module, side, model.resolve(), folder / START, address)
                server.wait(60)
            except SystemExit as failure:
                raise SystemExit(f"{failure}\n{(folder / LOG).read_text()}") from None
            finally:
                socket(address).unlink(missing_ok=True)
    return found


if __name__ == "__main__":
    print(json.dumps(driver(*sys.argv[1:])))
