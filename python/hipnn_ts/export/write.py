"""Export: from a checkpoint to one verified TorchScript file."""

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hipnn_ts.errors import InputError
from hipnn_ts.export.exported import FusedPotential, PortablePotential, cast
from hipnn_ts.export.metadata import FILE_NAME, Metadata, UncertaintyFacts
from hipnn_ts.export.read import load_exported
from hipnn_ts.files import replacing
from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty
from hipnn_ts.neighbours import neighbour_pairs

# Largest deviation of the reloaded file from its model, in eV and eV/Å per atom of the test
# configuration; both sides run in the precision of the file.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}


def export_potential(
    potential: Potential,
    path: str | Path,
    provenance: dict[str, Any],
    portable: bool = False,
    dtype: torch.dtype | None = None,
    uncertainty: Uncertainty | None = None,
) -> Metadata:
    """Write ``potential`` to one TorchScript file, reload it and compare it with the potential.

    Parameters
    ----------
    potential : Potential
    path : path of the file, which is replaced only after the comparison has passed
    provenance : plain values that describe the origin of the weights
    portable : whether to write plain TorchScript, for any libtorch, without this package's
        operators
    dtype : torch.float32 or torch.float64, default the potential's own
    uncertainty : the force uncertainty for engines; portable files leave it out

    Raises
    ------
    InputError
        The file cannot be written, or does not reproduce the model.
    """
    dtype = dtype or potential.readouts[0].weight.dtype
    closest = provenance.get("closest_approach")
    if portable:
        module, uncertainty = PortablePotential(potential, dtype), None
    else:
        module = FusedPotential(potential, dtype, uncertainty=uncertainty)
    return write_module(module, [potential], path, dtype, provenance, closest, uncertainty)


def write_module(
    module: PortablePotential | FusedPotential,
    members: Sequence[Potential],
    path: str | Path,
    dtype: torch.dtype,
    provenance: dict[str, Any],
    closest_approach: dict[str, float] | None,
    uncertainty: Uncertainty | None = None,
) -> Metadata:
    """Write a module made of these potentials as a file that reproduces their mean.

    Raises
    ------
    InputError
        The errors of ``export_potential``.
    """
    metadata = Metadata(
        format_version=module.format_version,
        flavour="portable" if module.portable else "fused",
        dtype=str(dtype).removeprefix("torch."),
        members=len(members),
        network=members[0].config,
        n_parameters=sum(p.numel() for member in members for p in member.parameters()),
        versions={"hipnn-ts": version("hipnn-ts"), "torch": torch.__version__},
        exported=datetime.now(UTC).isoformat(timespec="seconds"),
        closest_approach=closest_approach,
        provenance=provenance,
        uncertainty=_facts(uncertainty, members[0].config.elements),
    )
    with replacing(path) as temporary:
        extra = {FILE_NAME: metadata.model_dump_json(indent=2)}
        # Written in memory first: torch reports a full disk as a RuntimeError without its cause.
        buffer = io.BytesIO()
        torch.jit.save(torch.jit.script(module), buffer, _extra_files=extra)
        write_without_sources(buffer, temporary, metadata.has_document)
        _compare(members, temporary, dtype)
    return metadata


def _facts(uncertainty: Uncertainty | None, elements: Sequence[str]) -> UncertaintyFacts | None:
    if uncertainty is None:
        return None
    scale = dict(zip(elements, uncertainty.scale.tolist(), strict=True))
    return UncertaintyFacts(scale=scale, **uncertainty.facts)


def write_without_sources(buffer: io.BytesIO, path: Path, document: bool) -> None:
    """torch adds the file and line of each piece of code on the exporting machine, which others
    need not see.

    A file with a document is not compressed, so that a reader without torch can verify every
    checksum.
    """
    with zipfile.ZipFile(buffer) as made, zipfile.ZipFile(path, "w") as kept:
        for record in made.infolist():
            if not record.filename.endswith(".debug_pkl"):
                plain = zipfile.ZipInfo(record.filename)
                plain.compress_type = zipfile.ZIP_STORED if document else record.compress_type
                kept.writestr(plain, made.read(record))


def _compare(members: Sequence[Potential], path: Path, dtype: torch.dtype) -> None:
    """Compare the mean of the reference models with the file, on a jittered lattice of all
    elements."""
    exported, _ = load_exported(path)
    species, receivers, senders, vectors = configuration_to_compare(members[0], dtype)
    leaf = vectors.clone().requires_grad_(True)
    references = [cast(member, dtype) for member in members]
    energies = sum(each(species, receivers, senders, leaf) for each in references) / len(members)
    gradients = derivatives.pair_gradients(energies, leaf)
    found = exported.energies_and_pair_gradients(species, receivers, senders, vectors)
    check_reproduced(path, (energies, gradients), found, dtype)


def check_reproduced(
    path: Path,
    expected: Sequence[torch.Tensor],
    found: Sequence[torch.Tensor],
    dtype: torch.dtype,
) -> None:
    """Compare energies and pair gradients of a written file with the model. Raises InputError."""
    for quantity, a, b in zip(("energies", "gradients"), expected, found, strict=True):
        deviation = (a - b).abs().max().item()
        scale = max(1.0, a.abs().max().item())
        if not deviation <= TOLERANCE[dtype] * scale:
            raise InputError(
                f"{path}: exported {quantity} differ from the model by {deviation:.1e}, "
                f"expected at most {TOLERANCE[dtype] * scale:.1e}; nothing was written"
            )


def configuration_to_compare(potential: Potential, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """Species and pairs of atoms as dense as in water or copper.

    Among denser ones, polynomials grow so large that single precision loses their differences.
    """
    random = np.random.default_rng(0)
    spacing = 2.2  # Å
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3) * spacing
    positions = grid + random.uniform(-0.2, 0.2, grid.shape)
    receivers, senders, shifts = neighbour_pairs(
        positions, np.eye(3) * 3 * spacing, np.ones(3, bool), potential.config.cutoff
    )
    vectors = positions[senders] + shifts - positions[receivers]
    species = torch.arange(len(grid)) % len(potential.config.elements)
    return (
        species,
        torch.from_numpy(receivers),
        torch.from_numpy(senders),
        torch.from_numpy(vectors).to(dtype),
    )
