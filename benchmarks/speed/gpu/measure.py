"""Steps, memory and kernels on a GPU, beside hippynn with Triton and the machine's ceilings.

A step takes positions and returns energy and forces, all on the GPU, in float32, for water at
liquid density; atoms jitter, so that the neighbour list is kept and renewed as in a simulation.
Medians are judged. Needs an NVIDIA GPU, and uses the published ANI-1x potential if there is one.
Each part is printed as it ends; the longest come last.
"""

import tempfile
from pathlib import Path
from statistics import median

import torch
from ase import Atoms, units

from benchmarks.command import Findings, benchmark
from benchmarks.models import published_file
from benchmarks.report import Check, at_least, at_most
from benchmarks.speed.gpu.whole_steps import SIZES, TILES, box_of, whole_steps
from benchmarks.speed.hippynn_peer import (
    Pairs,
    Peer,
    imported,
    species_of,
    training_sides,
    use_kernel,
)
from benchmarks.speed.timing import alternate
from benchmarks.water import thermal_water, water_cube
from hipnn_ts.export import export_potential
from hipnn_ts.export.exported import FusedPotential

MANY = 200_000
TRAINED = ((648, 32), (3000, 128))  # atoms and features of training steps
WHOLE = {22: 500, 648: 500, 20577: 60, 98304: 15}  # atoms, and steps of LAMMPS and OpenMM
JITTER = 0.01  # Å
UNKNOWN = torch.zeros(0, 0, dtype=torch.float64)  # no closest approaches of the training data


class Steps:
    """Our potential on given atoms; each call is a step."""

    def __init__(self, fused: FusedPotential, atoms: Atoms):
        self.atoms = atoms
        n = len(atoms)
        species = species_of(atoms.numbers)
        self.whole = torch.classes.hipnn_ts.EnergyAndForces(
            fused.weights[0], torch.arange(n), species, UNKNOWN, n, False, 1.0, 1.0
        )
        self.box = torch.from_numpy(atoms.cell.array) if atoms.pbc.all() else None
        start = torch.from_numpy(self.atoms.positions).cuda()
        self.frames = [start + JITTER * torch.randn_like(start) for _ in range(4)]
        self.turn = 0

    def __call__(self):
        self.turn += 1
        return self.whole.evaluate(self.frames[self.turn % len(self.frames)], self.box)


def seconds(call) -> list[float]:
    """Times per call of each turn; turns begin and end with the GPU idle."""
    return alternate({"one": call}, 5, 0.2, torch.cuda.synchronize)["one"]["raw"]


def ceilings() -> dict:
    """Best speed of this GPU in float32 products without TF32 and in copies (bytes in and out)."""
    a, b = (torch.randn(8192, 8192, device="cuda") for _ in range(2))
    out = torch.empty_like(a)
    product = min(seconds(lambda: torch.mm(a, b, out=out)))
    large = torch.empty(2**28, device="cuda")
    target = torch.empty_like(large)
    copied = min(seconds(lambda: target.copy_(large)))
    return {
        "float32_tflops": 2.0 * 8192**3 / product / 1e12,
        "copy_tb_per_second": 2.0 * large.nbytes / copied / 1e12,
    }


def kernels(step: Steps) -> dict[str, float]:
    """Microseconds per step in each of the 20 longest kernels, from torch's profiler."""
    step()
    activities = [torch.profiler.ProfilerActivity.CUDA]
    n = 10
    with torch.profiler.profile(activities=activities) as profile:
        for _ in range(n):
            step()
        torch.cuda.synchronize()
    times = {e.key: e.self_device_time_total / n for e in profile.key_averages()}
    return dict(sorted(times.items(), key=lambda item: -item[1])[:20])


def hippynn_seconds(peer: Peer, atoms: Atoms) -> list[float]:
    """Times of hippynn's step with Triton; the neighbour list is given and not timed."""
    pairs = Pairs(atoms, 6.5).cuda()
    use_kernel("triton")
    return seconds(lambda: peer.step(*pairs.theirs))


def training_step(n_atoms: int, n_features: int) -> dict:
    """Time a training step (energy and force loss and its backward pass) of both sides."""
    torch.manual_seed(0)
    peer = Peer(2, n_features)
    potential = imported(peer)
    pairs = Pairs(box_of(n_atoms), potential.config.cutoff).cuda()
    use_kernel("triton")
    ours, theirs = training_sides(potential.float().cuda(), peer.cuda(), pairs)
    times = {"hipnn-ts": seconds(ours), "hippynn": seconds(theirs)}
    ratio = median(times["hippynn"]) / median(times["hipnn-ts"])
    row = {"n_atoms": n_atoms, "n_features": n_features, "seconds": times, "times_hippynn": ratio}
    print(f"training: {row}", flush=True)
    return row


def electronvolts() -> float:
    """The potential's unit of energy in eV: that of the published one is kcal/mol."""
    return units.kcal / units.mol if published_file() else 1.0


def forces_error(fused: FusedPotential, exact: FusedPotential) -> float:
    """Largest force difference, eV/Å, of the GPU in float32 from the CPU in float64, for 216
    molecules of liquid water at 300 K."""
    atoms = thermal_water()
    positions, box = torch.from_numpy(atoms.positions), torch.from_numpy(atoms.cell.array)
    _, forces = Steps(fused, atoms).whole.evaluate(positions.cuda(), box)
    _, expected = Steps(exact, atoms).whole.evaluate(positions, box)
    return electronvolts() * (forces.cpu() - expected).abs().max().item()


def copies_error(fused: FusedPotential, n_atoms: int) -> float:
    """Difference, eV/atom, of the energies of a box of copies and of one copy. It tests the passes
    over fewer features at once that the network makes where memory is short."""
    whole, one = (
        Steps(fused, atoms)
        for atoms in (box_of(n_atoms), water_cube(n_atoms // TILES[n_atoms] ** 3))
    )
    energies = [
        step.whole.evaluate(torch.from_numpy(step.atoms.positions).cuda(), step.box)[0].item()
        / len(step.atoms)
        for step in (whole, one)
    ]
    return electronvolts() * abs(energies[0] - energies[1])


def engines(potential) -> list[dict]:
    """Whole steps of LAMMPS and OpenMM, shorter with random weights: they hold nothing together."""
    timestep = 0.0005 if published_file() else 0.0001
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.pt"
        export_potential(potential, model, {})
        return [
            row
            for n_atoms, steps in WHOLE.items()
            for row in whole_steps(model, n_atoms, steps, timestep)
        ]


def whole_step_check(row: dict, kernels_ms: float) -> Check:
    """Compare LAMMPS's step with a bar in ms, or for large boxes in times of the kernels."""
    n, value, unit = row["n_atoms"], row["milliseconds"], "ms"
    if n >= 20_000:
        unit = "times the kernels"
        value = value and value / kernels_ms
    limit = {22: 0.2, 648: 0.4}.get(n, 1.25)
    return at_most(f"LAMMPS, whole step of {n} atoms, {unit}", value, limit, row["reason"])


def measure(fused: FusedPotential, n_atoms: int) -> dict:
    """Measure time and peak memory of a step of ``n_atoms``."""
    step = Steps(fused, box_of(n_atoms))
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    raw = seconds(step)
    peak = torch.cuda.max_memory_allocated() - before
    row = {
        "n_atoms": n_atoms,
        "seconds": raw,
        "milliseconds": 1e3 * median(raw),
        "million_atom_steps_per_second": n_atoms / median(raw) / 1e6,
        "kilobytes_per_atom": peak / n_atoms / 1000,
    }
    print(row, flush=True)
    return row


@benchmark("gpu", largest=MANY)
def main(largest=4_000_000) -> Findings:
    """Measure and judge boxes of up to ``largest`` atoms."""
    torch.manual_seed(0)
    peer = Peer(2, 128)
    if published_file():
        peer.load_published()
    potential = imported(peer)
    fused = FusedPotential(potential, torch.float32)
    top = ceilings()
    print(f"ceilings: {top}", flush=True)
    sizes = [n for n in SIZES if n <= largest]
    rows = {n: measure(fused, n) for n in sizes if n < MANY}
    error = forces_error(fused, FusedPotential(potential, torch.float64))
    print(f"forces: {error} eV/Å from the CPU in float64", flush=True)
    middle = Steps(fused, box_of(20577))
    by_kernel = kernels(middle)
    print(by_kernel, flush=True)
    torch.cuda.empty_cache()
    triton = hippynn_seconds(peer.cuda(), middle.atoms)
    ratio = median(triton) / (rows[20577]["milliseconds"] / 1e3)
    print(f"20577 atoms: {ratio} x hippynn with Triton", flush=True)
    whole = engines(potential)
    training = [training_step(*case) for case in TRAINED]
    rows |= {n: measure(fused, n) for n in sizes if n >= MANY}
    most = max(rows)
    of_copies = copies_error(fused, most) if most in TILES else None
    none = None if most in TILES else "no box of copies was asked for"
    best = max(row["million_atom_steps_per_second"] for row in rows.values())
    copies = "largest box: energy from that of the cell that it repeats, eV/atom"
    checks = [
        at_least("20,577 atoms, times hippynn with Triton", ratio, 10),
        at_least("million atom-steps/s at the best size", best, 5),
        at_most("kB per atom, largest box", rows[most]["kilobytes_per_atom"], 16),
        at_most("22 atoms, ms per step", rows[22]["milliseconds"], 0.3),
        at_most("648 atoms, ms per step", rows[648]["milliseconds"], 0.4),
        at_most("forces in float32, eV/Å from the CPU in float64", error, 1e-5),
        at_most(copies, of_copies, 1e-5, none),
    ]
    for case in training:
        step = f"training step, {case['n_atoms']} atoms, {case['n_features']} features, "
        what = f"{step}times hippynn with Triton"
        checks.append(at_least(what, case["times_hippynn"], 5))
    checks += [
        whole_step_check(row, rows[row["n_atoms"]]["milliseconds"])
        for row in whole
        if row["engine"] == "LAMMPS"
    ]
    return {
        "gpu": torch.cuda.get_device_name(),
        "cuda": torch.version.cuda,
        "published_weights": published_file() is not None,
        "ceilings": top,
        "steps": list(rows.values()),
        "hippynn_triton_20577_seconds": triton,
        "microseconds_by_kernel_20577": by_kernel,
        "training": training,
        "whole_steps": whole,
    }, checks


if __name__ == "__main__":
    main()
