"""A socket to i-PI: arrays in and out, and messages about its failures."""

import socket
import time
from types import TracebackType

import numpy as np

from hipnn_ts.errors import InputError

HEADER = 12  # bytes of a message's name, padded with blanks
UNIX_PREFIX = "/tmp/ipi_"  # i-PI's prefix for the file of a UNIX socket
RETRY = 0.1  # s


class Connection:
    """Connected to i-PI; a context manager that closes the socket.

    Parameters
    ----------
    address : host, or with ``unix`` i-PI's address of a UNIX socket, or its path if it contains a
        slash
    port : port of the host, ignored with ``unix``
    unix : whether it is a UNIX socket
    wait : seconds to keep trying while nobody listens

    Raises
    ------
    InputError
        There is no such host, or nobody listens there.
    """

    def __init__(self, address: str, port: int, unix: bool, wait: float):
        if unix:
            target = address if "/" in address else UNIX_PREFIX + address
            self.name = f"UNIX socket {target}"
        else:
            target = address, port
            self.name = f"{address}:{port}"
        self._socket = self._connected(target, socket.AF_UNIX if unix else None, wait)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def receive_header(self) -> str:
        """The name of the next message."""
        header = self.receive(HEADER, np.uint8).tobytes()
        try:
            return header.decode("ascii").strip()
        except UnicodeDecodeError as error:
            raise self.unexpected(repr(header)) from error

    def receive(self, count: int, dtype: type[np.generic]) -> np.ndarray:
        """The next ``count`` numbers.

        Raises
        ------
        InputError
            The other side has closed the connection.
        """
        out = np.empty(count, dtype)
        view = memoryview(out).cast("B")
        while view:
            try:
                n_bytes = self._socket.recv_into(view)
            except OSError as error:
                raise self._lost() from error
            if n_bytes == 0:
                raise self._lost()
            view = view[n_bytes:]
        return out

    def receive_number(self) -> int:
        """The next int32."""
        return int(self.receive(1, np.int32)[0])

    def send(self, name: str, *parts: bytes) -> None:
        """Send a message in one piece. Raises InputError if the other side has closed the
        connection."""
        try:
            self._socket.sendall(b"".join([name.ljust(HEADER).encode(), *parts]))
        except OSError as error:
            raise self._lost() from error

    def unexpected(self, found: str) -> InputError:
        """The error for something that i-PI's protocol does not contain."""
        return InputError(f"{self.name}: expected a message of i-PI's protocol, found {found}")

    def _lost(self) -> InputError:
        return InputError(
            f"{self.name}: expected an EXIT message from i-PI, found the connection closed; see "
            "i-PI's own output"
        )

    def _connected(
        self, target: str | tuple[str, int], family: int | None, wait: float
    ) -> socket.socket:
        end = time.monotonic() + wait
        while True:
            try:
                if family is None:
                    found = socket.create_connection(target)
                    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return found
                found = socket.socket(family)
                try:
                    found.connect(target)
                except OSError:
                    found.close()
                    raise
                return found
            except (ConnectionRefusedError, FileNotFoundError) as error:
                if time.monotonic() + RETRY > end:
                    raise InputError(
                        f"{self.name}: expected i-PI to listen there, found nobody within "
                        f"{wait:g} s; start i-PI first, with the same address"
                    ) from error
                time.sleep(RETRY)
            except OSError as error:  # an unknown host, or a path that is too long
                raise InputError(f"{self.name}: cannot be reached: {error}") from error
