"""An ASE calculator over an exported potential."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

from hipnn_ts.ase.evaluators import evaluator_of
from hipnn_ts.errors import InputError
from hipnn_ts.export.extrapolation import (
    Action,
    ExtrapolationError,
    ExtrapolationGuard,
    ExtrapolationWarning,
    limits,
)
from hipnn_ts.export.structures import Evaluated, SpeciesOfAtoms

if TYPE_CHECKING:
    import torch

    from hipnn_ts.export.metadata import Metadata

VOIGT = [0, 4, 8, 5, 2, 1]  # xx yy zz yz xz xy of a flat (3, 3)


class HIPNNTSCalculator(Calculator):
    """Energy, atomic energies, forces and stress of an exported potential, in ASE's units.

    Any ``pbc`` is honoured, and in cells smaller than the cutoff atoms interact with every periodic
    image. Stress (eV/Å³, Voigt order, tensile positive) is the derivative of the energy with
    respect to strain, divided by the volume of the cell, also for slabs and wires; without three
    independent cell vectors, or without any periodic direction, ``PropertyNotImplementedError`` is
    raised.

    For a committee (a file with several members) the results are those of the mean, and ``results``
    also contains standard deviations over the members: ``energy_std`` (eV), ``forces_std`` (n,) in
    eV/Å, ``sqrt(mean |F - mean F|²)`` of each atom, and, if the stress is defined, ``stress_std``
    (6,).

    For a network with force uncertainty, ``results`` on the CPU also contains
    ``forces_uncertainty`` (n,) in eV/Å, an estimate of the norm of the error of each atom's force.

    The calculator can be copied and pickled, and evaluates in child processes, however they are
    started. A pickle contains the model, not its path.

    Parameters
    ----------
    model : path of a file written by ``hipnn-ts export``
    device : "cpu", or a torch device such as "cuda" on which torch evaluates the network. Other
        devices than "cpu", and portable files, need torch
    beyond_training : what to do when atoms come closer than in the training data: "warn" (at the
        1st, 10th, 100th ... evaluation), "stop" with an ExtrapolationError, or "ignore"
    member : member of a committee to evaluate alone, without deviations, counted from 0
    uncertainty : whether to compute the force uncertainty if the file has it, which takes 1 to 2 %
        of a step of hundreds of atoms, and some percent of a call for a small molecule

    Raises
    ------
    InputError
        The file is not an exported potential, or the device or member does not exist; on
        evaluation: there are no atoms, an element is unknown to the potential, a coordinate is not
        finite, or two atoms are at one place.
    """

    name = "hipnn-ts"
    implemented_properties: ClassVar[list[str]] = [
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
    ]

    def __init__(
        self,
        model: str | Path,
        device: "str | torch.device" = "cpu",
        beyond_training: Action = "warn",
        member: int | None = None,
        uncertainty: bool = True,
    ):
        # Imported here because pydantic, which reads metadata, takes as long to import as ASE.
        from hipnn_ts.export.potential import ExportedPotential

        super().__init__()
        self._potential = ExportedPotential.read(model, device)
        known = limits(self.metadata, beyond_training)
        self._evaluator = evaluator_of(self._potential, known, member, uncertainty)
        self._guard = ExtrapolationGuard(known, beyond_training == "stop", "this calculator")
        self._species = SpeciesOfAtoms(self._potential)
        self._volume: tuple[bytes, float | None] = b"", None  # volume of the last cell

    @property
    def metadata(self) -> "Metadata":
        """The metadata of the exported file."""
        return self._potential.metadata

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """All properties of ``atoms``: one evaluation computes them together."""
        super().calculate(atoms, properties, system_changes)
        if "stress" in properties and self._volume_of(self.atoms) is None:
            periodic = "".join("T" if each else "F" for each in self.atoms.pbc)
            raise PropertyNotImplementedError(
                "stress: expected three independent cell vectors and a periodic direction, found "
                f"{self.atoms.cell.rank} independent cell vectors and pbc {periodic}"
            )
        self.results = {}
        with _enough_memory(len(self.atoms)):
            self.results = self._evaluate(self.atoms)

    def evaluate_batch(self, structures: Iterable[Atoms]) -> list[dict[str, Any]]:
        """Results for many structures in one call, on as many threads as OpenMP gives.

        This is much faster than one call each if structures are small, and the results are bitwise
        equal. The state of this calculator, and calculators of the structures, do not change.

        Parameters
        ----------
        structures : ase.Atoms of any sizes, cells and ``pbc``

        Returns
        -------
        list of dict
            For each structure, in the given order, what a calculator's ``results`` contains:
            ``energy`` and ``free_energy`` (eV), ``energies`` (n,), ``forces`` (n, 3) in eV/Å, and,
            if defined, ``stress`` (6,) in eV/Å³; for a committee its deviations, and for a network
            with force uncertainty that.

        Raises
        ------
        InputError
            The same as on evaluation; the sentence begins with the first structure that is refused,
            ``structure 3: ...``, counted from 0.
        ExtrapolationError
            Atoms of a structure are closer than in training, and ``beyond_training`` is "stop".
        """
        structures = list(structures)
        with _enough_memory(sum(map(len, structures))):
            evaluated = self._evaluator.compute_batch(structures, _name_of)
        return [
            self._judged(found, atoms, self._species.of(atoms), f"{_name_of(k)}: ")
            for k, (found, atoms) in enumerate(zip(evaluated, structures, strict=True))
        ]

    def _evaluate(self, atoms: Atoms) -> dict[str, Any]:
        species = self._species.of(atoms)
        found = self._evaluator.compute(atoms.positions, species, atoms.cell.array, atoms.pbc)
        return self._judged(found, atoms, species)

    def _judged(
        self, found: Evaluated, atoms: Atoms, species: np.ndarray, which: str = ""
    ) -> dict[str, Any]:
        """The results for atoms, unless something is wrong with them."""
        try:
            warning = self._guard.judge(found.closest, species)
        except ExtrapolationError as error:
            raise ExtrapolationError(f"{which}{error}") from None
        if warning is not None:
            warnings.warn(f"{which}{warning}", ExtrapolationWarning, stacklevel=4)
        if found.not_finite >= 0:
            raise InputError(
                f"{which}expected finite energies and forces, found none for atom "
                f"{found.not_finite} at evaluation {self._guard.evaluations} of this calculator"
            )
        energy = float(found.energies.sum())
        results = {
            "energy": energy,
            "free_energy": energy,
            "energies": found.energies,
            "forces": found.forces,
        }
        volume = self._volume_of(atoms)
        if volume is not None:
            stress = 0.5 * (found.virial + found.virial.T) / volume
            results["stress"] = stress.ravel()[VOIGT]
        if found.deviations is not None:
            results["energy_std"] = found.deviations.energy
            results["forces_std"] = found.deviations.forces
            if volume is not None:
                results["stress_std"] = found.deviations.virial.ravel()[VOIGT] / volume
        if found.uncertainty is not None:
            results["forces_uncertainty"] = found.uncertainty
        return results

    def _volume_of(self, atoms: Atoms) -> float | None:
        """Volume for the stress, Å³, if there is one; cached, because the check takes as long as
        ten atoms' forces."""
        if not atoms.pbc.any():
            return None
        cell = atoms.cell.array.tobytes()
        if cell != self._volume[0]:
            self._volume = cell, atoms.get_volume() if atoms.cell.rank == 3 else None
        return self._volume[1]


def _name_of(structure: int) -> str:
    return f"structure {structure}"


@contextmanager
def _enough_memory(n_atoms: int) -> Iterator[None]:
    """Any other failure is an InputError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _no_memory(error):
            raise
        raise InputError(
            f"{n_atoms} atoms: expected enough memory, found too little; use a smaller system or "
            "a machine with more"
        ) from error


def _no_memory(error: Exception) -> bool:
    """torch's CPU allocator has no exception type of its own."""
    return isinstance(error, MemoryError) or any(
        said in str(error) for said in ("allocate memory", "std::bad_alloc")
    )
