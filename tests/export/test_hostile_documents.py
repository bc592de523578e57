"""Documents made to lead a reader out of bounds are refused, with torch and without."""

import json
import math
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from documents import changed, network_of

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.errors import InputError
from hipnn_ts.export import load_exported
from hipnn_ts.export.document import read_document
from hipnn_ts.export.file import checked_metadata
from hipnn_ts.export.metadata import FILE_NAME


def header(edit):
    """Return a function that changes a document's header; ``edit`` gets it as a mapping."""

    def change(document):
        (n,) = struct.unpack_from("<Q", document)
        content = json.loads(document[8 : 8 + n])
        edit(content)
        return with_header(json.dumps(content).encode(), document[8 + n :])

    return change


def text(old, new):
    """Return a function that replaces text in a document's header."""

    def change(document):
        (n,) = struct.unpack_from("<Q", document)
        assert old in document[8 : 8 + n]
        return with_header(document[8 : 8 + n].replace(old, new, 1), document[8 + n :])

    return change


def with_header(header, data):
    return struct.pack("<Q", len(header)) + header + data


def entry(name, **values):
    return header(lambda content: content[name].update(values))


def tensor(name, edit):
    """Return a function that changes one tensor of a document; ``edit`` works in place."""

    def change(document):
        values = read_document(document)[name].copy()
        edit(values)
        return changed(document, **{name.replace(".", "__"): values})

    return change


def network(**values):
    return lambda document: changed(document, values)


def without(key):
    def change(document):
        kept = network_of(document)
        del kept[key]
        entry = {"network": json.dumps(kept)}
        return header(lambda content: content.update(__metadata__=entry))(document)

    return change


SIGMA, FIRST = "blocks.0.interaction.sigma", "blocks.1.interaction.window_first"
LEAVES = "expected a safetensors document, found one whose header leaves it"
DEEP = b'"a": ' + b"[" * 100_000

HOSTILE = {
    "no bytes": (lambda document: b"", LEAVES),
    "seven bytes": (lambda document: document[:7], LEAVES),
    "a header beyond it": (lambda document: b"\xff" * 8 + document[8:], LEAVES),
    "a header up to its end": (
        lambda document: struct.pack("<Q", len(document) - 8) + document[8:],
        "header: expected a JSON object",
    ),
    "no header": (lambda document: b"\0" * 8, "header: expected a JSON object, found"),
    "a list": (lambda document: with_header(b"[]", b""), "header: expected a JSON object, found"),
    "depth": (text(b"{", b"{" + DEEP), "header: expected values nested less deeply"),
    "a name twice": (
        text(b'"blocks.0.interaction.sigma"', b'"self_energies"'),
        "'self_energies' t",
    ),
    "a key twice": (text(b'{"dtype"', b'{"dtype": "F32", "dtype"'), "header: found 'dtype' twice"),
    "another type": (entry(SIGMA, dtype="U64"), f"'{SIGMA}': dtype: expected I16, F32 or F64, f"),
    "a type that is no text": (
        entry(SIGMA, dtype=5),
        f"'{SIGMA}': dtype: expected a text, found 5",
    ),
    "another size of items": (entry(SIGMA, dtype="I16"), f"'{SIGMA}': expected 32 bytes, for I16"),
    "a negative size": (entry(SIGMA, shape=[-16]), "expected an integer from 0"),
    "sizes that overflow": (
        entry(SIGMA, shape=[2**33] * 2),
        "expected a tensor that fits into mem",
    ),
    "a size beyond all integers": (entry(SIGMA, shape=[2**64]), "expected an integer from 0"),
    "a size that is no integer": (entry(SIGMA, shape=[1.5]), "expected an integer from 0"),
    "no shape": (header(lambda c: c[SIGMA].pop("shape")), "expected the key 'shape', found none"),
    "one key more": (entry(SIGMA, more=1), "expected a dtype, a shape and two data_offsets"),
    "offsets beyond the data": (
        entry(SIGMA, data_offsets=[0, 2**40]),
        "expected an integer from 0",
    ),
    "offsets backwards": (entry(SIGMA, data_offsets=[64, 0]), "expected an integer from 64"),
    "three offsets": (entry(SIGMA, data_offsets=[0, 8, 16]), "two data_offsets"),
    "an overlap": (
        entry(SIGMA, data_offsets=[0, 128]),
        "where those before end, found a gap or an",
    ),
    "bytes at the end": (lambda document: document + b"\0" * 8, "expected nothing after the last"),
    "a cut": (lambda document: document[:-8], "data_offsets: expected an integer"),
    "an entry that is no object": (
        header(lambda c: c.update(x=3)),
        "'x': expected the key 'dtype'",
    ),
    "metadata that are no texts": (
        header(lambda c: c.update(__metadata__={"network": {}})),
        "__metadata__: expected a text, found {}",
    ),
    "no network": (header(lambda c: c.pop("__metadata__")), "__metadata__: expected a 'network'"),
    "a network that is no JSON": (
        header(lambda c: c.update(__metadata__={"network": "{"})),
        "network: expected a JSON object",
    ),
    "no cutoff": (without("cutoff"), "network: expected the key 'cutoff', found none"),
    "no precision": (without("dtype"), "network: expected the key 'dtype', found none"),
    "another precision": (network(dtype="float16"), "network: dtype: expected 'float32' or 'float"),
    "the other precision": (
        network(dtype="float32"),
        "expected F32 of shape [16], found F64 of sh",
    ),
    "other invariants": (
        network(invariants="x"),
        "network: invariants: expected 'norms' or 'polynomials', found",
    ),
    "no factors": (network(invariants="polynomials", n_max=0), "n_max: expected an integer from 1"),
    "another normalisation": (
        network(invariants="polynomials", normalisation="batch"),
        "normalisation: expected 'group' or 'none', found",
    ),
    "a higher order": (network(l_max=9), "network: l_max: expected an integer from 0 to"),
    "many blocks": (
        network(n_features=[8] * 1000),
        "n_features: expected a list of 1 to 64 values",
    ),
    "no blocks": (network(n_features=[]), "n_features: expected a list of 1 to 64 values"),
    "huge": (network(n_features=[2**40]), "n_features: expected an integer from 1 to 8192"),
    "widths that do not fit": (network(n_middle_features=[8]), "expected widths that fit n_feat"),
    "many layers": (
        network(n_atom_layers=10**9),
        "n_atom_layers: expected an integer from 0 to 64",
    ),
    "a cutoff below zero": (network(cutoff=-4.0), "network: cutoff: expected a number above 0, at"),
    "an element": (
        network(elements=["H", "Xx"]),
        'expected chemical symbols, each once, found "Xx"',
    ),
    "an element twice": (network(elements=["H", "H"]), "expected chemical symbols, each once, fou"),
    "more elements": (
        network(elements=["H", "O", "C"]),
        "self_energies: expected F64 of shape [3]",
    ),
    "more sensitivities": (
        network(n_sensitivities=9),
        "inverse_mu: expected F64 of shape [17], fo",
    ),
    "more layers": (
        network(n_atom_layers=2),
        "expected a tensor 'blocks.0.on_site.1.inner.forward",
    ),
    "fewer layers": (
        network(n_atom_layers=0),
        "found a tensor 'blocks.0.on_site.0.inner.backward'",
    ),
    "a window beyond the end": (
        tensor(FIRST, lambda values: values.fill(8)),
        "blocks.1.interaction: the sensitivity window of bin",
    ),
    "a window before the start": (
        tensor(FIRST, lambda values: values.fill(-1)),
        "blocks.1.interaction: the sensitivity window of bin 0 leaves the 8 sensitivities",
    ),
    **{
        f"a weight that is {value}": (
            tensor(SIGMA, lambda values, value=value: values.__setitem__(0, value)),
            f"{SIGMA}: expected finite numbers, found some that are not",
        )
        for value in (math.nan, math.inf)
    },
    "a self energy that is nan": (
        tensor("self_energies", lambda values: values.__setitem__(1, math.nan)),
        "self_energies: expected finite numbers",
    ),
    "a tensor left out": (
        lambda document: changed(document, self_energies=None),
        "expected a tensor 'self_energies', found none",
    ),
    "a tensor more": (
        lambda document: changed(document, more=np.zeros(3)),
        "found a tensor 'more', which no such network has",
    ),
    "another network": (
        network(cutoff=4.5),
        "cutoff: expected 4.0, as the metadata say, found 4.5",
    ),
}


@pytest.fixture
def attacked(tmp_path, random_model):
    """Function that writes a model with a changed document but valid checksums and pickle."""

    def write(change):
        path = tmp_path / "model.pt"
        with zipfile.ZipFile(random_model()) as old, zipfile.ZipFile(path, "w") as new:
            records = {name: old.read(name) for name in old.namelist()}
            (data,) = (name for name in records if name.endswith("/data/0"))
            (pickle,) = (name for name in records if name.endswith("/data.pkl"))
            before = len(records[data])
            records[data] = change(records[data])
            # torch pickles the number of bytes as J and four bytes, or as M and two.
            sizes = [b"J" + struct.pack("<i", n) for n in (before, len(records[data]))]
            if before < 2**16:
                sizes[0] = b"M" + struct.pack("<H", before)
            assert records[pickle].count(sizes[0]) == 2  # for the storage and for the tensor
            records[pickle] = records[pickle].replace(*sizes)
            for name, content in records.items():
                new.writestr(name, content)
        return path

    return write


@pytest.mark.parametrize("name", HOSTILE)
def test_with_torch_and_without(attacked, name):
    change, sentence = HOSTILE[name]
    path = attacked(change)
    for read in (load_exported, checked_metadata, HIPNNTSCalculator):
        with pytest.raises(InputError) as error:
            read(path)
        said = str(error.value)
        assert said.startswith(f"{path}: ")
        assert "\n" not in said
        if name == "another network" and read is not load_exported:
            sentence = "'data/0': expected the network that the metadata describe, found another"
        assert sentence in said


@pytest.mark.parametrize("name", ["another file", "a changed bit", "a second document"])
def test_records_without_torch(tmp_path, random_model, name):
    content = bytearray(random_model().read_bytes())
    path = tmp_path / "model.pt"
    if name == "a changed bit":
        content[content.index(b"self_energies") + 5000] ^= 1
    path.write_bytes(content)
    if name != "a changed bit":
        record = "more/content" if name == "another file" else "data/1"
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"{archive.namelist()[0].split('/')[0]}/{record}", b"x")
    sentence = {
        "another file": "found the record 'more/content', which no exported potential has",
        "a changed bit": "damaged: 'data/0' does not have the checksum it was written with",
        "a second document": "found the record 'data/1', which no exported potential has",
    }[name]
    with pytest.raises(InputError) as error:
        checked_metadata(path)
    assert str(error.value) == f"{path}: {sentence}"


def test_what_is_compressed_is_not_read(tmp_path, random_model):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(random_model()) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name), compress_type=8 if "/data/" in name else 0)
    with pytest.raises(InputError, match="'data/0': expected a record that is not compressed"):
        checked_metadata(path)


@pytest.mark.parametrize("n", [0, 2])
def test_a_module_has_one_document(tmp_path, random_model, n):
    extra = {FILE_NAME: ""}
    module = torch.jit.load(str(random_model()), _extra_files=extra)
    module.weights = list(module.weights) * n
    path = tmp_path / "model.pt"
    module.save(str(path), _extra_files=extra)
    with pytest.raises(InputError, match=f"expected one document, found {n}"):
        load_exported(path)


def test_torch_is_not_imported(random_model):
    script = (
        "import sys\n"
        "from hipnn_ts.cli import main\n"
        "try:\n"
        "    main(['info', sys.argv[1]])\n"
        "finally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, random_model()], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "n_features:" in run.stdout


def test_metadata_record_is_text(tmp_path, random_model):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(random_model()) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = b"{}" if name.endswith(FILE_NAME) else old.read(name)
            new.writestr(name, content)
    with pytest.raises(InputError, match="found another TorchScript file"):
        checked_metadata(path)
