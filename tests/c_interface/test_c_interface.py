"""The C interface gives the same results as Python's over the same runtime, and names mistakes."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from ctypes import byref, c_char_p, c_int64, c_size_t, c_void_p
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule
from c_library import (
    API_VERSION,
    BAD_FILE,
    INVALID_ARGUMENT,
    LIBRARY,
    NOT_FINITE,
    CError,
    Library,
    pointer,
)
from documents import FORMATS

from hipnn_ts import _core
from hipnn_ts.export import export_potential

HEADER = Path(__file__).parents[2] / "csrc" / "include" / "hipnn_ts.h"
DTYPES = [torch.float64, torch.float32]


@pytest.fixture(scope="module")
def library():
    return Library()


def by_python(path, atoms):
    evaluation = _core.Evaluation(_core.Model(path.read_bytes(), str(path)))
    species = (atoms.numbers == 8).astype(np.int64)
    arguments = atoms.positions, species, atoms.cell.array, atoms.pbc, np.zeros((0, 0)), 1
    return evaluation.compute(*arguments)[:3]


def test_exports_its_functions_alone():
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True
    )
    exported = {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()}
    declared = set(re.findall(r"\b(hipnn_ts_\w+)\(", HEADER.read_text()))
    assert len(declared) > 20
    assert exported - {f"HIPNN_TS_{API_VERSION}"} == declared
    needed = subprocess.run(["readelf", "-d", LIBRARY], capture_output=True, text=True, check=True)
    assert f"soname: [libhipnn_ts.so.{API_VERSION}]" in needed.stdout
    libraries = re.findall(r"NEEDED.*\[(.*)\]", needed.stdout)
    assert {name.split(".")[0] for name in libraries} <= {
        *("libstdc++", "libgcc_s", "libgomp", "libm", "libc", "ld-linux-x86-64", "libdl"),
        *("libasan", "libubsan"),
    }


def test_versions(library):
    assert library.c.hipnn_ts_api_version() == API_VERSION == 1
    pyproject = (HEADER.parents[2] / "pyproject.toml").read_text()
    assert f'\nversion = "{library.c.hipnn_ts_version().decode()}"' in pyproject


def test_what_a_model_is(library, random_potential, tmp_path):
    limits = {"closest_approach": {"H-H": 1.4, "H-O": 0.9}}
    export_potential(random_potential(), tmp_path / "m.pt", limits, dtype=torch.float32)
    content = (tmp_path / "m.pt").read_bytes()
    for model in (library.load(tmp_path / "m.pt"), library.load_memory(content, "m.pt")):
        assert model.n_species() == 2
        assert [model.element(k) for k in (-1, 0, 1, 2)] == [None, b"H", b"O", None]
        assert [model.atomic_number(k) for k in (-1, 0, 1, 2)] == [0, 1, 8, 0]
        energies = [model.self_energy(k) for k in (0, 1, 2)]
        assert energies == [*random_potential().self_energies.tolist(), 0]
        assert model.cutoff() == 4.0
        assert model.dtype() == b"float32"
        pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
        found = [model.closest_approach(*pair) for pair in pairs]
        assert found == [1.4, 0.9, 0.9, 4.0, 0.0]
        assert model.n_blocks() == 2
        assert [model.block_width(k) for k in (-1, 0, 1, 2)] == [0, 8, 8, 0]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("pbc", product((False, True), repeat=3))
def test_computes_what_python_does(library, random_model, water, dtype, pbc):
    atoms = water(2)
    atoms.set_cell([[6.2, 0, 0], [0.7, 6.1, 0], [-0.4, 0.3, 6.4]])
    atoms.pbc = pbc
    evaluation = library.load(random_model(dtype)).evaluation()
    found = evaluation.compute(atoms.numbers, atoms.positions, atoms.cell.array, pbc)
    for a, b in zip(found[1:], by_python(random_model(dtype), atoms), strict=True):
        np.testing.assert_array_equal(a, b)
    assert found[0] == pytest.approx(found[1].sum(), rel=1e-13)
    if all(pbc):
        other = evaluation.compute(atoms.numbers, atoms.positions, atoms.cell.array)
    elif not any(pbc):
        other = evaluation.compute(atoms.numbers, atoms.positions)
    else:
        return
    np.testing.assert_array_equal(other[2], found[2])


def test_outputs_that_nobody_wants(library, random_model):
    atoms = molecule("H2O")
    evaluation = library.load(random_model()).evaluation()
    numbers = atoms.numbers.astype(np.int32)
    arguments = [evaluation.handle, c_int64(3), pointer(numbers), pointer(atoms.positions)]
    arguments += [None, None, 0]
    wanted = evaluation.compute(atoms.numbers, atoms.positions)
    library.call("hipnn_ts_compute", *arguments, None, None, None, None)
    for k, expected in enumerate(wanted):
        found = np.full_like(np.atleast_1d(expected), np.nan)
        out = [None] * 4
        out[k] = pointer(found)
        library.call("hipnn_ts_compute", *arguments, *out)
        np.testing.assert_array_equal(found, np.atleast_1d(expected))


def test_several_callers_at_once(library, random_model, water):
    model = library.load(random_model())
    frames = [water(2), water(3), molecule("H2O"), water(2)]
    frames[3].rattle(0.1)

    def run(atoms):
        evaluation = model.evaluation()
        return [
            evaluation.compute(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, 2)
            for _ in range(30)
        ]

    with ThreadPoolExecutor(len(frames)) as pool:
        results = list(pool.map(run, frames))
    for atoms, found in zip(frames, results, strict=True):
        expected = by_python(random_model(), atoms)
        for each in found:
            for a, b in zip(each[1:], expected, strict=True):
                np.testing.assert_array_equal(a, b)


def test_an_evaluation_outlives_its_model(library, random_model):
    atoms = molecule("H2O")
    evaluation = library.load(random_model()).evaluation()  # the model is freed here
    assert np.isfinite(evaluation.compute(atoms.numbers, atoms.positions)[2]).all()


def test_closest_pair(library, random_potential, tmp_path):
    path = tmp_path / "m.pt"
    export_potential(random_potential(), path, {"closest_approach": {"H-H": 1.4, "H-O": 0.9}})
    evaluation = library.load(path).evaluation()
    assert evaluation.closest().receiver == -1  # nothing has been computed yet
    water = molecule("H2O")
    evaluation.compute(water.numbers, water.positions)
    assert (evaluation.closest().receiver, evaluation.closest().sender) == (-1, -1)
    evaluation.compute([8, 1, 1], [[0, 0, 0], [0, -0.95, 0], [0, 0.8, 0]])
    pair = evaluation.closest()
    assert {pair.receiver, pair.sender} == {0, 2}
    assert (pair.distance, pair.limit) == (pytest.approx(0.8, rel=1e-12), 0.9)
    with pytest.raises(CError):
        evaluation.compute([8, 6], [[0, 0, 0], [0, 0, 0.95]])
    assert evaluation.closest().receiver == -1


def test_results_that_are_not_finite_are_given_and_told(library, random_model):
    evaluation = library.load(random_model(torch.float32, zbl=(1.0, 2.5))).evaluation()
    numbers = np.array([8, 1, 8, 1], np.int32)
    positions = np.array([[0, 0, 0], [0, 0, 9.0], [0, 9.0, 0], [0, 9.0, 1e-25]])
    with pytest.raises(CError, match=r"^atom 2: expected a finite energy and force") as error:
        evaluation.compute(numbers, positions)
    assert error.value.status == NOT_FINITE
    forces = np.zeros((4, 3))
    arguments = [evaluation.handle, c_int64(4), pointer(numbers), pointer(positions)]
    with pytest.raises(CError):
        library.call("hipnn_ts_compute", *arguments, *[None] * 3, None, None, pointer(forces), None)
    assert np.isfinite(forces[:2]).all()
    assert not np.isfinite(forces[2:]).all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n_threads", [0, 1, 2])
def test_a_batch_is_single_calls(library, random_model, water, dtype, n_threads):
    slab = water(2)
    slab.pbc = (True, False, True)
    frames = [molecule("H2O"), water(2), molecule("H2"), slab, *[molecule("H2O2")] * 50]
    structures = [(f.numbers, f.positions, f.cell.array, f.pbc) for f in frames]
    evaluation = library.load(random_model(dtype)).evaluation()
    energy, energies, forces, virials = evaluation.compute_batch(structures, n_threads)
    first = 0
    for k, (frame, structure) in enumerate(zip(frames, structures, strict=True)):
        own = slice(first, first + len(frame))
        found = energy[k], energies[own], forces[own], virials[k]
        for a, b in zip(found, evaluation.compute(*structure), strict=True):
            np.testing.assert_array_equal(a, b)
        first = own.stop
    assert first == len(energies)
    assert [len(each) for each in evaluation.compute_batch([])] == [0] * 4


def test_a_batch_in_open_space_and_without_outputs(library, random_model):
    evaluation = library.load(random_model()).evaluation()
    counts, numbers = np.array([3, 2], np.int64), np.array([8, 1, 1, 8, 1], np.int32)
    positions = np.concatenate([molecule("H2O").positions, [[0, 0, 0], [0, 0, 1.0]]])
    arguments = [evaluation.handle, c_int64(2), *map(pointer, (counts, numbers, positions))]
    arguments += [None, None, 2]
    energy = np.full(2, np.nan)
    library.call("hipnn_ts_compute_batch", *arguments, pointer(energy), None, None, None)
    assert energy[1] == evaluation.compute([8, 1], positions[3:])[0]
    library.call("hipnn_ts_compute_batch", *arguments, None, None, None, None)


def test_what_a_batch_says(library, random_potential, random_model, tmp_path):
    path = tmp_path / "m.pt"
    export_potential(random_potential(), path, {"closest_approach": {"H-H": 1.4, "H-O": 0.9}})
    evaluation = library.load(path).evaluation()
    none = np.zeros((3, 3)), (0, 0, 0)
    water, close = molecule("H2O"), ([8, 1], np.array([[0, 0, 0], [0, 0, 0.8]]), *none)
    good = (water.numbers, water.positions, *none)
    evaluation.compute_batch([good, close])
    assert [evaluation.closest_of(k).receiver >= 0 for k in (-1, 0, 1, 2)] == [0, 0, 1, 0]
    pair = evaluation.closest_of(1)
    assert (pair.distance, pair.limit) == (pytest.approx(0.8, rel=1e-12), 0.9)
    for wrong, sentence in {
        "atom 1: expected one of the elements H O, found C": ([8, 6], close[1], *none),
        "atom 0: expected finite coordinates": ([8, 1], close[1] * np.nan, *none),
        "expected independent box vectors": (*good[:2], np.ones((3, 3)), (1, 1, 1)),
        "atoms 0 and 1: expected distinct positions": ([8, 1], close[1] * 0, *none),
    }.items():
        with pytest.raises(CError, match=f"^structure 2: {wrong}") as error:
            evaluation.compute_batch([good, close, sentence, good])
        assert error.value.status == INVALID_ARGUMENT
        assert evaluation.closest_of(1).receiver == -1
    evaluation = library.load(random_model(torch.float32, zbl=(1.0, 2.5))).evaluation()
    wrong = np.array([[0, 0, 0], [0, 0, 9.0], [0, 9.0, 0], [0, 9.0, 1e-25]])
    with pytest.raises(CError, match=r"^structure 1: atom 2: expected a finite energy") as error:
        evaluation.compute_batch([good, ([8, 1, 8, 1], wrong, *none)])
    assert error.value.status == NOT_FINITE
    counts = np.array([3, -1], np.int64)
    arguments = evaluation.handle, c_int64(2), pointer(counts), *[None] * 4, 1, *[None] * 4
    with pytest.raises(CError, match=r"^structure 1: expected 0 to 2147483647 atoms, found -1"):
        library.call("hipnn_ts_compute_batch", *arguments)
    for n, given, sentence in ((-1, counts, "n_structures"), (1, None, "n_atoms")):
        arguments = c_int64(n), pointer(given), *[None] * 4, 1, *[None] * 4
        with pytest.raises(CError, match=f"^{sentence}: expected"):
            library.call("hipnn_ts_compute_batch", evaluation.handle, *arguments)
    arguments = c_int64(1), pointer(counts), *[None] * 4, 1, *[None] * 4
    with pytest.raises(CError, match=r"^atomic_numbers: expected a pointer"):
        library.call("hipnn_ts_compute_batch", evaluation.handle, *arguments)


FILES = {
    "expected a file that can be read, found none": None,
    "expected an exported hipnn-ts potential, found a file that torch cannot load": b"nothing",
    "found a portable one": FORMATS / "2" / "portable.pt",
    "found a checkpoint of training; export it": FORMATS / "2" / "potential.ckpt",
}


@pytest.mark.parametrize("sentence", FILES)
def test_files_that_cannot_be_used(library, tmp_path, sentence):
    path, content = tmp_path / "m.pt", FILES[sentence]
    if isinstance(content, Path):
        content = content.read_bytes()
    if content is not None:
        path.write_bytes(content)
        with pytest.raises(CError, match=rf"^bytes: .*{sentence}"):
            library.load_memory(content, "bytes")
    with pytest.raises(CError, match=rf"^{re.escape(str(path))}: .*{sentence}") as error:
        library.load(path)
    assert error.value.status == BAD_FILE
    with pytest.raises(CError, match=r"expected a file that can be read") as error:
        library.load(tmp_path)  # a folder


def test_a_record_that_nobody_can_read_out(library, random_model):
    """Names of a file's records may be any bytes; messages about them are one line of UTF-8."""
    content = random_model().read_bytes()
    name = b"byteorder"
    assert content.count(name) == 2  # in the record's header, and in the directory
    for new, shown in ((b"\xd8yte\n\xc3\xa9er", "?yte?éer"), (b"\xe2\x82\xacorde\xe2", "€orde?")):
        changed = content.replace(name, new.ljust(len(name), b"."))
        with pytest.raises(CError, match=r"found the record '") as error:
            library.load_memory(changed, "bytes")
        assert f"'{shown}" in str(error.value)


GOOD = {"numbers": [8, 1], "positions": [[0, 0, 0], [0, 0, 1]], "cell": np.eye(3) * 8}
MISTAKES = {
    "atom 1: expected one of the elements H O, found C": {"numbers": [8, 6]},
    "atom 0: expected one of the elements H O, found the atomic number 0": {"numbers": [0, 8]},
    "atom 0: .* found the atomic number -2147483648": {"numbers": [-(2**31), 8]},
    "atom 1: expected finite coordinates": {"positions": [[0, 0, 0], [0, 0, np.inf]]},
    "atoms 0 and 1: expected distinct positions": {"positions": [[0, 0, 0], [0, 8, 0]]},
    "expected independent box vectors": {"cell": np.ones((3, 3))},
    "cell: expected box vectors where pbc is set": {"cell": None, "pbc": (0, 1, 0)},
    "n_threads: expected 0 to 1024, found -1": {"n_threads": -1},
    "n_threads: expected 0 to 1024, found 100000": {"n_threads": 100_000},
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_mistakes_are_named(library, random_model, sentence):
    evaluation = library.load(random_model()).evaluation()
    before = evaluation.compute(**GOOD)
    with pytest.raises(CError, match=f"^{sentence}") as error:
        evaluation.compute(**{**GOOD, **MISTAKES[sentence]})
    assert error.value.status == INVALID_ARGUMENT
    np.testing.assert_array_equal(evaluation.compute(**GOOD)[2], before[2])


def test_pointers_that_are_null(library, random_model):
    model = library.load(random_model())
    evaluation = model.evaluation()
    handle = c_void_p()
    for name, arguments, sentence in [
        ("model_load", (None, byref(handle)), "path"),
        ("model_load", (b"m.pt", None), "model"),
        ("model_load_memory", (None, c_size_t(0), b"m.pt", byref(handle)), "content"),
        ("model_load_memory", (b"x", c_size_t(1), None, byref(handle)), "name"),
        ("evaluation_create", (None, byref(handle)), "model"),
        ("evaluation_create", (model.handle, None), "evaluation"),
        ("stages_create", (None, byref(handle)), "model"),
        ("compute", (None, c_int64(0), *[None] * 4, 0, *[None] * 4), "evaluation"),
        ("compute", (evaluation.handle, c_int64(1), *[None] * 4, 0, *[None] * 4), "atomic_numbers"),
        ("compute", (evaluation.handle, c_int64(-1), *[None] * 4, 0, *[None] * 4), "n_atoms"),
    ]:
        with pytest.raises(CError, match=f"^{sentence}: expected") as error:
            library.call(f"hipnn_ts_{name}", *arguments)
        assert error.value.status == INVALID_ARGUMENT
        assert not handle
    for kind in ("model", "evaluation", "stages"):
        getattr(library.c, f"hipnn_ts_{kind}_free")(None)
    # An empty structure is no mistake.
    library.call("hipnn_ts_compute", evaluation.handle, c_int64(0), *[None] * 4, 0, *[None] * 4)


@pytest.mark.parametrize("size", [0, 1, 2, 12, 13, 1000])
def test_messages_fit(library, size):
    """A message is cut between characters to fit its buffer; a buffer of size 0 is not written."""
    name = "Å" * 20
    message = (b"x" * 1001).ljust(1001)
    buffer = c_char_p(message)
    handle = c_void_p()
    arguments = b"nothing", c_size_t(7), name.encode(), byref(handle)
    status = library.c.hipnn_ts_model_load_memory(*arguments, buffer, c_size_t(size))
    assert status == BAD_FILE
    if size == 0:
        assert message.startswith(b"xxx")
        return
    text = buffer.value.decode()
    assert len(buffer.value) in (size - 1, size - 2) or len(buffer.value) < size == 1000
    assert (name + ": expected").startswith(text) or text.startswith(name + ": expected")
    assert message[size:] == (b"x" * 1001)[size:]
    assert library.c.hipnn_ts_model_load_memory(*arguments, None, c_size_t(0)) == BAD_FILE


@pytest.mark.parametrize("language", [["-xc", "-std=c99"], ["-xc", "-std=c11"], ["-xc++"]])
def test_the_header_is_good_alone(language, tmp_path):
    (tmp_path / "empty.c").write_text(f'#include "{HEADER}"\n')
    command = ["c++" if "-xc++" in language else "cc", *language, "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*command, "-pedantic", "-c", "empty.c", "-o", "x.o"], cwd=tmp_path, check=True)
