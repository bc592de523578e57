"""Frames are held back for validation."""

import pytest
from ase import Atoms

from hipnn_ts.data.split import NamedFrames, split
from hipnn_ts.errors import InputError


def data(n_frames, files=("a.xyz",), trajectory_of=lambda index: index // 3):
    frames, names = [], []
    for file in files:
        for index in range(n_frames):
            frames.append(
                Atoms("H", info={"id": (file, index), "trajectory": trajectory_of(index)})
            )
            names.append(f"{file}: frame {index}")
    return NamedFrames(frames, names)


def identities(part):
    return [frame.info["id"] for frame in part.frames]


def test_every_frame_is_on_one_side_and_the_seed_decides():
    everything = data(40)
    training, validation = split(everything, 0.1, None, seed=1)
    assert len(validation.frames) == 4
    assert sorted(identities(training) + identities(validation)) == identities(everything)
    assert identities(split(everything, 0.1, None, seed=1)[1]) == identities(validation)
    assert identities(split(everything, 0.1, None, seed=2)[1]) != identities(validation)
    assert validation.names == [f"{file}: frame {i}" for file, i in identities(validation)]


def test_groups_stay_together_within_their_file():
    training, validation = split(data(12, files=("a.xyz", "b.xyz")), 0.25, "trajectory", seed=0)
    assert len(validation.frames) == 6

    def groups(part):
        return {(frame.info["id"][0], frame.info["trajectory"]) for frame in part.frames}

    assert len(groups(validation)) == 2
    assert not groups(training) & groups(validation)


def test_neither_side_is_ever_empty():
    for fraction in (0.01, 0.99):
        assert all(len(part.frames) == 1 for part in split(data(2), fraction, None, seed=0))


def test_what_cannot_be_split_is_named():
    with pytest.raises(InputError, match=r"a\.xyz: expected at least two frames"):
        split(data(1), 0.5, None, seed=0)
    with pytest.raises(InputError, match=r"a\.xyz: expected at least two values of 'trajectory'"):
        split(data(9, trajectory_of=lambda _: 7), 0.5, "trajectory", seed=0)
    with pytest.raises(InputError, match=r"a\.xyz: frame 0: expected an entry 'run' to group by"):
        split(data(9), 0.5, "run", seed=0)
