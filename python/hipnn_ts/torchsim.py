"""TorchSim: a model that evaluates batches of systems by the runtime."""

import warnings
from pathlib import Path

import numpy as np
import torch

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
from hipnn_ts.export.structures import EvaluatedTogether, SpeciesOfAtoms, StructureBatch
from hipnn_ts.extras import need

ModelInterface = need("torch_sim.models.interface", "hipnn_ts.torchsim").ModelInterface
SimState = need("torch_sim.state", "hipnn_ts.torchsim").SimState


class HIPNNTSModel(ModelInterface):
    """Energies, forces and stress of an exported potential for ``torch_sim``, in eV and Å.

    All systems of a state are evaluated in one call on the processor, threads over systems, by the
    runtime rather than by torch. A state of one system keeps its list of neighbours while atoms
    move less than half an Å. Stress is that of ASE, tensile positive; zeros without periodicity.

    Parameters
    ----------
    model : path of a fused file, which ``hipnn-ts export`` writes without ``--portable``
    device : "cpu"
    dtype : precision of states and results, default that of the file; the network always computes
        in the file's
    compute_forces, compute_stress : whether results hold them
    beyond_training : where atoms come closer than in the training data: "warn" (at the 1st, 10th,
        100th ... evaluation), "stop" with an ExtrapolationError, or "ignore"

    Raises
    ------
    InputError
        The file is no fused exported potential, or the device is another; on evaluation: an
        element that the potential does not know, a coordinate that is not finite, or two atoms in
        one place. Of several systems the sentence names the first that is refused, from 0.
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
            raise InputError(f"device '{device}': TorchSim's model runs on cpu alone")
        self._potential = ExportedPotential.read(model)
        if not isinstance(self._potential, NativePotential):
            raise InputError(
                f"{model}: expected a fused file for TorchSim, found a portable one; export it "
                "without --portable"
            )
        known = limits(self.metadata, beyond_training)
        self._guard = ExtrapolationGuard(known, beyond_training == "stop", "this model")
        self._batch = StructureBatch(self._potential, known)
        self._single = NativeEvaluator(self._potential, known)
        self._species = SpeciesOfAtoms(self._potential)
        self._device = torch.device("cpu")
        self._dtype = dtype or getattr(torch, self.metadata.dtype)
        self._compute_forces, self._compute_stress = compute_forces, compute_stress
        # Kernels keep nothing of the size of pairs; and molecules have no density.
        self._memory_scales_with = "n_atoms"

    @property
    def metadata(self):
        """What the exported file says about itself."""
        return self._potential.metadata

    def forward(self, state: SimState | dict, **_: object) -> dict[str, torch.Tensor]:
        """Of each system of a state.

        Parameters
        ----------
        state : torch_sim.SimState, or a dict of its arguments without masses

        Returns
        -------
        dict
            ``energy`` (n_systems,), eV; ``energies`` of atoms (n_atoms,), eV; where they are wanted
            ``forces`` (n_atoms, 3), eV/Å, and ``stress`` (n_systems, 3, 3), eV/Å³.
        """
        if isinstance(state, dict):
            state = SimState(**{"masses": torch.ones(len(state["positions"])), **state})
        cells = _numpy(state.row_vector_cell)
        periodic = np.broadcast_to(np.asarray(state.pbc, bool), (len(cells), 3))
        found = self._evaluated(state, cells, periodic)
        self._check(found)
        results = {"energy": found.energies, "energies": found.of_atoms}
        if self._compute_forces:
            results["forces"] = found.forces
        if self._compute_stress:
            results["stress"] = _stress(found.virials, cells, periodic)
        return {name: torch.from_numpy(each).to(self._dtype) for name, each in results.items()}

    def _evaluated(
        self, state: SimState, cells: np.ndarray, periodic: np.ndarray
    ) -> EvaluatedTogether:
        counts = np.bincount(state.system_idx.numpy(), minlength=len(cells))
        positions, numbers = _numpy(state.positions), state.atomic_numbers.numpy()
        if len(counts) > 1:
            return self._batch.compute_arrays(counts, positions, numbers, cells, periodic, _name_of)
        species = self._species.of_numbers(numbers)
        one = self._single.compute(positions, species, cells[0], periodic[0])
        return EvaluatedTogether(
            counts,
            species,
            one.energies.sum(keepdims=True),
            one.energies,
            one.forces,
            np.zeros((1, 3, 3)) if one.virial is None else one.virial[None],
            {} if one.closest is None else {0: one.closest},
            np.array([one.not_finite]),
        )

    def _check(self, found: EvaluatedTogether) -> None:
        """Raise or warn where there is something wrong with the results."""
        of_systems = np.split(found.species, found.counts.cumsum()[:-1])
        for k, (one, species) in enumerate(zip(found.of_structures(), of_systems, strict=True)):
            try:
                warning = self._guard.judge(one.closest, species)
            except ExtrapolationError as error:
                raise ExtrapolationError(f"{_name_of(k)}: {error}") from None
            if warning is not None:
                warnings.warn(f"{_name_of(k)}: {warning}", ExtrapolationWarning, stacklevel=4)
            if one.not_finite >= 0:
                raise InputError(
                    f"{_name_of(k)}: expected finite energies and forces, found none for atom "
                    f"{one.not_finite}"
                )


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().double().numpy())


def _stress(virials: np.ndarray, cells: np.ndarray, periodic: np.ndarray) -> np.ndarray:
    """Over the volumes; zeros without periodicity."""
    out = np.zeros_like(virials)
    along = periodic.any(axis=1)
    volumes = np.abs(np.linalg.det(cells[along]))
    symmetric = 0.5 * (virials + virials.transpose(0, 2, 1))
    out[along] = symmetric[along] / volumes[:, None, None]
    return out


def _name_of(system: int) -> str:
    return f"system {system}"
