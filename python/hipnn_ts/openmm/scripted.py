"""OpenMM forces in TorchScript: energy in kJ/mol, forces in kJ/mol/nm.

Used by every TorchForce, and by a PythonForce for potentials that only torch can evaluate.
"""

import io
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from hipnn_ts.export.unpacking import document_of
from hipnn_ts.model import derivatives
from hipnn_ts.openmm.computation import Acting
from hipnn_ts.openmm.units import ANGSTROMS_PER_NANOMETRE, KILOJOULES_PER_MOLE_PER_EV


class FusedEnergyAndForces(nn.Module):
    """A fused potential on some particles of a system, in one call to C++.

    Parameters
    ----------
    potential : torch.jit.ScriptModule from an exported file
    n_particles : int, number of particles of the whole system
    atoms : list of int, the particles on which the potential acts
    species : list of int, their species, indices into the potential's elements
    periodic : bool
    limits : Tensor, (S, S) float64, limits of an ExtrapolationGuard
    stop : bool, whether that guard stops
    """

    periodic: Final[bool]

    def __init__(
        self,
        potential: torch.jit.ScriptModule,
        n_particles: int,
        atoms: list[int],
        species: list[int],
        periodic: bool,
        limits: Tensor,
        stop: bool,
    ):
        super().__init__()
        self.periodic = periodic
        self.whole = torch.classes.hipnn_ts.EnergyAndForces(
            document_of(potential),
            torch.tensor(atoms),
            torch.tensor(species),
            limits,
            n_particles,
            stop,
            ANGSTROMS_PER_NANOMETRE,
            KILOJOULES_PER_MOLE_PER_EV,
        )

    def forward(self, positions: Tensor, box: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Energy () and forces (n_particles, 3), float64.

        Parameters
        ----------
        positions : Tensor, (n_particles, 3), nm, either precision
        box : Tensor, (3, 3), rows are the box vectors, nm; given if periodic
        """
        return self.whole.evaluate(positions, box)


class PortableEnergyAndForces(nn.Module):
    """The same as :class:`FusedEnergyAndForces`, for a potential in plain TorchScript."""

    n_particles: Final[int]
    periodic: Final[bool]
    length: Final[float]
    energy: Final[float]

    def __init__(
        self,
        potential: torch.jit.ScriptModule,
        n_particles: int,
        atoms: list[int],
        species: list[int],
        periodic: bool,
        limits: Tensor,
        stop: bool,
    ):
        super().__init__()
        self.potential = potential
        self.n_particles = n_particles
        self.periodic = periodic
        self.length = ANGSTROMS_PER_NANOMETRE
        self.energy = KILOJOULES_PER_MOLE_PER_EV
        self.neighbours = torch.classes.hipnn_ts.Neighbours(potential.cutoff)
        self.guard = torch.classes.hipnn_ts.ExtrapolationGuard(limits, stop)
        self.register_buffer("atoms", torch.tensor(atoms))
        self.register_buffer("species", torch.tensor(species))

    def forward(self, positions: Tensor, box: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See :meth:`FusedEnergyAndForces.forward`."""
        if positions.shape[0] != self.n_particles:
            raise ValueError(
                f"hipnn-ts: expected the {self.n_particles} particles that the force was created "
                f"for, found a system of {positions.shape[0]}"
            )
        everything = positions.detach().to(torch.float64)
        own = everything.index_select(0, self.atoms) * self.length
        if box is not None:
            box = box.detach().to(torch.float64) * self.length
        receivers, senders, vectors = self.neighbours.pairs(own, box)
        self.guard.check(self.atoms.cpu(), self.species.cpu(), receivers, senders, vectors)
        # The CPU searches for neighbours, wherever the network runs.
        receivers, senders = receivers.to(own.device), senders.to(own.device)
        vectors = vectors.to(own.device)
        energies, gradients = self.potential.energies_and_pair_gradients(
            self.species, receivers, senders, vectors
        )
        # Summed in double precision, so that rounding leaves no net force.
        forces = derivatives.forces(
            gradients.to(torch.float64), receivers, senders, self.atoms.shape[0]
        )
        scattered = torch.zeros_like(everything).index_copy(
            0, self.atoms, forces * (self.energy * self.length)
        )
        # A value that is not finite spreads to all particles within a few steps; it is caught near
        # its origin here.
        bad = derivatives.first_not_finite(energies, forces)
        if bad >= 0:
            raise ValueError(
                "hipnn-ts: expected finite energies and forces, found none for particle "
                f"{int(self.atoms[bad])}"
            )
        return energies.sum() * self.energy, scattered


def scripted(potential: torch.jit.ScriptModule, acting: Acting) -> torch.jit.ScriptModule:
    """The module that applies a loaded potential to these atoms."""
    flavour = PortableEnergyAndForces if potential.portable else FusedEnergyAndForces
    module = flavour(
        potential,
        acting.n_particles,
        acting.atoms.tolist(),
        acting.species.tolist(),
        acting.periodic,
        torch.from_numpy(acting.limits),
        acting.stop,
    )
    return torch.jit.script(module.eval())


class ScriptedStep:
    """Such a module if ``NativeStep`` cannot be used; its pickle contains the module."""

    def __init__(self, module: torch.jit.ScriptModule):
        self._module = module
        self.periodic = module.periodic

    def evaluate(self, positions: np.ndarray, box: np.ndarray | None) -> tuple[float, np.ndarray]:
        """See ``NativeStep``."""
        own_box = None if box is None else torch.from_numpy(box)
        energy, forces = self._module(torch.from_numpy(positions), own_box)
        return energy.item(), forces.numpy()

    def __reduce__(self):
        content = io.BytesIO()
        torch.jit.save(self._module, content)
        return scripted_step, (content.getvalue(),)


def scripted_step(content: bytes) -> ScriptedStep:
    """From the archive of a module."""
    return ScriptedStep(torch.jit.load(io.BytesIO(content), map_location="cpu"))
