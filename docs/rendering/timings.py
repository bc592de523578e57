"""Rows, columns and remarks of the tables on speed."""

from collections.abc import Callable, Iterable

from docs.rendering.table import Column, Rows


def sides(result: dict, head: str, scale: Callable[[dict], float], form: str) -> list[Column]:
    """A column of medians for each timed side, blank if a system lacks it."""
    sides = dict.fromkeys(s for row in result["systems"].values() for s in row["seconds"])

    def of(side: str) -> Callable[[dict], float | None]:
        def figure(row: dict) -> float | None:
            times = row["seconds"].get(side)
            return times and scale(row) * times["median"]

        return figure

    return [(head.format(side), of(side), form) for side in sides]


def after_cpu(result: dict) -> str:
    training = ", ".join(
        f"{name}: {row['times_hippynn']:.1f} × hippynn" for name, row in result["training"].items()
    )
    return (
        f"Training step (energy and force loss, 32 features), {training}. float32 GEMM peak "
        f"{result['gemm_peak_gflops']:.0f} GFLOP/s with {result['threads']} threads."
    )


def stages(result: dict) -> Rows:
    """Times of the stages, and of the least arithmetic at the speed of matrix products."""
    of_a_thread = result["gemm_peak_gflops"] / result["threads"]
    for name, row in result["networks"].items():
        parts = row["stages_us_per_atom"]
        least = 1e3 * row["minimum_mflop_per_atom"] / of_a_thread
        yield name, {**parts, "all": sum(parts.values()), "least arithmetic": least}


def lammps_rows(result: dict) -> Rows:
    for section in ("peers", "sizes"):
        yield from result["sections"].get(section, {}).get("rows", {}).items()


def before_gpu(result: dict) -> str:
    ceilings = result["ceilings"]
    return (
        f"{result['gpu']}, CUDA {result['cuda']}: float32 products reach "
        f"{ceilings['float32_tflops']:.0f} TFLOP/s, copies {ceilings['copy_tb_per_second']:.1f} "
        "TB/s."
    )


def gpu_kernels(result: dict) -> Rows:
    """Kernels that take more than 1 % of a step; names that are no identifiers are cuBLAS's."""
    times = result["microseconds_by_kernel_20577"]
    sums: dict[str, float] = {}
    for name, microseconds in times.items():
        key = f"`{name}`" if name.isidentifier() else "cuBLAS"
        sums[key] = sums.get(key, 0.0) + microseconds
    whole = sum(times.values())
    for name, us in sorted(sums.items(), key=lambda item: -item[1]):
        if us > whole / 100:
            yield name, {"us": us, "share": us / whole}


def models(result: dict) -> Rows:
    """Each model with its times (µs/atom) by engine."""
    for name, model in result["models"].items():
        within = zip(model.get("cutoffs", []), model.get("neighbours", []), strict=True)
        times = {
            engine: 1e6 * row["seconds"][name]["median"] / row["n_atoms"]
            for engine, row in result["systems"].items()
            if name in row["seconds"]
        }
        listed = "; ".join(f"{cutoff:g} ({neighbours:.0f})" for cutoff, neighbours in within)
        yield name, model | {"within": listed} | times


def model_columns(result: dict) -> Iterable[Column]:
    yield from (
        ("version", "version", ""),
        ("weights", "parameters", ",d"),
        ("cutoff, Å (neighbours)", "within", ""),
    )
    yield from ((engine, engine, ".1f") for engine in result["systems"])


def model_notes(result: dict) -> str:
    notes = [f"- {name}: {model['description']}" for name, model in result["models"].items()]
    notes += [f"- {name}: not measured: {why}" for name, why in result["missing"].items()]
    without = result.get("without_pair_style", {})
    return "\n".join(notes + [f"- {name}: not in LAMMPS: {why}" for name, why in without.items()])
