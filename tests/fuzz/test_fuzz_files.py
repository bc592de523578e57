"""Damaged models, checkpoints, data and configurations are refused in a sentence or harmless."""

from itertools import product

import ase.db
import h5py
import numpy as np
import pytest
import torch
from architectures import RADII
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from documents import FORMATS

from hipnn_ts.checkpoint import save_checkpoint, write_whole
from hipnn_ts.errors import InputError
from hipnn_ts.training.sections import TrainingConfig
from hipnn_ts.validation import validated

pytestmark = pytest.mark.slow

CONFIG = """\
network:
  n_features: [12, 8]
  n_sensitivities: 8
  cutoff: 5.0
  soft_max: 4.0
data:
  train: [a.extxyz, b.extxyz]
  validation: 0.2
  units: {energy: hartree, length: bohr}
  columns: {energy: E, forces: F}
training:
  epochs: 30
  batch_size: 4
  learning_rate: 0.01
  schedule: {kind: patience, patience: 3}
  self_energies: {H: -13.6, O: -2041.8}
"""
SETTINGS = "energy_unit: kcal/mol\ncutoff: 6.5\nelements: [H, C, N, O]\ndtype: float64\n"


def test_models(fuzz, tmp_path, random_model, random_committee, uncertain_model):
    files = [random_model(*each) for each in product((torch.float32, torch.float64), (False, True))]
    files += [random_model(portable=each, zbl=RADII) for each in (False, True)]
    files += [FORMATS / "1" / "fused.pt", FORMATS / "1" / "portable.pt", random_committee()]
    files += [uncertain_model()]
    fuzz.child(tmp_path, [("model", file) for file in files])


def test_models_without_torch(fuzz, tmp_path, random_model, random_committee, uncertain_model):
    """The C++ reader of fused files, which ASE, `hipnn-ts info` and LAMMPS share."""
    files = [random_model(dtype) for dtype in (torch.float32, torch.float64)]
    files += [FORMATS / "1" / "fused.pt", random_committee(), uncertain_model()]
    fuzz.child(tmp_path, [("native", file) for file in files])


def test_checkpoints(fuzz, tmp_path, tmp_path_factory, random_potential):
    folder = tmp_path_factory.mktemp("originals")
    save_checkpoint(folder / "a.ckpt", random_potential(), {"training": {"data": ["a", 1, None]}})
    run = {"finished": False, "config": {"epochs": 3}}
    optimiser = [{"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1}]}]
    state = random_potential().state_dict()
    write_whole(folder / "b.ckpt", {"run": run, "state_dict": state, "optimizer_states": optimiser})
    fuzz.child(tmp_path, [("checkpoint", folder / "a.ckpt"), ("state", folder / "b.ckpt")])


def _frames(water):
    frames = []
    for repeats in (1, 2):
        frame = water(repeats)
        results = {"energy": -1.5, "forces": np.ones((len(frame), 3)), "stress": np.ones(6)}
        frame.calc = SinglePointCalculator(frame, **results)
        frames.append(frame)
    return frames


def _extxyz(path, frames):
    write(path, frames)


def _database(path, frames):
    with ase.db.connect(path) as database:
        for frame in frames:
            database.write(frame)


def _npz(path, frames):
    np.savez(path, **_arrays(frames[0]))


def _hdf5(path, frames):
    with h5py.File(path, "w") as file:
        for name, values in _arrays(frames[0]).items():
            file.create_dataset(f"molecule/{name}", data=values)


def _arrays(frame):
    return {
        "species": frame.numbers,
        "coordinates": np.stack([frame.positions] * 2),
        "energy": np.zeros(2),
        "forces": np.zeros((2, len(frame), 3)),
    }


WRITERS = {"extxyz": _extxyz, "db": _database, "npz": _npz, "h5": _hdf5}


def test_data_and_configurations(fuzz, tmp_path, tmp_path_factory, water):
    folder = tmp_path_factory.mktemp("originals")
    files = []
    for suffix, write_file in WRITERS.items():
        files.append(("data", folder / f"data.{suffix}"))
        write_file(files[-1][1], _frames(water))
    for kind, text in (("config", CONFIG), ("settings", SETTINGS)):
        files.append((kind, folder / f"{kind}.yaml"))
        files[-1][1].write_text(text)
    fuzz.child(tmp_path, files)


def test_configuration_values(fuzz):
    """Any value under any key is accepted or refused in one sentence."""
    values = [None, True, -1, 0, 1, 10**30, 1.5, float("nan"), "", "x", [], [1], {}, {"a": 1}]
    keys = list(TrainingConfig.model_fields)
    for random in fuzz:
        chosen = random.choice(keys, size=3, replace=False)
        content = {"epochs": 1} | {key: values[random.integers(len(values))] for key in chosen}
        try:
            validated(TrainingConfig, content, "run.yaml")
        except InputError as error:
            assert "\n" not in str(error)
