"""An ASE calculator over an exported potential."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.data import chemical_symbols
from ase.stress import full_3x3_to_voigt_6_stress

from hipnn_ts.ase.evaluators import evaluator_of
from hipnn_ts.errors import InputError
from hipnn_ts.export.extrapolation import (
    Action,
    ExtrapolationGuard,
    ExtrapolationWarning,
    limits,
)

if TYPE_CHECKING:
    import torch

    from hipnn_ts.export.metadata import Metadata


class HIPNNTSCalculator(Calculator):
    """Energy, atomic energies, forces and stress of an exported potential, in ASE's units.

    Any ``pbc`` is honoured, and cells smaller than the cutoff see every periodic image. Stress
    (eV/Å³, Voigt order, tensile positive) is the derivative of the energy with respect to strain
    over the volume of the cell, of slabs and wires too; without three independent cell vectors,
    or without any periodic direction, ``PropertyNotImplementedError`` is raised.

    The calculator can be copied and pickled, and evaluates in child processes, however they are
    started. A pickle holds the model, not its path.

    Parameters
    ----------
    model : path of a file written by ``hipnn-ts export``
    device : "cpu", or a torch device that evaluates the network, such as "cuda". torch is needed
        for those and for portable files
    beyond_training : where atoms come closer than in the training data: "warn" (at the 1st, 10th,
        100th ... evaluation), "stop" with an ExtrapolationError, or "ignore"

    Raises
    ------
    InputError
        The file is not an exported potential, or the device is not there; on evaluation: no
        atoms, an element that the potential does not know, a coordinate that is not finite, or
        two atoms in one place.
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
    ):
        # Here: pydantic, which reads metadata, takes as long to import as ASE.
        from hipnn_ts.export.potential import ExportedPotential

        super().__init__()
        self._potential = ExportedPotential.read(model, device)
        known = limits(self.metadata, beyond_training)
        self._evaluator = evaluator_of(self._potential, known)
        self._guard = ExtrapolationGuard(known, beyond_training == "stop", "this calculator")
        self._species = np.full(len(chemical_symbols), -1)
        for species, number in enumerate(self.metadata.network.atomic_numbers):
            self._species[number] = species

    @property
    def metadata(self) -> "Metadata":
        """What the exported file says about itself."""
        return self._potential.metadata

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """All properties of ``atoms``: one evaluation yields them together."""
        super().calculate(atoms, properties, system_changes)
        if "stress" in properties and not _has_stress(self.atoms):
            periodic = "".join("T" if each else "F" for each in self.atoms.pbc)
            raise PropertyNotImplementedError(
                "stress: expected three independent cell vectors and a periodic direction, found "
                f"{self.atoms.cell.rank} independent cell vectors and pbc {periodic}"
            )
        try:
            self._evaluate(self.atoms)
        except (MemoryError, RuntimeError) as error:
            if not _no_memory(error):
                raise
            raise InputError(
                f"{len(self.atoms)} atoms: expected enough memory, found too little; use a "
                "smaller system or a machine with more"
            ) from error

    def _evaluate(self, atoms: Atoms) -> None:
        self.results = {}
        species = self._species_of(atoms)
        found = self._evaluator.compute(atoms.positions, species, atoms.cell.array, atoms.pbc)
        warning = self._guard.judge(found.closest, species)
        if warning is not None:
            warnings.warn(warning, ExtrapolationWarning, stacklevel=3)
        if found.not_finite >= 0:
            raise InputError(
                f"expected finite energies and forces, found none for atom {found.not_finite} at "
                f"evaluation {self._guard.evaluations} of this calculator"
            )
        energy = float(found.energies.sum())
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "energies": found.energies,
            "forces": found.forces,
        }
        if _has_stress(atoms):
            stress = 0.5 * (found.virial + found.virial.T) / atoms.get_volume()
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress)

    def _species_of(self, atoms) -> np.ndarray:
        if len(atoms) == 0:
            raise InputError("expected at least one atom, found none")
        species = self._species[atoms.numbers]
        unknown = np.flatnonzero(species < 0)
        if unknown.size:
            raise InputError(
                f"atom {unknown[0]}: expected one of the elements "
                f"{' '.join(self.metadata.network.elements)} of {self._potential.name}, found "
                f"{atoms.symbols[unknown[0]]}"
            )
        return species


def _has_stress(atoms: Atoms) -> bool:
    return bool(atoms.pbc.any()) and atoms.cell.rank == 3


def _no_memory(error: Exception) -> bool:
    """torch's allocator of the processor has no exception of its own."""
    return isinstance(error, MemoryError) or any(
        said in str(error) for said in ("allocate memory", "std::bad_alloc")
    )
