"""From a configuration to data sets, self energies and a record of their origin."""

import hashlib
from array import array
from collections.abc import Iterable
from importlib.metadata import version
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols

from hipnn_ts.data.closest_approach import ClosestApproach, smallest
from hipnn_ts.data.dataset import ReferenceDataset, Sample, composition
from hipnn_ts.data.isolated import names_isolated, take_isolated
from hipnn_ts.data.read import NamedFrames, read_named
from hipnn_ts.data.self_energies import fit_self_energies
from hipnn_ts.data.split import split
from hipnn_ts.data.survey import survey
from hipnn_ts.errors import InputError
from hipnn_ts.model.config import NetworkConfig, Radii
from hipnn_ts.model.repulsion import Repulsion
from hipnn_ts.training.config import network_config
from hipnn_ts.training.errors import UNITS
from hipnn_ts.training.recipe import completed, described
from hipnn_ts.training.repulsion import automatic_radii
from hipnn_ts.training.sections import DataConfig, RunConfig, TrainingConfig

USES = {"training": "train", "validation": "validation", "distilled": "distilled"}


class Prepared(NamedTuple):
    """Everything a run needs before its first step."""

    network: NetworkConfig
    settings: TrainingConfig  # with values that depend on the data
    training: ReferenceDataset
    validation: ReferenceDataset
    distilled: ReferenceDataset | None  # trained on, in addition
    self_energies: torch.Tensor  # (elements,) float64, eV
    resolved: dict[str, Any]  # the configuration with every default filled in
    origin: dict[str, Any]  # the same without folders, but with checksums, counts and versions
    survey: list[str]  # what the data contains, as text
    recipe: list[str]  # how it is trained, and why


def prepare(
    config: RunConfig,
    known: dict[str, float] | None = None,
    longest_radii: dict[str, Radii] | None = None,
) -> Prepared:
    """Read and check the data and list neighbours. Raises InputError for unusable data.

    ``known`` is the closest approach (Å) in data that the weights have been trained on before, and
    an automatic repulsion does not exceed ``longest_radii`` (Å).
    """
    training, validation, isolated = load_data(config.data)
    _check_labels(config, training, validation)
    network = network_config(config, _elements(training.frames))
    dtype = getattr(torch, config.training.precision)
    parts = {"training": training, "validation": validation}
    if config.data.distilled:
        parts["distilled"] = read_named(config.data.distilled, in_memory=config.data.in_memory)
    datasets = {
        name: ReferenceDataset(
            part.frames,
            network.elements,
            network.cutoff,
            dtype,
            part.names,
            config.data.in_memory if config.data.keep_pairs is None else config.data.keep_pairs,
            config.data.distilled_weight if name == "distilled" else 1.0,
        )
        for name, part in parts.items()
    }
    closest, closest_of_all, closest_distilled = (
        ClosestApproach(network.elements) for _ in range(3)
    )
    repulsion = None if network.zbl is None else Repulsion(network)
    energies = array("d")  # eV, minus the repulsion; nan if a frame has no energy

    def observe(part: str, sample: Sample) -> None:
        if part == "distilled":  # what a potential made up is no fact about the data
            closest_distilled(sample)
            return
        closest_of_all(sample)
        if part == "training":
            closest(sample)
            known = sample.energy is not None
            energies.append(sample.energy - _energy(repulsion, sample) if known else np.nan)

    lines = survey(parts, datasets, network.elements, observe)
    self_energies, source = _self_energies(config, training, network, np.array(energies), isolated)
    lines += source
    if config.network.get("zbl", "auto") == "auto":
        found = smallest(closest_of_all.by_elements(), known or {})
        found = closest_distilled.by_elements() | found  # of pairs that the data lacks
        radii = automatic_radii(network.elements, found, network.cutoff)
        earlier = longest_radii or {}
        radii = {pair: min(earlier.get(pair, r), r, key=itemgetter(1)) for pair, r in radii.items()}
        network = network.model_copy(update={"zbl": radii})
    trained = [n for part in datasets if part != "validation" for n in datasets[part].n_atoms]
    settings = completed(config.training, trained)
    resolved = config.model_copy(update={"training": settings}).model_dump(mode="json")
    resolved["network"] = network.for_training()
    origin = {
        "config": _without_folders(resolved),
        "data": _checksums(config.data),
        "frames": {USES[part]: len(found.frames) for part, found in parts.items()},
        "closest_approach": closest.by_elements(),
        "error_units": UNITS,
        "versions": {name: version(name) for name in ("hipnn-ts", "torch")},
    }
    return Prepared(
        network,
        settings,
        datasets["training"],
        datasets["validation"],
        datasets.get("distilled"),
        self_energies,
        resolved,
        origin,
        lines,
        described(network, settings, config, len(trained)),
    )


class Isolated(NamedTuple):
    """Isolated atoms of the training data."""

    energies: dict[str, float]  # by element, eV
    n_frames: int


def load_data(config: DataConfig) -> tuple[NamedFrames, NamedFrames, Isolated]:
    """Training and validation frames, from files or held back, and the isolated atoms that were
    removed.

    Raises InputError.
    """
    key = config.columns.config_type
    data, *isolated = take_isolated(read_named(config.train, config, config.in_memory), key)
    if isinstance(config.validation, float):
        return *split(data, config.validation, config.group_by, config.seed), Isolated(*isolated)
    others = take_isolated(read_named(config.validation, config, config.in_memory), key)[0]
    return data, others, Isolated(*isolated)


def _check_labels(config: RunConfig, training: NamedFrames, validation: NamedFrames) -> None:
    """The quantities that the loss weighs must be present; each weight must refer to something."""
    loss, files = config.training.loss, ", ".join(str(file) for file in config.data.train)
    given = [
        {quantity for frame in part.frames for quantity in frame.calc.results}
        for part in (training, validation)
    ]
    for quantity, others in (("energy", "forces"), ("forces", "energies")):
        if getattr(loss, quantity) > 0 and quantity not in given[0]:
            hints = [f" ({hint})" for hint in training.remarks if f"no {quantity}, but" in hint]
            raise InputError(
                f"{files}: expected reference values of {quantity}, found none in "
                f"{len(training.frames)} configurations{''.join(hints)}; set "
                f"data.columns.{quantity} to the name of their column, or training.loss.{quantity} "
                f"to 0 to train on {others} alone"
            )
    weighed = [quantity for quantity in UNITS if getattr(loss, quantity) > 0]
    if not given[1] & set(weighed):
        raise InputError(
            f"data.validation: expected reference values of what training.loss weighs "
            f"({', '.join(weighed)}), found none in {len(validation.frames)} configurations"
        )
    if not config.data.config_type_weights:
        return
    key = config.data.columns.config_type
    known = {str(frame.info.get(key)) for frame in training.frames}
    for name in config.data.config_type_weights:
        if name not in known and not names_isolated(name):
            raise InputError(
                f"data.config_type_weights: '{name}': expected a {key} of the training data, "
                f"found {', '.join(sorted(known))}"
            )


def _energy(repulsion: Repulsion | None, sample: Sample) -> float:
    """Energy of the repulsion, eV."""
    if repulsion is None:
        return 0.0
    ends = sample.receivers.long(), sample.senders.long()
    n_atoms = len(sample.species)
    return float(repulsion(sample.species, *ends, sample.vectors, n_atoms).sum())


def _self_energies(
    config: RunConfig,
    training: NamedFrames,
    network: NetworkConfig,
    energies: np.ndarray,
    isolated: Isolated,
) -> tuple[torch.Tensor, list[str]]:
    """Given ones, or else those of isolated atoms, or else a fit to the energies (eV, of each
    frame).

    Also returns remarks about isolated atoms.
    """
    given, symbols = config.training.self_energies, network.elements
    lines = []
    if isolated.n_frames:
        lines.append(f"isolated atoms, not trained on, in configurations: {isolated.n_frames}")
    if isinstance(given, dict):
        if set(given) != set(symbols):
            raise InputError(
                f"training.self_energies: expected one energy for each of "
                f"{' '.join(symbols)}, found {' '.join(given) or 'none'}"
            )
        return torch.tensor([given[symbol] for symbol in symbols], dtype=torch.float64), lines
    known = np.array([isolated.energies.get(symbol, np.nan) for symbol in symbols])
    found = fit_self_energies(composition(training.frames, symbols), energies, known)
    if not np.isnan(known).all() and config.training.start_from is None:
        fitted = [symbol for symbol in symbols if symbol not in isolated.energies]
        listed = ", ".join(f"{s} {e:.4f}" for s, e in isolated.energies.items() if s in symbols)
        rest = f"; fitted to what remains: {' '.join(fitted)}" if fitted else ""
        lines.append(f"self energies of isolated atoms, eV: {listed}{rest}")
    return torch.from_numpy(found), lines


def _elements(frames: Iterable[Atoms]) -> list[str]:
    """In the order of atomic numbers."""
    return [chemical_symbols[z] for z in sorted({z for frame in frames for z in frame.numbers})]


def _without_folders(resolved: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint is passed on to others: it contains names of files, but no folders of this
    machine."""
    files = {
        key: [Path(file).name for file in value]
        for key, value in resolved["data"].items()
        if isinstance(value, list)
    }
    return resolved | {"data": resolved["data"] | files}


def _checksums(data: DataConfig) -> list[dict[str, str]]:
    """Name and SHA-256 of each file, enough to recognise it on another machine."""
    groups = {"train": data.train, "distilled": data.distilled}
    if not isinstance(data.validation, float):
        groups["validation"] = data.validation
    return [
        {"use": use, "file": file.name, "sha256": _sha256(file)}
        for use, files in groups.items()
        for file in files
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
