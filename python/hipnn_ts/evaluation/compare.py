"""The predictions of a potential for reference configurations, beside the reference."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from ase import Atoms
from torch.utils.data import DataLoader

from hipnn_ts.checkpoint import read_checkpoint
from hipnn_ts.data.batch import Batch, collate
from hipnn_ts.data.dataset import SHORTEST, ReferenceDataset
from hipnn_ts.data.tensors import stress_volume
from hipnn_ts.errors import InputError
from hipnn_ts.export import load_exported
from hipnn_ts.export.file import read_content, read_metadata
from hipnn_ts.export.potential import ExportedPotential, NativePotential
from hipnn_ts.export.structures import StructureBatch
from hipnn_ts.kinds import Kind, kind_of
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty, features_of
from hipnn_ts.training.prediction import Prediction, assemble, predict

AnyPotential = Potential | NativePotential | torch.jit.ScriptModule

# Number of configurations whose neighbour pairs are in memory at once.
CHUNK = 256


class Comparison(NamedTuple):
    """Predictions for frames with reference values; eV, eV/Å, eV/Å^3."""

    frames: Sequence[Atoms]
    energies: np.ndarray  # (frames,)
    forces: list[np.ndarray | None]  # (n, 3) for all atoms, None if the frame has no reference
    stresses: list[np.ndarray | None]  # (3, 3), likewise
    names: Sequence[str]  # file and index of each frame
    # (n,), eV/Å, for a potential with force uncertainty
    uncertainties: list[np.ndarray] | None = None

    def with_energy(self, members: Sequence[int]) -> list[int]:
        """Predictions for the frames that have a reference energy."""
        return [i for i in members if "energy" in self.frames[i].calc.results]

    def known_forces(self, index: int) -> np.ndarray:
        """Whether each atom of a frame has reference forces, (n,)."""
        return ~np.isnan(self.frames[index].calc.results["forces"]).any(axis=1)


def load_potential(path: str | Path) -> AnyPotential:
    """The potential of ``load_with_uncertainty``."""
    return load_with_uncertainty(path)[0]


def load_with_uncertainty(path: str | Path) -> tuple[AnyPotential, Uncertainty | None]:
    """A checkpoint's potential, with its force uncertainty if it has one, or an exported
    potential: the runtime evaluates fused files, and torch portable ones. Raises InputError for
    any other file."""
    content = read_content(path)
    kind = kind_of(content)
    if kind is Kind.EXPORTED and read_metadata(str(path), content).native:
        return ExportedPotential.of(content, str(path), "cpu"), None
    if kind in (Kind.EXPORTED, Kind.SCRIPT):
        return load_exported(path)[0], None
    if kind is Kind.UNKNOWN:
        raise InputError(
            f"{path}: expected a checkpoint (best.ckpt) or an exported model, found another kind "
            "of file; hipnn-ts evaluate takes the model first, then the data"
        )
    potential, _, uncertainty = read_checkpoint(path)
    return potential, uncertainty


def compare(
    potential: AnyPotential,
    frames: Sequence[Atoms],
    names: Sequence[str] | None = None,
    batch_size: int = 8,
    step: Callable[[int], None] = lambda done: None,
    member: int | None = None,
    uncertainty: Uncertainty | None = None,
) -> Comparison:
    """Predictions for all frames.

    Parameters
    ----------
    potential : Potential, NativePotential, or the module of a portable file
    frames : list of ase.Atoms with any of energy (eV), forces (eV/Å) and stress (eV/Å^3)
    names : names of the frames in messages
    batch_size : number of configurations that torch evaluates at once; the runtime takes many
    step : called with the number of configurations done since the last call
    member : member of an exported committee that predicts; None for the mean
    uncertainty : that of a checkpoint's potential; an exported one has its own

    Raises
    ------
    InputError
        An element that is unknown to the potential, or two atoms at the same place.
    """
    names = names or [f"frame {index}" for index in range(len(frames))]
    if isinstance(potential, NativePotential):
        return _by_runtime(potential, frames, names, step, member)
    if isinstance(potential, Potential):
        elements, cutoff = potential.config.elements, potential.config.cutoff
        dtype = potential.readouts[0].weight.dtype
    else:
        elements, cutoff, dtype = potential.elements, potential.cutoff, torch.float64
    energies: list[float] = []
    forces: list[np.ndarray | None] = []
    stresses: list[np.ndarray | None] = []
    uncertainties: list[np.ndarray] | None = None if uncertainty is None else []
    for start in range(0, len(frames), CHUNK):
        part = slice(start, start + CHUNK)
        dataset = ReferenceDataset(frames[part], elements, cutoff, dtype, names[part])
        for batch in DataLoader(dataset, batch_size, collate_fn=collate):
            prediction = _predict(potential, batch, dtype)
            energies += prediction.energy.tolist()
            by_atom = prediction.forces.detach().double().split(batch.n_atoms.tolist())
            configurations = range(len(batch.n_atoms))
            given = set(batch.configuration[batch.with_forces].tolist())
            forces += [by_atom[k].numpy() if k in given else None for k in configurations]
            tensors = prediction.stress.detach().double().numpy()
            found = dict(zip(batch.with_stress.tolist(), tensors, strict=True))
            stresses += [found.get(k) for k in configurations]
            if uncertainty is not None:
                of_atoms = _uncertainties(potential, uncertainty, batch)
                uncertainties += [each.numpy() for each in of_atoms.split(batch.n_atoms.tolist())]
            step(len(batch.n_atoms))
    return Comparison(frames, np.array(energies), forces, stresses, names, uncertainties)


def _uncertainties(potential: Potential, uncertainty: Uncertainty, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        features = features_of(
            potential, batch.species, batch.receivers, batch.senders, batch.vectors
        )
    return uncertainty.of(features, batch.species)


def _by_runtime(
    potential: NativePotential,
    frames: Sequence[Atoms],
    names: Sequence[str],
    step: Callable[[int], None],
    member: int | None,
) -> Comparison:
    """The same as ``compare``, without torch, with threads over configurations."""
    n_species = len(potential.metadata.network.elements)
    batch = StructureBatch(potential, np.full((n_species, n_species), SHORTEST), member)
    energies: list[float] = []
    forces: list[np.ndarray | None] = []
    stresses: list[np.ndarray | None] = []
    uncertainties: list[np.ndarray] = []
    for start in range(0, len(frames), CHUNK):
        part = frames[start : start + CHUNK]
        evaluated = batch.compute(part, lambda k, start=start: names[start + k])
        for k, (frame, found) in enumerate(zip(part, evaluated, strict=True)):
            if found.closest is not None:
                receiver, sender, distance = found.closest
                raise InputError(
                    f"{names[start + k]}: atoms {receiver} and {sender}: expected at least "
                    f"{SHORTEST} Å between atoms, found {distance:.4g} Å"
                )
            energies.append(float(found.energies.sum()))
            results = frame.calc.results
            known = "forces" in results and not np.isnan(results["forces"]).any(axis=1).all()
            forces.append(found.forces if known else None)
            volume = stress_volume(frame) if "stress" in results else np.nan
            stresses.append(None if np.isnan(volume) else found.virial / volume)
            if found.uncertainty is not None:
                uncertainties.append(found.uncertainty)
        step(len(part))
    told = uncertainties or None
    return Comparison(frames, np.array(energies), forces, stresses, names, told)


def _predict(
    potential: Potential | torch.jit.ScriptModule, batch: Batch, dtype: torch.dtype
) -> Prediction:
    if isinstance(potential, Potential):
        return predict(potential, batch, create_graph=False)[0]
    energies, gradients = potential.energies_and_pair_gradients(
        batch.species, batch.receivers, batch.senders, batch.vectors
    )
    return assemble(energies, gradients.to(dtype), batch)
