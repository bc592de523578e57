"""Energy and forces, and training steps, on a CPU beside hippynn with the same weights.

Both sides alternate on the same pairs of water at several network and box sizes; medians count. The
network is the published ANI-1x potential, or one of its shape if the data is missing. The bars are
ratios to hippynn's best kernel, and the share of the GEMM peak, whose work minimum_work.py counts.
"""

import resource

import torch

from benchmarks.command import Findings, benchmark
from benchmarks.models import published_file
from benchmarks.report import at_least
from benchmarks.speed.hippynn_peer import Case, training_sides, with_kernel
from benchmarks.speed.minimum_work import minimum_flops
from benchmarks.speed.timing import alternate

CPU_KERNELS = ("numba", "sparse", "_pytorch_raw_wrapped")
STAGE_CALLS = 5


def gemm_peak() -> float:
    """Speed of torch's fastest float32 matrix product on this machine, FLOP/s."""
    best = 0.0
    for m, n, k in ((2048, 2048, 2048), (3000, 2560, 128), (4096, 512, 512)):
        a, b, c = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        times = alternate({"gemm": lambda a=a, b=b, c=c: torch.mm(a, b, out=c)}, 5, 0.3)
        best = max(best, 2.0 * m * n * k / times["gemm"]["minimum"])
    return best


def compare(case: Case, kernels: tuple[str, ...] = ("numba",), repeats: int = 5) -> dict:
    """Time both sides alternately; hippynn's kernel is set before each of its turns."""
    sides, refused = {"hipnn-ts": case.ours}, {}
    for kernel in kernels:
        side = with_kernel(kernel, case.theirs)
        try:
            side()
        except ValueError as error:  # "sparse" allows no neighbour with two of its images
            refused[f"hippynn {kernel}"] = str(error)
        else:
            sides[f"hippynn {kernel}"] = side
    agreement = (case.ours()[1] - sides[f"hippynn {kernels[0]}"]()[1]).abs().max().item()
    times = alternate(sides, repeats)
    n_species = len(case.pairs.species.unique())
    distances = case.pairs.vectors.norm(dim=1)
    flops = minimum_flops(case.potential, distances, case.n_atoms, n_species)
    best = min(t["median"] for side, t in times.items() if side != "hipnn-ts")
    ours = times["hipnn-ts"]["median"]
    weights = case.fused.weights[0]
    before = torch.ops.hipnn_ts.inference_seconds(weights)
    for _ in range(STAGE_CALLS):
        case.ours()
    after = torch.ops.hipnn_ts.inference_seconds(weights)
    per_call = 1e6 / STAGE_CALLS / case.n_atoms
    return {
        "n_atoms": case.n_atoms,
        "pairs_per_atom": len(distances) / case.n_atoms,
        "seconds": times,
        "refused": refused,
        "us_per_atom": 1e6 * ours / case.n_atoms,
        "times_hippynn": best / ours,
        "largest_force_difference": agreement,
        "minimum_mflop_per_atom": flops / 1e6,
        "gflops_on_minimum_work": flops * case.n_atoms / ours / 1e9,
        # Summed over threads.
        "stages_us_per_atom": {k: per_call * (after[k] - before[k]) for k in after},
        # Buffers of the network, which are kept for the next call.
        "bytes_per_atom": torch.ops.hipnn_ts.inference_bytes(weights) / case.n_atoms,
    }


def training_step(n_atoms: int, n_features: int, repeats: int) -> dict:
    """Time a training step (energy and force loss and its backward pass) of both sides."""
    case = Case(2, n_features, n_atoms)
    ours, theirs = training_sides(case.potential, case.peer, case.pairs)
    times = alternate({"hipnn-ts": ours, "hippynn": with_kernel("numba", theirs)}, repeats)
    ratio = times["hippynn"]["median"] / times["hipnn-ts"]["median"]
    return {"n_atoms": case.n_atoms, "seconds": times, "times_hippynn": ratio}


@benchmark("cpu", n_networks=1, n_trainings=1)
def main(n_networks=9, n_trainings=2) -> Findings:
    peak = gemm_peak()
    published = published_file() is not None
    name = "ANI-1x" if published else "l_max 2, 128 features"
    cases = {  # order, features, atoms; kernels and repeats
        f"{name} 3000": ((2, 128, 3000, published),),
        f"{name} 192": ((2, 128, 192, published), CPU_KERNELS),
        f"{name} 648": ((2, 128, 648, published), CPU_KERNELS),
        **{f"l_max {order}, 128 features": ((order, 128, 648),) for order in (0, 1)},
        **{f"l_max 2, {n} features": ((2, n, 648),) for n in (20, 32, 64)},
        f"{name} 20577": ((2, 128, 20577, published), ("numba",), 2),
    }
    rows = {}
    for label, (network, *settings) in list(cases.items())[:n_networks]:
        rows[label] = compare(Case(*network), *settings)
        print(f"{label}: {rows[label]['us_per_atom']:.1f} µs/atom", flush=True)
    training = {f"{n} atoms": training_step(n, 32, 3) for n in (192, 648)[:n_trainings]}
    best = rows[f"{name} 3000"]["times_hippynn"]
    share = 1e9 * rows[f"{name} 3000"]["gflops_on_minimum_work"] / peak
    step = min(row["times_hippynn"] for row in training.values())
    return {
        "threads": torch.get_num_threads(),
        "gemm_peak_gflops": peak / 1e9,
        "networks": rows,
        "training": training,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }, [
        at_least("3,000 atoms, energy + forces, times hippynn's best kernel", best, 40.0),
        at_least("share of the float32 GEMM peak on the minimum work", share, 0.75),
        at_least("training step, times hippynn", step, 10.0),
    ]


if __name__ == "__main__":
    main()
