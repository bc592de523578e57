"""TorchSim: a model that evaluates batches of systems with the runtime."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ase.cell import Cell
from ase.symbols import Symbols

from hipnn_ts.ase.evaluators import NativeEvaluator
from hipnn_ts.errors import InputError
from hipnn_ts.export.extrapolation import (
    Action,
    ExtrapolationError,
    ExtrapolationGuard,
    ExtrapolationWarning,
    limits,
)
from hipnn_ts.export.potential import ExportedPotential, NativePotential
from hipnn_ts.export.structures import Evaluated, SpeciesOfAtoms
from hipnn_ts.extras import need

ModelInterface = need("torch_sim.models.interface", "hipnn_ts.torchsim").ModelInterface
SimState = need("torch_sim.state", "hipnn_ts.torchsim").SimState


class HIPNNTSModel(ModelInterface):
    """Energies, forces and stress of an exported potential for ``torch_sim``, in eV and Å.

    One call evaluates all systems of a state on the CPU, with threads over systems, in the runtime
    rather than in torch. A state of one system keeps its neighbour list while atoms move less than
    half an Å. Stress is that of ASE, tensile positive, and zero without periodicity.

    Parameters
    ----------
    model : path of a fused file, which ``hipnn-ts export`` writes without ``--portable``
    device : "cpu"
    dtype : precision of states and results, default that of the file; the network always computes
        in the file's precision
    compute_forces, compute_stress : whether results contain them
    beyond_training : what to do when atoms come closer than in the training data: "warn" (at the
        1st, 10th, 100th ... evaluation), "stop" with an ExtrapolationError, or "ignore"

    Raises
    ------
    InputError
        The file is not a fused exported potential, or the device is not the CPU; on evaluation: an
        element is unknown to the potential, a coordinate is not finite, or two atoms are at one
        place. The sentence begins with the first system that is refused, counted from 0.
    """

    def __init__(
        self,
        model: str | Path,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        *,
        compute_forces: bool = True,
        compute_stress: bool = True,
        beyond_training: Action = "warn",
    ):
        super().__init__()
        if torch.device(device).type != "cpu":
            raise InputError(f"device '{device}': TorchSim's model runs only on the CPU")
        self._potential = ExportedPotential.read(model)
        if not isinstance(self._potential, NativePotential):
            raise InputError(
                f"{model}: expected a fused file for TorchSim, found a portable one; export it "
                "without --portable"
            )
        known = limits(self.metadata, beyond_training)
        self._guard = ExtrapolationGuard(known, beyond_training == "stop", "this model")
        self._evaluator = NativeEvaluator(self._potential, known, uncertainty=False)
        self._species = SpeciesOfAtoms(self._potential)
        self._device = torch.device("cpu")
        self._dtype = dtype or getattr(torch, self.metadata.dtype)
        self._compute_forces, self._compute_stress = compute_forces, compute_stress
        # Kernels store nothing of the size of pairs, and molecules have no density.
        self._memory_scales_with = "n_atoms"

    @property
    def metadata(self):
        """The metadata of the exported file."""
        return self._potential.metadata

    def forward(self, state: SimState | dict, **_: object) -> dict[str, torch.Tensor]:
        """Results for each system of a state.

        Parameters
        ----------
        state : torch_sim.SimState, or a dict of its arguments without masses

        Returns
        -------
        dict
            ``energy`` (n_systems,), eV; atomic ``energies`` (n_atoms,), eV; if requested,
            ``forces`` (n_atoms, 3), eV/Å, and ``stress`` (n_systems, 3, 3), eV/Å³.
        """
        if isinstance(state, dict):
            state = SimState(**{"masses": torch.ones(len(state["positions"])), **state})
        systems = _systems_of(state)
        found = self._evaluated(systems)
        results = {
            "energy": np.array([each.energies.sum() for each in found]),
            "energies": np.concatenate([each.energies for each in found]),
        }
        if self._compute_forces:
            results["forces"] = np.concatenate([each.forces for each in found])
        if self._compute_stress:
            results["stress"] = _stress(found, systems)
        return {name: torch.from_numpy(each).to(self._dtype) for name, each in results.items()}

    def _evaluated(self, systems: list["_System"]) -> list[Evaluated]:
        """Raise an error if something is wrong with the results."""
        species = [_named(k, self._species.of, each) for k, each in enumerate(systems)]
        if len(systems) > 1:
            found = self._evaluator.compute_batch(systems, _name_of)
        else:
            (only,) = systems
            place = only.positions, species[0], only.cell.array, only.pbc
            found = [_named(0, self._evaluator.compute, *place)]
        for k, (one, own) in enumerate(zip(found, species, strict=True)):
            warning = _named(k, self._guard.judge, one.closest, own)
            if warning is not None:
                warnings.warn(f"{_name_of(k)}: {warning}", ExtrapolationWarning, stacklevel=4)
            if one.not_finite >= 0:
                raise InputError(
                    f"{_name_of(k)}: expected finite energies and forces, found none for atom "
                    f"{one.not_finite}"
                )
        return found


@dataclass(slots=True)
class _System:
    """The attributes that a batch reads from ase.Atoms, which take ten times as long to create."""

    numbers: np.ndarray
    positions: np.ndarray
    cell: Cell
    pbc: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def symbols(self) -> Symbols:
        return Symbols(self.numbers)


def _systems_of(state: SimState) -> list[_System]:
    cells = _numpy(state.row_vector_cell)
    periodic = np.broadcast_to(np.asarray(state.pbc, bool), (len(cells), 3))
    ends = np.bincount(state.system_idx.numpy(), minlength=len(cells)).cumsum()[:-1]
    numbers = np.split(state.atomic_numbers.numpy(), ends)
    positions = np.split(_numpy(state.positions), ends)
    parts = zip(numbers, positions, map(Cell, cells), periodic, strict=True)
    return [_System(*each) for each in parts]


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().double().numpy())


def _stress(found: list[Evaluated], systems: list[_System]) -> np.ndarray:
    """Virials over volumes; zero without periodicity."""
    out = np.zeros((len(found), 3, 3))
    for stress, one, system in zip(out, found, systems, strict=True):
        if system.pbc.any():
            stress[:] = 0.5 * (one.virial + one.virial.T) / system.cell.volume
    return out


def _name_of(system: int) -> str:
    return f"system {system}"


def _named(system: int, work: Callable, *arguments: object):
    """Call ``work(*arguments)``; an error then begins with the system."""
    try:
        return work(*arguments)
    except (InputError, ExtrapolationError) as error:
        raise type(error)(f"{_name_of(system)}: {error}") from error
