"""Deviations of the members of a committee on frames of a trajectory, without torch; or the
force uncertainty of a single network."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms

from hipnn_ts.errors import InputError
from hipnn_ts.export.metadata import Metadata
from hipnn_ts.export.potential import ExportedPotential, NativePotential
from hipnn_ts.export.structures import Deviations, StructureBatch
from hipnn_ts.files import replacing

CHUNK = 256  # number of frames that are in memory at once
COLUMNS = ("v", "f")  # virial and forces


class Frame(NamedTuple):
    """A frame and the standard deviations over the members; see ``Deviations``. For a single
    network, the force uncertainty replaces the deviations of forces, and those of energy and
    virial are nan."""

    name: str
    atoms: Atoms
    deviations: Deviations

    @property
    def largest(self) -> float:
        """Largest force deviation or uncertainty, eV/Å."""
        return float(self.deviations.forces.max())


def load_judge(path: str | Path) -> NativePotential:
    """A committee in one file, or a single network with force uncertainty.

    Raises
    ------
    InputError
        The file is neither; also the errors of ``load_exported``.
    """
    potential = read_file(path)
    check_judge(str(path), potential.metadata)
    return potential


def read_file(path: str | Path) -> NativePotential:
    """A committee or a single network in one file. Raises the errors of ``load_exported``."""
    if Path(path).is_dir():
        raise InputError(
            f"{path}: expected a committee in one file, found a directory; make one with "
            f"'hipnn-ts export {path} -o model.pt'"
        )
    return ExportedPotential.read(path)


def check_judge(name: str, metadata: Metadata) -> None:
    """Raise InputError unless the file has deviations or uncertainties of its forces."""
    if metadata.members == 1 and metadata.uncertainty is None:
        raise InputError(
            f"{name}: expected a committee, whose members can differ, or a network with force "
            "uncertainty, found a single network without; make a committee with 'hipnn-ts export "
            "FOLDER -o model.pt', or export a checkpoint of training with forces among its "
            "validation data"
        )


def wording_of(metadata: Metadata) -> tuple[str, str, str]:
    """Names for such a file, for its measure of a force, and for that measure in extended XYZ."""
    if metadata.members == 1:
        return "single network", "uncertainty", "forces_uncertainty"
    return f"committee of {metadata.members}", "deviation", "forces_std"


def deviations_of(
    potential: NativePotential, frames: Iterable[tuple[str, Atoms]]
) -> Iterator[Frame]:
    """Deviations for each named frame, in order, computed for some hundred frames at once on all
    threads.

    Raises
    ------
    InputError
        A frame cannot be evaluated.
    """
    batch = StructureBatch(potential, np.zeros((0, 0)))
    remaining = iter(frames)
    while part := list(islice(remaining, CHUNK)):
        names, atoms = [name for name, _ in part], [each for _, each in part]
        found = batch.compute(atoms, names.__getitem__)
        for name, each, evaluated in zip(names, atoms, found, strict=True):
            if evaluated.not_finite >= 0:
                raise InputError(
                    f"{name}: expected finite energies and forces, found none for atom "
                    f"{evaluated.not_finite}"
                )
            yield Frame(name, each, evaluated.deviations or _of_one(evaluated.uncertainty))


def _of_one(uncertainty: np.ndarray) -> Deviations:
    return Deviations(np.nan, uncertainty, np.full((3, 3), np.nan))


def row_of(frame: Frame) -> list[float]:
    """Maximum, minimum and mean of the virial's components divided by the number of atoms (eV),
    of forces (eV/Å), and the energy's divided by the number of atoms (eV): the columns of
    DeePMD-kit's ``dp model-devi`` after the first. Those of energy and virial are nan if there
    are only forces."""
    n, (energy, forces, virial) = len(frame.atoms), frame.deviations
    virial = virial / n
    of_virial = virial.max(), virial.min(), np.sqrt((virial**2).mean())
    return [*of_virial, forces.max(), forces.min(), forces.mean(), energy / n]


def write_table(path: str | Path, rows: np.ndarray) -> None:
    """Rows of ``row_of``, numbered from 0, as DeePMD-kit's model_devi.out. Raises InputError."""
    names = [f"{what}_devi_{of}" for of in COLUMNS for what in ("max", "min", "avg")]
    with replacing(path) as temporary, temporary.open("w") as file:
        print(f"#{'step':>11}" + "".join(f"{name:>19}" for name in [*names, "devi_e"]), file=file)
        for index, row in enumerate(rows):
            print(f"{index:12d}" + "".join(f"{value:19.10e}" for value in row), file=file)


def histogram(values: np.ndarray, n_bins: int = 12, width: int = 50) -> str:
    """Counts of values in bins that widen by a constant factor, as lines of text."""
    positive = values[values > 0]
    if positive.size == 0:
        return f"{len(values):8}  all zero"
    low, high = positive.min(), positive.max()
    edges = np.geomspace(low, high, n_bins + 1) if high > low else np.array([low, high])
    counts = np.histogram(values, np.concatenate([edges[:-1], [np.nextafter(high, np.inf)]]))[0]
    counts[0] += int((values < low).sum())
    return "\n".join(
        f"{1e3 * a:10.3g} to {1e3 * b:<10.3g}{count:8}  {'#' * round(width * count / counts.max())}"
        for a, b, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
