"""Train NEP with TorchNEP and MACE with its own trainer, on our frames for the same time.

Runs in the environment of `make bench-peers` that has both packages. The networks are those whose
speed peers.py measures, the recipes the packages' defaults. Neither trainer stops after a given
time: short runs on a tenth of the frames, not counted, tell how many epochs take that time.
"""

import logging
import os
import shutil
import sys
import sysconfig
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers
from ase.io import read, write

from hipnn_ts.data.dataset import composition
from hipnn_ts.data.self_energies import fit_self_energies
from hipnn_ts.training.config import RunConfig
from hipnn_ts.training.prepare import load_data
from hipnn_ts.training.recipe import completed

NEP, MACE = "NEP (TorchNEP)", "MACE"
SHARE = 10  # one in so many frames is in the short runs
SPACE = 12.0  # Å around molecules, which TorchNEP takes in a periodic cell only
NEP_INPUT = """\
version 4
type {n_elements} {elements}
cutoff 5 4
n_max 4 4
basis_size 8 8
l_max 4 2 0
neuron 30
batch {batch}
epoch {epochs}
stage2 1
"""


class Shifted:
    """A calculator whose energies are without those of isolated atoms, and these energies."""

    def __init__(self, calculator: Calculator, elements: tuple[str, ...], energies: np.ndarray):
        self.calculator, self.elements, self.energies = calculator, elements, energies

    def errors(self, frames: list[Atoms]) -> dict:
        """Errors with the keys and units of `evaluate`: meV per atom, meV/Å."""
        energies, forces = [], []
        for frame in shifted(frames, self.elements, self.energies):
            answer = frame.copy()
            answer.calc = self.calculator
            forces.append((answer.get_forces() - frame.get_forces()).ravel())
            energies.append(
                (answer.get_potential_energy() - frame.get_potential_energy()) / len(frame)
            )
        found: dict = {"frames": len(frames)}
        for name, values in (("energy", np.array(energies)), ("forces", np.concatenate(forces))):
            found[f"{name}_mae"] = 1e3 * float(np.abs(values).mean())
            found[f"{name}_rmse"] = 1e3 * float((values**2).mean() ** 0.5)
        return found


def shifted(frames: list[Atoms], elements: tuple[str, ...], energies: np.ndarray) -> list[Atoms]:
    """Copies with energies less those of isolated atoms; molecules get a periodic box."""
    counts = composition(frames, elements)
    result = []
    for frame, energy in zip(frames, counts @ energies, strict=True):
        copy = frame.copy()
        copy.info, more = {}, {}
        if not frame.pbc.any():
            copy.center(SPACE)
            copy.pbc = True
        elif "stress" in frame.calc.results:
            more["stress"] = frame.get_stress()
        copy.calc = SinglePointCalculator(
            copy, energy=frame.get_potential_energy() - energy, forces=frame.get_forces(), **more
        )
        result.append(copy)
    return result


def train_peer(side: str, config: RunConfig, folder: Path) -> tuple[Shifted, dict]:
    """Train, unless that is done; the calculator, and a dict with minutes and epochs."""
    sys.path.insert(0, sysconfig.get_path("purelib"))  # a spawned process has its parent's path
    training, validation, _ = load_data(config.data)
    symbols = {symbol for frame in training.frames for symbol in frame.get_chemical_symbols()}
    elements = tuple(sorted(symbols, key=atomic_numbers.get))
    frames = list(training.frames)
    given = np.array([frame.get_potential_energy() for frame in frames])
    energies = fit_self_energies(composition(frames, elements), given)
    run, load = {NEP: (_nep, _load_nep), MACE: (_mace, _load_mace)}[side]
    result = folder / "epochs.txt"
    if not result.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        files = folder / "train.xyz", folder / "valid.xyz"
        for file, part in zip(files, (frames, list(validation.frames)), strict=True):
            write(file, shifted(part, elements, energies))
        minutes, seed = config.training.max_minutes, config.training.seed
        batch = small_batch(config, frames)
        few = folder / "few-train.xyz", folder / "few-valid.xyz"
        for file, part in zip(few, files, strict=True):
            write(file, read(part, f"::{SHARE}"))
        with (folder / "log.txt").open("w") as log, redirect_stdout(log):
            timed = partial(_minutes, run, folder, elements=elements, batch=batch, seed=seed)
            one = many = timed("few-1", few, epochs=1)
            n = 1
            while many < 2 * one:  # else the start of a run would hide the time of an epoch
                n *= 3
                many = timed(f"few-{n}", few, epochs=n)
            epochs = max(3, round((n - 1) * minutes / SHARE / (many - one)))
            spent = timed("run", files, epochs=epochs)
        result.write_text(f"{epochs} {spent}")
    epochs, spent = result.read_text().split()
    done = {"minutes": float(spent), "epochs": int(epochs), "curve": []}
    return Shifted(load(folder / "run"), elements, energies), done


def small_batch(config: RunConfig, frames: Sequence[Atoms]) -> int:
    """Configurations per step, with about 128 atoms, as suits Adam."""
    settings = config.training.model_copy(update={"optimizer": "adam"})
    return completed(settings, [len(frame) for frame in frames]).batch_size


def _minutes(run: Callable, folder: Path, name: str, files: Sequence[Path], **settings) -> float:
    """Minutes of processor time that a training takes."""
    (folder / name).mkdir()
    before = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run(folder / name, files, **settings)
    return (time.process_time() - before) / 60


def _nep(folder: Path, files, elements, epochs: int, batch: int, seed: int) -> None:
    from torchnep import train_nep

    (folder / "nep.in").write_text(
        NEP_INPUT.format(
            n_elements=len(elements), elements=" ".join(elements), epochs=epochs, batch=batch
        )
    )
    train_nep(
        str(folder / "nep.in"),
        str(files[0]),
        valid_file=str(files[1]),
        output_dir=str(folder),
        device="cpu",
        run_seed=seed + 1,
        checkpoint_interval=epochs + 1,
        prediction_interval=0,
    )


def _load_nep(folder: Path) -> Calculator:
    from torchnep import ase_calculator

    return ase_calculator.NEP(str(folder / "nep_best.txt"), dtype="float32")


def _mace(folder: Path, files, elements, epochs: int, batch: int, seed: int) -> None:
    from mace.cli.run_train import run
    from mace.tools import build_default_arg_parser

    options = {
        "name": "mace",
        "work_dir": folder,
        "train_file": files[0],
        "valid_file": files[1],
        "E0s": str({atomic_numbers[element]: 0.0 for element in elements}),
        "energy_key": "energy",
        "forces_key": "forces",
        "hidden_irreps": "96x0e",
        "r_max": 4.5,
        "batch_size": batch,
        "valid_batch_size": batch,
        "max_num_epochs": epochs,
        "ema_decay": 0.99,
        "start_swa": max(1, 3 * epochs // 4),
        "default_dtype": "float32",
        "device": "cpu",
        "seed": seed,
    }
    flags = ["--swa", "--ema", "--amsgrad"]
    arguments = [f"--{key}={value}" for key, value in options.items()]
    run(build_default_arg_parser().parse_args(arguments + flags))
    logging.getLogger().handlers.clear()  # those of this run write into its log


def _load_mace(folder: Path) -> Calculator:
    from mace.calculators import MACECalculator

    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # its own file, written above
    path = next(folder.rglob("mace_stagetwo.model"))
    return MACECalculator(model_paths=str(path), device="cpu", default_dtype="float32")
