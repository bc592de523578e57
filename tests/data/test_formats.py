"""Every format, key and unit gives the same configurations; mistakes give one sentence."""

import h5py
import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

from hipnn_ts.data import read_frames, read_named
from hipnn_ts.data.labels import WEIGHT
from hipnn_ts.data.list_on_disk import ListOnDisk
from hipnn_ts.data.read import ROWS
from hipnn_ts.errors import InputError
from hipnn_ts.label_config import LabelConfig

N_FRAMES = 4
RANDOM = np.random.default_rng(5)
POSITIONS = RANDOM.normal(size=(N_FRAMES, 3, 3)) * 2
FORCES = RANDOM.normal(size=(N_FRAMES, 3, 3))
ENERGIES = RANDOM.normal(size=N_FRAMES)
STRESSES = RANDOM.normal(size=(N_FRAMES, 6))
CELL = np.diag([7.0, 8.0, 9.0])
NUMBERS = np.array([8, 1, 1])


def frames():
    out = []
    for index in range(N_FRAMES):
        atoms = Atoms(NUMBERS, POSITIONS[index], cell=CELL, pbc=True)
        atoms.info["config_type"] = "box" if index else "first"
        atoms.calc = SinglePointCalculator(
            atoms, energy=ENERGIES[index], forces=FORCES[index], stress=STRESSES[index]
        )
        out.append(atoms)
    return out


def in_xyz(folder):
    write(folder / "data.extxyz", frames(), format="extxyz")
    return folder / "data.extxyz", {}


def in_database(folder):
    with connect(folder / "data.db") as database:
        for atoms in frames():
            database.write(atoms, config_type=atoms.info["config_type"])
    return folder / "data.db", {}


def in_archive(folder):
    # In bohr and hartree, with gradients, one array of species for all frames, stresses in GPa.
    matrices = STRESSES[:, [0, 5, 4, 5, 1, 3, 4, 3, 2]].reshape(-1, 3, 3)
    np.savez(
        folder / "data.npz",
        z=NUMBERS,
        R=POSITIONS / units.Bohr,
        E=ENERGIES / units.Hartree,
        grad=-FORCES / units.Hartree * units.Bohr,
        stress=matrices / units.GPa,
        lattice=CELL / units.Bohr,
        config_type=np.array(["first", "box", "box", "box"]),
    )
    return folder / "data.npz", {
        "columns": {"forces": "grad"},
        "units": {"energy": "hartree", "length": "bohr", "stress": "GPa"},
        "forces_are": "gradient",
    }


def in_hdf5(folder):
    # As in ANI's files, groups are nested and symbols are bytes; one frame was never computed.
    with h5py.File(folder / "data.h5", "w") as file:
        group = file.create_group("set/water")
        group["species"] = np.array([b"O", b"H", b"H"])
        group["coordinates"] = np.concatenate([POSITIONS, POSITIONS[:1]])
        group["wb97x.energy"] = np.append(ENERGIES, np.nan) / units.kcal * units.mol
        nothing = np.full((1, 3, 3), np.nan)
        group["forces"] = np.concatenate([FORCES, nothing]) / units.kcal * units.mol
        group["stress"] = np.concatenate([STRESSES, nothing[:, :2].reshape(1, 6)]) / (
            units.kcal / units.mol
        )
        group["cell"] = CELL
        group["config_type"] = np.array([b"first", b"box", b"box", b"box", b"box"])
    return folder / "data.h5", {
        "columns": {"energy": "wb97x.energy"},
        "units": {"energy": "kcal/mol"},
    }


@pytest.mark.parametrize("make", [in_xyz, in_database, in_archive, in_hdf5])
def test_every_format_gives_the_same_frames(tmp_path, make):
    path, labels = make(tmp_path)
    weights = {"config_type_weights": {"first": 0.25}}
    found = read_named((path,), LabelConfig(**labels, **weights))
    assert len(found.frames) == N_FRAMES
    left_out = (
        f"configurations without any reference value, left out: 1 ({path}: set/water: frame 4)"
    )
    assert found.remarks == ((left_out,) if path.suffix == ".h5" else ())
    for index, atoms in enumerate(found.frames):
        assert atoms.numbers.tolist() == [8, 1, 1]
        assert atoms.positions == pytest.approx(POSITIONS[index], abs=1e-7)
        assert atoms.cell.array == pytest.approx(CELL)
        assert atoms.pbc.all()
        assert atoms.get_potential_energy() == pytest.approx(ENERGIES[index], abs=1e-7)
        assert atoms.get_forces() == pytest.approx(FORCES[index], abs=1e-7)
        assert atoms.get_stress() == pytest.approx(STRESSES[index], abs=1e-7)
        assert atoms.info[WEIGHT] == (1.0 if index else 0.25)
        assert str(path) in found.names[index]


def content(atoms):
    arrays = {"cell": atoms.cell.array, "pbc": atoms.pbc, **atoms.arrays, **atoms.calc.results}
    return {name: np.asarray(value).tobytes() for name, value in arrays.items()}, atoms.info


@pytest.mark.parametrize("make", [in_xyz, in_database, in_archive, in_hdf5])
def test_frames_on_disk_are_the_same_bit_for_bit(tmp_path, make):
    path, labels = make(tmp_path)
    kept, stored = (read_named((path, path), LabelConfig(**labels), each) for each in (True, False))
    assert isinstance(stored.frames, ListOnDisk) and len(stored.frames) == 2 * N_FRAMES
    assert list(stored.names) == kept.names
    assert stored.remarks == kept.remarks
    for a, b in zip(stored.frames, kept.frames, strict=True):
        assert content(a) == content(b)


def test_a_database_is_read_in_parts(tmp_path):
    with connect(tmp_path / "data.db") as database:
        for index in range(2 * ROWS + 3):
            atoms = Atoms("H")
            atoms.calc = SinglePointCalculator(atoms, energy=float(index))
            database.write(atoms)
        database.delete([ROWS, ROWS + 1])
    found = read_named((tmp_path / "data.db",))
    rows = [row for row in range(1, 2 * ROWS + 4) if row not in (ROWS, ROWS + 1)]
    assert found.names == [f"{tmp_path / 'data.db'}: row {row}" for row in rows]
    assert [frame.calc.results["energy"] for frame in found.frames] == [row - 1.0 for row in rows]


def test_columns_by_name_in_extended_xyz(tmp_path):
    atoms = Atoms("OHH", POSITIONS[0], info={"dft_energy": -3.0, "trust": 0.5})
    atoms.arrays["dft_gradient"] = FORCES[0]
    write(tmp_path / "data.xyz", [atoms], format="extxyz")
    columns = {"energy": "dft_energy", "forces": "dft_gradient", "weight": "trust"}
    labels = LabelConfig(columns=columns, forces_are="gradient", units={"energy": "kJ/mol"})
    found = read_frames(tmp_path / "data.xyz", labels)[0]
    unit = units.kJ / units.mol
    assert found.get_potential_energy() == pytest.approx(-3 * unit)
    assert found.get_forces() == pytest.approx(-FORCES[0] * unit, abs=1e-8)
    assert found.info[WEIGHT] == 0.5
    assert "stress" not in found.calc.results


def test_padding_and_numbers_that_differ_between_frames(tmp_path):
    species = np.array([[8, 1, 1], [1, 1, 0]])
    np.savez(
        tmp_path / "data.npz",
        species=species,
        coordinates=POSITIONS[:2],
        energies=ENERGIES[:2],
        forces=FORCES[:2],
    )
    water, hydrogen = read_frames(tmp_path / "data.npz")
    assert water.numbers.tolist() == [8, 1, 1]
    assert hydrogen.numbers.tolist() == [1, 1]
    assert hydrogen.get_forces() == pytest.approx(FORCES[1, :2])
    assert not hydrogen.pbc.any()


def test_energies_alone_are_enough(tmp_path):
    np.savez(tmp_path / "data.npz", z=NUMBERS, R=POSITIONS, E=ENERGIES)
    assert list(read_frames(tmp_path / "data.npz")[0].calc.results) == ["energy"]


def refusal(path, **labels):
    with pytest.raises(InputError) as caught:
        read_frames(path, LabelConfig(**labels))
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message


def test_a_column_that_is_not_there_is_named(tmp_path):
    path, _ = in_xyz(tmp_path)
    message = refusal(path, columns={"forces": "dft_forces"})
    expected, _, found = message.partition(", found ")
    assert expected.endswith("expected a column 'dft_forces' (data.columns.forces)")
    assert {"energy", "forces", "stress", "config_type"} <= set(found.split(", "))
    path, _ = in_database(tmp_path)
    message = refusal(path, columns={"energy": "relaxed_energy"})
    assert "data.db: expected a column 'relaxed_energy' (data.columns.energy), found" in message
    path, _ = in_hdf5(tmp_path)
    message = refusal(path, columns={"energy": "ccsd.energy"})
    assert "data.h5: expected a column 'ccsd.energy' (data.columns.energy), found" in message
    message = refusal(path, columns={"positions": "xyz"})
    assert "expected groups with positions (xyz), found none in 3 groups" in message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"R": POSITIONS[0]}, "expected positions of shape (frames, atoms, 3), found (3, 3)"),
        ({"z": np.array([8, 1])}, "expected species of shape (3,) or (4, 3), found (2,)"),
        ({"z": np.array(["O", "H", "Q"])}, "expected a chemical element, found 'Q'"),
        ({"E": ENERGIES[:2]}, "expected 4 entries of energy, one for each frame, found 2"),
        ({"F": FORCES[:, :2]}, "frame 0: expected forces of shape (3, 3), found (2, 3)"),
        ({"F": np.full_like(FORCES, np.inf)}, "frame 0: atom 0: expected finite forces, found"),
        ({"weight": np.full(4, -1.0)}, "frame 0: expected a weight of at least 0, found -1.0"),
        ({"lattice": np.eye(2)}, "expected cells of shape (4, 3, 3), found (2, 2)"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, changes, expected):
    arrays = {"z": NUMBERS, "R": POSITIONS, "E": ENERGIES, "F": FORCES, "weight": np.ones(4)}
    np.savez(tmp_path / "data.npz", **arrays | changes)
    assert expected in refusal(tmp_path / "data.npz", columns={"weight": "weight"})


def test_energies_that_were_never_computed_are_no_data(tmp_path):
    np.savez(tmp_path / "data.npz", z=NUMBERS, R=POSITIONS, E=np.full(N_FRAMES, np.nan))
    message = refusal(tmp_path / "data.npz")
    expected = "expected an energy, forces or a stress, found none in 4 frames, which have z, R, E"
    assert message.endswith(expected)


@pytest.mark.parametrize("suffix", ["npz", "h5", "hdf5", "db"])
def test_files_of_another_kind_are_refused_and_left_alone(tmp_path, suffix):
    path = tmp_path / f"data.{suffix}"
    path.write_bytes(b"something else entirely")
    assert "expected a" in refusal(path)
    assert path.read_bytes() == b"something else entirely"
    path.unlink()
    assert refusal(path).endswith("no such file")
    assert not path.exists()
