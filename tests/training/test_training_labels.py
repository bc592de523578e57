"""Training on frames with only some labels, on lone atoms and slabs, and on files by pattern."""

import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import fcc111
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data import collate, read_frames
from hipnn_ts.data.batch import Batch
from hipnn_ts.errors import InputError
from hipnn_ts.evaluation import compare, errors_of
from hipnn_ts.evaluation.parity import draw_parity
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import parse_config, read_config
from hipnn_ts.training.errors import ErrorSums, deviations
from hipnn_ts.training.fit import train
from hipnn_ts.training.loss import batch_sums, error_loss
from hipnn_ts.training.prediction import predict
from hipnn_ts.training.prepare import prepare
from hipnn_ts.training.sections import LossConfig

pytestmark = pytest.mark.slow

LONE = {"H": -0.5, "Cu": 1.5}


def labelled(atoms, **changes):
    atoms.calc = EMT()
    results = {
        "energy": atoms.get_potential_energy(),
        "forces": atoms.get_forces(),
        "stress": atoms.get_stress() if atoms.pbc.any() else None,
    }
    results |= changes
    given = {key: value for key, value in results.items() if value is not None}
    atoms.calc = SinglePointCalculator(atoms, **given)
    return atoms


def slabs(n_frames, **changes):
    frames = []
    for seed in range(n_frames):
        slab = fcc111("Cu", (1, 1, 2), a=3.5, vacuum=4.0)
        slab.set_cell(slab.cell * [[1 + 0.01 * seed], [1.0], [1.0]], scale_atoms=True)
        slab.rattle(0.05, seed=seed)
        slab.info.clear()  # ASE's notes for adding adsorbates
        frames.append(labelled(slab, **changes))
    return frames


def lone(symbol, energy):
    atom = Atoms(symbol, info={"config_type": "IsolatedAtom"})
    atom.calc = SinglePointCalculator(atom, energy=energy)
    return atom


def config(path, validation=0.34, network=None, **training):
    return parse_config(
        {
            "network": {
                "n_features": [6],
                "n_atom_layers": 1,
                "n_sensitivities": 6,
                "cutoff": 4.0,
                "soft_max": 3.5,
            }
            | (network or {}),
            "data": {"train": [str(path)], "validation": validation},
            "training": {"epochs": 3, "batch_size": 2, "precision": "float64"} | training,
        },
        "run.yaml",
    )


def written(path, *frames):
    write(path, list(frames), format="extxyz")
    return path


def parted():
    """Return frames that have different subsets of the labels."""
    partly = slabs(1)[0]
    partly.calc.results["forces"][1, 2] = np.nan
    return [
        *slabs(3),
        *slabs(2, energy=None),
        *slabs(2, forces=None, stress=None),
        *slabs(1, energy=None, forces=None),
        *slabs(1, energy=np.nan, stress=np.full(6, np.nan)),
        partly,
    ]


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_run_on_parts_of_labels_stays_finite(tmp_path, in_memory):
    path = written(tmp_path / "data.xyz", *parted())
    settings = config(path, validation=[str(path)], epochs=20, learning_rate=0.02)
    data = settings.data.model_copy(update={"in_memory": in_memory})
    lines = []
    best = train(settings.model_copy(update={"data": data}), tmp_path / "run", tell=lines.append)
    assert "10 configurations (with energy 6, forces 7, stress 7)" in lines[0]
    provenance = load_checkpoint(best)[1]
    errors = provenance["validation_errors"]
    assert {key.partition("_")[0] for key in errors} == {"energy", "forces", "stress"}
    assert np.isfinite(list(errors.values())).all() and provenance["epoch"] > 3


def potential_and(frames, folder):
    prepared = prepare(config(written(folder / "data.xyz", *frames), [str(folder / "data.xyz")]))
    torch.manual_seed(1)
    potential = Potential(prepared.network).double()
    potential.self_energies.copy_(prepared.self_energies)
    return potential, prepared


def losses(potential, batch):
    weights = LossConfig()
    prediction, terms = predict(potential, batch, create_graph=True)
    return error_loss(batch_sums(deviations(prediction, batch), terms, batch, weights), weights)


def test_the_loss_is_that_of_what_is_labelled(tmp_path):
    """Missing labels contribute nothing to the errors and the loss."""
    whole = slabs(4)
    potential, prepared = potential_and(whole, tmp_path)
    dataset = prepared.training
    full: Batch = collate([dataset[index] for index in range(4)])
    bare = [dataset[index] for index in range(4)]
    bare[0] = bare[0]._replace(energy=None)
    bare[1] = bare[1]._replace(forces=None)
    forces = bare[2].forces.clone()
    forces[1] = float("nan")
    bare[2] = bare[2]._replace(forces=forces)
    bare[3] = bare[3]._replace(stress=None)
    batch = collate(bare)
    prediction, _ = predict(potential, full, create_graph=False)
    sums = ErrorSums()
    sums.add(deviations(predict(potential, batch, create_graph=False)[0], batch))
    kept = {"energy": [1, 2, 3], "forces": [0, 1, 4, 6, 7], "stress": [0, 1, 2]}
    expected = {
        "energy": ((prediction.energy - full.energy) / 2)[kept["energy"]],
        "forces": (prediction.forces - full.forces)[kept["forces"]],
        "stress": (prediction.stress - full.stress)[kept["stress"]],
    }
    for quantity, difference in expected.items():
        rmse = 1e3 * difference.square().mean().sqrt().item()
        assert sums.result()[f"{quantity}_rmse"] == pytest.approx(rmse, rel=1e-12)
    loss = losses(potential, batch)
    assert loss.isfinite()
    for gradient in torch.autograd.grad(loss, list(potential.parameters()), allow_unused=True):
        assert gradient is None or gradient.isfinite().all()
    nothing = collate([sample._replace(energy=None, forces=None, stress=None) for sample in bare])
    assert nothing.energy.shape == (0,) and nothing.forces.shape == (0, 3)
    assert losses(potential, nothing).item() == pytest.approx(0.0, abs=1e-12)


def test_evaluation_counts_what_is_labelled(tmp_path):
    frames = parted()
    potential, _ = potential_and(frames, tmp_path)
    frames = read_frames(tmp_path / "data.xyz")
    found = compare(potential, frames)
    errors = errors_of(found)
    results = [frame.calc.results for frame in frames]
    energies = np.array([r.get("energy", np.nan) for r in results])
    per_atom = 1e3 * (found.energies - energies) / 2
    known = per_atom[~np.isnan(per_atom)]
    assert len(known) == 6
    assert errors["energy_mae"] == pytest.approx(np.abs(known).mean(), rel=1e-9)
    forces = np.concatenate([r["forces"] for r in results if "forces" in r])
    predicted = np.concatenate([f for f in found.forces if f is not None])
    judged = ~np.isnan(forces).any(axis=1)
    assert judged.sum() == 2 * 7 - 1
    difference = 1e3 * (predicted - forces)[judged]
    assert errors["forces_rmse"] == pytest.approx(np.sqrt((difference**2).mean()), rel=1e-9)
    assert errors["forces_by_element"]["Cu"]["rmse"] == pytest.approx(errors["forces_rmse"])
    assert errors["stress_mae"] > 0
    draw_parity(tmp_path / "parity.png", found, "meV")
    assert (tmp_path / "parity.png").stat().st_size > 1000


def test_the_stress_of_a_slab_is_the_derivative_of_its_energy(tmp_path):
    potential, prepared = potential_and(slabs(3), tmp_path)
    found = compare(potential, read_frames(tmp_path / "data.xyz"))
    frame = found.frames[1]
    for axis in range(2):
        energies = []
        for strain in (-1e-5, 1e-5):
            strained, deformation = frame.copy(), np.eye(3)
            deformation[axis, axis] += strain
            strained.set_cell(frame.cell.array @ deformation, scale_atoms=True)
            strained.calc = SinglePointCalculator(strained, energy=0.0)
            energies.append(compare(potential, [strained]).energies[0])
        slope = (energies[1] - energies[0]) / 2e-5 / frame.get_volume()
        assert found.stresses[1][axis, axis] == pytest.approx(slope, rel=1e-5)
    assert prepared.training[0].volume == pytest.approx(prepared.training._frames[0].get_volume())


def test_isolated_atoms_set_the_self_energies_and_are_not_trained_on(tmp_path):
    hydride = Atoms("CuH", [[0, 0, 0], [0, 0, 1.5]])
    others = [
        labelled(atoms.copy()) for atoms in (hydride, Atoms("H2", [[0, 0, 0], [0, 0, 0.8]]))
    ] * 3
    alone = [lone(symbol, energy) for symbol, energy in LONE.items()]
    path = written(tmp_path / "data.xyz", *alone, *others)
    prepared = prepare(config(path))
    assert prepared.self_energies.tolist() == [LONE["H"], LONE["Cu"]]
    assert prepared.survey[-2:] == [
        "isolated atoms, not trained on, in configurations: 2",
        "self energies of isolated atoms, eV: H -0.5000, Cu 1.5000",
    ]
    assert len(prepared.training) + len(prepared.validation) == 6

    # Only copper has an isolated atom; hydrogen's energy is fitted to the residual.
    path = written(tmp_path / "data.xyz", alone[1], *others)
    prepared = prepare(config(path, validation=[str(path)]))
    energies = np.array([frame.get_potential_energy() for frame in others])
    shares = np.array([1, 2] * 3) / 2
    rest = np.array([e - LONE["Cu"] * (k % 2 == 0) for k, e in enumerate(energies)]) / 2
    assert prepared.self_energies.tolist() == pytest.approx(
        [shares @ rest / (shares @ shares), 1.5]
    )
    assert prepared.survey[-1].endswith("eV: Cu 1.5000; fitted to what remains: H")
    assert len(prepared.validation) == 6  # the lone atom is not validated on either

    # A weight for isolated atoms, which users of MACE give, does no harm.
    weights = {"config_type_weights": {"IsolatedAtom": 0.0}}
    settings = config(path)
    data = settings.data.model_copy(update=weights)
    prepare(settings.model_copy(update={"data": data}))

    # Fine-tuning takes the self-energies of its checkpoint.
    training = settings.training.model_copy(update={"start_from": Path("best.ckpt")})
    tuning = prepare(settings.model_copy(update={"training": training}))
    assert tuning.survey[-1] == "isolated atoms, not trained on, in configurations: 1"

    # Self-energies in the configuration take precedence.
    given = {"H": -1.0, "Cu": -2.0}
    prepared = prepare(config(path, self_energies=given))
    assert prepared.self_energies.tolist() == [-1.0, -2.0]
    assert "isolated atoms, not trained on, in configurations: 1" in prepared.survey


def test_what_the_loss_weighs_must_be_there(tmp_path):
    def refusal(frames, validation=0.34, **loss):
        path = written(tmp_path / "data.xyz", *frames)
        with pytest.raises(InputError) as caught:
            prepare(config(path, validation, loss=loss))
        return str(caught.value)

    path = tmp_path / "data.xyz"
    message = refusal(slabs(3, energy=None))
    assert f"{path}: expected reference values of energy, found none in 2 configurations" in message
    assert "training.loss.energy to 0 to train on forces alone" in message
    written(path, *slabs(3, energy=None))
    prepared = prepare(config(path, loss={"energy": 0}))
    assert prepared.self_energies.tolist() == [0.0]
    frames = slabs(3, forces=None)
    for frame in frames:
        frame.arrays["REF_forces"] = np.zeros((2, 3))
    message = refusal(frames)
    assert (
        "expected reference values of forces, found none in 2 configurations (no forces, but "
        in (message)
    )
    assert "'REF_forces' (data.columns.forces)" in message
    other = written(tmp_path / "other.xyz", *slabs(1, forces=None, energy=None))
    message = refusal(slabs(3), validation=[str(other)], stress=0)
    assert message.startswith(
        "data.validation: expected reference values of what training.loss weighs (energy, forces), "
        "found none in 1 configurations"
    )


def test_files_by_pattern(tmp_path):
    folder = tmp_path / "run[1]" / "data"
    (folder / "more").mkdir(parents=True)
    for name in ("b.xyz", "a.xyz", "more/c.xyz", "notes.txt", "x[y].xyz"):
        (folder / name).write_text("")
    (folder / "d.xyz").mkdir()  # a folder, not a file
    path = tmp_path / "run[1]" / "train.yaml"

    def files(train, key="train"):
        path.write_text(f"data: {{train: [data/a.xyz], {key}: {train}}}\ntraining: {{epochs: 1}}\n")
        found = getattr(read_config(path).data, key)
        return [str(file.relative_to(folder)) for file in found]

    assert files("data/*.xyz") == ["a.xyz", "b.xyz", "x[y].xyz"]
    assert files("data/**/*.xyz", "validation") == ["a.xyz", "b.xyz", "more/c.xyz", "x[y].xyz"]
    assert files("[data/b.xyz, 'data/[ab].xyz', data/b.xyz]") == ["b.xyz", "a.xyz", "b.xyz"]
    assert files(f"['{folder.parent}/data/x[y].xyz']") == ["x[y].xyz"]
    assert files("[data/new.xyz]") == ["new.xyz"]  # reported only when it is read
    for key in ("train", "validation"):
        with pytest.raises(InputError) as caught:
            files("data/*.extxyz", key)
        assert str(caught.value) == (
            f"data.{key}: expected files that match '{folder}/*.extxyz', found none"
        )


def test_a_run_reads_the_files_of_a_pattern(tmp_path):
    one, other = slabs(2), slabs(3)
    written(tmp_path / "a.extxyz", *one)
    (tmp_path / "b.extxyz.xz").write_bytes(
        lzma.compress(written(tmp_path / "b.txt", *other).read_bytes())
    )
    settings = config(Path(tmp_path) / "*.extxyz*")
    assert [file.name for file in settings.data.train] == ["a.extxyz", "b.extxyz.xz"]
    prepared = prepare(settings)
    assert len(prepared.training) + len(prepared.validation) == 5
    assert [entry["file"] for entry in prepared.origin["data"]] == ["a.extxyz", "b.extxyz.xz"]
