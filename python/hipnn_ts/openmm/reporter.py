"""An OpenMM reporter for the deviations of a committee, or for the force uncertainty of a single
network."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from openmm import app

from hipnn_ts.committee.deviations import check_judge
from hipnn_ts.errors import InputError
from hipnn_ts.export.file import read_content, read_metadata
from hipnn_ts.export.potential import ExportedPotential
from hipnn_ts.openmm.computation import NativeStep
from hipnn_ts.openmm.force import acting_of
from hipnn_ts.openmm.particles import Particles
from hipnn_ts.openmm.units import ANGSTROMS_PER_NANOMETRE, KILOJOULES_PER_MOLE_PER_EV

HEADER = (
    '#"Step","Largest Deviation of a Force (kJ/mole/nm)","Smallest (kJ/mole/nm)",'
    '"Mean (kJ/mole/nm)","Deviation of the Energy (kJ/mole)"'
)

UNCERTAINTY_HEADER = (
    '#"Step","Largest Uncertainty of a Force (kJ/mole/nm)","Smallest (kJ/mole/nm)",'
    '"Mean (kJ/mole/nm)"'
)


class Report(NamedTuple):
    """Standard deviations over the members in one step; for a single network, the uncertainty of
    forces.

    Attributes
    ----------
    step : step of the simulation
    energy : kJ/mol; nan for a single network
    forces : (n,), kJ/mol/nm, ``sqrt(mean |F - mean F|²)`` of each atom on which the potential acts
    """

    step: int
    energy: float
    forces: np.ndarray


class DeviationReporter:
    """Evaluates all members of a committee, or a network with force uncertainty, at regular steps,
    whichever force moves the system.

    Such a step costs one more evaluation; others cost nothing.

    Parameters
    ----------
    file : path of the table to write, which is replaced, or None
    reportInterval : steps from report to report
    model : path of a committee, as ``hipnn-ts export FOLDER`` writes it, or of a network with force
        uncertainty
    topology_or_numbers, atoms, periodic : as in ``create_force``
    callback : called with the openmm.app.Simulation and the :class:`Report`; an exception in it
        ends the run

    Raises
    ------
    InputError
        The file contains a single network without uncertainty, or cannot be written; also the
        errors of ``create_force``.
    """

    def __init__(
        self,
        file: str | Path | None,
        reportInterval: int,  # noqa: N803, as of OpenMM's reporters
        model: str | Path,
        topology_or_numbers: app.Topology | Sequence[int],
        atoms: Iterable[int] | None = None,
        periodic: bool | None = None,
        callback: Callable[[app.Simulation, Report], None] | None = None,
    ):
        content, name = read_content(model), str(model)
        metadata = read_metadata(name, content)
        check_judge(name, metadata)
        self._of_one = metadata.members == 1
        particles = Particles(topology_or_numbers)
        acting = acting_of(metadata, model, particles, atoms, periodic, "ignore")
        self._step = NativeStep(ExportedPotential.of(content, name, "cpu"), acting)
        self._interval, self._callback = reportInterval, callback
        self._path = None if file is None else Path(file)
        if self._path is not None:
            self._write("w", UNCERTAINTY_HEADER if self._of_one else HEADER)

    def _write(self, mode: str, line: str) -> None:
        try:
            with self._path.open(mode, encoding="utf-8") as file:
                print(line, file=file)
        except OSError as error:
            raise InputError(f"{self._path}: cannot be written: {error.strerror}") from error

    def describeNextReport(self, simulation: app.Simulation) -> tuple:  # noqa: N802
        """Steps until the next report, and the required parts of the state: positions that are
        not wrapped."""
        steps = self._interval - simulation.currentStep % self._interval
        return steps, True, False, False, False, False

    def report(self, simulation: app.Simulation, state) -> None:
        """Called by the simulation. Raises ValueError if particles cannot be evaluated."""
        box = None
        if self._step.periodic:
            box = state.getPeriodicBoxVectors(asNumpy=True)._value
        found = self._step.deviations(state.getPositions(asNumpy=True)._value, box)
        forces = found.forces * (KILOJOULES_PER_MOLE_PER_EV * ANGSTROMS_PER_NANOMETRE)
        energy = found.energy * KILOJOULES_PER_MOLE_PER_EV
        if self._path is not None:
            values = forces.max(), forces.min(), forces.mean(), *([] if self._of_one else [energy])
            row = ",".join([str(simulation.currentStep), *(f"{value:.10g}" for value in values)])
            self._write("a", row)
        if self._callback is not None:
            self._callback(simulation, Report(simulation.currentStep, energy, forces))
