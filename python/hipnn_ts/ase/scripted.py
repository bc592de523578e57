"""An exported potential that torch evaluates."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from ase import Atoms

from hipnn_ts.errors import InputError
from hipnn_ts.export.extrapolation import closest_below
from hipnn_ts.export.scripted import ScriptedPotential
from hipnn_ts.export.structures import Evaluated, SpeciesOfAtoms
from hipnn_ts.model import derivatives
from hipnn_ts.neighbours import coincident, neighbour_pairs


class ScriptedEvaluator:
    """A TorchScript potential on its device; parameters as in ``NativeEvaluator``."""

    def __init__(self, potential: ScriptedPotential, limits: np.ndarray):
        self.potential, self._limits = potential, limits

    def compute(
        self, positions: np.ndarray, species: np.ndarray, cell: np.ndarray, periodic: np.ndarray
    ) -> Evaluated:
        """See ``NativeEvaluator``."""
        cutoff = self.potential.metadata.network.cutoff
        receivers, senders, shifts = neighbour_pairs(positions, cell, periodic, cutoff)
        vectors = positions[senders] + shifts - positions[receivers]
        same = np.flatnonzero(~vectors.any(axis=1))
        if same.size:
            raise InputError(coincident(positions, receivers[same[0]], senders[same[0]]))
        closest = closest_below(self._limits, species, receivers, senders, vectors)
        try:
            energies, forces, virial, bad = self._evaluate(species, receivers, senders, vectors)
        except torch.OutOfMemoryError as error:
            raise MemoryError(str(error)) from error
        return Evaluated(energies, forces, virial, closest, bad)

    def compute_batch(
        self, structures: Sequence[Atoms], name: Callable[[int], str]
    ) -> list[Evaluated]:
        """See ``NativeEvaluator``; structures are evaluated one after the other."""
        species_of = SpeciesOfAtoms(self.potential).of
        found = []
        for k, each in enumerate(structures):
            try:
                found.append(
                    self.compute(each.positions, species_of(each), each.cell.array, each.pbc)
                )
            except InputError as error:
                raise InputError(f"{name(k)}: {error}") from error
        return found

    def _evaluate(
        self, species: np.ndarray, receivers: np.ndarray, senders: np.ndarray, vectors: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        device, module = self.potential.device, self.potential.module
        ends = [torch.from_numpy(end).to(device) for end in (receivers, senders)]
        along = torch.from_numpy(vectors).to(device)
        energies, gradients = module.energies_and_pair_gradients(
            torch.from_numpy(species).to(device), *ends, along
        )
        # Summed in double precision, so that rounding leaves no net force.
        gradients = gradients.double()
        forces = derivatives.forces(gradients, *ends, len(species))
        virial = derivatives.virial(gradients, along)
        bad = derivatives.first_not_finite(energies, forces)
        return energies.cpu().numpy(), forces.cpu().numpy(), virial.cpu().numpy(), bad
