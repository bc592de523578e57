"""What the data holds and what is suspicious about it, before a run spends hours on it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from hipnn_ts.data.dataset import ReferenceDataset, Sample
from hipnn_ts.data.read import NamedFrames

# Closer than this share of the sum of covalent radii, two atoms are closer than in any molecule
# or crystal (the shortest bond, H2, has 1.2 times its sum).
TOO_CLOSE = 0.6
SHOWN = 3  # examples of a finding


def survey(
    parts: dict[str, NamedFrames],
    datasets: dict[str, ReferenceDataset],
    elements: tuple[str, ...],
    observe: Callable[[str, Sample], None] = lambda part, sample: None,
) -> list[str]:
    """Lines of text: contents of each part, then every finding with examples.

    Parameters
    ----------
    parts : name of each part ("training", "validation") and its frames
    datasets : the same with neighbour pairs
    elements : chemical symbols in species order
    observe : called with each part's name and sample: listing neighbours twice may take long
    """
    lines: list[str] = []
    found: dict[str, list[str]] = defaultdict(list)
    first: dict[bytes, str] = {}
    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in elements])
    for key, part in parts.items():
        n_pairs = 0
        for index, (frame, name) in enumerate(zip(part.frames, part.names, strict=True)):
            sample = datasets[key][index]
            observe(key, sample)
            n_pairs += len(sample.receivers)
            identity = _identity(frame)
            if identity in first:
                found["duplicates"].append(f"{name} = {first[identity]}")
            first.setdefault(identity, name)
            for problem, where in _geometry(sample, radii, elements):
                found[problem].append(f"{name}: {where}")
        lines.append(_contents(key, part, n_pairs))
        if part.left_out:
            lines.append(f"{key}: {part.left_out} configurations without an energy left out (nan)")
    for problem, examples in found.items():
        more = "" if len(examples) <= SHOWN else f" and {len(examples) - SHOWN} more"
        lines.append(f"{problem}: {len(examples)} ({'; '.join(examples[:SHOWN])}{more})")
    return lines


def _contents(name: str, part: NamedFrames, n_pairs: int) -> str:
    atoms = Counter(symbol for frame in part.frames for symbol in frame.get_chemical_symbols())
    labels = Counter(label for frame in part.frames for label in frame.calc.results)
    listed = ", ".join(f"{label} {labels[label]}" for label in ("forces", "stress"))
    counts = " ".join(f"{symbol} {count}" for symbol, count in sorted(atoms.items()))
    return (
        f"{name}: {len(part.frames)} configurations (with {listed}), {atoms.total()} atoms "
        f"({counts}), {n_pairs / atoms.total():.1f} neighbours per atom"
    )


def _identity(frame: Atoms) -> bytes:
    """Equal for equal species, positions and cell, to 1e-6 Å."""
    rounded = [np.round(array, 6) + 0.0 for array in (frame.positions, frame.cell.array)]
    return b"".join([frame.numbers.tobytes(), frame.pbc.tobytes(), *(a.tobytes() for a in rounded)])


def _geometry(sample, radii: np.ndarray, elements: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    species, receivers = sample.species.numpy(), sample.receivers.numpy()
    alone = np.flatnonzero(np.bincount(receivers, minlength=len(species)) == 0)
    if alone.size:
        yield "atoms without a neighbour within the cutoff, in configurations", f"atom {alone[0]}"
    if receivers.size:
        senders = sample.senders.numpy()
        distances = np.linalg.norm(sample.vectors.numpy(), axis=1)
        share = distances / (radii[species[receivers]] + radii[species[senders]])
        pair = share.argmin()
        if share[pair] < TOO_CLOSE:
            i, j = receivers[pair], senders[pair]
            names = f"{elements[species[i]]} {i} and {elements[species[j]]} {j}"
            yield "atoms unusually close, in configurations", f"{names}, {distances[pair]:.2f} Å"
