"""Errors of a potential on reference data."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch
from ase import Atoms
from torch.utils.data import DataLoader

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.batch import collate
from hipnn_ts.data.dataset import ReferenceDataset
from hipnn_ts.export import load_exported
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.errors import ErrorSums, deviations
from hipnn_ts.training.prediction import assemble, predict


def load_potential(path: str | Path) -> Potential | torch.jit.ScriptModule:
    """A checkpoint's potential, or an exported one. Raises InputError where it is neither."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            # Both are zip archives; only TorchScript carries code.
            if any("/code/" in name for name in archive.namelist()):
                return load_exported(path)[0]
    return load_checkpoint(path)[0]


def evaluate(
    potential: Potential | torch.jit.ScriptModule,
    frames: Sequence[Atoms],
    names: Sequence[str] | None = None,
    batch_size: int = 8,
) -> dict[str, float]:
    """Errors over all frames, as ``hipnn_ts.training.errors`` names them.

    Parameters
    ----------
    potential : Potential, or the module of an exported file
    frames : list of ase.Atoms with energy (eV), forces (eV/Å) and perhaps stress (eV/Å^3)
    names : what messages call each frame
    batch_size : configurations evaluated at once

    Returns
    -------
    dict
        ``energy_mae``, ``energy_rmse`` in meV/atom, ``forces_mae``, ``forces_rmse`` in meV/Å
        over components, and ``stress_mae``, ``stress_rmse`` in meV/Å^3 where any frame has a
        stress.

    Raises
    ------
    InputError
        An element that the potential does not know, or two atoms at the same place.
    """
    if isinstance(potential, Potential):
        elements, cutoff = potential.config.elements, potential.config.cutoff
        dtype = potential.readouts[0].weight.dtype
    else:
        elements, cutoff, dtype = potential.elements, potential.cutoff, torch.float64
    dataset = ReferenceDataset(frames, elements, cutoff, dtype, names)
    sums = ErrorSums()
    for batch in DataLoader(dataset, batch_size, collate_fn=collate):
        if isinstance(potential, Potential):
            prediction, _ = predict(potential, batch, create_graph=False)
        else:
            energies, gradients = potential.energies_and_pair_gradients(
                batch.species, batch.receivers, batch.senders, batch.vectors
            )
            prediction = assemble(energies, gradients.to(dtype), batch)
        sums.add(deviations(prediction, batch))
    return sums.result()
