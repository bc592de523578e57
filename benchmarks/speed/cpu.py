"""The kernels on a CPU beside hippynn: same weights, same run, alternating.

    python -m benchmarks.speed.cpu [--quick]

What the share of the GEMM peak counts is in minimum_work.py.
"""

import resource

import torch

from benchmarks.command import benchmark
from benchmarks.models import published_file
from benchmarks.report import Check, at_least
from benchmarks.speed.hippynn_case import Case, training_sides, with_kernel
from benchmarks.speed.minimum_work import minimum_flops
from benchmarks.speed.timing import alternate

CPU_KERNELS = ("numba", "sparse", "_pytorch_raw_wrapped")


def gemm_peak() -> float:
    """Best float32 product of torch on this machine, FLOP/s."""
    best = 0.0
    for m, n, k in ((2048, 2048, 2048), (3000, 2560, 128), (4096, 512, 512)):
        a, b, c = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        times = alternate({"gemm": lambda a=a, b=b, c=c: torch.mm(a, b, out=c)}, 5, 0.3)
        best = max(best, 2.0 * m * n * k / times["gemm"]["minimum"])
    return best


def compare(name: str, case: Case, kernels: tuple[str, ...] = ("numba",), repeats: int = 5) -> dict:
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
    times = alternate(sides, repeats)
    n_species = len(case.pairs.species.unique())
    distances = case.pairs.vectors.norm(dim=1)
    flops = minimum_flops(case.potential, distances, case.n_atoms, n_species)
    best = min(t["median"] for side, t in times.items() if side != "hipnn-ts")
    ours = times["hipnn-ts"]["median"]
    row = {
        "n_atoms": case.n_atoms,
        "pairs_per_atom": len(distances) / case.n_atoms,
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
    print(
        f"{name:<34}{row['n_atoms']:>7}{row['us_per_atom']:>9.1f}{row['times_hippynn']:>8.1f}"
        f"{row['gflops_on_minimum_work']:>9.1f}{row['largest_force_difference']:>10.1e}",
        flush=True,
    )
    return row


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


def training_step(n_atoms: int, n_features: int, repeats: int) -> dict:
    """Energy and force loss, back to the parameters, one batch on both sides."""
    case = Case(2, n_features, n_atoms)
    ours, theirs = training_sides(case.potential, case.peer, case.pairs)
    times = alternate({"hipnn-ts": ours, "hippynn": with_kernel("numba", theirs)}, repeats)
    ratio = times["hippynn"]["median"] / times["hipnn-ts"]["median"]
    print(f"training step, {n_atoms} atoms: {ratio:.1f} x hippynn", flush=True)
    return {"n_atoms": case.n_atoms, "seconds": times, "times_hippynn": ratio}


@benchmark("cpu", quick="3,000 atoms of the published potential only.")
def main(quick: bool) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    peak = gemm_peak()
    print(f"float32 GEMM peak {peak / 1e9:.0f} GFLOP/s, {torch.get_num_threads()} threads")
    print(f"{'network':<34}{'atoms':>7}{'µs/atom':>9}{'ratio':>8}{'GFLOP/s':>9}{'max |ΔF|':>10}")
    published = published_file() is not None
    name = "ANI-1x" if published else "l_max 2, 128 features"
    cases = {f"{name} 3000": (Case(2, 128, 3000, published),)}
    if not quick:
        few = {f"{name} {n}": (Case(2, 128, n, published), CPU_KERNELS) for n in (192, 648)}
        orders = {f"l_max {order}, 128 features": (Case(order, 128, 648),) for order in (0, 1)}
        widths = {f"l_max 2, {n} features": (Case(2, n, 648),) for n in (20, 32, 64)}
        large = {f"{name} 20577": (Case(2, 128, 20577, published), ("numba",), 2)}
        cases |= few | orders | widths | large
    rows = {each: compare(each, *case) for each, case in cases.items()}
    training = {f"{n} atoms": training_step(n, 32, 3) for n in ((192,) if quick else (192, 648))}
    best = rows[f"{name} 3000"]
    share = 1e9 * best["gflops_on_minimum_work"] / peak
    step = min(row["times_hippynn"] for row in training.values())
    checks = [
        at_least(
            "3,000 atoms, energy + forces, times hippynn's best kernel", best["times_hippynn"], 40.0
        ),
        at_least("share of the float32 GEMM peak on the minimum work", share, 0.75),
        at_least("training step, times hippynn", step, 10.0),
    ]
    return {
        "threads": torch.get_num_threads(),
        "gemm_peak_gflops": peak / 1e9,
        "networks": rows,
        "training": training,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }, checks


if __name__ == "__main__":
    main()
