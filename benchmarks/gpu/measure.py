"""Steps, memory and kernels on a GPU, beside hippynn with Triton and the machine's own ceilings.

    python benchmarks/gpu/measure.py [--output benchmarks/results/gpu.json] [--largest 4000000]

What takes longest comes last, and each part is printed as it ends.

A step is positions in, energy and forces out, all on the GPU, float32, water at liquid density;
atoms jitter so that the Verlet list is kept and renewed as in a simulation.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import click
import torch
from ase import Atoms, units

sys.path.insert(0, str(Path(__file__).parents[1]))
from cpu import Case, imported
from hippynn_peer import SPECIES, Peer, published_file, use_kernel
from water import thermal_water, water_box
from whole_steps import whole_steps

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import export_potential
from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.model import derivatives
from hipnn_ts.neighbours import neighbour_pairs

BOXES = {22: None, 648: 6, 3000: 10, 20577: 19, 98304: 32, 1029000: 70, 3993000: 110}
TILES = {1029000: 7, 3993000: 11}  # copies of a smaller box along each axis
MANY = 200_000
TRAINED = ((648, 32), (3000, 128))  # atoms and features
WHOLE = {22: 500, 648: 500, 20577: 60, 98304: 15}  # atoms and steps of the engines
JITTER = 0.01  # Å
UNKNOWN = torch.zeros(0, 0, dtype=torch.float64)  # how close atoms came in training


def box_of(n_atoms: int) -> Atoms:
    """Water; the smallest is a droplet."""
    side = BOXES[n_atoms]
    if side is None:
        atoms = water_box(3, 3, 3)[:n_atoms]
        atoms.pbc = False
        return atoms
    # Repeated: a lattice of millions of atoms takes ASE minutes to make.
    return water_box(*[side // TILES.get(n_atoms, 1)] * 3) * ([TILES.get(n_atoms, 1)] * 3)


class Steps:
    """Our potential on these atoms: a call is a step."""

    def __init__(self, fused: FusedPotential, atoms: Atoms):
        self.atoms = atoms
        n = len(atoms)
        species = torch.tensor([SPECIES.index(z) for z in self.atoms.numbers])
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


def seconds(call, at_least: float = 1.0, repeats: int = 5) -> list[float]:
    """Raw times of one call, the GPU waited for at both ends of each run."""
    call()
    torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    torch.cuda.synchronize()
    n = max(1, round(at_least / repeats / (time.perf_counter() - began)))
    raw = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(n):
            call()
        torch.cuda.synchronize()
        raw.append((time.perf_counter() - began) / n)
    return raw


def ceilings() -> dict:
    """What this GPU reaches: float32 products without TF32, and copies (bytes in and out)."""
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
    """Microseconds of one step in each kernel, by the profiler."""
    step()
    activities = [torch.profiler.ProfilerActivity.CUDA]
    n = 10
    with torch.profiler.profile(activities=activities) as profile:
        for _ in range(n):
            step()
        torch.cuda.synchronize()
    times = {e.key: e.self_device_time_total / n for e in profile.key_averages()}
    return dict(sorted(times.items(), key=lambda item: -item[1])[:20])


def hippynn_step(peer: Peer, step: Steps):
    """hippynn with Triton on the same atoms; its pairs are given and not counted."""
    atoms = step.atoms
    receivers, senders, shifts = neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, 6.5)
    arguments = (
        torch.tensor([SPECIES.index(z) for z in atoms.numbers]),
        torch.from_numpy(receivers),
        torch.from_numpy(senders),
        torch.from_numpy(atoms.positions).float(),
        torch.from_numpy(shifts).float(),
    )
    on_gpu = [each.cuda() for each in arguments]
    use_kernel("triton")
    return lambda: peer.step(*on_gpu)


def training_step(n_atoms: int, n_features: int) -> dict:
    """Energy and force loss, back to the parameters, on both sides."""
    case = Case(2, n_features, n_atoms)
    species, receivers, senders = (
        each.cuda() for each in (case.species, case.receivers, case.senders)
    )
    positions, shifts, vectors = (
        each.cuda() for each in (case.positions, case.shifts, case.vectors)
    )
    model, peer = case.potential.float().cuda(), case.peer.cuda()
    target = torch.randn(n_atoms, 3, device="cuda")

    def ours():
        leaf = vectors.clone().requires_grad_(True)
        energies = model(species, receivers, senders, leaf)
        gradients = derivatives.pair_gradients(energies, leaf, create_graph=True)
        forces = derivatives.forces(gradients, receivers, senders, n_atoms)
        model.zero_grad()
        ((forces - target).square().mean() + energies.sum() ** 2).backward()

    def theirs():
        leaf = positions.clone().requires_grad_(True)
        energy, _ = peer.energy_and_vectors(species, receivers, senders, leaf, shifts)
        forces = -torch.autograd.grad(energy, leaf, create_graph=True)[0]
        peer.zero_grad()
        ((forces - target).square().mean() + energy**2).backward()

    use_kernel("triton")
    times = {"hipnn-ts": seconds(ours), "hippynn": seconds(theirs)}
    ratio = median(times["hippynn"]) / median(times["hipnn-ts"])
    return {
        "n_atoms": n_atoms,
        "n_features": n_features,
        "seconds": times,
        "times_hippynn": ratio,
    }


def electronvolts() -> float:
    """Of the potential's unit of energy: the published one's is kcal/mol."""
    return units.kcal / units.mol if published_file() else 1.0


def forces_error(fused: FusedPotential, exact: FusedPotential) -> float:
    """Largest difference, eV/Å, of the GPU in float32 from the CPU in float64: 216 molecules of
    the liquid at 300 K."""
    atoms = thermal_water()
    positions, box = torch.from_numpy(atoms.positions), torch.from_numpy(atoms.cell.array)
    (_, forces), (_, expected) = (
        Steps(each, atoms).whole.evaluate(where, box)
        for each, where in ((fused, positions.cuda()), (exact, positions))
    )
    return electronvolts() * (forces.cpu() - expected).abs().max().item()


def copies_error(fused: FusedPotential, n_atoms: int) -> float:
    """How far, eV/atom, the energy of a box of copies is from that of one of them. Where memory is
    short the network takes narrower steps: this is what sees them."""
    side = BOXES[n_atoms] // TILES[n_atoms]
    whole, one = (Steps(fused, atoms) for atoms in (box_of(n_atoms), water_box(side, side, side)))
    energies = [
        step.whole.evaluate(torch.from_numpy(step.atoms.positions).cuda(), step.box)[0].item()
        / len(step.atoms)
        for step in (whole, one)
    ]
    return electronvolts() * abs(energies[0] - energies[1])


def engines(potential) -> list[dict]:
    """Whole steps of LAMMPS and OpenMM. Random weights hold no molecule together: shorter ones."""
    timestep = 0.0005 if published_file() else 0.0001
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.pt"
        export_potential(potential, model, {})
        return [
            row
            for n_atoms, steps in WHOLE.items()
            for row in whole_steps(model, n_atoms, steps, timestep)
        ]


def whole_step_checks(rows: list[dict], kernels_by_size: dict[int, float]) -> list[Check]:
    """LAMMPS's steps beside the kernels', milliseconds by number of atoms."""
    out = []
    for row in rows:
        if row["engine"] != "LAMMPS":
            continue
        n_atoms, milliseconds = row["n_atoms"], row["milliseconds"]
        small = n_atoms < 20_000
        value = milliseconds
        if not small and milliseconds is not None:
            value = milliseconds / kernels_by_size[n_atoms]
        out.append(
            Check(
                name=f"LAMMPS, whole step of {n_atoms} atoms, "
                + ("ms" if small else "times the kernels"),
                value=value,
                limit={22: 0.2, 648: 0.4}.get(n_atoms, 1.25),
                better="lower",
                reason=row["reason"],
            )
        )
    return out


def measure(fused: FusedPotential, n_atoms: int) -> dict:
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
    print(
        f"{n_atoms:>9} atoms{row['milliseconds']:>12.3f} ms/step"
        f"{row['million_atom_steps_per_second']:>9.3f} M atom-steps/s"
        f"{row['kilobytes_per_atom']:>10.1f} kB/atom",
        flush=True,
    )
    return row


@click.command()
@click.option("--output", default="benchmarks/results/gpu.json", show_default=True)
@click.option("--largest", default=4_000_000, show_default=True, help="atoms of the largest box")
def main(output: str, largest: int) -> None:
    """Measure, print a table, write the JSON file."""
    torch.manual_seed(0)
    peer = Peer(2, 128)
    if published_file():
        peer.load_published(published_file())
    potential = imported(peer)
    fused = FusedPotential(potential, torch.float32)
    top = ceilings()
    print(f"ceilings: {top}", flush=True)
    sizes = [n for n in BOXES if n <= largest]
    rows = [measure(fused, n) for n in sizes if n < MANY]
    error = forces_error(fused, FusedPotential(potential, torch.float64))
    print(f"forces: {error} eV/Å from the CPU in float64", flush=True)
    middle = Steps(fused, box_of(20577))
    by_kernel = kernels(middle)
    for name, microseconds in by_kernel.items():
        print(f"{name[:70]:<72}{microseconds:>10.1f} µs")
    torch.cuda.empty_cache()
    theirs = seconds(hippynn_step(peer.cuda(), middle))
    ours = next(row for row in rows if row["n_atoms"] == 20577)
    ratio = median(theirs) / (ours["milliseconds"] / 1e3)
    print(f"20577 atoms: {ratio} x hippynn with Triton", flush=True)
    whole = engines(potential)
    training = [training_step(*case) for case in TRAINED]
    for case in training:
        print(f"training: {case}", flush=True)
    rows += [measure(fused, n) for n in sizes if n >= MANY]
    largest_n = rows[-1]["n_atoms"]
    of_copies = copies_error(fused, largest_n) if largest_n in TILES else None
    by_size = {row["n_atoms"]: row["milliseconds"] for row in rows}
    best = max(row["million_atom_steps_per_second"] for row in rows)
    largest_row = rows[-1]

    def small(n: int) -> float:
        return next(row["milliseconds"] for row in rows if row["n_atoms"] == n)

    checks = [
        Check(
            name="20,577 atoms, times hippynn with Triton", value=ratio, limit=10, better="higher"
        ),
        Check(name="million atom-steps/s at the best size", value=best, limit=5, better="higher"),
        Check(
            name="kB per atom, largest box",
            value=largest_row["kilobytes_per_atom"],
            limit=16,
            better="lower",
        ),
        Check(name="22 atoms, ms per step", value=small(22), limit=0.3, better="lower"),
        Check(name="648 atoms, ms per step", value=small(648), limit=0.4, better="lower"),
        Check(
            name="forces in float32, eV/Å from the CPU in float64",
            value=error,
            limit=1e-5,
            better="lower",
        ),
        Check(
            name="largest box: energy from that of the cell that it repeats, eV/atom",
            value=of_copies,
            limit=1e-5,
            better="lower",
            reason=None if of_copies is not None else "no box of copies was asked for",
        ),
        *(
            Check(
                name=f"training step, {case['n_atoms']} atoms, {case['n_features']} features, "
                "times hippynn with Triton",
                value=case["times_hippynn"],
                limit=5,
                better="higher",
            )
            for case in training
        ),
        *whole_step_checks(whole, by_size),
    ]
    figures = {
        "gpu": torch.cuda.get_device_name(),
        "cuda": torch.version.cuda,
        "published_weights": published_file() is not None,
        "ceilings": top,
        "steps": rows,
        "hippynn_triton_20577_seconds": theirs,
        "microseconds_by_kernel_20577": by_kernel,
        "training": training,
        "whole_steps": whole,
    }
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    write_report(output, figures, checks)
    for check in checks:
        word = {True: "ok", False: "NOT REACHED", None: "not judged"}[check.passed]
        print(f"{word}: {check.name}: {check.value if check.reason is None else check.reason}")


if __name__ == "__main__":
    main()
