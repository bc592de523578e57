"""hipnn-ts reads fused files of format 1 without torch and without unpickling anything."""

import json
import pickle
import struct
import subprocess
import sys
import zipfile

import pytest
from documents import FORMATS

from hipnn_ts import _core
from hipnn_ts.export import load_exported
from hipnn_ts.export.document import describe

FILE = FORMATS / "1" / "fused.pt"


def described(path):
    return json.loads(_core.describe_model_file(str(path), path.read_bytes()))


def with_pickle(path, change):
    """Write a copy of the file with a changed data.pkl; return its path."""
    with zipfile.ZipFile(FILE) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name.endswith("/data.pkl") else content)
    return path


def test_the_network_is_the_one_of_the_metadata():
    module, metadata = load_exported(FILE)
    found = described(FILE)
    assert found == describe(metadata.network, metadata.dtype)
    assert found["elements"] == list(module.elements)


def test_without_torch():
    script = (
        "import sys; from hipnn_ts import _core; path = sys.argv[1]\n"
        "print(_core.describe_model_file(path, open(path, 'rb').read()))\n"
        "assert 'torch' not in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", script, FILE], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == described(FILE)


def replaced(old, new, count=1):
    def change(content):
        assert old in content
        return content.replace(old, new, count)

    return change


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


def real(value):
    return b"G" + struct.pack(">d", value)


# The end of the pickle is the value of 'cutoff', which hostile files replace.
END = real(4.0) + b"ub"
REFERENCES = b"".join([text(b"x" * 100_000), b"q\xf0", b"h\xf0" * 100_000])
HOSTILE = {
    "a function": (replaced(b"collections\nOrderedDict", b"os\nsystem"), "found a os system in"),
    "a class of C++": (
        replaced(b"torch._utils\n_rebuild_tensor_v2", b"__torch__.torch.classes.x\nY"),
        "found a __torch__.torch.classes.x Y in 'data.pkl'",
    ),
    "values in values": (replaced(END, b"N" + b"\x85" * 1_000_000 + b"ub"), "found a pickle"),
    "a long text again and again": (replaced(END, REFERENCES + b"ub"), "found a pickle"),
    "an end too early": (lambda content: content[:-30], "found a pickle 'data.pkl'"),
    "nothing": (lambda content: b"", "found a pickle 'data.pkl'"),
    "another pickle": (lambda content: pickle.dumps({"x": 1}, 2), "found a pickle"),
    "portable": (
        replaced(text(b"portable") + b"q\xa1\x89", text(b"portable") + b"q\xa1\x88"),
        "portable: expected False, as the metadata say",
    ),
    "another element": (replaced(text(b"H"), text(b"C")), "expected the network that the metadata"),
    "no element": (replaced(text(b"H"), text(b"Q")), "elements"),
    "a list that is none": (replaced(text(b"sizes"), text(b"seizs")), "sizes: expected a list"),
    "other numbers": (replaced(real(1e-6), b"K\x01"), "scalars: expected values of one type"),
    "another cutoff": (replaced(real(4.0), real(4.5)), "expected the network that the metadata"),
    "another width": (replaced(b"K\x04K\x04K\x04K\x03", b"K\x04K\x05K\x04K\x03"), "packed weight"),
    "another type": (replaced(b"torch\nDoubleStorage", b"torch\nLongStorage"), "self_energies"),
    "a tensor beyond its record": (
        replaced(b"K\x02tQq\x07K\x00", b"K\x02tQq\x07K\x01"),
        "self_energies: expected a tensor within its record",
    ),
    "a huge tensor": (
        replaced(b"K\x02tQq\x07K\x00(K\x02t", b"K\x02tQq\x07K\x00(J\xff\xff\xff\x7ft"),
        "self_energies: expected a tensor within its record",
    ),
    "a storage of another size": (
        replaced(b"K\x02tQq\x07", b"K\x03tQq\x07"),
        "tensor '0' of 'data.pkl' is not of the size of its record",
    ),
    "negative sizes": (
        replaced(b"tQq\x07K\x00(K\x02t", b"tQq\x07K\x00(J\xff\xff\xff\xfft"),
        "self_energies: expected a shape",
    ),
    "strides": (
        replaced(b"K\x00(K\x02t(K\x01t", b"K\x00(K\x02t(K\x02t"),
        "self_energies: expected a tensor whose items follow each other",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path, name):
    change, sentence = HOSTILE[name]
    path = with_pickle(tmp_path / "model.pt", change)
    with pytest.raises(ValueError) as error:
        described(path)
    assert str(error.value).startswith(f"{path}: ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_changed_weight(tmp_path):
    content = bytearray(FILE.read_bytes())
    with zipfile.ZipFile(FILE) as archive:
        largest = max(
            (each for each in archive.infolist() if "/data/" in each.filename),
            key=lambda each: each.file_size,
        )
    content[largest.header_offset + 64 + largest.file_size // 2] ^= 0x10
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not have the checksum it was written with"):
        described(path)
