"""All paths, one after the other, as rows of a table."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.optimize import FIRE

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.export import load_exported
from hipnn_ts.export.unpacking import plain_potential
from hipnn_ts.model import cusp, derivatives
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.selftest.folder import MODEL, Trajectory, write_frames, write_start
from hipnn_ts.selftest.paths import MissingError, PathError, paths
from hipnn_ts.selftest.questions import BOUNDS, Answers, Questions

# Change of the total energy over that of the kinetic energy, with steps of 0.2 fs.
DRIFT = 0.01
RELAXATION = 60  # steps: dynamics begins where no atoms are about to fly apart
TEMPERATURE = 300  # K


@dataclass(frozen=True)
class Row:
    """One path: what was found under each heading, and the largest that is allowed.

    ``problem`` says why there are no figures; ``missing``, that this is no failure.
    """

    name: str
    figures: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    missing: bool = False

    def exceeded(self, heading: str) -> bool:
        """Also where the figure is not a number."""
        return heading in self.figures and not self.figures[heading] <= self.limits[heading]

    @property
    def ok(self) -> bool | None:
        """None where there is nothing to judge."""
        if self.missing:
            return None
        return not self.problem and not any(self.exceeded(heading) for heading in self.figures)


def selftest(model: Path) -> Iterator[Row]:
    """Put the same questions to every path of the exported file ``model``.

    Raises
    ------
    InputError
        The file is not an exported potential.
    """
    module, metadata = load_exported(model)
    questions = Questions(metadata.network.elements, BOUNDS["float64"])
    reference = _evaluate(plain_potential(module, metadata), questions.frames)
    yield _judge("plain torch, float64", questions, reference)
    questions = Questions(metadata.network.elements, BOUNDS[metadata.dtype])
    reference = _evaluate(plain_potential(module, metadata), questions.frames)
    with tempfile.TemporaryDirectory() as name:
        # Its atoms are placed at random: beyond the training data is no remark on the model.
        calculator = HIPNNTSCalculator(model, beyond_training="ignore")
        start = relaxed(calculator, questions.base)
        for index, (path, answer) in enumerate(paths(module.portable)):
            folder = Path(name) / str(index)
            folder.mkdir()
            (folder / MODEL).symlink_to(Path(model).resolve())
            write_frames(folder, questions.frames)
            write_start(folder, start)
            ask = partial(answer, folder, questions.frames)
            yield _row(path, questions, reference, ask)


def smoothness(model: Path) -> str:
    """What the exported file ``model`` allows force constants; raises as ``selftest``."""
    module, metadata = load_exported(model)
    potential, closest = plain_potential(module, metadata), metadata.closest_approach
    found = cusp.rounding(potential, closest)
    if found is None:
        return "the network has no norms: force constants hold at any small displacement"
    return cusp.remark(potential, closest) or (
        f"norms are round within {found.radius:.1g} Å of a symmetric site ({found.centre} among "
        f"four {found.corners}): force constants hold at displacements below that"
    )


def _row(
    name: str,
    questions: Questions,
    reference: Answers,
    ask: Callable[[], tuple[Answers, Trajectory]],
) -> Row:
    try:
        answers, trajectory = ask()
    except MissingError as reason:
        return Row(name, problem=str(reason), missing=True)
    except PathError as reason:
        return Row(name, problem=str(reason))
    return _judge(name, questions, answers, reference, trajectory)


def _judge(
    name: str,
    questions: Questions,
    answers: Answers,
    reference: Answers | None = None,
    trajectory: Trajectory | None = None,
) -> Row:
    bounds = questions.bounds
    differences = questions.differences(answers)
    figures = {"dE/dr": differences["forces"]}
    limits = {"dE/dr": bounds.difference}
    if "virial" in differences:
        figures["dE/dstrain"] = differences["virial"]
        limits["dE/dstrain"] = bounds.difference
    if reference is not None:
        for quantity, value in questions.agreement(answers, reference).items():
            figures[quantity] = value
            limits[quantity] = bounds.agreement
    figures["invariances"] = _largest(questions.invariances(answers).values())
    limits["invariances"] = bounds.agreement
    if trajectory is not None:
        total = trajectory.potential + trajectory.kinetic
        figures["drift"] = float(np.ptp(total) / np.ptp(trajectory.kinetic))
        limits["drift"] = DRIFT
    return Row(name, figures, limits)


def _largest(values: Sequence[float]) -> float:
    """Not a number where one of them is not."""
    return float(np.max(list(values)))


def _evaluate(potential: Potential, frames: list[Atoms]) -> Answers:
    """By plain torch and its autograd."""
    energies, forces, virials = [], [], []
    species_of = {symbol: k for k, symbol in enumerate(potential.config.elements)}
    for frame in frames:
        receivers, senders, shifts = neighbour_pairs(
            frame.positions, frame.cell.array, frame.pbc, potential.config.cutoff
        )
        vectors = torch.from_numpy(
            frame.positions[senders] + shifts - frame.positions[receivers]
        ).requires_grad_(True)
        ends = torch.from_numpy(receivers), torch.from_numpy(senders)
        species = torch.tensor([species_of[symbol] for symbol in frame.symbols])
        atom_energies = potential(species, *ends, vectors)
        gradients = derivatives.pair_gradients(atom_energies, vectors)
        energies.append(atom_energies.sum().item())
        forces.append(derivatives.forces(gradients, *ends, len(frame)).numpy())
        virials.append(derivatives.virial(gradients, vectors.detach()).numpy())
    return Answers(np.array(energies), np.array(forces), np.array(virials))


def relaxed(calculator: HIPNNTSCalculator, base: Atoms) -> Atoms:
    """Where dynamics of ``base`` begins: near a minimum, with velocities of 300 K."""
    atoms = base.copy()
    atoms.calc = calculator
    FIRE(atoms, logfile=None).run(steps=RELAXATION)
    atoms.calc = None
    random = np.random.default_rng(0)
    MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=random)
    return atoms
