"""Files that are damaged, or made to do something other than compute energies, are refused."""

import io
import json
import math
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from architectures import RADII

from hipnn_ts.errors import InputError
from hipnn_ts.export import load_exported
from hipnn_ts.export.metadata import FILE_NAME

PROGRAM = Path(sys.executable).with_name("hipnn-ts")


def rewritten(model, path, change):
    """Copy an archive through ``change(name, content)``; a record that becomes None is left out."""
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return path


def replaced(ending, old, new):
    """Return a function that replaces text in the records whose names have an ending."""

    def change(name, content):
        if not name.endswith(ending):
            return content
        assert old in content or ending == ".py"
        return content.replace(old, new)

    return change


def document(**entries):
    """Return a function that changes the metadata; ``__`` in a key leads to an inner key."""

    def change(name, content):
        if not name.endswith(FILE_NAME):
            return content
        read = json.loads(content)
        for key, value in entries.items():
            inner, *_, last = read, *key.split("__")
            for part in key.split("__")[:-1]:
                inner = inner[part]
            inner[last] = value
        return json.dumps(read).encode()

    return change


def without_its_end(name, content):
    return content[:-8] if name.endswith("/data/0") else content


RESULT = b"return (_0)[0]"


def code(statement):
    return replaced(".py", RESULT, statement + b"\n    " + RESULT)


HOSTILE = {
    "writes a file": (code(b'torch.save(_0[0], "/tmp/x")'), "found 'save' in the code"),
    "as a method": (code(b'(_0[0]).save("/tmp/x")'), "found 'save' in the code"),
    "as an operator": (code(b'ops.aten.save(_0[0], "/tmp/x")'), "found 'aten' in the code"),
    "by another name": (code(b"f = torch.save"), "found 'save' in the code"),
    "of a number": (code(b'1..save("/tmp/x")'), "found 'save' in the code"),
    "by getattr": (code(b'getattr(_0[0], "save")("/tmp/x")'), "found an unusual getattr"),
    "over a comment": (code(b'torch.#\nsave(_0[0], "/tmp/x")'), "found a comment or an escape"),
    "over an escape": (code(b'torch.\\\nsave(_0[0], "/tmp/x")'), "found a comment or an escape"),
    "reads a file": (code(b'torch.from_file("/etc/passwd")'), "found 'from_file' in the code"),
    "a class of C++": (
        replaced("/data.pkl", b"torch._utils\n_rebuild_tensor_v2", b"__torch__.torch.classes.x\nY"),
        "found a __torch__.torch.classes.x Y in 'data.pkl'",
    ),
    "a function of Python": (
        replaced("/data.pkl", b"collections\nOrderedDict", b"os\nsystem"),
        "found a os system in 'data.pkl'",
    ),
    "values in values": (
        replaced("/data.pkl", b"\x80\x02", b"\x80\x02N" + b"\x85" * 1_000_000),
        "found a pickle 'data.pkl' that no exported potential has",
    ),
    "a tensor beyond its record": (
        without_its_end,
        "tensor '0' of 'data.pkl' is not of the size of its record",
    ),
    "a tensor without a record": (
        lambda name, content: None if name.endswith("/data/0") else content,
        "tensor '0' of 'data.pkl' is not of the size of its record",
    ),
    "elements": (document(network__elements=["H", "C"]), "elements: expected ['H', 'C']"),
    "order of elements": (document(network__elements=["O", "H"]), "elements: expected ['O', 'H']"),
    "cutoff": (document(network__cutoff=4.5), "cutoff: expected 4.5, as the metadata say"),
    "widths": (document(network__n_features=[8, 9]), "n_features: expected [8, 9], as the metad"),
    "blocks": (document(network__n_features=[8]), "n_features: expected [8], as the metadata say"),
    "layers": (document(network__n_atom_layers=2), "n_atom_layers: expected 2, as the metadata"),
    "a repulsion": (document(network__zbl=[1.0, 2.0]), "zbl: expected [1.0, 2.0], as the metadata"),
    "precision": (document(dtype="float32"), "dtype: expected float32, as the metadata say, found"),
    "flavour": (document(flavour="portable"), "portable: expected True, as the metadata say"),
    "huge": (document(network__n_features=[2**40]), "less than or equal to 8192"),
    "many layers": (document(network__n_atom_layers=10**9), "less than or equal to 64"),
    "a cutoff that is no number": (document(network__cutoff=math.nan), "network.cutoff"),
    "an unknown key": (document(surprise=1), "unknown key 'surprise'"),
    "a type": (document(network__elements="H"), "metadata: network.elements: expected"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_exported_potential_has_is_refused(tmp_path, random_model, name):
    change, sentence = HOSTILE[name]
    path = rewritten(random_model(), tmp_path / "model.pt", change)
    with pytest.raises(InputError) as error:
        load_exported(path)
    assert str(error.value).startswith(f"{path}: ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(
    "zbl",
    [None, [1.0, 2.4], [0.9, 2.5], {"H-H": [1, 2.5], "H-O": [1, 2.5], "O-O": [1, 2.6]}],
)
def test_another_repulsion_than_the_metadata_say(tmp_path, random_model, portable, zbl):
    model = random_model(portable=portable, zbl=(1.0, 2.5))
    path = rewritten(model, tmp_path / "model.pt", document(network__zbl=zbl))
    where = "repulsion" if portable else "zbl"
    with pytest.raises(InputError, match=rf"model\.pt: {where}.*: expected .* as the metadata say"):
        load_exported(path)


def test_an_additional_record_is_refused(tmp_path, random_model):
    path = rewritten(random_model(), tmp_path / "model.pt", lambda name, content: content)
    load_exported(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(archive.namelist()[0].split("/")[0] + "/more/content", b"x")
    with pytest.raises(InputError, match="found the record 'more/content'"):
        load_exported(path)


def test_a_record_twice_is_refused(tmp_path, random_model):
    path = rewritten(random_model(), tmp_path / "model.pt", lambda name, content: content)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        name = next(name for name in archive.namelist() if name.endswith("/data/0"))
        archive.writestr(name, b"x")
    with pytest.raises(InputError, match="in a wrong place or twice"):
        load_exported(path)


@pytest.mark.parametrize("portable", [False, True])
def test_one_wrong_bit_of_a_weight(tmp_path, random_model, portable):
    """torch loads a file with a wrong bit, whose forces would be silently wrong."""
    content = bytearray(random_model(portable=portable).read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        largest = max(
            (each for each in archive.infolist() if "/data/" in each.filename),
            key=lambda each: each.file_size,
        )
    content[largest.header_offset + 64 + largest.file_size // 2] ^= 0x10
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    torch.jit.load(str(path))
    with pytest.raises(InputError, match="does not have the checksum it was written with"):
        load_exported(path)


@pytest.mark.parametrize(
    "architecture",
    [
        {"l_max": 0},
        {"l_max": 1},
        {"l_max": 3},
        {"invariants": "polynomials", "l_max": 3},
        {"invariants": "polynomials", "n_max": 2, "normalisation": "none"},
        {"n_features": (6, 10, 4), "n_middle_features": (8, 6, 6)},
        {"n_features": (8,), "n_atom_layers": 0},
        {"residual": False},
        {"zbl": (1.0, 2.5)},
        {"zbl": RADII},
    ],
    ids=str,
)
@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_architecture_passes(random_model, architecture, portable, dtype):
    load_exported(random_model(dtype, portable, **architecture))


def test_a_number_before_a_line(tmp_path, random_model):
    """The check of the code accepts a line that ends with 4., as TorchScript writes 4.0."""
    path = rewritten(random_model(), tmp_path / "model.pt", code(b"x = 4.\n    y = 1"))
    load_exported(path)


def test_a_file_replaced_while_it_is_in_use(tmp_path, random_model):
    path = tmp_path / "model.pt"
    path.write_bytes(random_model().read_bytes())
    script = (
        "import sys, numpy as np\n"
        "from ase.build import molecule\n"
        "from hipnn_ts.ase import HIPNNTSCalculator\n"
        "atoms = molecule('H2O')\n"
        "atoms.calc = HIPNNTSCalculator(sys.argv[1])\n"
        "first = atoms.get_forces()\n"
        "open(sys.argv[1], 'r+b').truncate(100)\n"
        "atoms.calc.reset()\n"
        "assert np.array_equal(atoms.get_forces(), first)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
