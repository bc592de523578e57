"""One round of active learning: python run.py FOLDER [--minutes M] [--frames N]."""

import argparse
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from matplotlib.figure import Figure

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.evaluation import compare
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train

sys.path.insert(0, str(Path(__file__).parents[1] / "reference_data"))
from sampling import langevin
from tblite.ase import TBLite

MEMBERS = 3
NETWORK = {
    "n_features": [24, 24],
    "n_atom_layers": 1,
    "soft_min": 0.85,
    "soft_max": 4.0,
    "cutoff": 5.0,
}


def sampled(temperature: float, n_frames: int, seed: int) -> list[Atoms]:
    """Frames of ethanol, 20 fs apart, with energies and forces of GFN2-xTB."""
    random = np.random.default_rng(seed)
    frames = []
    for atoms in langevin(molecule("CH3CH2OH"), "GFN2-xTB", temperature, 1.0, n_frames, 20, random):
        atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        frames.append(Atoms(atoms.symbols, atoms.positions))
        frames[-1].calc = SinglePointCalculator(frames[-1], energy=energy, forces=forces)
    return frames


def committee(frames: list[Atoms], folder: Path, minutes: float) -> list:
    """Members that differ in their first weights."""
    data = folder / "train.extxyz"
    folder.mkdir(parents=True, exist_ok=True)
    write(data, frames)
    members = []
    for seed in range(MEMBERS):
        content = {
            "network": NETWORK,
            "data": {"train": ["train.extxyz"], "validation": 0.1},
            "training": {
                "max_minutes": minutes,
                "seed": seed,
            },
        }
        config = parse_config(content, "run.py", folder)
        path = train(config, folder / f"member-{seed + 1}", overwrite=True, progress_bar=False)
        members.append(load_checkpoint(path)[0])
    return members


def disagreement_and_error(members: list, frames: list[Atoms]) -> tuple[np.ndarray, np.ndarray]:
    """Of each frame: root mean square over its force components, eV/Å."""
    forces = [compare(member, frames).forces for member in members]
    spread, error = [], []
    for frame, *found in zip(frames, *forces, strict=True):
        spread.append(np.sqrt(np.var(found, axis=0, ddof=1).mean()))
        error.append(np.sqrt(((np.mean(found, axis=0) - frame.get_forces()) ** 2).mean()))
    return np.array(spread), np.array(error)


arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("folder", type=Path)
arguments.add_argument("--minutes", type=float, default=0.25, help="of each member")
arguments.add_argument("--frames", type=int, default=60, help="at 300 K; half as many are added")
options = arguments.parse_args()
n_added = options.frames // 2

cold = sampled(300, options.frames, 1)
hot = sampled(900, 4 * options.frames, 2)  # in earnest: frames of the model's own dynamics
unseen = sampled(900, options.frames, 3)
first = committee(cold, options.folder / "first", options.minutes)
# Disagreement needs no labels: those of `hot` count as unknown until a frame is chosen.
spread, _ = disagreement_and_error(first, hot)
chosen = [hot[index] for index in np.argsort(spread)[-n_added:]]
second = committee(cold + chosen, options.folder / "chosen", options.minutes)
lot = np.random.default_rng(4).permutation(len(hot))[:n_added]
third = committee(cold + [hot[index] for index in lot], options.folder / "lot", options.minutes)

before, errors = disagreement_and_error(first, unseen)
after = {
    "before": errors,
    "after, where they disagree": disagreement_and_error(second, unseen)[1],
    "after, at random": disagreement_and_error(third, unseen)[1],
}
figure = Figure(figsize=(10, 4), layout="constrained")
left, right = figure.subplots(1, 2)
left.loglog(before, errors, ".")
left.set(xlabel="disagreement, eV/Å", ylabel="true error, eV/Å", title="900 K, before")
right.boxplot(list(after.values()), tick_labels=[name.replace(", ", ",\n") for name in after])
right.set(ylabel="force error of a frame at 900 K, eV/Å", yscale="log")
figure.savefig(options.folder / "round.png", dpi=90)
for name, values in after.items():
    print(f"{name}: {1e3 * np.sqrt((values**2).mean()):.0f} meV/Å")
