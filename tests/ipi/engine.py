"""Run i-PI's engine on input.xml in this process, to record its values in full precision.

python engine.py STEPS writes found.npz.
"""

import sys
from pathlib import Path

import numpy as np
from ipi.engine.simulation import Simulation
from ipi.utils.depend import dstrip
from ipi.utils.softexit import softexit


def main() -> None:
    with Path("input.xml").open() as text:
        simulation = Simulation.load_from_xml(text)
    (system,) = simulation.syslist
    taken = {
        "positions": lambda: dstrip(system.beads.q),
        "cells": lambda: dstrip(system.cell.h),
        "energies": lambda: dstrip(system.forces.pots),
        "forces": lambda: dstrip(system.forces.f),
        "virials": lambda: np.array([dstrip(each) for each in system.forces.virs]),
        "extras": lambda: dict(dstrip(system.forces.extras)),
    }
    found = {name: [] for name in taken}
    for step in range(int(sys.argv[1])):
        simulation.tsteps = step + 1
        simulation.run(write_outputs=False)
        simulation.step = step + 1
        for name, take in taken.items():
            value = take()
            found[name].append(value if isinstance(value, dict) else np.array(value))
    np.savez("found.npz", **found)
    softexit.trigger(status="success", message="all steps are done")


if __name__ == "__main__":
    main()
