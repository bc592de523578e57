"""A scriptable Verlet list: pairs found once and kept while the atoms stay near."""

from typing import Final

import torch
import vesin_torch  # noqa: F401  registers torch.classes.vesin
from torch import Tensor, nn

# Larger is rarer searches and more pairs to step over; 0.5 Å lasts tens of steps of 0.5 fs.
SKIN = 0.5


class VerletList(nn.Module):
    """All directed pairs of a set of atoms that can be within ``cutoff``, every image included.

    Pairs up to ``cutoff + SKIN`` are among them. The list is outdated when the box changes or an
    atom has moved by half of the skin since the search, so no pair within the cutoff is missed.
    What is kept are buffers that ``search`` assigns: OpenMM freezes a copy of the module for each
    Context, so each has a list of its own. (vesin's own skin does not
    survive TorchScript's serialisation, which every TorchForce goes through.)

    Parameters
    ----------
    cutoff : float, Å
    periodic : bool, along all three box vectors or along none
    """

    cutoff: Final[float]
    periodic: Final[bool]
    reach: Final[float]

    def __init__(self, cutoff: float, periodic: bool):
        super().__init__()
        self.cutoff = cutoff
        self.periodic = periodic
        self.reach = 0.5 * SKIN
        self.register_buffer("reference", torch.zeros((0, 3), dtype=torch.float64))
        self.register_buffer("box", torch.zeros((3, 3), dtype=torch.float64))
        self.register_buffer("receivers", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("senders", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("shifts", torch.zeros((0, 3), dtype=torch.float64))

    @torch.jit.export
    def outdated(self, positions: Tensor, box: Tensor) -> bool:
        """Whether a pair within the cutoff can be missing from the list.

        Parameters
        ----------
        positions : Tensor, (n, 3), float64, Å
        box : Tensor, (3, 3), float64, rows are the box vectors, Å; not used without periodicity
        """
        if positions.shape[0] != self.reference.shape[0]:
            return True
        if self.periodic and not torch.equal(box, self.box):
            return True
        moved = (positions - self.reference).square().sum(dim=1).max()
        # Written so that a coordinate that is not a number counts as moved.
        return not bool(moved <= self.reach * self.reach)

    @torch.jit.export
    def search(self, positions: Tensor, box: Tensor) -> None:
        """Find the pairs anew, of positions that are all finite."""
        neighbours = torch.classes.vesin._NeighborList(
            self.cutoff + 2.0 * self.reach, True, True, "auto", 0.0, 0
        )
        periodic = torch.tensor([self.periodic, self.periodic, self.periodic])
        found = neighbours.compute(positions, box, periodic, "ijS", True)
        self.receivers, self.senders = found[0], found[1]
        self.shifts = found[2].to(torch.float64) @ box
        self.reference = positions.clone()
        self.box = box.clone()

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Receivers (P,), senders (P,) and vectors ``r_sender - r_receiver`` (P, 3) in Å."""
        ends = positions.index_select(0, self.senders) + self.shifts
        return self.receivers, self.senders, ends - positions.index_select(0, self.receivers)
