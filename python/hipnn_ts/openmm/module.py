"""The scripted module behind both kinds of OpenMM force."""

from typing import Final

import torch
from torch import Tensor, nn

from hipnn_ts.model import derivatives
from hipnn_ts.openmm.units import ANGSTROMS_PER_NANOMETRE, KILOJOULES_PER_MOLE_PER_EV
from hipnn_ts.openmm.verlet import VerletList


class EnergyAndForces(nn.Module):
    """Energy in kJ/mol and forces in kJ/mol/nm of a potential on some of a system's particles.

    Parameters
    ----------
    potential : torch.jit.ScriptModule, as loaded from an exported file
    n_particles : int, particles of the whole system
    atoms : list of int, the particles that the potential acts on
    species : list of int, their species, indices into the potential's elements
    periodic : bool
    """

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
    ):
        super().__init__()
        self.potential = potential
        self.n_particles = n_particles
        self.periodic = periodic
        self.length = ANGSTROMS_PER_NANOMETRE
        self.energy = KILOJOULES_PER_MOLE_PER_EV
        self.pairs = VerletList(potential.cutoff, periodic)
        self.register_buffer("atoms", torch.tensor(atoms))
        self.register_buffer("species", torch.tensor(species))

    def forward(self, positions: Tensor, box: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Energy () and forces (n_particles, 3), float64.

        Parameters
        ----------
        positions : Tensor, (n_particles, 3), nm, either precision
        box : Tensor, (3, 3), rows are the box vectors, nm; given where periodic
        """
        if positions.shape[0] != self.n_particles:
            raise ValueError(
                f"hipnn-ts: expected the {self.n_particles} particles that the force was created "
                f"for, found a system of {positions.shape[0]}"
            )
        everything = positions.detach().to(torch.float64)
        own = everything.index_select(0, self.atoms) * self.length
        vectors_of_box = torch.zeros((3, 3), dtype=torch.float64, device=own.device)
        if box is not None:
            vectors_of_box = box.detach().to(torch.float64) * self.length
        if self.pairs.outdated(own, vectors_of_box):
            self.check(own)
            self.pairs.search(own, vectors_of_box)
        receivers, senders, vectors = self.pairs(own)
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
        return energies.sum() * self.energy, scattered

    def check(self, own: Tensor) -> None:
        """Raise where a coordinate is not finite: the neighbour search would skip that atom."""
        wrong = own.isfinite().all(dim=1).logical_not().nonzero()
        if wrong.shape[0] > 0:
            atom = int(self.atoms[wrong[0, 0]])
            raise ValueError(
                f"hipnn-ts: particle {atom}: expected finite coordinates, found one that is not"
            )
