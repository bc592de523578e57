"""Error messages of `hipnn-ts ipi`, and how i-PI and the driver end if the other one ends."""

import signal
import socket
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("ipi.interfaces", reason="no i-PI: pip install 'hipnn-ts[ipi]'")

from ase import Atoms
from ase.build import molecule
from ase.io import write
from ipi_runs import SECONDS, driver, free_port, prepare, simulation

from hipnn_ts.cli import main

pytestmark = pytest.mark.slow

PATIENT = ["--wait", "30"]


def said(*arguments):
    """Return the one-sentence error message, which must come without a traceback."""
    result = CliRunner().invoke(main, ["ipi", *map(str, arguments)])
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    (sentence,) = result.output.splitlines()
    return sentence


@pytest.fixture
def start(tmp_path):
    write(tmp_path / "water.xyz", molecule("H2O"))
    return tmp_path / "water.xyz"


def test_no_such_model(start, tmp_path):
    assert "model.pt: no such file" in said(tmp_path / "model.pt", "--atoms", start)


def test_no_such_atoms(random_model, tmp_path):
    found = said(random_model(), "--atoms", tmp_path / "none.xyz")
    assert "none.xyz: no such file" in found


def test_atoms_that_are_none(random_model, tmp_path):
    (tmp_path / "bad.xyz").write_text("this is no xyz file\n")
    assert "expected a file that ASE reads" in said(random_model(), "--atoms", tmp_path / "bad.xyz")


def test_wrong_element(random_model, tmp_path):
    write(tmp_path / "salt.xyz", Atoms("NaCl", np.eye(3)[:2]))
    found = said(random_model(), "--atoms", tmp_path / "salt.xyz")
    assert "atom 0: expected one of the elements H O" in found
    assert "found Na" in found


def test_wrong_directions(random_model, start):
    found = said(random_model(), "--atoms", start, "--pbc", "TX")
    assert "--pbc: expected T or F for each of three cell vectors, found 'TX'" in found


@pytest.mark.parametrize("unix", [True, False])
def test_nobody_listens(unix, random_model, start):
    where = ["--unix", "--address", "hipnn_ts_nobody"] if unix else ["--port", str(free_port())]
    found = said(random_model(), "--atoms", start, *where, "--wait", "0.3")
    assert "expected i-PI to listen there, found nobody within 0.3 s" in found


def test_neither_torch_nor_ipi_is_needed(random_model, start):
    """The driver runs, as far as the connection, without torch and i-PI."""
    code = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['ipi'] = None\n"
        "from hipnn_ts.cli import main\n"
        "main(sys.argv[1:])"
    )
    where = ["--atoms", start, "--port", str(free_port()), "--wait", "0"]
    command = [sys.executable, "-c", code, "ipi", random_model(), *where]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith("hipnn-ts: error: localhost:")
    assert "expected i-PI to listen there, found nobody" in run.stderr


def test_no_such_host(random_model, start):
    found = said(random_model(), "--atoms", start, "--address", "no.such.host.invalid")
    assert "no.such.host.invalid:31415: cannot be reached" in found


def answering(reply):
    """Return the port of a server that calls ``reply`` with one connection."""
    server = socket.create_server(("localhost", 0))

    def serve():
        connection, _ = server.accept()
        with connection, server:
            reply(connection)

    threading.Thread(target=serve, daemon=True).start()
    return str(server.getsockname()[1])


def test_a_server_that_is_not_ipi(random_model, start):
    port = answering(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n"))
    found = said(random_model(), "--atoms", start, "--port", port)
    assert "expected a message of i-PI's protocol, found 'HTTP/1.1 400'" in found


def test_forces_without_positions(random_model, start):
    port = answering(lambda connection: connection.sendall(b"GETFORCE    "))
    found = said(random_model(), "--atoms", start, "--port", port)
    assert "expected a message of i-PI's protocol, found 'GETFORCE'" in found


@pytest.mark.parametrize("sent", [b"", b"STAT", b"POSDATA     " + bytes(40)])
def test_a_connection_that_ends(sent, random_model, start):
    port = answering(lambda connection: connection.sendall(sent))
    found = said(random_model(), "--atoms", start, "--port", port)
    assert "expected an EXIT message from i-PI, found the connection closed" in found


def test_another_number_of_atoms(random_model, start):
    message = b"POSDATA     " + bytes(2 * 72) + struct.pack("i", 7)
    port = answering(lambda connection: connection.sendall(message) or connection.recv(1))
    found = said(random_model(), "--atoms", start, "--port", port)
    assert "expected the 3 atoms of the given file, found 7 in i-PI" in found


def test_a_configuration_that_cannot_be(random_model, start):
    """With two atoms in one place the driver ends its connection without a reset, as i-PI needs."""
    cell = np.concatenate([np.eye(3) * 20, np.eye(3) / 20])
    message = b"POSDATA     " + cell.tobytes() + struct.pack("i", 3) + bytes(72) + b"GETFORCE    "
    ends = []

    def reply(connection):
        connection.sendall(message)
        ends.append(connection.recv(1))

    found = said(random_model(), "--atoms", start, "--port", answering(reply))
    assert "expected distinct positions" in found
    for _ in range(100):
        if ends:
            break
        threading.Event().wait(0.05)
    assert ends == [b""]


@pytest.fixture
def running(random_model, water, tmp_path):
    """Processes of a long simulation and its driver, after a few steps."""
    # With consolidated messages, i-PI 3.3.1 hangs if a driver dies between two steps.
    settings = {"ensemble": "nve", "beads": 2, "steps": 100000, "consolidated": False}
    where = prepare(tmp_path, water(2), **settings)
    with (
        simulation(tmp_path) as server,
        driver(random_model(), where, tmp_path) as client,
    ):
        out = tmp_path / "run.out"
        for _ in range(600):
            if out.exists() and len(out.read_text().splitlines()) > 5:
                break
            threading.Event().wait(0.1)
        assert client.poll() is None, client.communicate()
        yield server, client


def test_the_driver_is_killed(running):
    server, client = running
    client.kill()
    assert server.wait(timeout=SECONDS) == 0


def test_ipi_is_killed(running):
    server, client = running
    server.kill()
    out, err = client.communicate(timeout=SECONDS)
    assert client.returncode == 1
    assert "found the connection closed" in err
    assert "Traceback" not in out + err


def test_ipi_is_asked_to_stop(running):
    server, client = running
    server.send_signal(signal.SIGTERM)
    out, err = client.communicate(timeout=SECONDS)
    assert client.returncode == 0, err
    assert "i-PI ended" in out
