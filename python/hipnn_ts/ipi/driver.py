"""The driver for i-PI: energies, forces and virials, in atomic units."""

import json
import time
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.errors import InputError
from hipnn_ts.ipi.connection import Connection

FORCE = units.Hartree / units.Bohr  # eV/Å
FULL = [[0, 5, 4], [5, 1, 3], [4, 3, 2]]  # order of a stress in Voigt notation


@dataclass
class Served:
    """What a driver did until i-PI ended.

    Attributes
    ----------
    evaluations : number of evaluations
    evaluating : seconds for these
    waiting : seconds between them, in which i-PI moved the beads
    """

    evaluations: int = 0
    evaluating: float = 0.0
    waiting: float = 0.0


@dataclass
class _Answer:
    """Results for one bead, in atomic units."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray
    extras: bytes


def serve(
    calculator: HIPNNTSCalculator,
    atoms: Atoms,
    address: str = "localhost",
    port: int = 31415,
    unix: bool = False,
    wait: float = 10.0,
    atomic_energies: bool = False,
) -> Served:
    """Connect to i-PI and answer until it ends.

    The model, its buffers and its neighbour lists are kept from call to call. Each bead finds its
    own list again: lists of up to 32 beads are kept while no atom of the bead has moved by half an
    Å.

    Parameters
    ----------
    calculator : HIPNNTSCalculator
    atoms : ase.Atoms with elements in i-PI's order and ``pbc``; positions and cell come from i-PI
    address : host on which i-PI listens, or the address of its UNIX socket
    port : port of the host
    unix : use a UNIX socket, ``/tmp/ipi_ADDRESS``, or ``address`` as its path
    wait : seconds to keep trying while nobody listens
    atomic_energies : send atomic energies (hartree) as i-PI's extras, {"energies": [...]}

    Returns
    -------
    Served

    Raises
    ------
    InputError
        Nobody listens there, the connection is lost, i-PI has another number of atoms, or a
        configuration cannot be evaluated; see HIPNNTSCalculator.
    ExtrapolationError
        See HIPNNTSCalculator.
    """
    with Connection(address, port, unix, wait) as connection:
        return _Driver(calculator, atoms.copy(), connection, atomic_energies).run()


class _Driver:
    def __init__(
        self,
        calculator: HIPNNTSCalculator,
        atoms: Atoms,
        connection: Connection,
        atomic_energies: bool,
    ):
        self._calculator, self._atoms, self._connection = calculator, atoms, connection
        self._atomic_energies = atomic_energies
        self._initialised, self._n_together = False, 0
        self._beads: list[tuple[np.ndarray, np.ndarray]] = []
        self._answers: list[_Answer] = []
        self._served, self._since = Served(), 0.0

    def run(self) -> Served:
        """Answer message by message."""
        connection = self._connection
        while (header := connection.receive_header()) != "EXIT":
            if header == "STATUS":
                connection.send(self._status())
            elif header == "INIT":
                self._initialise()
            elif header == "POSDATA":
                self._beads = self._receive_beads()
            elif header == "GETFORCE" and self._beads:
                self._send_forces(self._evaluate())
            else:
                raise connection.unexpected(f"'{header}'")
        return self._served

    def _status(self) -> str:
        if not self._initialised:
            return "NEEDINIT"
        if not self._beads:
            return "READY"
        self._evaluate()
        return "HAVEDATA"

    def _evaluate(self) -> list[_Answer]:
        """Results for the beads that came last, sent once.

        Not before i-PI asks: if a driver ended with an unread message, the connection would be
        reset, and i-PI 3.3.1 would wait forever.
        """
        if not self._answers:
            served, start = self._served, time.perf_counter()
            if served.evaluations:  # i-PI's start is not part of its steps
                served.waiting += start - self._since
            self._answers = [self._evaluated(*bead) for bead in self._beads]
            self._since = time.perf_counter()
            served.evaluating += self._since - start
            served.evaluations += len(self._beads)
        return self._answers

    def _initialise(self) -> None:
        """The index of the first bead does not matter; whether several arrive at once does."""
        connection = self._connection
        connection.receive_number()
        text = connection.receive(connection.receive_number(), np.uint8).tobytes().decode()
        self._initialised, self._n_together = True, 0
        for entry in text.split(","):
            key, _, value = entry.partition(":")
            if key.strip() == "batch_size" and value.strip().isdigit():
                self._n_together = int(value)

    def _receive_beads(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Cell (3, 3), with cell vectors in columns, and positions (n, 3) of each bead, bohr."""
        connection = self._connection
        if not self._n_together:
            cells = connection.receive(18, np.float64)
        n_atoms = connection.receive_number()
        if n_atoms != len(self._atoms):
            raise InputError(
                f"{connection.name}: expected the {len(self._atoms)} atoms of the given file, "
                f"found {n_atoms} in i-PI"
            )
        n_beads = max(1, self._n_together)
        if self._n_together:
            cells = connection.receive(18 * n_beads, np.float64)
        positions = connection.receive(3 * n_atoms * n_beads, np.float64)
        # The inverse of each cell follows it.
        return list(
            zip(
                cells.reshape(n_beads, 2, 3, 3)[:, 0],
                positions.reshape(n_beads, n_atoms, 3),
                strict=True,
            )
        )

    def _evaluated(self, cell: np.ndarray, positions: np.ndarray) -> _Answer:
        atoms = self._atoms
        atoms.positions = positions * units.Bohr
        atoms.cell = cell.T * units.Bohr
        self._calculator.calculate(atoms)
        found = self._calculator.results
        virial = np.zeros((3, 3))
        if "stress" in found:
            virial = found["stress"][FULL] * (-atoms.get_volume() / units.Hartree)
        extras = b""
        if self._atomic_energies:
            extras = json.dumps({"energies": (found["energies"] / units.Hartree).tolist()}).encode()
        return _Answer(found["energy"] / units.Hartree, found["forces"] / FORCE, virial, extras)

    def _send_forces(self, answers: list[_Answer]) -> None:
        parts = [
            np.array([each.energy for each in answers]),
            np.array([len(self._atoms)], np.int32),
            *(each.forces for each in answers),
            *(each.virial for each in answers),
        ]
        extras = (np.int32(len(each.extras)).tobytes() + each.extras for each in answers)
        self._connection.send("FORCEREADY", *(part.tobytes() for part in parts), *extras)
        self._beads, self._answers = [], []
