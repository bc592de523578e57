"""64 molecules of water in i-PI, for some minutes more, for path_integral_water.py."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from ase import Atoms

from benchmarks.ipi import START, socket, write_input
from benchmarks.models import trained_water
from benchmarks.physics.radial import EVERY, TIMESTEP
from hipnn_ts.processes import program

SETTINGS = "settings.json"
WRITTEN_BEADS = 4  # of which frames are kept: all are equivalent
CHECKPOINTS = ("RESTART", "run.checkpoint")  # of an i-PI that was told to stop, and of a killed one
OUTPUT = """
    <properties filename='out' stride='{every}'>
      [step, time{{picosecond}}, temperature{{kelvin}}, kinetic_cv(H){{electronvolt}}]
    </properties>
    <trajectory filename='pos' stride='{every}' bead='-{apart}' flush='10'>
      positions{{angstrom}}
    </trajectory>
    <trajectory filename='centroid' stride='{every}' flush='10'>
      x_centroid{{angstrom}}
    </trajectory>
    <checkpoint filename='checkpoint' stride='1000' overwrite='True'/>
"""


def set_up(folder: Path, model: Path | None, start: Atoms, beads: int) -> dict:
    """The settings of a run, which are new where there is none yet."""
    if (folder / SETTINGS).exists():
        settings = json.loads((folder / SETTINGS).read_text())
        if settings["beads"] != beads:
            raise SystemExit(
                f"{folder}: a run of {settings['beads']} beads lies there, found --beads {beads}; "
                "name another --folder"
            )
        return settings
    folder.mkdir(parents=True, exist_ok=True)
    if model:
        shutil.copy(model, folder / "water.pt")
    else:
        trained_water(folder)
    address = f"hipnn_ts_water_{os.getpid()}"
    write_input(
        folder,
        Atoms(start.numbers, start.positions, cell=start.cell, pbc=True),
        beads=beads,
        timestep=TIMESTEP,
        address=address,
        output=OUTPUT.format(every=EVERY, apart=max(1, beads // WRITTEN_BEADS)),
    )
    settings = {"beads": beads, "address": address, "seconds": 0.0, "model": str(model or "")}
    (folder / SETTINGS).write_text(json.dumps(settings))
    return settings


def simulate(folder: Path, settings: dict, minutes: float) -> None:
    """Go on for so long, a driver for each core; settings are told how long it was."""
    socket(settings["address"]).unlink(missing_ok=True)  # of a run that was killed
    checkpoints = [folder / name for name in CHECKPOINTS if (folder / name).exists()]
    last = max(checkpoints, key=lambda path: path.stat().st_mtime, default=folder / "input.xml")
    driver = [program("hipnn-ts"), "ipi", "water.pt", "--atoms", START]
    driver += ["--unix", "--address", settings["address"], "--wait", "60"]
    start = time.monotonic()
    commands = [[program("i-pi"), last.name], *[driver] * os.cpu_count()]
    with (folder / "i-pi.log").open("a") as log:
        options = {
            "cwd": folder,
            "stdout": log,
            "stderr": log,
            "env": {**os.environ, "OMP_NUM_THREADS": "1"},
        }
        processes = [subprocess.Popen(command, **options) for command in commands]
        try:
            processes[0].wait(60 * minutes)
        except subprocess.TimeoutExpired:
            processes[0].send_signal(signal.SIGTERM)
        finally:
            try:
                status = [process.wait(120) for process in processes]
            finally:
                for process in processes:
                    process.kill()
    if any(status):
        raise SystemExit(f"{folder}/i-pi.log: i-PI and its drivers ended with {status}, not 0")
    settings["seconds"] += time.monotonic() - start
    (folder / SETTINGS).write_text(json.dumps(settings))
