"""Files of committees: their content, and invalid files that readers refuse."""

import json
import struct
import zipfile

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hipnn_ts import _core
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.cli import main
from hipnn_ts.errors import InputError
from hipnn_ts.export import export_committee, load_exported
from hipnn_ts.export.document import read_document
from hipnn_ts.export.file import checked_metadata
from hipnn_ts.export.metadata import FILE_NAME
from hipnn_ts.export.unpacking import plain_potential

APPROACH = {"closest_approach": {"H-H": 1.4, "H-O": 0.9}}, {"closest_approach": {"H-O": 1.0}}


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments])


def record(path, ending):
    with zipfile.ZipFile(path) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(ending))
        return archive.read(name)


@pytest.fixture
def folder(tmp_path, random_members):
    """Folder of three trained members, laid out as by ``hipnn-ts train --members 3``."""
    for k, member in enumerate(random_members()[:3], 1):
        path = tmp_path / "committee" / f"member-{k}" / "best.ckpt"
        path.parent.mkdir(parents=True)
        save_checkpoint(path, member, {"seed": k})
    return tmp_path / "committee"


def test_a_folder_becomes_one_file(folder, tmp_path, random_members):
    model = tmp_path / "model.pt"
    done = run("export", folder, "-o", model)
    assert done.exit_code == 0, done.output
    assert "fused, float64, committee of 3, elements H O" in done.output
    metadata = checked_metadata(model)
    assert (metadata.members, metadata.format_version) == (3, 3)
    assert [own["seed"] for own in metadata.provenance["members"]] == [1, 2, 3]
    assert "members: 3" in run("info", model).output
    tensors = read_document(record(model, "/data/0"))
    assert {name.split(".")[1] for name in tensors} == {"0", "1", "2"}
    members = plain_potential(*load_exported(model)).members
    for found, member in zip(members, random_members()[:3], strict=True):
        torch.testing.assert_close(found.self_energies, member.self_energies, rtol=0, atol=0)


def test_a_file_of_one_member_says_nothing_of_members(random_model):
    """Files of one network keep format 2, whose metadata do not mention members."""
    for portable in (False, True):
        path = random_model(torch.float64, portable)
        assert b"members" not in record(path, FILE_NAME)
        assert json.loads(record(path, FILE_NAME))["format_version"] == 2
    assert b"members" not in record(random_model(), "/data/0")
    assert checked_metadata(random_model()).members == 1


def test_closest_approach_is_what_all_have_seen(tmp_path, random_members):
    members = list(zip(random_members()[:2], APPROACH, strict=True))
    metadata = export_committee(members, tmp_path / "model.pt")
    assert metadata.closest_approach == {"H-O": 1.0}
    members[1] = members[1][0], {}
    assert export_committee(members, tmp_path / "model.pt").closest_approach is None


def test_what_is_not_exported(folder, tmp_path, random_potential):
    refusals = [
        (
            ("--portable",),
            f"{folder}: --portable: expected one checkpoint, found a directory of several; "
            "only hipnn-ts's own kernels run committees",
        )
    ]
    for architecture, said in (
        ({"cutoff": 4.5}, "cutoff: expected 4.0, as in FIRST, found 4.5"),
        ({"n_features": (8, 9)}, "n_features: expected [8, 8], as in FIRST, found [8, 9]"),
        ({"elements": ("O", "H")}, "elements: expected ['H', 'O'], as in FIRST, found ['O', 'H']"),
    ):
        other = folder / "member-2" / "best.ckpt"
        sentence = f"{other}: {said}; members of a committee may differ only in their weights"
        refusals.append((architecture, sentence.replace("FIRST", f"{folder}/member-1/best.ckpt")))
    for change, sentence in refusals:
        flags = change if isinstance(change, tuple) else ()
        if not flags:
            potential = random_potential(**change)
            save_checkpoint(folder / "member-2" / "best.ckpt", potential, {})
        done = run("export", folder, "-o", tmp_path / "model.pt", *flags)
        assert done.exit_code == 1
        assert done.output == f"hipnn-ts: error: {sentence}\n"
        assert not (tmp_path / "model.pt").exists()


def test_numbers_of_members(tmp_path, random_potential):
    for n in (1, 65):
        with pytest.raises(InputError, match=rf"expected 2 to 64 members, found {n}$"):
            export_committee([(random_potential(), {})] * n, tmp_path / "model.pt")


def rewritten(path, out, metadata=None, document=None):
    """Write a copy of the file with changed metadata or a changed document; return its path."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if metadata and name.endswith(FILE_NAME):
                content = json.dumps(json.loads(content) | metadata).encode()
            if document and name.endswith("/data/0"):
                content = document(content)
            changed.writestr(name, content)
    return out


def in_header(old, new):
    def change(document):
        (n,) = struct.unpack_from("<Q", document)
        header = document[8 : 8 + n]
        assert old in header
        header = header.replace(old, new)
        header += b" " * (n - len(header))  # torch stores the length of the document
        return struct.pack("<Q", len(header)) + header + document[8 + n :]

    return change


NOWHERE = "expected several members in fused files of format 3 and nowhere else, found"
HOSTILE = {
    "members of an old format": ({"format_version": 2}, None, NOWHERE),
    "a portable committee": ({"flavour": "portable"}, None, NOWHERE),
    "no members": ({"members": 1}, None, "members"),
    "too many": ({"members": 65}, None, "members"),
    "a negative number": ({"members": -1}, None, "members"),
    "a text": ({"members": "4"}, None, "members"),
    "fewer than the document": ({"members": 3}, None, "expected"),
    "another number in the document": (
        None,
        in_header(rb"\"members\": 4", rb"\"members\": 3"),
        "found a tensor 'members.3.",
    ),
    "more than there are": (
        None,
        in_header(rb"\"members\": 4", rb"\"members\": 9"),
        "expected a tensor 'members.4.self_energies', found none",
    ),
    "a huge number": (
        None,
        in_header(rb", \"members\": 4", rb",\"members\":400"),
        "members: expected an integer from 2 to 64",
    ),
    "none in the document": (
        None,
        in_header(rb", \"members\": 4", b""),
        "expected a tensor 'self_energies', found none",
    ),
    "a member by another name": (
        None,
        in_header(b'"members.2.blocks.0.outer.bias"', b'"members.7.blocks.0.outer.bias"'),
        "expected a tensor 'members.2.blocks.0.outer.bias', found none",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_committees(case, tmp_path, random_committee):
    metadata, document, said = HOSTILE[case]
    path = rewritten(random_committee(), tmp_path / "model.pt", metadata, document)
    for read in (HIPNNTSCalculator, checked_metadata, load_exported):
        with pytest.raises(InputError) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: ")
        assert said in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=f"^{path}: ") as error:
        _core.Model(path.read_bytes(), str(path))
    assert said in str(error.value)


def test_a_network_alone_in_the_format_of_committees(tmp_path, random_model):
    path = rewritten(random_model(), tmp_path / "model.pt", {"format_version": 3})
    for read in (HIPNNTSCalculator, load_exported):
        with pytest.raises(InputError, match=NOWHERE):
            read(path)


def test_members_share_their_buffers(random_model, random_committee):
    """A committee of four takes hardly more memory than one of its members."""
    x = torch.rand(400, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 14
    receivers, senders = torch.where(torch.cdist(x, x) + 100 * torch.eye(400) < 4.0)
    arguments = torch.arange(400) % 2, receivers, senders, x[senders] - x[receivers]
    sizes = []
    for path in (random_model(), random_committee()):
        module = load_exported(path)[0]
        module.energies_and_pair_gradients(*arguments)
        sizes.append(torch.ops.hipnn_ts.inference_bytes(module.weights[0]))
    assert sizes[0] < sizes[1] < 1.1 * sizes[0]


def test_operators_compute_the_mean(random_committee, random_members):
    """The operator that torch and TorchForce call computes the mean of the members."""
    module, metadata = load_exported(random_committee())
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(30, 3, generator=generator, dtype=torch.float64) * 6
    receivers, senders = torch.where(torch.cdist(x, x) + 100 * torch.eye(30) < 4.0)
    arguments = torch.arange(30) % 2, receivers, senders, x[senders] - x[receivers]
    energies, gradients = module.energies_and_pair_gradients(*arguments)
    expected = torch.stack([member(*arguments) for member in random_members()]).mean(dim=0)
    np.testing.assert_allclose(energies, expected.detach(), rtol=1e-13)
    plain = plain_potential(module, metadata)
    np.testing.assert_allclose(plain(*arguments).detach(), expected.detach(), rtol=1e-13)
    by_core = _core.evaluate_pairs(
        _core.Model(random_committee().read_bytes(), "m"), *(each.numpy() for each in arguments)
    )
    np.testing.assert_allclose(by_core[0], energies, rtol=1e-14)
    np.testing.assert_allclose(by_core[1], gradients, rtol=0, atol=1e-12)
