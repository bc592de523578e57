"""Fine-tuning: training that starts from the weights of a checkpoint."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.batch import collate
from hipnn_ts.data.closest_approach import smallest
from hipnn_ts.data.dataset import ReferenceDataset
from hipnn_ts.data.self_energies import fit_self_energies
from hipnn_ts.errors import InputError
from hipnn_ts.model.config import NetworkConfig, Radii
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.repulsion import acts_on
from hipnn_ts.training.prepare import Prepared
from hipnn_ts.training.sections import RunConfig, TrainingConfig

# Weights with a row or column for each element, and the axis of the elements.
_ADJUST = "blocks.0.adjust.weight"
_ELEMENT_AXIS = {
    "blocks.0.interaction.weights": 2,
    "blocks.0.interaction.self_interaction.weight": 1,
    _ADJUST: 1,
    "self_energies": 0,
}


class StartingPoint(NamedTuple):
    """A checkpoint from which a run starts."""

    path: Path
    potential: Potential
    provenance: dict[str, Any]

    @property
    def closest_approach(self) -> dict[str, float] | None:
        """Of its training data, {"H-O": 0.87, ...} in Å, or None if that is unknown."""
        return self.provenance.get("closest_approach")

    @property
    def automatic(self) -> bool:
        """Whether new data may change its repulsion: radii for each pair that reach no atoms."""
        zbl = self.potential.config.zbl
        return isinstance(zbl, dict) and not acts_on(zbl, self.closest_approach)

    @property
    def longest_radii(self) -> dict[str, Radii]:
        """What automatic radii may not exceed: its own keep clear of its validation data, too."""
        return dict(self.potential.config.zbl) if self.automatic else {}

    def changed_elements(self, network: NetworkConfig) -> tuple[list[str], list[str]]:
        """Elements that only ``network`` has, and elements that only the checkpoint has."""
        old, new = self.potential.config.elements, network.elements
        return [s for s in new if s not in old], [s for s in old if s not in new]


def read_start(path: Path) -> StartingPoint:
    """The checkpoint at ``path``. Raises InputError if it cannot be used."""
    try:
        return StartingPoint(path, *load_checkpoint(path))
    except InputError as error:
        raise InputError(f"training.start_from: {error}") from error


def with_inherited_keys(given: dict[str, Any], start: StartingPoint) -> dict[str, Any]:
    """Keys of the network section: those of the checkpoint, and those given."""
    own = start.potential.config.for_training()
    del own["elements"]
    if start.automatic:
        own["zbl"] = "auto"
    return own | given


def check_architecture(given: dict[str, Any], start: StartingPoint) -> None:
    """Raise InputError if a key of the network section differs from the checkpoint.

    ``given`` has been validated. Elements may differ, and so may what is not a weight: a repulsion
    that does not reach the training data, and the roundness of the norms (fine-tuning to rounder
    ones is the cure for a sharp model).
    """
    own = start.potential.config
    keys = with_inherited_keys({"elements": own.elements} | given, start) | {"zbl": None}
    wanted = NetworkConfig(**keys)
    for key in given:
        if key in ("elements", "cusp_regularisation"):
            continue
        expected, found = getattr(own, key), getattr(wanted, key)
        if key == "zbl":  # of other elements, perhaps
            found = _radii(given[key])
            expected = own.zbl if acts_on(own.zbl, start.closest_approach) else found
        if expected != found:
            raise InputError(
                f"network.{key}: expected {_text(expected)}, as in training.start_from "
                f"({start.path}), found {_text(found)}; leave the key out"
            )


def with_its_network(config: RunConfig, start: StartingPoint) -> RunConfig:
    """The configuration with the network of the checkpoint. Raises the errors of
    ``check_architecture``."""
    check_architecture(config.network, start)
    return config.model_copy(update={"network": with_inherited_keys(config.network, start)})


def with_start(prepared: Prepared, start: StartingPoint) -> Prepared:
    """The same, with a record of the checkpoint and all its training data in the provenance."""
    added, dropped = start.changed_elements(prepared.network)
    origin, name = prepared.origin, start.path.name
    config = origin["config"]
    return prepared._replace(
        origin=origin
        | {
            # The checkpoint is passed on to others, so it contains no folders of this machine.
            "config": config | {"training": config["training"] | {"start_from": name}},
            "closest_approach": _closest_approach(prepared, start),
            "start_from": {
                "file": name,
                "sha256": hashlib.sha256(start.path.read_bytes()).hexdigest(),
                "elements_added": added,
                "elements_dropped": dropped,
                "provenance": start.provenance,
            },
        }
    )


def begin_from(
    start: StartingPoint, potential: Potential, data: ReferenceDataset, settings: TrainingConfig
) -> str:
    """Set the initial weights and self energies of ``potential``; return a line that describes
    them.

    Raises the errors of ``take_over_weights``.
    """
    take_over_weights(start, potential)
    added, dropped = start.changed_elements(potential.config)
    parts = [f"start: {start.path}", f"elements {' '.join(potential.config.elements)}"]
    parts += [f"new {' '.join(added)}"] if added else []
    parts += [f"dropped {' '.join(dropped)}"] if dropped else []
    if isinstance(settings.self_energies, dict):
        given = [settings.self_energies[symbol] for symbol in potential.config.elements]
        potential.self_energies.copy_(torch.tensor(given, dtype=torch.float64))
    else:
        change = fit_remaining_self_energies(start, potential, data, settings)
        shifts = zip(potential.config.elements, change, strict=True)
        parts.append(f"self energies shifted by {', '.join(f'{s} {c:+.4f}' for s, c in shifts)} eV")
    return "; ".join(parts)


def take_over_weights(start: StartingPoint, potential: Potential) -> None:
    """Copy the weights of the checkpoint into ``potential``; rows of new elements do not change.

    For atoms of the old elements, energies and forces then equal those of the checkpoint.

    Raises
    ------
    InputError
        The residual path of the first block ties elements to features, and the elements changed.
    """
    old, new = start.potential.state_dict(), potential.state_dict()
    symbols = start.potential.config.elements
    kept = [s for s in potential.config.elements if s in symbols]
    sources = torch.tensor([symbols.index(s) for s in kept], dtype=torch.int64)
    targets = torch.tensor([potential.config.elements.index(s) for s in kept], dtype=torch.int64)
    if potential.config.residual:
        if _ADJUST in new and _ADJUST not in old:
            # With as many features as elements, the one-hot features were added unchanged.
            old[_ADJUST] = torch.eye(len(symbols))
        elif _ADJUST not in new and (_ADJUST in old or not torch.equal(sources, targets)):
            raise InputError(
                f"network.elements: expected {' '.join(symbols)}, as in training.start_from "
                f"({start.path}), because the first block has as many features as there would be "
                f"elements, found {' '.join(potential.config.elements)}"
            )
    for name, values in old.items():
        axis = _ELEMENT_AXIS.get(name)
        if axis is None:
            new[name].copy_(values)
        else:
            chosen = values.index_select(axis, sources).to(new[name].dtype)
            new[name].index_copy_(axis, targets, chosen)


def fit_remaining_self_energies(
    start: StartingPoint, potential: Potential, data: ReferenceDataset, settings: TrainingConfig
) -> np.ndarray:
    """Shift the self energies by a least-squares fit to the energies that ``potential`` leaves.

    Of all elements, or only of the new ones if ``settings`` keep the old ones.

    Returns
    -------
    (elements,) float64, eV, the change
    """
    elements = potential.config.elements
    counts, left = [], []
    with torch.no_grad():
        for samples in DataLoader(data, settings.batch_size, collate_fn=list):
            batch = collate(samples)
            atoms = potential(batch.species, batch.receivers, batch.senders, batch.vectors)
            ends = batch.n_atoms.cumsum(0).tolist()
            for sample, end in zip(samples, ends, strict=True):
                if sample.energy is not None:
                    start_of = end - len(sample.species)
                    left.append(sample.energy - atoms[start_of:end].sum().item())
                    counts.append(torch.bincount(sample.species, minlength=len(elements)).numpy())
    composition, energies = np.array(counts), np.array(left)
    free = [
        index
        for index, symbol in enumerate(elements)
        if settings.self_energies != "kept" or symbol not in start.potential.config.elements
    ]
    change = np.zeros(len(elements))
    judged = [row for row, count in enumerate(counts) if count[free].sum() > 0]
    if judged:
        change[free] = fit_self_energies(composition[judged][:, free], energies[judged])
    potential.self_energies += torch.from_numpy(change)
    return change


def _closest_approach(prepared: Prepared, start: StartingPoint) -> dict[str, float] | None:
    """Over all training data so far, or None if that of the checkpoint is unknown."""
    known = start.closest_approach
    if known is None:
        return None
    elements = set(prepared.network.elements)
    pairs = {pair: d for pair, d in known.items() if set(pair.split("-")) <= elements}
    return smallest(pairs, prepared.origin["closest_approach"])


def _radii(given: Any) -> Any:
    """As a network has them."""
    if isinstance(given, dict):
        return {pair: tuple(radii) for pair, radii in given.items()}
    return tuple(given) if isinstance(given, list) else given


def _text(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)
