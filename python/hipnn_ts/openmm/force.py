"""Creating an OpenMM force from an exported potential."""

import operator
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import openmm
from ase.data import chemical_symbols
from openmm import app

from hipnn_ts.errors import InputError
from hipnn_ts.export.extrapolation import Action, limits
from hipnn_ts.export.file import need_torch, read_content, read_metadata
from hipnn_ts.export.metadata import Metadata
from hipnn_ts.export.potential import ExportedPotential
from hipnn_ts.extras import cure
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.openmm.computation import Acting, Computation, NativeStep
from hipnn_ts.openmm.particles import Particles
from hipnn_ts.openmm.plugins import load_torch_plugins


def create_force(
    model: str | Path,
    topology_or_numbers: app.Topology | Sequence[int],
    atoms: Iterable[int] | None = None,
    periodic: bool | None = None,
    implementation: Literal["torch", "python"] | None = None,
    beyond_training: Action = "warn",
    member: int | None = None,
) -> openmm.Force:
    """A force that applies an exported potential to a system, or to some of its atoms.

    Parameters
    ----------
    model : path of a file written by ``hipnn-ts export``; the force holds a copy
    topology_or_numbers : openmm.app.Topology or atomic numbers, for every particle of the system
    atoms : indices of the particles on which the potential acts, default all. The system's other
        forces must provide the interactions of these atoms with the others.
    periodic : use the Context's periodic box; default: whether the topology has box vectors.
        Required with atomic numbers.
    implementation : "torch" for an openmmtorch.TorchForce, "python" for an openmm.PythonForce;
        default: the first if openmm-torch can be imported, otherwise the second. Both give the same
        numbers, and both serialise to XML.
    beyond_training : what to do when atoms come closer than in the training data: "warn" on
        standard error (at the 1st, 10th, 100th ... evaluation), "stop" with an OpenMMException, or
        "ignore"
    member : member of a committee (a file with several members) that a PythonForce evaluates alone,
        counted from 0; default: the mean of all. See also :class:`DeviationReporter`.

    Returns
    -------
    openmmtorch.TorchForce or openmm.PythonForce

    Raises
    ------
    InputError
        An atom has an element that is unknown to the potential, atom indices do not fit,
        periodicity is requested without a box, openmm-torch is requested but cannot be imported or
        together with a member, or a member does not exist.

    Warns
    -----
    CutBondWarning
        The topology has bonds between ``atoms`` and other particles.
    """
    content, name = read_content(model), str(model)
    metadata = read_metadata(name, content)
    particles = Particles(topology_or_numbers)
    acting = acting_of(metadata, model, particles, atoms, periodic, beyond_training)
    particles.warn_of_cut_bonds(acting.atoms.tolist())
    if member is not None and implementation == "torch":
        raise InputError(
            "implementation: expected 'python' (or none) beside a member, found 'torch'"
        )
    by_torch = _implementation(implementation if member is None else "python") == "torch"
    if by_torch or not metadata.native:
        if member is not None:
            raise InputError(f"member: expected a committee, found the portable file {model}")
        force = _scripted_force(content, name, metadata, acting, by_torch)
    else:
        potential = ExportedPotential.of(content, name, "cpu")
        force = openmm.PythonForce(Computation(NativeStep(potential, acting, member)))
    force.setUsesPeriodicBoundaryConditions(acting.periodic)
    force.setName("HIP-NN-TS")
    return force


def acting_of(
    metadata: Metadata,
    model: str | Path,
    particles: Particles,
    atoms: Iterable[int] | None,
    periodic: bool | None,
    beyond_training: Action,
) -> Acting:
    """The particles on which a potential acts, from the arguments of ``create_force``. Raises
    InputError."""
    indices = _indices(atoms, len(particles.numbers))
    return Acting(
        len(particles.numbers),
        np.array(indices),
        np.array(_species(metadata.network, model, particles, indices)),
        _periodic(periodic, particles.has_box),
        limits(metadata, beyond_training),
        beyond_training == "stop",
    )


def _scripted_force(
    content: bytes, name: str, metadata: Metadata, acting: Acting, by_torch: bool
) -> openmm.Force:
    """A potential that torch evaluates, within OpenMM or through Python."""
    need_torch(name, metadata)
    from hipnn_ts.export.read import load_content
    from hipnn_ts.openmm.scripted import ScriptedStep, scripted

    module = scripted(load_content(content, name)[0], acting)
    if not by_torch:
        return openmm.PythonForce(Computation(ScriptedStep(module)))
    import openmmtorch

    force = openmmtorch.TorchForce(module)
    force.setOutputsForces(True)
    return force


def _indices(atoms: Iterable[int] | None, n_particles: int) -> list[int]:
    if atoms is None:
        atoms = range(n_particles)
    try:
        indices = [operator.index(atom) for atom in atoms]
    except TypeError as error:
        raise InputError("atoms: expected particle indices, found something else") from error
    if not indices:
        raise InputError("atoms: expected at least one atom, found none")
    seen = set()
    for index in indices:
        if not 0 <= index < n_particles:
            raise InputError(
                f"atoms: expected indices below the {n_particles} particles, found {index}"
            )
        if index in seen:
            raise InputError(f"atoms: expected each index once, found {index} twice")
        seen.add(index)
    return indices


def _species(
    network: NetworkConfig, model: str | Path, particles: Particles, indices: list[int]
) -> list[int]:
    known = {number: species for species, number in enumerate(network.atomic_numbers)}
    for index in indices:
        number = particles.numbers[index]
        if number not in known:
            raise InputError(
                f"{particles.name(index)}: expected one of the elements "
                f"{' '.join(network.elements)} of {model}, found {_described(number)}"
            )
    return [known[particles.numbers[index]] for index in indices]


def _described(number: int) -> str:
    if number == 0:
        return (
            "a particle without an element, such as a virtual site; leave it out of the "
            "potential's atoms: atoms=[...]"
        )
    in_table = 0 < number < len(chemical_symbols)
    return chemical_symbols[number] if in_table else f"atomic number {number}"


def _periodic(periodic: bool | None, has_box: bool | None) -> bool:
    if periodic is None:
        if has_box is None:
            raise InputError("periodic: expected True or False beside atomic numbers, found None")
        return has_box
    if periodic and has_box is False:
        raise InputError(
            "periodic: expected a topology with box vectors, found one without; call "
            "topology.setPeriodicBoxVectors first"
        )
    return periodic


def _implementation(asked: str | None) -> str:
    if asked not in (None, "torch", "python"):
        raise InputError(f"implementation: expected 'torch' or 'python', found '{asked}'")
    if asked == "python":
        return asked
    try:
        load_torch_plugins()
    except (ImportError, InputError) as error:
        if asked == "torch":
            raise InputError(
                f"implementation 'torch': openmmtorch cannot be used ({error}); "
                f"{cure('openmmtorch')}, or use implementation='python'"
            ) from error
        if getattr(error, "name", None) != "openmmtorch":
            warnings.warn(
                f"openmmtorch is installed but cannot be used ({error}); using "
                "openmm.PythonForce instead; `hipnn-ts doctor` says more",
                stacklevel=3,
            )
        return "python"
    return "torch"
