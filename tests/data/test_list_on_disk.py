"""A list on disk returns its entries unchanged, and its file vanishes with it."""

import gc
import resource
import tempfile

import numpy as np
import pytest

from hipnn_ts.data.list_on_disk import ListOnDisk
from hipnn_ts.errors import InputError


def filled(entries):
    found = ListOnDisk()
    for entry in entries:
        found.append(entry)
    return found


def test_entries_come_back_in_any_order():
    entries = [{"name": f"frame {index}", "values": (index, None)} for index in range(50)]
    found = filled(entries)
    assert list(found) == entries
    assert len(found) == 50
    assert [found[index] for index in (40, 3, -1, 3)] == [entries[i] for i in (40, 3, -1, 3)]
    found.append("one more")
    assert found[50] == "one more" and found[0] == entries[0]
    with pytest.raises(IndexError):
        found[51]


def test_numbers_come_back_bit_for_bit():
    values = np.random.default_rng(0).normal(size=(7, 3))
    values[0] = [np.nan, -0.0, 5e-324]
    assert filled([values])[0].tobytes() == values.tobytes()


def test_a_choice_shares_the_file(tmp_path, monkeypatch, open_files):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = filled("abcdef")
    part = found.chosen(np.array([4, 0, 0])).chosen([0, 2])
    assert list(part) == ["e", "a"]
    assert len(open_files(tmp_path)) == 1


def test_its_file_has_no_name_and_goes_when_it_is_closed(tmp_path, monkeypatch, open_files):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = filled("abc")
    assert len(open_files(tmp_path)) == 1
    assert not list(tmp_path.iterdir())
    found.close()
    assert not open_files(tmp_path)


@pytest.mark.filterwarnings("error")
def test_its_file_goes_with_the_last_list(tmp_path, monkeypatch, open_files):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = filled("abc")
    part = found.chosen([1])
    del found
    assert list(part) == ["b"]
    part.itself = part  # a reference cycle, as with exceptions that keep frames
    del part
    gc.collect()
    assert not open_files(tmp_path)


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = filled([b"x" * 1000])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))
        with pytest.raises(InputError) as caught:
            found.append(b"y" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == (
        f"{tmp_path}: expected room for data that is not kept in memory, found: File too large; "
        "set TMPDIR to a folder with more"
    )
    assert list(found) == [b"x" * 1000]
