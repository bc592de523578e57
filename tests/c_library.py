"""Call libhipnn_ts.so through ctypes, as any other program would."""

import ctypes
import re
from ctypes import byref, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np

from hipnn_ts.libraries import FOLDER

HEADER = FOLDER.parent / "include" / "hipnn_ts.h"
API_VERSION = int(re.search(r"#define HIPNN_TS_API_VERSION (\d+)", HEADER.read_text())[1])
LIBRARY = FOLDER / f"libhipnn_ts.so.{API_VERSION}"
OK, INVALID_ARGUMENT, BAD_FILE, NOT_FINITE, NO_MEMORY, FAILED = range(6)


class Pair(ctypes.Structure):
    _fields_ = (
        ("receiver", c_int64),
        ("sender", c_int64),
        ("distance", c_double),
        ("limit", c_double),
    )


RESULTS = {  # of functions that return no status
    "hipnn_ts_version": c_char_p,
    "hipnn_ts_model_element": c_char_p,
    "hipnn_ts_model_self_energy": c_double,
    "hipnn_ts_model_member_self_energy": c_double,
    "hipnn_ts_model_cutoff": c_double,
    "hipnn_ts_model_dtype": c_char_p,
    "hipnn_ts_model_closest_approach": c_double,
    "hipnn_ts_closest_pair": Pair,
    "hipnn_ts_closest_pair_of": Pair,
    "hipnn_ts_model_free": None,
    "hipnn_ts_evaluation_free": None,
    "hipnn_ts_stages_free": None,
}


class CError(Exception):
    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


def pointer(array):
    """Return a pointer to an array's values; null for None."""
    return c_void_p(None if array is None else array.ctypes.data)


class Library:
    def __init__(self, path: Path = LIBRARY):
        self.c = ctypes.CDLL(str(path))
        for name, result in RESULTS.items():
            getattr(self.c, name).restype = result

    def call(self, name, *arguments, size=1000):
        """Call a function that returns a status; raise CError if it is not OK."""
        message = ctypes.create_string_buffer(size or 1)
        status = getattr(self.c, name)(*arguments, message, c_size_t(size))
        if status != OK:
            raise CError(status, message.value.decode())

    def load(self, path) -> "Model":
        handle = c_void_p()
        self.call("hipnn_ts_model_load", str(path).encode(), byref(handle))
        return Model(self, handle)

    def load_memory(self, content: bytes, name: str) -> "Model":
        handle = c_void_p()
        size = c_size_t(len(content))
        arguments = content, size, name.encode(), byref(handle)
        self.call("hipnn_ts_model_load_memory", *arguments)
        return Model(self, handle)


class Handle:
    free: str

    def __init__(self, library: Library, handle: c_void_p):
        assert handle.value
        self.library, self.handle = library, handle

    def __del__(self):
        getattr(self.library.c, self.free)(self.handle)


class Model(Handle):
    free = "hipnn_ts_model_free"

    def __getattr__(self, name):
        function = getattr(self.library.c, f"hipnn_ts_model_{name}")
        return lambda *arguments: function(self.handle, *arguments)

    def evaluation(self) -> "Evaluation":
        handle = c_void_p()
        self.library.call("hipnn_ts_evaluation_create", self.handle, byref(handle))
        return Evaluation(self.library, handle)

    def stages(self) -> "Stages":
        handle = c_void_p()
        self.library.call("hipnn_ts_stages_create", self.handle, byref(handle))
        return Stages(self.library, handle)


class Evaluation(Handle):
    free = "hipnn_ts_evaluation_free"

    def compute(self, numbers, positions, cell=None, pbc=None, n_threads=1, size=1000):
        """Return energy, atomic energies, forces and virial of one structure."""
        numbers = np.ascontiguousarray(numbers, np.int32)
        positions = np.ascontiguousarray(positions, float)
        cell = None if cell is None else np.ascontiguousarray(cell, float)
        pbc = None if pbc is None else np.array(pbc, np.int32)
        n = len(numbers)
        energy, virial = np.full(1, np.nan), np.full((3, 3), np.nan)
        energies, forces = np.full(n, np.nan), np.full((n, 3), np.nan)
        atoms = c_int64(n), *map(pointer, (numbers, positions, cell, pbc)), c_int32(n_threads)
        out = map(pointer, (energy, energies, forces, virial))
        self.library.call("hipnn_ts_compute", self.handle, *atoms, *out, size=size)
        return energy[0], energies, forces, virial

    def closest(self) -> Pair:
        return self.library.c.hipnn_ts_closest_pair(self.handle)

    def compute_batch(self, structures, n_threads=1):
        """Return energies, atomic energies, forces, virials of (numbers, positions, cell, pbc)."""
        counts = np.array([len(each[0]) for each in structures], np.int64)
        columns = zip(*structures, strict=True) if structures else ([], [], [], [])
        numbers, positions, cells, pbc = map(list, columns)
        numbers = np.concatenate([*numbers, []]).astype(np.int32)
        positions = np.concatenate([*positions, np.zeros((0, 3))])
        cells, pbc = np.array(cells, float), np.array(pbc, np.int32)
        n, size = len(structures), len(numbers)
        energy, virials = np.full(n, np.nan), np.full((n, 3, 3), np.nan)
        energies, forces = np.full(size, np.nan), np.full((size, 3), np.nan)
        atoms = map(pointer, (counts, numbers, positions, cells, pbc))
        out = map(pointer, (energy, energies, forces, virials))
        arguments = c_int64(n), *atoms, c_int32(n_threads), *out
        self.library.call("hipnn_ts_compute_batch", self.handle, *arguments)
        return energy, energies, forces, virials

    def members(self, member, deviations=True):
        arguments = c_int32(member), c_int32(deviations)
        self.library.call("hipnn_ts_evaluation_members", self.handle, *arguments)

    def deviations(self, n_atoms, n_structures=1):
        """Return the members' deviations of energies, forces and virials."""
        out = (n_structures,), (n_atoms,), (n_structures, 3, 3)
        out = [np.full(shape, np.nan) for shape in out]
        self.library.call("hipnn_ts_deviations", self.handle, *map(pointer, out))
        return out

    def uncertain(self, wanted=True):
        self.library.call("hipnn_ts_evaluation_uncertainty", self.handle, c_int32(wanted))

    def uncertainties(self, n_atoms):
        out = np.full(n_atoms, np.nan)
        self.library.call("hipnn_ts_uncertainties", self.handle, pointer(out))
        return out

    def closest_of(self, structure) -> Pair:
        return self.library.c.hipnn_ts_closest_pair_of(self.handle, c_int64(structure))


class Stages(Handle):
    free = "hipnn_ts_stages_free"

    def begin(self, n_receivers, species, receivers, senders, vectors, n_threads=1):
        counts = c_int64(len(species)), c_int64(n_receivers)
        pairs = c_int64(len(receivers)), *map(pointer, (receivers, senders, vectors))
        arguments = *counts, pointer(species), *pairs, c_int32(n_threads)
        self.library.call("hipnn_ts_stages_begin", self.handle, *arguments)

    def call(self, name, *arguments):
        converted = [c_int(each) if isinstance(each, int) else pointer(each) for each in arguments]
        self.library.call(f"hipnn_ts_stages_{name}", self.handle, *converted)
