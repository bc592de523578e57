"""Reading extended XYZ: the frames of good files, and the messages about bad ones."""

import gzip
import io
import lzma

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from hipnn_ts.data import read_frames, read_named
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


FORMS = [(".xyz", bytes), (".xyz.xz", lzma.compress), (".gz", gzip.compress)]


@pytest.mark.parametrize(("suffix", "compress"), FORMS)
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
        (frame(energy=np.inf), r"frame 1: expected a finite energy, found inf"),
        (
            frame(forces=np.array([[0, 0, 0], [0, np.inf, 0], [0, 0, 0.0]])),
            r"frame 1: atom 1: expected finite forces, found \[0.0, inf, 0.0\]",
        ),
        (frame(pbc=True, stress=np.full(6, np.inf)), r"frame 1: expected a finite stress"),
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
        ("\nO ", "\nQq ", r"frame 0: line 3: expected a chemical element, found 'Qq'"),
        ("\nH ", "\nHw ", r"frame 0: line 4: expected a chemical element, found 'Hw'"),
        ("3\n", "4\n", r"frame 0 \(line 1\): expected 4 atoms, found the end of the file after 3"),
        ("\nO ", "\nO x", r"frame 0: expected extended XYZ.*; the frame begins in line 1"),
        ("\nH ", "\n\nH ", r"frame 0: line 4: expected 7 columns, found 0"),
        ("3\n", "9" * 5000 + "\n", r"line 1: expected the number of atoms of frame 0, found '9999"),
        ("3\n", "three\n", r"line 1: expected the number of atoms of frame 0, found 'three'"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_text_that_does_not_parse_is_one_sentence(tmp_path, before, after, expected):
    path = tmp_path / "data.xyz"
    path.write_text(text([frame()]).replace(before, after, 1))
    with pytest.raises(InputError, match=expected) as caught:
        read_frames(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_the_frame_that_does_not_parse_is_named(tmp_path):
    path = tmp_path / "data.xyz"
    whole = text([frame()])
    bad = {
        "four\n": r"line 6: expected the number of atoms of frame 1, found 'four'",
        whole.replace("3\n", "2\n", 1): r"line 10: expected .* frame 2, found 'H .*line 6 right\?",
        whole.replace("3\n", "4\n", 1): r"frame 1: line 11: expected 7 columns, found 1",
        whole.replace("\nH ", "\nQq ", 1): r"frame 1: line 9: expected a chemical element",
    }
    for broken, expected in bad.items():
        path.write_text(whole + broken + whole)
        with pytest.raises(InputError, match=rf"data\.xyz: {expected}"):
            read_frames(path)


@pytest.mark.parametrize(("suffix", "compress"), FORMS)
def test_no_frame_below_an_empty_line_is_lost(tmp_path, suffix, compress):
    path = tmp_path / f"data{suffix}"
    one = text([frame(), frame("OHHOHH")])
    path.write_bytes(compress(f"\n{one}\n \n\t\n{one}\n\n".encode()))
    assert [len(found) for found in read_frames(path)] == [3, 6, 3, 6]
    path.write_bytes(compress(f"{one}\nnotes\n".encode()))
    with pytest.raises(InputError, match=rf"data{suffix}: line 15: expected the number of atoms"):
        read_frames(path)
    path.write_bytes(compress(one.rpartition("\nH")[0].encode()))
    with pytest.raises(InputError, match=r"frame 1 \(line 6\): expected 6 atoms, found the end"):
        read_frames(path)


def test_streams_of_a_compressed_file_are_all_read_and_nothing_else_may_follow(tmp_path):
    one = text([frame()] * 40).encode()
    for suffix, compress in FORMS[1:]:
        path = tmp_path / f"data{suffix}"
        path.write_bytes(compress(one) + compress(b"") + bytes(8) + compress(one))
        assert len(read_frames(path)) == 80
        for rest in (b"more", compress(one)[:-9], bytes(4) + one):
            path.write_bytes(compress(one) + rest)
            with pytest.raises(InputError, match=f"data{suffix}: expected a readable"):
                read_frames(path)


def test_a_mark_of_the_byte_order_and_other_line_ends_are_read(tmp_path):
    path = tmp_path / "data.xyz"
    path.write_bytes(b"\xef\xbb\xbf" + text([frame()] * 2).replace("\n", "\r\n").encode())
    assert len(read_frames(path)) == 2


def test_what_was_read_but_not_as_it_stands_is_remarked_on(tmp_path):
    path = tmp_path / "data.xyz"
    content = text([frame()]).replace("\nO ", "\n8 ").replace("\nH ", "\nd ", 1)
    path.write_text((content + content.replace("species:S:1", "species:I:1"))[:-1])
    found = read_named((path,))
    assert [atoms.numbers.tolist() for atoms in found.frames[:1]] == [[8, 1, 1]]
    assert found.remarks == (
        f"'8' read as O, atoms: 2 ({path}: frame 0: line 3; {path}: frame 1: line 8)",
        f"'d' read as H, atoms: 2 ({path}: frame 0: line 4; {path}: frame 1: line 9)",
        f"last line without an end, perhaps cut off, in files: 1 ({path})",
    )
    path.write_text(text([frame()]).replace(":forces:R:3", ""))
    found = read_named((path,))
    assert found.remarks == (
        "atoms with more columns than Properties names, not read, in configurations: 1 "
        f"({path}: frame 0)",
    )


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
