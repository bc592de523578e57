"""Several trained models in one exported file, a committee."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from hipnn_ts.errors import InputError
from hipnn_ts.export.added_repulsion import with_common_repulsion
from hipnn_ts.export.document import describe
from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.export.metadata import MOST_MEMBERS, Metadata
from hipnn_ts.export.write import write_module
from hipnn_ts.model.potential import Potential


def export_committee(
    members: Sequence[tuple[Potential, dict[str, Any]]],
    path: str | Path,
    names: Sequence[str] | None = None,
    dtype: torch.dtype | None = None,
) -> Metadata:
    """Write potentials of one shape to one fused file, which computes their mean.

    Parameters
    ----------
    members : potentials, each with plain values that describe the origin of its weights
    path : path of the file, which is replaced only after a comparison with the members
    names : names of the members in messages, default member 0, member 1, ...
    dtype : torch.float32 or torch.float64, default the first member's own

    Raises
    ------
    InputError
        Fewer than two members or more than 64, or members that differ in anything but their
        weights; also the errors of ``export_potential``.
    """
    names = names or [f"member {k}" for k in range(len(members))]
    if not 2 <= len(members) <= MOST_MEMBERS:
        raise InputError(f"{path}: expected 2 to {MOST_MEMBERS} members, found {len(members)}")
    potentials = with_common_repulsion(
        [(potential, provenance.get("closest_approach")) for potential, provenance in members]
    )
    dtype = dtype or potentials[0].readouts[0].weight.dtype
    _check_alike(potentials, names)
    provenances = [provenance for _, provenance in members]
    return write_module(
        FusedPotential(potentials[0], dtype, *potentials[1:]),
        potentials,
        path,
        dtype,
        {"members": [{"name": name} | own for name, own in zip(names, provenances, strict=True)]},
        _closest_approach([own.get("closest_approach") for own in provenances]),
    )


def _check_alike(potentials: Sequence[Potential], names: Sequence[str]) -> None:
    first, *others = [describe(each.config, "") for each in potentials]
    for name, other in zip(names[1:], others, strict=True):
        for key in sorted(first.keys() | other.keys()):
            if first.get(key) != other.get(key):
                raise InputError(
                    f"{name}: {key}: expected {first.get(key)}, as in {names[0]}, found "
                    f"{other.get(key)}; members of a committee may differ only in their weights"
                )


def _closest_approach(of_members: list[dict[str, float] | None]) -> dict[str, float] | None:
    """A distance below what any member has seen is new to the committee: take the largest for each
    pair, and none if a member has not met the pair."""
    if any(own is None for own in of_members):
        return None
    met = set.intersection(*(set(own) for own in of_members))
    return {pair: max(own[pair] for own in of_members) for pair in sorted(met)}
