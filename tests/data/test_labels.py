"""Frames with only some labels, tensors of every form and sign, and columns of other names."""

import h5py
import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

from hipnn_ts.data import ReferenceDataset, collate, read_frames, read_named
from hipnn_ts.errors import InputError
from hipnn_ts.label_config import LabelConfig

MATRIX = np.array([[0.01, 0.002, -0.003], [0.002, 0.02, 0.004], [-0.003, 0.004, -0.03]])
VOIGT = MATRIX[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
VOLUME = 3.0 * 4.0 * 5.0


def box(pbc=(True, True, True), cell=(3.0, 4.0, 5.0), **info):
    atoms = Atoms("CuAu", [[0, 0, 0], [1.2, 1.4, 1.6]], cell=cell, pbc=pbc, info=info)
    atoms.calc = SinglePointCalculator(atoms, energy=-3.0, forces=np.arange(6.0).reshape(2, 3) - 2)
    return atoms


def written(folder, *frames):
    path = folder / "data.extxyz"
    write(path, list(frames), format="extxyz")
    return path


def stress_in(path, **labels):
    return read_frames(path, LabelConfig(**labels))[0].calc.results["stress"]


@pytest.mark.parametrize(
    ("name", "form"),
    # Under the usual name, ASE writes and reads only nine numbers.
    [
        ("stress", "3x3"),
        ("stress", "nine"),
        ("REF_stress", "3x3"),
        ("REF_stress", "nine"),
        ("REF_stress", "six"),
    ],
)
def test_a_stress_of_any_form_is_read_under_any_name(tmp_path, name, form):
    value = {"3x3": MATRIX, "nine": MATRIX.ravel(), "six": VOIGT}[form]
    path = written(tmp_path, box(**{name: value}))
    columns = {} if name == "stress" else {"stress": name}
    assert stress_in(path, columns=columns) == pytest.approx(VOIGT)


@pytest.mark.parametrize("name", ["stress", "REF_stress", "virial"])
def test_a_stress_that_is_not_symmetric_is_one_sentence_unless_it_was_rounded(tmp_path, name):
    labels = {"columns": {"virial" if name == "virial" else "stress": name}}
    scale = -VOLUME if name == "virial" else 1.0
    rounded = MATRIX.copy()
    rounded[0, 1] += 1e-5
    path = written(tmp_path, box(**{name: scale * rounded}))
    assert stress_in(path, **labels) == pytest.approx(VOIGT, abs=6e-6)
    path = written(tmp_path, box(**{name: scale * (MATRIX + np.eye(3)[[1, 2, 0]] * 0.01)}))
    with pytest.raises(InputError) as caught:
        stress_in(path, **labels)
    assert f"{path}: frame 0: expected a symmetric stress, found " in str(caught.value)


def test_units_and_sign_of_a_stress(tmp_path):
    # VASP prints stresses in kbar, with positive values for pressure.
    path = written(tmp_path, box(REF_stress=-MATRIX / (0.1 * units.GPa)))
    settings = {"columns": {"stress": "REF_stress"}, "units": {"stress": "kbar"}}
    assert stress_in(path, **settings, stress_are="pressure") == pytest.approx(VOIGT)
    assert stress_in(path, **settings) == pytest.approx(-VOIGT)


@pytest.mark.parametrize("name", ["virial", "virials", "my_virial"])
def test_a_virial_is_minus_volume_times_stress(tmp_path, name):
    columns = {"virial": name} if name == "my_virial" else {}
    path = written(tmp_path, box(**{name: -VOLUME * MATRIX}))
    found = read_named((path,), LabelConfig(columns=columns))
    assert found.frames[0].calc.results["stress"] == pytest.approx(VOIGT)
    assert found.remarks == (
        f"stress made of the virial, -virial / volume, in configurations: 1 ({path}: frame 0)",
    )
    # A virial has the unit of energy, whatever that of stress; the volume has that of length.
    kcal, bohr = units.kcal / units.mol, units.Bohr
    settings = {"energy": "kcal/mol", "length": "bohr", "stress": "GPa"}
    expected = VOIGT * kcal / bohr**3
    assert stress_in(path, columns=columns, units=settings) == pytest.approx(expected)
    # If a frame has both, the stress is used.
    both = written(tmp_path, box(**{name: MATRIX, "stress": MATRIX}))
    if not columns:
        assert stress_in(both) == pytest.approx(VOIGT)


def test_the_sign_of_a_virial_is_that_of_a_calculation(tmp_path):
    atoms = bulk("Cu", a=3.5, cubic=True)  # compressed, so that it pushes outwards
    atoms.calc = EMT()
    virial = np.zeros((3, 3))
    for axis in range(3):
        energies = []
        for strain in (-1e-4, 1e-4):
            strained = atoms.copy()
            strained.calc = EMT()
            deformation = np.eye(3)
            deformation[axis, axis] += strain
            strained.set_cell(atoms.cell @ deformation, scale_atoms=True)
            energies.append(strained.get_potential_energy())
        virial[axis, axis] = -(energies[1] - energies[0]) / 2e-4  # the sum of r f, as in QUIP
    assert virial[0, 0] > 1
    labelled = atoms.copy()
    labelled.info["virial"] = virial
    labelled.calc = SinglePointCalculator(labelled, energy=atoms.get_potential_energy())
    assert stress_in(written(tmp_path, labelled)) == pytest.approx(atoms.get_stress(), abs=1e-6)


def test_both_a_stress_and_a_virial_cannot_be_named():
    from hipnn_ts.validation import validated

    with pytest.raises(InputError, match="columns: expected 'stress' or 'virial', found both"):
        validated(LabelConfig, {"columns": {"stress": "a", "virial": "b"}}, "run.yaml")


@pytest.mark.parametrize("pbc", [(1, 1, 0), (0, 0, 1), (1, 1, 1)])
def test_slabs_and_wires_with_a_full_cell_have_a_stress(tmp_path, pbc):
    path = written(tmp_path, box(pbc=pbc, stress=MATRIX))
    found = read_named((path,))
    assert found.remarks == ()
    dataset = ReferenceDataset(found.frames, ("Cu", "Au"), 3.0, torch.float64)
    batch = collate([dataset[0]])
    assert batch.stress[0].numpy() == pytest.approx(MATRIX)
    assert batch.volume.tolist() == pytest.approx([VOLUME])


@pytest.mark.parametrize(
    ("pbc", "cell"),
    [
        ((1, 1, 0), (3, 4, 0)),
        ((0, 0, 0), (3, 4, 5)),
        ((1, 0, 0), [[3, 0, 0], [0, 2, 1], [0, 4, 2]]),
    ],
)
def test_a_stress_that_refers_to_no_volume_is_remarked_on(tmp_path, pbc, cell):
    path = written(tmp_path, box(pbc=pbc, cell=cell, stress=MATRIX), box(stress=MATRIX))
    found = read_named((path,))
    assert ["stress" in frame.calc.results for frame in found.frames] == [False, True]
    assert found.remarks == (
        "stress without a full cell and a periodic direction, not used, in configurations: 1 "
        f"({path}: frame 0)",
    )


@pytest.mark.parametrize("pbc", [(1, 1, 1), (1, 1, 0)])
def test_cell_vectors_along_periodic_directions_must_be_independent(tmp_path, pbc):
    path = written(tmp_path, box(pbc=pbc, cell=[[3, 0, 0], [6, 0, 0], [0, 0, 5]]))
    number = "three" if pbc[2] else "two"
    with pytest.raises(InputError, match=f"frame 0: expected {number} independent cell vectors"):
        read_frames(path)


def test_frames_keep_the_part_of_the_labels_that_they_have(tmp_path):
    frames = [box() for _ in range(6)]
    del frames[1].calc.results["energy"]
    del frames[2].calc.results["forces"]
    frames[3].calc.results["energy"] = np.nan
    frames[4].calc.results["forces"] = np.array([[1.0, 2, 3], [4, np.nan, 6]])
    frames[5].calc = SinglePointCalculator(frames[5], energy=np.nan)
    path = written(tmp_path, *frames)
    with connect(tmp_path / "data.db") as database:
        for frame in frames:
            database.write(frame)
    for file, place in ((path, "frame {}"), (tmp_path / "data.db", "row {}")):
        found = read_named((file,))
        given = [sorted(frame.calc.results) for frame in found.frames]
        both = ["energy", "forces"]
        assert given == [both, ["forces"], ["energy"], ["forces"], both]
        first = int(place == "row {}")
        fourth, fifth = (f"{file}: {place.format(index + first)}" for index in (4, 5))
        assert sorted(found.remarks) == [
            f"configurations without any reference value, left out: 1 ({fifth})",
            "forces that are nan for some atoms, which have none then, in configurations: 1 "
            f"({fourth}: atom 1)",
        ]
    dataset = ReferenceDataset(found.frames, ("Cu", "Au"), 3.0, torch.float64)
    batch = collate([dataset[index] for index in range(len(dataset))])
    assert batch.with_energy.tolist() == [0, 2, 4]
    assert batch.with_forces.tolist() == [0, 1, 2, 3, 6, 7, 8]
    assert batch.forces[-1].tolist() == [1, 2, 3]
    for values in (batch.energy, batch.forces):
        assert values.isfinite().all()


def test_predictions_beside_the_labels_are_not_taken_for_them(tmp_path):
    frame = box(hipnn_ts_energy=5.0, hipnn_ts_stress=MATRIX)
    frame.arrays["hipnn_ts_forces"] = np.zeros((2, 3))
    del frame.calc.results["forces"]
    found = read_named((written(tmp_path, frame),))
    assert list(found.frames[0].calc.results) == ["energy"] and found.remarks == ()
    assert found.frames[0].get_potential_energy() == -3.0


def test_no_number_is_made_of_a_word(tmp_path):
    path = written(tmp_path, box())
    for bad in ("energy", "energy=T", "energy=none"):
        path.write_text(path.read_text().replace("energy=-3.0", bad))
        with pytest.raises(InputError, match="frame 0: expected a numeric energy, found"):
            read_frames(path)
        path.write_text(path.read_text().replace(bad, "energy=-3.0"))


def under(energy, forces=None, **more):
    atoms = Atoms("CuAu", [[0, 0, 0], [1.2, 1.4, 1.6]], info={energy: -3.0, **more})
    if forces:
        atoms.arrays[forces] = np.ones((2, 3))
    return atoms


@pytest.mark.parametrize(
    ("energy", "forces", "more", "keys"),
    [
        (
            "REF_energy",
            "REF_forces",
            {"REF_stress": VOIGT},
            "energy: REF_energy, forces: REF_forces",
        ),
        ("dft_energy", None, {"energy_per_atom": -1.5}, "energy: dft_energy"),
        ("TotEnergy", "force", {"kinetic_energy": 1.0}, "energy: TotEnergy, forces: force"),
        ("E", "gradient", {}, "energy: E, forces: gradient"),
    ],
)
def test_a_file_without_an_energy_names_what_looks_like_it(tmp_path, energy, forces, more, keys):
    path = written(tmp_path, under(energy, forces, **more))
    with pytest.raises(InputError) as caught:
        read_frames(path)
    message = str(caught.value)
    assert f"{path}: expected an energy, found none in 1 frames, but {energy}" in message
    assert f"add 'columns: {{{keys}" in message
    assert "kinetic" not in message and "per_atom" not in message
    columns = {"energy": energy} | ({"forces": forces} if forces else {})
    assert read_frames(path, LabelConfig(columns=columns))[0].get_potential_energy() == -3.0


def test_the_free_energy_is_named(tmp_path):
    frame = box()
    frame.calc.results["free_energy"] = frame.calc.results.pop("energy")
    with pytest.raises(InputError, match=r"but free_energy; .*columns: {energy: free_energy}"):
        read_frames(written(tmp_path, frame))


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_arrays_without_an_energy_name_what_looks_like_it(tmp_path, suffix):
    arrays = {
        "Z": np.array([29, 79]),
        "R": np.array([[[0, 0, 0], [0, 0, 2.5]]] * 3),
        "dft.energy": np.ones(3),
        "dft.grad": np.ones((3, 2, 3)),
    }
    path = tmp_path / f"data.{suffix}"
    if suffix == "npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[f"CuAu/{name}"] = values
    with pytest.raises(InputError, match=r"columns: {energy: dft.energy, forces: dft.grad}'"):
        read_frames(path)
    columns = {"energy": "dft.energy"}
    found = read_named((path,), LabelConfig(columns=columns))
    assert len(found.frames) == 3
    assert found.remarks[0].startswith(
        "no forces, but 'dft.grad' (data.columns.forces), in configurations: 3 ("
    )


def test_labels_under_other_names_beside_the_usual_ones_are_remarked_on(tmp_path):
    path = written(tmp_path, box(), under("REF_energy"), box(dft_virial=MATRIX))
    found = read_named((path,))
    assert len(found.frames) == 2
    assert found.remarks == (
        "no energy, but 'REF_energy' (data.columns.energy), in configurations: 1 "
        f"({path}: frame 1)",
        f"configurations without any reference value, left out: 1 ({path}: frame 1)",
        "no virial, but 'dft_virial' (data.columns.virial), in configurations: 1 "
        f"({path}: frame 2)",
    )


def test_a_named_column_may_be_missing_from_some_files(tmp_path):
    (tmp_path / "a").mkdir()
    one, other = (
        written(tmp_path, under("REF_energy", "REF_forces")),
        written(tmp_path / "a", under("REF_energy")),
    )
    labels = LabelConfig(columns={"energy": "REF_energy", "forces": "REF_forces"})
    found = read_named((one, other), labels)
    assert len(found.frames) == 2
    assert found.remarks == (f"files without 'REF_forces' (data.columns.forces): 1 ({other})",)
    with pytest.raises(InputError, match="expected a column 'REF_forces'"):
        read_named((other, other), labels)


def test_archives_have_their_usual_names_and_periodic_directions(tmp_path):
    slab = fcc111("Cu", (1, 1, 2), a=3.6, vacuum=4.0)
    arrays = {
        "R": slab.positions[None],
        "E": [1.0],
        "F": np.zeros((1, 2, 3)),
        "cell": slab.cell.array,
        "pbc": [True, True, False],
    }
    for species in ("Z", "z", "numbers", "atomic_numbers"):
        for tensor in ("stress", "stresses", "virial", "virials"):
            np.savez(
                tmp_path / "data.npz", **arrays, **{species: slab.numbers, tensor: MATRIX[None]}
            )
            (frame,) = read_frames(tmp_path / "data.npz")
            assert frame.numbers.tolist() == [29, 29] and frame.pbc.tolist() == [True, True, False]
            factor = 1.0 if tensor.startswith("s") else -1 / slab.cell.volume
            assert frame.calc.results["stress"] == pytest.approx(VOIGT * factor)
    np.savez(tmp_path / "data.npz", **{**arrays, "pbc": [True]}, Z=slab.numbers)
    with pytest.raises(InputError, match=r"expected pbc of shape \(1, 3\), found \(1,\)"):
        read_frames(tmp_path / "data.npz")
    np.savez(tmp_path / "data.npz", **arrays, Z=["Cu", "D"], config_type=["a", "b"])
    with pytest.raises(InputError, match="expected 1 entries of config_type, one for each frame"):
        read_frames(tmp_path / "data.npz")
    np.savez(tmp_path / "data.npz", **arrays, Z=["29", "D"])
    found = read_named((tmp_path / "data.npz",))
    assert found.frames[0].numbers.tolist() == [29, 1]
    assert found.remarks == (f"'D' read as H, in groups: 1 ({tmp_path / 'data.npz'})",)
    with pytest.raises(InputError, match=r"expected a column 'box' \(data.columns.cell\)"):
        read_frames(tmp_path / "data.npz", LabelConfig(columns={"cell": "box"}))
    np.savez(tmp_path / "data.npz", **arrays, Z=[29, 290])
    with pytest.raises(InputError, match="atom 1: expected a chemical element, found 290"):
        read_frames(tmp_path / "data.npz")


def test_groups_of_hdf5_that_links_lead_to_are_read(tmp_path):
    def group(file, name, **without):
        arrays = {"species": [29], "coordinates": np.zeros((1, 1, 3)), "energies": [1.0]}
        for key, values in arrays.items():
            if key not in without:
                file[f"{name}/{key}"] = values

    with h5py.File(tmp_path / "other.h5", "w") as file:
        group(file, "far")
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        group(file, "near")
        file["near/again"] = h5py.SoftLink("/")  # a circular link
        file["linked"] = h5py.SoftLink("/near")
        file["outside"] = h5py.ExternalLink("other.h5", "/far")
        group(file, "bare", coordinates=None)
    found = read_named((path,))
    groups = [name.removeprefix(f"{path}: ") for name in found.names]
    assert groups == ["linked: frame 0", "near: frame 0", "outside: frame 0"]
    assert found.remarks == (
        f"groups with reference values but no positions, not read: 1 ({path}: bare)",
    )
