"""Reading extended XYZ: what is found in good files, what is said about bad ones."""

import gzip
import io
import lzma

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from hipnn_ts.data import read_frames
from hipnn_ts.errors import InputError


def frame(symbols="OHH", pbc=False, **changes):
    random = np.random.default_rng(len(symbols))
    atoms = Atoms(symbols, random.normal(size=(len(symbols), 3)) * 2, pbc=pbc)
    if pbc:
        atoms.cell = [7.0, 8.0, 9.0]
    results = {"energy": -3.25, "forces": random.normal(size=(len(symbols), 3))}
    if pbc:
        results["stress"] = np.arange(6) / 100
    results |= changes
    atoms.calc = SinglePointCalculator(
        atoms, **{name: value for name, value in results.items() if value is not None}
    )
    return atoms


def text(frames):
    out = io.StringIO()
    write(out, frames, format="extxyz")
    return out.getvalue()


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".xyz", bytes), (".xyz.xz", lzma.compress), (".gz", gzip.compress)]
)
def test_reads_plain_and_compressed(tmp_path, suffix, compress):
    path = tmp_path / f"data{suffix}"
    path.write_bytes(compress(text([frame(), frame("OHHOHH", pbc=True)]).encode()))
    molecule, box = read_frames(path)
    assert molecule.get_potential_energy() == -3.25
    assert "stress" not in molecule.calc.results
    assert box.get_forces() == pytest.approx(frame("OHHOHH", pbc=True).get_forces(), abs=1e-8)
    assert box.get_stress() == pytest.approx(np.arange(6) / 100)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (frame(energy=None), r"frame 1: expected an entry 'energy', found forces"),
        (frame(energy=np.nan), r"frame 1: expected a finite energy, found nan"),
        (
            frame(forces=np.array([[0, 0, 0], [0, np.inf, 0], [0, 0, 0.0]])),
            r"frame 1: atom 1: expected finite forces, found \[0.0, inf, 0.0\]",
        ),
        (frame(pbc=True, stress=np.full(6, np.nan)), r"frame 1: expected a finite stress"),
        (frame("OXH"), r"frame 1: atom 1: expected a chemical element, found 'X'"),
    ],
)
def test_a_bad_frame_is_named(tmp_path, bad, expected):
    path = tmp_path / "data.xyz"
    path.write_text(text([frame(), bad]))
    with pytest.raises(InputError, match=rf"data\.xyz: {expected}"):
        read_frames(path)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("\nO ", "\nQq ", r"frame 0: expected extended XYZ"),
        ("3\n", "4\n", r"frame 0: expected extended XYZ"),
        ("\nO ", "\nO x", r"frame 0: expected extended XYZ"),
    ],
)
def test_text_that_does_not_parse_is_one_sentence(tmp_path, before, after, expected):
    path = tmp_path / "data.xyz"
    path.write_text(text([frame()]).replace(before, after, 1))
    with pytest.raises(InputError, match=expected) as caught:
        read_frames(path)
    assert "\n" not in str(caught.value)


def test_the_frame_that_does_not_parse_is_named(tmp_path):
    path = tmp_path / "data.xyz"
    whole = text([frame()])
    for bad in ("four\n", whole.replace("3\n", "2\n", 1), whole.replace("\nH ", "\nQq ", 1)):
        path.write_text(whole + bad + whole)
        with pytest.raises(InputError, match=r"data\.xyz: frame [12]: expected extended XYZ"):
            read_frames(path)


def test_nothing_is_read_below_an_empty_line(tmp_path):
    path = tmp_path / "data.xyz"
    path.write_text(text([frame(), frame("OHHOHH")]) + "\nnotes\n")
    assert [len(found) for found in read_frames(path)] == [3, 6]


def test_files_that_are_not_there_or_not_readable(tmp_path):
    with pytest.raises(InputError, match=r"missing\.xyz: no such file"):
        read_frames(tmp_path / "missing.xyz")
    with pytest.raises(InputError, match="expected a readable"):
        read_frames(tmp_path)
    (tmp_path / "empty.xyz").write_text("")
    with pytest.raises(InputError, match=r"empty\.xyz"):
        read_frames(tmp_path / "empty.xyz")
    whole = lzma.compress(text([frame()] * 50).encode())
    damaged = bytearray(gzip.compress(text([frame()] * 50).encode()))
    damaged[100:200] = bytes(100)
    bad = {"cut.xyz.xz": whole[: len(whole) // 2], "not.xyz.gz": b"plain", "bad.xyz.gz": damaged}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: expected a readable"):
            read_frames(tmp_path / name)


def test_a_flat_periodic_cell_is_refused(tmp_path):
    path = tmp_path / "flat.xyz"
    path.write_text(text([frame(pbc=True)]).replace("9.0", "0.0", 1))
    with pytest.raises(InputError, match="three independent cell vectors"):
        read_frames(path)
