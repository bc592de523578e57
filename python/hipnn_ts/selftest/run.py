"""All paths, one after the other, as rows of a table."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.export.file import checked_metadata
from hipnn_ts.extras import cure
from hipnn_ts.processes import last_line, run
from hipnn_ts.selftest.dynamics import DRIFT, Start, Trajectory, start_of
from hipnn_ts.selftest.folder import MODEL, write_frames, write_start
from hipnn_ts.selftest.paths import Answering, MissingError, PathError, paths, plain_torch
from hipnn_ts.selftest.questions import BOUNDS, Answers, Questions


@dataclass(frozen=True)
class Row:
    """One path: the result under each heading, and the largest that is allowed.

    ``problem`` says why there are no figures; ``missing`` says that this is not a failure.
    """

    name: str
    figures: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    missing: bool = False

    def exceeded(self, heading: str) -> bool:
        """True also if the figure is not a number."""
        return heading in self.figures and not self.figures[heading] <= self.limits[heading]

    @property
    def ok(self) -> bool | None:
        """None if there is nothing to judge."""
        if self.missing:
            return None
        return not self.problem and not any(self.exceeded(heading) for heading in self.figures)


def selftest(model: Path) -> Iterator[Row]:
    """Put the same questions to every path of the exported file ``model``.

    If torch, whose row comes first, is missing, the others are compared with the first that
    answers.

    Raises
    ------
    InputError
        The file is not an exported potential.
    """
    metadata = checked_metadata(model)
    elements = metadata.network.elements
    exact, questions = (Questions(elements, BOUNDS[dtype]) for dtype in ("float64", metadata.dtype))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row, reference = _row(
            "plain torch, float64", exact, None, _asked(folder, exact, model, plain_torch)
        )
        yield row
        if reference is not None and metadata.dtype != "float64":
            _, reference = _row("", questions, None, _asked(folder, questions, model, plain_torch))
        # Atoms are placed at random, so a warning about the training data would say nothing about
        # the model.
        calculator = HIPNNTSCalculator(model, beyond_training="ignore")
        start = start_of(calculator, questions.base)
        for path, answer in paths(metadata.flavour == "portable"):
            row, answers = _row(
                path, questions, reference, _asked(folder, questions, model, answer, start)
            )
            reference = answers if reference is None else reference
            yield row


Asking = Callable[[], tuple[Answers, Trajectory | None]]


def _asked(
    parent: Path, questions: Questions, model: Path, answer: Answering, start: Start | None = None
) -> Asking:
    """A path's function, with a separate folder that contains all its input."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    (folder / MODEL).symlink_to(Path(model).resolve())
    write_frames(folder, questions.frames)
    if start is not None:
        write_start(folder, start)
    return partial(answer, folder, questions.frames)


def smoothness(model: Path) -> str:
    """The displacements for which force constants of the exported file ``model`` are valid;
    needs torch."""
    if find_spec("torch") is None:
        return f"displacements for force constants: only torch can tell ({cure('torch')})"
    code, output = run([sys.executable, "-m", "hipnn_ts.selftest.reference", str(model)])
    return last_line(output) if code == 0 else f"how round norms are: {last_line(output)}"


def _row(
    name: str, questions: Questions, reference: Answers | None, ask: Asking
) -> tuple[Row, Answers | None]:
    """The row of a path, and its answers."""
    try:
        answers, trajectory = ask()
    except MissingError as reason:
        return Row(name, problem=str(reason), missing=True), None
    except PathError as reason:
        return Row(name, problem=str(reason)), None
    return _judge(name, questions, answers, reference, trajectory), answers


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
        figures["drift"] = trajectory.drift
        limits["drift"] = DRIFT
    return Row(name, figures, limits)


def _largest(values: Sequence[float]) -> float:
    """Not a number if one of them is not."""
    return float(np.max(list(values)))
