"""Exported files can be loaded again, and other files are refused in one sentence."""

import json
import zipfile
from pathlib import Path

import pytest
import torch
from ase.build import molecule
from click.testing import CliRunner

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import load_checkpoint, save_checkpoint
from hipnn_ts.cli import main
from hipnn_ts.errors import InputError
from hipnn_ts.export import load_exported
from hipnn_ts.export.metadata import FILE_NAME
from hipnn_ts.export.write import configuration_to_compare
from hipnn_ts.model.repulsion import Repulsion


@pytest.fixture
def checkpoint(tmp_path, random_potential):
    path = tmp_path / "potential.ckpt"
    save_checkpoint(path, random_potential(), {"training": {"data": "none"}})
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_export_and_info(checkpoint, tmp_path, portable, dtype):
    model = tmp_path / "model.pt"
    flags = ["--portable"] if portable else []
    out = run("export", checkpoint, "-o", model, "--dtype", dtype, *flags)
    assert out.exit_code == 0, out.output
    module, metadata = load_exported(model)
    assert (metadata.dtype, metadata.flavour) == (dtype, "portable" if portable else "fused")
    assert module.elements == ["H", "O"]
    assert module.cutoff == metadata.network.cutoff
    printed = run("info", model, "--json")
    assert json.loads(printed.output)["provenance"] == {"training": {"data": "none"}}
    assert "  elements: [H, O]\n" in run("info", model).output


def test_both_flavours_agree(random_model):
    fused, _ = load_exported(random_model(torch.float64, False))
    portable, _ = load_exported(random_model(torch.float64, True))
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(30, 3, generator=generator, dtype=torch.float64) * 6
    receivers, senders = torch.where(torch.cdist(x, x) + 100 * torch.eye(30) < 4.0)
    arguments = torch.arange(30) % 2, receivers, senders, x[senders] - x[receivers]
    for a, b in zip(
        fused.energies_and_pair_gradients(*arguments),
        portable.energies_and_pair_gradients(*arguments),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_portable_files_name_no_operator_of_ours(random_model):
    for portable, expected in ((True, False), (False, True)):
        with zipfile.ZipFile(random_model(torch.float32, portable)) as archive:
            code = [archive.read(n) for n in archive.namelist() if n.endswith(".py")]
        assert any(b"ops.hipnn_ts" in text for text in code) is expected


def test_files_name_no_folder_of_this_machine(random_model):
    import hipnn_ts

    folders = [str(Path(hipnn_ts.__path__[0]).parent), str(Path(torch.__file__).parent)]
    for portable in (False, True):
        with zipfile.ZipFile(random_model(torch.float32, portable)) as archive:
            for name in archive.namelist():
                content = archive.read(name)
                assert not any(folder.encode() in content for folder in folders), name


@pytest.mark.parametrize("portable", [False, True])
def test_loaded_in_inference_mode(random_model, portable):
    """Tensors loaded in inference mode keep version counters, on which kernels' caches rely."""
    path = random_model(portable=portable)
    with torch.inference_mode():
        module, _ = load_exported(path)
    tensors = [*getattr(module, "weights", []), *module.state_dict().values()]
    assert tensors
    assert not any(tensor.is_inference() for tensor in tensors)


def test_checkpoint_round_trip(checkpoint, random_potential):
    potential, provenance = load_checkpoint(checkpoint)
    assert provenance == {"training": {"data": "none"}}
    for name, value in random_potential().state_dict().items():
        assert torch.equal(potential.state_dict()[name], value)


def broken(tmp_path, kind, model, checkpoint):
    """Return a file that is not a potential, and a part of the error message about it."""
    path = tmp_path / "broken.pt"
    if kind == "missing":
        return path, "no such file"
    if kind == "text":
        path.write_text("# not a model\n")
        return path, "torch cannot load"
    if kind == "truncated":
        path.write_bytes(model.read_bytes()[:-2000])
        return path, "torch cannot load"
    if kind == "checkpoint":
        return checkpoint, "a checkpoint of training; export it: hipnn-ts export"
    if kind == "other":
        torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
        return path, "found another TorchScript file"
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith(FILE_NAME):
                document = json.loads(content)
                document["format_version"] = 99
                content = json.dumps(document).encode()
            new.writestr(entry, content)
    return path, "exported in format 99, but this hipnn-ts reads formats 1 to 4"


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "checkpoint", "other", "newer"])
def test_files_that_are_no_potential(tmp_path, kind, random_model, checkpoint):
    path, sentence = broken(tmp_path, kind, random_model(), checkpoint)
    out = run("info", path)
    assert out.exit_code == 1
    assert out.output.startswith(f"hipnn-ts: error: {path}: ")
    assert sentence in out.output
    assert out.output.count("\n") == 1


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "other"])
def test_files_that_are_no_checkpoint(tmp_path, kind, checkpoint):
    path = tmp_path / "broken.ckpt"
    if kind == "text":
        path.write_text("hello")
    elif kind == "truncated":
        path.write_bytes(checkpoint.read_bytes()[:-500])
    elif kind == "other":
        torch.save({"weights": torch.zeros(3)}, path)
    out = run("export", path, "-o", tmp_path / "model.pt")
    assert out.exit_code == 1
    assert out.output.startswith(f"hipnn-ts: error: {path}: ")
    assert not (tmp_path / "model.pt").exists()


def test_checkpoints_never_run_code(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = tmp_path / "evil.ckpt"
    torch.save({"format": "hipnn-ts checkpoint", "state": Payload()}, path)
    with pytest.raises(InputError):
        load_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_unwritable_output_leaves_nothing(checkpoint, tmp_path):
    out = run("export", checkpoint, "-o", tmp_path / "absent" / "model.pt")
    assert out.exit_code == 1
    assert "cannot be written: No such file or directory" in out.output


def test_failed_comparison_keeps_the_old_file(checkpoint, tmp_path, monkeypatch):
    from hipnn_ts.export import write

    model = tmp_path / "model.pt"
    model.write_text("the old file")
    monkeypatch.setattr(write, "TOLERANCE", dict.fromkeys(write.TOLERANCE, -1.0))
    out = run("export", checkpoint, "-o", model)
    assert out.exit_code == 1
    assert "differ from the model" in out.output
    assert model.read_text() == "the old file"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.pt", "potential.ckpt"]


def test_metadata_of_unknown_shape_is_refused(tmp_path, random_model):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(random_model()) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith(FILE_NAME):
                document = json.loads(content)
                document["dtype"] = "float16"
                content = json.dumps(document).encode()
            new.writestr(entry, content)
    with pytest.raises(
        InputError, match="metadata: dtype: expected 'float32' or 'float64', found 'float16'"
    ):
        load_exported(path)


@pytest.mark.parametrize("portable", [False, True])
def test_a_repulsion_is_added(checkpoint, tmp_path, water, portable):
    """The repulsion adds its energy, and nothing beyond its outer radius."""
    plain, repulsive = tmp_path / "plain.pt", tmp_path / "repulsive.pt"
    flags = ["--dtype", "float64", *(["--portable"] if portable else [])]
    assert run("export", checkpoint, "-o", plain, *flags).exit_code == 0
    done = run("export", checkpoint, "-o", repulsive, *flags, "--zbl", 0.5, 0.88)
    assert done.exit_code == 0 and "warning" not in done.output, done.output
    assert load_exported(repulsive)[1].network.zbl == (0.5, 0.88)
    atoms = water(1)
    atoms.set_distance(0, 2, 1.0, fix=0)
    energies = []
    for distance in (0.9, 0.7):  # between an H and its O
        atoms.set_distance(0, 1, distance, fix=0)
        for model in (plain, repulsive):
            atoms.calc = HIPNNTSCalculator(model, beyond_training="ignore")
            energies.append(atoms.get_potential_energy())
    expected = Repulsion(load_exported(repulsive)[1].network)
    ends = torch.tensor([[0, 1], [1, 0]])
    vectors = torch.tensor([[0.7, 0, 0], [-0.7, 0, 0]], dtype=torch.float64)
    added = expected(torch.tensor([1, 0]), *ends, vectors, 2).sum().item()
    assert added > 2
    assert energies[1] == energies[0]
    assert energies[3] - energies[2] == pytest.approx(added, abs=1e-9)


def test_a_repulsion_that_reaches_the_training_data_is_told(tmp_path, random_potential):
    path = tmp_path / "potential.ckpt"
    save_checkpoint(path, random_potential(), {"closest_approach": {"H-O": 0.87, "H-H": 1.3}})
    out = run("export", path, "-o", tmp_path / "model.pt", "--zbl", 0.5, 0.9)
    assert out.exit_code == 0
    assert "reaches 0.9 Å" in out.output and "0.870 Å apart (H-O)" in out.output


def test_files_are_compared_on_atoms_as_dense_as_in_a_liquid(random_potential):
    """At twice that density, float32 forces of trained polynomials are wrong by 1e-4."""
    species, _, _, vectors = configuration_to_compare(random_potential(), torch.float64)
    assert vectors.norm(dim=1).min() > 1.7
    assert 0.08 < len(species) / 6.6**3 < 0.1


def test_a_repulsion_with_radii_of_each_pair_is_replaced(tmp_path, random_potential):
    path, radii = tmp_path / "potential.ckpt", {"H-H": (0.4, 0.9), "H-O": (0.4, 0.7), "O-O": (1, 2)}
    save_checkpoint(path, random_potential(zbl=radii), {})
    assert run("export", path, "-o", tmp_path / "model.pt").exit_code == 0
    assert load_exported(tmp_path / "model.pt")[1].network.zbl == radii
    assert run("export", path, "-o", tmp_path / "model.pt", "--zbl", 0.5, 0.9).exit_code == 0
    assert load_exported(tmp_path / "model.pt")[1].network.zbl == (0.5, 0.9)
    save_checkpoint(path, random_potential(zbl=radii), {"closest_approach": {"H-O": 0.6}})
    out = run("export", path, "-o", tmp_path / "other.pt", "--zbl", 0.5, 0.9)
    assert out.exit_code == 1 and "reaches its training data" in out.output
    assert not (tmp_path / "other.pt").exists()


def test_an_earlier_portable_file_with_a_repulsion(tmp_path):
    """A file from before radii of each pair still gives the energy that it gave then."""
    water = molecule("H2O")
    water.rotate(40, (1, 2, 3))
    water.calc = HIPNNTSCalculator(
        Path(__file__).with_name("earlier_repulsion.pt"), beyond_training="ignore"
    )
    assert water.get_potential_energy() == pytest.approx(0.11079295938595501, abs=1e-10)


def test_no_second_repulsion_and_no_odd_radii(tmp_path, random_potential):
    path = tmp_path / "potential.ckpt"
    save_checkpoint(path, random_potential(), {})
    out = run("export", path, "-o", tmp_path / "model.pt", "--zbl", 0.9, 0.5)
    assert out.exit_code == 1 and "expected inner < outer" in out.output
    save_checkpoint(path, random_potential(zbl=(0.5, 0.9)), {})
    out = run("export", path, "-o", tmp_path / "model.pt", "--zbl", 0.5, 0.9)
    assert out.exit_code == 1 and "was trained without a repulsion" in out.output
    assert not (tmp_path / "model.pt").exists()
