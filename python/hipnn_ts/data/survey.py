"""What the data contains and what is suspicious about it, before a run spends hours on it."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from torch.utils.data import ConcatDataset

from hipnn_ts.data.dataset import ReferenceDataset, Sample
from hipnn_ts.data.findings import Findings
from hipnn_ts.data.read import NamedFrames
from hipnn_ts.data.work import Work

# If two atoms are closer than this fraction of the sum of their covalent radii, they are closer
# than in any molecule or crystal (the shortest bond, H2, has 1.2 times its sum).
TOO_CLOSE = 0.6
LARGE_STRESS = 1.0  # eV/Å^3, 160 GPa
# eV/Å per atom. Published sets stay below 2e-3 (water in a plane-wave basis), most below 1e-5.
NET_FORCE = 0.02


def survey(
    parts: dict[str, NamedFrames],
    datasets: dict[str, ReferenceDataset],
    elements: tuple[str, ...],
    observe: Callable[[str, Sample], None] = lambda part, sample: None,
) -> list[str]:
    """Lines of text: contents of each part, then each finding with examples.

    Parameters
    ----------
    parts : name of each part ("training", "validation") and its frames
    datasets : the same with neighbour pairs
    elements : chemical symbols in species order
    observe : called with each part's name and sample, because listing neighbours twice may take
        long
    """
    lines: list[str] = []
    findings, work = Findings(), Work()
    identities = array("Q")
    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in elements])
    for key, part in parts.items():
        n_pairs, atoms, labels = 0, Counter(), Counter()
        for index, frame in enumerate(part.frames):
            sample = datasets[key][index]
            observe(key, sample)
            n_pairs += len(sample.receivers)
            atoms.update(frame.get_chemical_symbols())
            labels.update(list(frame.calc.results))
            identities.append(_identity(frame))
            work.add(frame)
            for problem, where in (*_geometry(sample, radii, elements), *_labels(frame)):
                findings.add(problem, f"{part.names[index]}: {where}")
        lines.append(_contents(key, len(part.frames), n_pairs, atoms, labels))
        lines += [f"{key}: {remark}" for remark in part.remarks]
    names = ConcatDataset([part.names for part in parts.values()])
    for pair in zip(*_duplicates(identities), strict=True):
        findings.add("duplicates", " = ".join(names[index] for index in pair))
    return [*lines, *findings.lines(), *work.lines()]


def _contents(name: str, n_frames: int, n_pairs: int, atoms: Counter, labels: Counter) -> str:
    listed = ", ".join(f"{label} {labels[label]}" for label in ("energy", "forces", "stress"))
    counts = " ".join(f"{symbol} {count}" for symbol, count in sorted(atoms.items()))
    return (
        f"{name}: {n_frames} configurations (with {listed}), {atoms.total()} atoms "
        f"({counts}), {n_pairs / atoms.total():.1f} neighbours per atom"
    )


def _labels(frame: Atoms) -> Iterator[tuple[str, str]]:
    """Reference values that no calculation of such a system yields."""
    results = frame.calc.results
    if "stress" in results:
        largest = float(np.abs(results["stress"]).max())
        if largest > LARGE_STRESS:
            yield (
                f"stress above {LARGE_STRESS:g} eV/Å^3 (is it in kbar or GPa, or a virial?), in "
                "configurations",
                f"{largest:.3g} eV/Å^3",
            )
    if "forces" in results:
        # Nan if an atom has no force; then the check is skipped.
        net = float(np.linalg.norm(results["forces"].sum(axis=0))) / len(frame)
        if net > NET_FORCE:
            yield (
                "forces that do not sum to zero (atoms held fixed, or another field?), in "
                "configurations",
                f"{net:.3g} eV/Å an atom",
            )


def _identity(frame: Atoms) -> int:
    """Hash that is equal for equal species, positions and cell, to 1e-6 Å.

    Eight bytes: among a hundred million configurations, two different ones have the same hash with
    a probability of 3e-4.
    """
    rounded = [np.round(values, 6) + 0.0 for values in (frame.positions, frame.cell.array)]
    content = b"".join(values.tobytes() for values in (frame.numbers, frame.pbc, *rounded))
    return int.from_bytes(blake2b(content, digest_size=8).digest())


def _duplicates(identities: array) -> tuple[np.ndarray, np.ndarray]:
    """Indices of duplicates, each with the first one of its kind."""
    _, first, inverse = np.unique(identities, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[inverse] != np.arange(len(identities)))
    return again, first[inverse[again]]


def _geometry(
    sample: Sample, radii: np.ndarray, elements: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
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
