"""Warnings and errors of a step on an emulated GPU: atoms too close, results not finite."""

import numpy as np
import pytest
import torch
from test_cuda_neighbours import ENERGY, LENGTH, STOP, fused_potential, parts
from test_cuda_neighbours import LIMITS as LIMITS_AT

pytestmark = pytest.mark.slow

BOX = np.eye(3) * 8.0
# Closest approach in the training data, in Å; rows and columns are H and O.
LIMITS = torch.tensor([[1.4, 0.9], [0.9, 1.7]], dtype=torch.float64)

UNKNOWN = torch.zeros(0, 0, dtype=torch.float64)


class Force:
    """The force object on the emulated GPU and on the CPU, for alternating H and O particles."""

    def __init__(self, emulated, n, stop=False, limits=LIMITS, particles=None, dtype=torch.float64):
        made_of = parts(
            n, list(range(n)) if particles is None else particles, fused_potential(dtype=dtype)
        )
        made_of[LIMITS_AT], made_of[STOP] = limits, stop
        self.emulated = emulated
        self.number = emulated.create(*made_of)
        self.cpu = torch.classes.hipnn_ts.EnergyAndForces(*made_of)

    def on_device(self, positions, cell=None):
        box = None if cell is None else torch.tensor(cell)
        return self.emulated.step(self.number, torch.tensor(positions) / LENGTH, box)

    def on_cpu(self, positions, cell=None):
        box = None if cell is None else torch.tensor(cell) / LENGTH
        return self.cpu.evaluate(torch.tensor(positions) / LENGTH, box)

    def refusals(self, positions, cell=None):
        """Return the error messages of both devices, each of which must refuse."""
        said = []
        for evaluate in (self.on_device, self.on_cpu):
            with pytest.raises(ValueError, match="hipnn-ts") as error:
                evaluate(positions, cell)
            said.append(str(error.value).splitlines()[0])
        return said


def line(*distances):
    """Return positions along z with the given distances between neighbours."""
    z = np.cumsum([0.0, *distances])
    return np.stack([0 * z, 0 * z, z], axis=1)


def spread(n):
    """Return positions on a cubic grid 2.5 Å apart."""
    grid = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return 2.5 * grid[:n]


@pytest.mark.parametrize("cell", [None, BOX], ids=["molecule", "box"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stop(emulated, cell, dtype):
    force = Force(emulated, 4, stop=True, dtype=dtype)
    for _ in range(2):
        force.on_device(line(1.0, 1.0, 1.0) + 0.1, cell)
        force.on_cpu(line(1.0, 1.0, 1.0) + 0.1, cell)
    device, cpu = force.refusals(line(1.0, 0.8, 1.0) + 0.1, cell)
    assert device == cpu
    assert "particles 1 and 2 are 0.8 Å apart at evaluation 3 of this force, closer than in" in cpu
    assert "training data (0.9 Å)" in cpu
    force.on_device(line(1.0, 1.0, 1.0), cell)  # works again after an error


@pytest.mark.parametrize(
    "distances, fine", [((1.5, 0.91), True), ((0.5, 0.91), False), ((0.91, 0.48), False)]
)
def test_limits_are_those_of_the_species(emulated, distances, fine):
    """Each pair has the limit of its elements; particles 0 and 2 are both H."""
    force = Force(emulated, 3, stop=True)
    if fine:
        force.on_device(line(*distances))
    else:
        device, cpu = force.refusals(line(*distances))
        assert device == cpu


def test_beyond_a_face_of_the_box(emulated):
    positions = np.array([[0.1, 4.0, 4.0], [7.6, 4.0, 4.0]])
    device, cpu = Force(emulated, 2, stop=True).refusals(positions, BOX)
    assert device == cpu
    assert "are 0.5 Å apart" in cpu


def test_many_atoms_and_a_subset(emulated):
    positions = np.concatenate([spread(80), [[0.7, 0.0, 0.0]]])
    own = [0, *range(3, 80), 80]
    device, cpu = Force(emulated, 81, stop=True, particles=own).refusals(positions, np.eye(3) * 13)
    assert device == cpu
    assert "particles 0 and 80 are 0.7 Å" in cpu or "particles 80 and 0 are 0.7 Å" in cpu
    Force(emulated, 81, stop=True, particles=own[:-1]).on_device(positions, np.eye(3) * 13)


def test_warn_tells_the_1st_and_10th_time(emulated, capfd):
    force = Force(emulated, 2)
    emulated.waits()
    for _ in range(12):
        energy, forces = force.on_device(line(0.8))
    told = [text for text in capfd.readouterr().err.splitlines() if "WARNING" in text]
    wanted = force.on_cpu(line(0.8))
    assert capfd.readouterr().err.splitlines()[0] == told[0]
    assert len(told) == 2
    assert "(occasion 10)" in told[1]
    torch.testing.assert_close(energy, wanted[0])
    torch.testing.assert_close(forces, wanted[1])


def test_nothing_known_nothing_told(emulated, capfd):
    Force(emulated, 2, stop=True, limits=torch.zeros(0, 0, dtype=torch.float64)).on_device(
        line(0.3)
    )
    assert "WARNING" not in capfd.readouterr().err


@pytest.mark.parametrize("distance", [0.0, 1e-200])
@pytest.mark.parametrize("cell", [None, BOX], ids=["molecule", "box"])
def test_what_is_not_finite_is_refused(emulated, cell, distance):
    force = Force(emulated, 4, limits=UNKNOWN)
    device, cpu = force.refusals(line(distance, 1.0, 1.0), cell)
    assert device == cpu
    assert "found none for particle 0 at evaluation 1 of this force (closest are the parti" in cpu
    force.on_device(line(1.0, 1.0, 1.0), cell)


def test_a_coordinate_that_is_no_number_in_a_list_of_all_pairs(emulated):
    force = Force(emulated, 3)
    positions = line(1.5, 1.5)
    force.on_device(positions)
    positions[2, 0] = np.nan
    with pytest.raises(ValueError, match="expected finite coordinates, found one that is not"):
        force.on_device(positions)


@pytest.mark.parametrize("cell, waits", [(None, 1), (BOX, 2)], ids=["molecule", "box"])
def test_one_wait_at_the_end(emulated, cell, waits):
    """A step synchronises once; with a box once more, to check whether the list is still valid."""
    force = Force(emulated, 4)
    force.on_device(line(1.5, 1.5, 1.5), cell)
    before = emulated.waits()
    force.on_device(line(1.5, 1.5, 1.4), cell)
    assert emulated.waits() == before + waits
    force.on_device(line(1.5, 0.8, 1.4), cell)  # warns, which takes more waits
    before = emulated.waits()
    force.on_device(line(1.5, 0.8, 1.4), cell)
    assert emulated.waits() == before + waits


@pytest.mark.parametrize("stop", [False, True])
def test_a_graph_waits_for_nothing_and_stops_with_no_number(emulated, stop):
    force = Force(emulated, 3, stop=stop)
    force.on_device(line(1.5, 1.5))
    emulated.record(True)  # any synchronisation now is an error
    try:
        fine = force.on_device(line(1.5, 1.4))
        close = force.on_device(line(1.5, 0.8))
        one_place = force.on_device(line(1.5, 0.0))
    finally:
        emulated.record(False)
    wanted = force.on_cpu(line(1.5, 1.4))
    torch.testing.assert_close(fine[0], wanted[0], rtol=0, atol=1e-8 * ENERGY)
    assert fine[1].isfinite().all()
    assert close[0].isnan().item() == stop
    assert close[1].isnan().all().item() == stop
    assert one_place[0].isnan()
    assert one_place[1].isnan().all()
