"""The kernels on a CPU beside hippynn: same weights, same run, alternating.

    python benchmarks/cpu.py [--quick]

Writes benchmarks/results/cpu.json. What the share of the GEMM peak counts is in minimum_work.py.
"""

import resource
import tempfile
from pathlib import Path

import click
import torch
from hippynn_peer import SPECIES, Peer, published_file, use_kernel
from minimum_work import minimum_flops
from timing import alternate
from water import BOXES, water_box

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.hippynn import import_hippynn
from hipnn_ts.hippynn.settings import ImportSettings
from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs

ROOT = Path(__file__).parents[1]
CPU_KERNELS = ("numba", "sparse", "_pytorch_raw_wrapped")


class Case:
    """A network, with its twin in hippynn, on a box of water."""

    def __init__(
        self,
        l_max: int,
        n_features: int,
        n_atoms: int,
        published: bool = False,
        n_max: int | None = None,
    ):
        torch.manual_seed(0)
        self.peer = Peer(l_max, n_features, n_max=n_max)
        if published:
            self.peer.load_published(published_file())
        self.potential = imported(self.peer)
        self.fused = torch.jit.script(FusedPotential(self.potential, torch.float32))
        atoms = water_box(*BOXES[n_atoms])
        self.n_atoms = len(atoms)
        receivers, senders, shifts = neighbour_pairs(
            atoms.positions, atoms.cell.array, atoms.pbc, self.potential.config.cutoff
        )
        self.species = torch.tensor([SPECIES.index(z) for z in atoms.numbers])
        self.receivers, self.senders = torch.from_numpy(receivers), torch.from_numpy(senders)
        self.positions = torch.from_numpy(atoms.positions).float()
        self.shifts = torch.from_numpy(shifts).float()
        exact = atoms.positions[senders] + shifts - atoms.positions[receivers]
        self.vectors = torch.from_numpy(exact).float()

    def ours(self):
        """Energies and forces from pairs that are given, as hippynn's side."""
        energies, gradients = self.fused.energies_and_pair_gradients(
            self.species, self.receivers, self.senders, self.vectors
        )
        return energies, derivatives.forces(gradients, self.receivers, self.senders, self.n_atoms)

    def theirs(self):
        """The same by hippynn with the kernel that is set."""
        return self.peer.step(
            self.species, self.receivers, self.senders, self.positions, self.shifts
        )


def imported(peer: Peer) -> Potential:
    """Our potential with the peer's weights, by the way a user imports them."""
    settings = ImportSettings(energy_unit="eV", cutoff=6.5, elements=("H", "C", "N", "O"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "best_model.pt"
        torch.save(peer.state_dict(), path)
        return import_hippynn(path, settings)[0]


def gemm_peak() -> float:
    """Best float32 product of torch on this machine, FLOP/s."""
    best = 0.0
    for m, n, k in ((2048, 2048, 2048), (3000, 2560, 128), (4096, 512, 512)):
        a, b, c = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        times = alternate({"gemm": lambda a=a, b=b, c=c: torch.mm(a, b, out=c)}, 5, 0.3)
        best = max(best, 2.0 * m * n * k / times["gemm"]["minimum"])
    return best


def compare(case: Case, kernels: tuple[str, ...], repeats: int, seconds: float) -> dict:
    """Both sides in turn; hippynn's kernel is switched before each of its turns."""
    sides, refused = {"hipnn-ts": case.ours}, {}
    for kernel in kernels:
        side = with_kernel(kernel, case.theirs)
        try:
            side()
        except ValueError as error:  # "sparse": not where two images of one atom are neighbours
            refused[f"hippynn {kernel}"] = str(error)
        else:
            sides[f"hippynn {kernel}"] = side
    agreement = (case.ours()[1] - sides[f"hippynn {kernels[0]}"]()[1]).abs().max().item()
    times = alternate(sides, repeats, seconds)
    n_species = len(case.species.unique())
    flops = minimum_flops(case.potential, case.vectors.norm(dim=1), case.n_atoms, n_species)
    best = min(t["median"] for name, t in times.items() if name != "hipnn-ts")
    ours = times["hipnn-ts"]["median"]
    return {
        "n_atoms": case.n_atoms,
        "pairs_per_atom": len(case.receivers) / case.n_atoms,
        "seconds": times,
        "refused": refused,
        "us_per_atom": 1e6 * ours / case.n_atoms,
        "times_hippynn": best / ours,
        "largest_force_difference": agreement,
        "minimum_mflop_per_atom": flops / 1e6,
        "gflops_on_minimum_work": flops * case.n_atoms / ours / 1e9,
        "stages_us_per_atom": stages(case),
        "bytes_per_atom": memory(case),
    }


def stages(case: Case, repeats: int = 5) -> dict[str, float]:
    """Where the kernels' time goes, microseconds of one thread per atom."""
    before = torch.ops.hipnn_ts.inference_seconds(case.fused.weights[0])
    for _ in range(repeats):
        case.ours()
    after = torch.ops.hipnn_ts.inference_seconds(case.fused.weights[0])
    return {name: 1e6 * (after[name] - before[name]) / repeats / case.n_atoms for name in after}


def memory(case: Case) -> float:
    """What the network's buffers hold; they are kept for the next call."""
    case.ours()
    return torch.ops.hipnn_ts.inference_bytes(case.fused.weights[0]) / case.n_atoms


def with_kernel(kernel, call):
    """The call under one of hippynn's kernels."""

    def run():
        use_kernel(kernel)
        return call()

    return run


def training_step(n_atoms: int, n_features: int, repeats: int) -> dict:
    """Energy and force loss, back to the parameters, one batch on both sides."""
    case = Case(2, n_features, n_atoms)
    target = torch.randn(case.n_atoms, 3)
    parameters = list(case.potential.parameters())

    def ours():
        vectors = case.vectors.clone().requires_grad_(True)
        energies = case.potential(case.species, case.receivers, case.senders, vectors)
        gradients = derivatives.pair_gradients(energies, vectors, create_graph=True)
        forces = derivatives.forces(gradients, case.receivers, case.senders, case.n_atoms)
        case.potential.zero_grad()
        loss = (forces - target).square().mean() + energies.sum() ** 2
        loss.backward(inputs=parameters)  # as hipnn_ts.training.loop

    def theirs():
        leaf = case.positions.clone().requires_grad_(True)
        energy, _ = case.peer.energy_and_vectors(
            case.species, case.receivers, case.senders, leaf, case.shifts
        )
        forces = -torch.autograd.grad(energy, leaf, create_graph=True)[0]
        case.peer.zero_grad()
        ((forces - target).square().mean() + energy**2).backward()

    times = alternate({"hipnn-ts": ours, "hippynn": with_kernel("numba", theirs)}, repeats)
    ratio = times["hippynn"]["median"] / times["hipnn-ts"]["median"]
    return {"n_atoms": case.n_atoms, "seconds": times, "times_hippynn": ratio}


def show(name: str, row: dict) -> None:
    print(
        f"{name:<34}{row['n_atoms']:>7}{row['us_per_atom']:>9.1f}{row['times_hippynn']:>8.1f}"
        f"{row['gflops_on_minimum_work']:>9.1f}{row['largest_force_difference']:>10.1e}",
        flush=True,
    )


@click.command()
@click.option("--quick", is_flag=True, help="3,000 atoms of the published potential only.")
def main(quick: bool) -> None:
    """Measure, print a table, write benchmarks/results/cpu.json."""
    peak = gemm_peak()
    print(f"float32 GEMM peak {peak / 1e9:.0f} GFLOP/s, {torch.get_num_threads()} threads")
    print(f"{'network':<34}{'atoms':>7}{'µs/atom':>9}{'ratio':>8}{'GFLOP/s':>9}{'max |ΔF|':>10}")
    rows = {}

    def measure(name: str, case: Case, kernels=("numba",), repeats=5, seconds=1.0) -> None:
        rows[name] = compare(case, kernels, repeats, seconds)
        show(name, rows[name])

    published = published_file() is not None
    main_case = "ANI-1x 3000" if published else "l_max 2, 128 features 3000"
    measure(main_case, Case(2, 128, 3000, published), repeats=5)
    if not quick:
        for n_atoms in (192, 648):
            measure(f"{main_case[:-5]} {n_atoms}", Case(2, 128, n_atoms, published), CPU_KERNELS)
        for l_max in (0, 1):
            measure(f"l_max {l_max}, 128 features", Case(l_max, 128, 648))
        for n_features in (20, 32, 64):
            measure(f"l_max 2, {n_features} features", Case(2, n_features, 648))
        measure(f"{main_case[:-5]} 20577", Case(2, 128, 20577, published), repeats=2)
    training = {f"{n} atoms": training_step(n, 32, 3) for n in ((192,) if quick else (192, 648))}
    for name, row in training.items():
        print(f"training step, {name}: {row['times_hippynn']:.1f} x hippynn")
    best = rows[main_case]
    print(f"{main_case}, one thread's time by stage:")
    for name, microseconds in best["stages_us_per_atom"].items():
        print(f"  {name:<16}{microseconds:8.2f} µs/atom")
    print(f"  {best['bytes_per_atom'] / 1024:.1f} KB/atom")
    checks = [
        Check(
            name="3,000 atoms, energy + forces, times hippynn's best kernel",
            value=best["times_hippynn"],
            limit=40.0,
            better="higher",
        ),
        Check(
            name="share of the float32 GEMM peak on the minimum work",
            value=1e9 * best["gflops_on_minimum_work"] / peak,
            limit=0.75,
            better="higher",
        ),
        Check(
            name="training step, times hippynn",
            value=min(row["times_hippynn"] for row in training.values()),
            limit=10.0,
            better="higher",
        ),
    ]
    figures = {
        "threads": torch.get_num_threads(),
        "gemm_peak_gflops": peak / 1e9,
        "networks": rows,
        "training": training,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    write_report(ROOT / "benchmarks" / "results" / "cpu.json", figures, checks)
    for check in checks:
        print(f"{'ok' if check.passed else 'NOT REACHED'}: {check.name}: {check.value:.2f}")


if __name__ == "__main__":
    main()
