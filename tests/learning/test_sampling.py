"""Sampling walks, and the frames chosen from them."""

from itertools import pairwise

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from comparing import largest

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.dynamics import bare
from hipnn_ts.frames import write_frames
from hipnn_ts.learning import choosing
from hipnn_ts.learning.config import held_back_of
from hipnn_ts.learning.folder import read_frames
from hipnn_ts.learning.sampling import rattled, steps, walk
from hipnn_ts.learning.sections import LearnConfig, SamplingConfig
from hipnn_ts.learning.walking import reference_walk

pytestmark = pytest.mark.slow


def config(**sections):
    content = {
        "structures": ["water.xyz"],
        "reference": {"calculator": "counted.Counted"},
        "training": {"epochs": 1},
    }
    return LearnConfig.model_validate(content | sections)


@pytest.fixture(scope="module")
def committee(random_committee):
    return HIPNNTSCalculator(random_committee(), beyond_training="ignore")


def test_a_walker_stops_where_the_committee_deviates(committee):
    """A stopped walker starts again until its steps are used up."""
    common = {"temperatures": (500.0, 2000.0), "walkers": 2, "steps": 60, "low": 0.0, "starts": 3}
    free = SamplingConfig(**common, interval=4, stop=1e3)
    met = [f.info["max_devi_f"] for f in walk([molecule("H2O")], committee, free, 1, [1, 2])[0]]
    stop = float(np.median(met))
    settings = SamplingConfig(**common, interval=4, stop=stop)
    frames, ends = walk([molecule("H2O")], committee, settings, 1, [1, 2])
    stopped = [frame for frame in frames if frame.info["stopped"]]
    assert stopped and len(ends) > 1
    assert all(frame.info["max_devi_f"] > stop for frame in stopped)
    assert all(f.info["max_devi_f"] <= stop for f in frames if not f.info["stopped"])
    assert all(frame.info["step"] >= 4 for frame in frames)
    assert {frame.info["temperature"] for frame in frames} == {2000.0}
    assert [end["start"] for end in ends] == list(range(len(ends)))
    assert sum(end["steps"] for end in ends) <= 60 and len(ends) <= 3
    for frame in frames:
        committee.reset()
        again = frame.copy()
        again.calc = committee
        again.get_forces()
        np.testing.assert_allclose(frame.arrays["forces_std"], committee.results["forces_std"])
        assert frame.info["max_devi_f"] == frame.arrays["forces_std"].max()


def test_a_committee_that_knows_nothing_yields_different_frames(committee):
    settings = SamplingConfig(steps=40, interval=5, low=0.0, stop=1e-9, walkers=1)
    frames, ends = walk([molecule("H2O")], committee, settings, 0, [1])
    assert len(frames) == len(ends) == 8
    assert {frame.info["step"] for frame in frames} == {5}
    assert len({frame.positions.tobytes() for frame in frames}) == 8


def test_walks_follow_from_their_seed(committee):
    settings = SamplingConfig(steps=20, interval=5, low=0.0, stop=1e3, walkers=1)
    first, again, other = (
        walk([molecule("H2O")], committee, settings, 0, seed)[0]
        for seed in ([1, 0], [1, 0], [1, 1])
    )
    assert len(first) == 4
    np.testing.assert_array_equal(first[-1].positions, again[-1].positions)
    assert np.abs(first[-1].positions - other[-1].positions).max() > 1e-3


def test_a_walk_ends_where_atoms_meet(committee):
    """The walk keeps the error message, and the walker continues from the next structure."""
    broken = molecule("H2O")
    broken.positions[1] = broken.positions[0]
    settings = SamplingConfig(steps=8, interval=4, low=0.0, stop=1e3, walkers=1)
    frames, ends = walk([broken, molecule("H2O")], committee, settings, 0, [1])
    assert "atoms 0 and 1" in ends[0]["why"] and ends[0]["steps"] == 0
    assert len(frames) == 1 and ends[1]["why"] == ""


def test_volumes_follow_the_pressure():
    """At 20 GPa EMT copper, of bulk modulus 134 GPa, shrinks by a tenth and keeps its shape."""
    crystal = bulk("Cu", cubic=True)
    settings = SamplingConfig(timestep=2.0, friction=0.01)
    random = np.random.default_rng(0)
    walked = steps(crystal, EMT(), 300.0, settings, random, 1500, pressure=20.0)
    cells = [at.atoms.cell.array for at in walked if at.step >= 1000]
    volume = np.mean([np.linalg.det(cell) for cell in cells]) / crystal.get_volume()
    assert 0.86 < volume < 0.94
    scaled = cells[-1] / cells[-1][0, 0] * crystal.cell[0, 0]
    np.testing.assert_allclose(scaled, crystal.cell.array, atol=1e-9)


def test_walkers_share_temperatures_and_pressures(committee, water):
    settings = SamplingConfig(
        temperatures=(300.0, 600.0), pressures=(0.0, 1.0, 5.0), walkers=8, steps=4, interval=2,
        low=0.0, stop=1e3,
    )  # fmt: skip
    met = [settings.conditions(walker) for walker in range(8)]
    assert met[:6] == [(300, 0), (600, 0), (300, 1), (600, 1), (300, 5), (600, 5)]
    assert met[6:] == met[:2]
    frames, _ = walk([water(1)], committee, settings, 5, [1])
    assert {(f.info["temperature"], f.info["pressure"]) for f in frames} == {(600.0, 5.0)}
    assert frames[0].get_volume() != water(1).get_volume()


def test_first_cells_are_strained():
    frames = rattled([bulk("Cu", cubic=True), molecule("H2O")], 200, 0.01, [0], strain=0.1)
    strains = [f.cell.array @ np.linalg.inv(bulk("Cu", cubic=True).cell) for f in frames[::2]]
    for strain in strains:
        np.testing.assert_allclose(strain, strain.T)
    sizes = [np.sqrt(np.mean((strain - np.eye(3)) ** 2)) for strain in strains]
    assert np.mean(sizes[:10]) < 0.03 and 0.06 < np.mean(sizes[-30:]) < 0.11
    assert all(f.cell.rank == 0 for f in frames[1::2])
    scaled = frames[-2].get_scaled_positions(wrap=False)
    assert np.abs(scaled - bulk("Cu", cubic=True).get_scaled_positions()).max() < 0.02


def test_first_structures():
    frames = rattled([molecule("H2O"), molecule("CH4")], 200, 0.2, [0])
    assert [len(frame) for frame in frames[:3]] == [3, 5, 3]
    moved = [np.std(f.positions - molecule("H2O").positions) for f in frames[::2]]
    assert np.mean(moved[:10]) < 0.05 and 0.15 < np.mean(moved[-10:]) < 0.21
    settings = config(rounds={"held_back": 0.25})
    marked = choosing.first(frames[:8], settings)
    assert [frame.info["use"] for frame in marked].count("held_back") == 2


def test_first_structures_by_the_reference_method_itself():
    settings = config(first={"method": "dynamics", "interval": 2})
    frames = reference_walk([molecule("H2O")], settings, 0, 3)
    assert len(frames) == 3
    positions = [frame.positions for frame in (molecule("H2O"), *frames)]
    steps = [np.abs(b - a).max() for a, b in pairwise(positions)]
    assert all(1e-4 < step < 0.2 for step in steps)


def frames_with(deviations):
    frames = []
    for index, deviation in enumerate(deviations):
        frame = rattled([molecule("H2O")], 1, 1.0, [7, index])[0]
        frame.set_array("forces_std", np.array([deviation, 0.0, 0.0]))
        frame.info |= {"max_devi_f": deviation, "stopped": deviation > 0.5}
        frames.append(frame)
    return frames


def test_what_is_known_is_not_chosen():
    settings = config(rounds={"labels": 10, "held_back": 0.2}, sampling={"low": 0.1, "stop": 0.5})
    frames = frames_with([0.05] * 30 + [0.2, 0.3, 0.6])
    chosen = choosing.choose(frames, settings, ["H", "O"], 4.0, 1)
    trained = [frame for frame in chosen if frame.info["use"] == "train"]
    held = [frame for frame in chosen if frame.info["use"] == "held_back"]
    assert len(held) == 2
    taken = {f.info["max_devi_f"] for f in trained}
    assert taken <= {0.2, 0.3, 0.6} and len(trained) >= 1
    assert trained[0].info["max_devi_f"] == largest(taken)
    assert {frame.info["why"] for frame in trained} <= {
        "the walk was stopped",
        "between low and stop",
    }
    assert all(frame.info["why"] == "drawn at random" for frame in held)


def test_near_copies_are_not_chosen():
    """Of a round of identical frames only one is chosen for training."""
    settings = config(rounds={"labels": 20}, sampling={"low": 0.1, "stop": 0.5})
    frames = frames_with([0.3])[:1] * 30
    chosen = choosing.choose(frames, settings, ["H", "O"], 4.0, 1)
    assert [frame.info["use"] for frame in chosen].count("train") == 1


def test_few_frames_are_not_all_held_back():
    settings = config(rounds={"labels": 20}, sampling={"low": 0.1, "stop": 0.5})
    for n in (1, 2, 3):
        chosen = choosing.choose(frames_with([0.6] * n), settings, ["H", "O"], 4.0, 1)
        assert any(frame.info["use"] == "train" for frame in chosen)


def test_nothing_is_chosen_where_all_is_known():
    settings = config(sampling={"low": 0.1, "stop": 0.5})
    assert choosing.choose(frames_with([0.05] * 50), settings, ["H", "O"], 4.0, 1) == []
    assert choosing.choose([], settings, ["H", "O"], 4.0, 1) == []


def test_random_choice_does_not_look_at_deviations():
    settings = config(rounds={"labels": 20, "choose": "random"})
    chosen = choosing.choose(frames_with([0.001] * 60), settings, ["H", "O"], 4.0, 1)
    assert len(chosen) == 20
    assert len({frame.positions.tobytes() for frame in chosen}) == 20


@pytest.mark.parametrize(
    ("n", "share", "held"), [(10, 0.2, 2), (2, 0.01, 1), (4, 0.99, 3), (1, 0.5, 0)]
)
def test_some_are_held_back_and_some_are_not(n, share, held):
    assert held_back_of(n, share) == held


def test_frames_are_kept_as_they_are(tmp_path):
    frames = frames_with([0.2, 0.7])
    frames[0].set_initial_magnetic_moments([1.0, 0.0, -1.0])
    assert bare(frames[0]).get_initial_magnetic_moments().tolist() == [1.0, 0.0, -1.0]
    write_frames(tmp_path / "frames.extxyz", frames)
    back = read_frames(tmp_path / "frames.extxyz")
    assert [f.info["stopped"] for f in back] == [False, True]
    assert back[0].get_initial_magnetic_moments().tolist() == [1.0, 0.0, -1.0]
    np.testing.assert_allclose(back[1].positions, frames[1].positions, atol=1e-8)
    write_frames(tmp_path / "none.extxyz", [])
    assert read_frames(tmp_path / "none.extxyz") == []
