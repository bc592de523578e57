"""Bytes copied to and from the GPU, and synchronisations with it, in a step of LAMMPS between
rebuilds of the neighbour list; an emulated driver counts them."""

import os

import numpy as np
import pytest
import torch
from emulated_lammps import on_gpu
from lammps_run import hipnn, set_up

pytestmark = pytest.mark.slow

# In `make kokkos`, hipnn/ts/kk finds positions, and leaves forces, in the memory of the device.
RESIDENT = "HIPNN_TS_EMULATION_HOST_MEMORY_IS_OF_DEVICE" in os.environ
POSITION = FORCE = 0 if RESIDENT else 3 * 8  # bytes per atom
ENERGY = 8
SUMS = 10 * 8  # energy, virial, results of the checks
STEPS = """
velocity all create 300 4928459 loop geom
neighbor 0.6 bin
neigh_modify delay 1000
timestep 0.0002
fix 1 all nve
thermo 1
run {steps}
"""
WIDTHS = (7, 5)  # numbers of features that enter the second and third block


def steps_of(run, folder, atoms, pair, ranks, waits, steps=6):
    """Return for each rank the counts of the last steps, by name."""
    script = set_up(folder, "water", atoms, on_gpu(pair)) + STEPS.format(steps=steps)
    done = run(script, ranks)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Neighbor list builds = 0" in done.stdout
    n = waits * (steps - 2)  # the first two steps allocate
    return [
        {name: np.diff(total[-n - 1 :: waits]) for name, total in counted.items()}
        for counted in run.counts()
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_rank(tmp_path, run, water, random_model, dtype):
    """A step copies positions up, and forces and energies down, in one transfer each way."""
    atoms = water(2)
    pair = hipnn(random_model(dtype, n_features=(7, 5, 6)))
    (counts,) = steps_of(run, tmp_path, atoms, pair, 1, waits=1)
    n = len(atoms)
    assert np.all(counts["up"] == n * POSITION)
    assert np.all(counts["down"] == n * (FORCE + ENERGY) + SUMS)
    assert np.all(counts["up"] + counts["down"] <= 64 * n + SUMS)
    assert np.all(counts["uploads"] == (0 if RESIDENT else 1))
    for once in ("downloads", "waits"):
        assert np.all(counts[once] == 1), once
    assert np.all(counts["allocations"] == 0)
    assert np.all(counts["launches"] == counts["launches"][0])
    assert counts["launches"][0] < 40


@pytest.mark.parametrize(("ranks", "dtype"), [(2, torch.float32), (4, torch.float64)])
def test_ranks(tmp_path, run, water, random_model, ranks, dtype):
    """A step copies positions and forces of a rank's own atoms and ghosts, and the features and
    gradients of each of two blocks that ranks exchange."""
    atoms = water(2)
    pair = hipnn(random_model(dtype, n_features=(*WIDTHS, 6)))
    waits = 1 + 2 * len(WIDTHS)
    of_ranks = steps_of(run, tmp_path, atoms, pair, ranks, waits)
    assert len(of_ranks) == ranks
    real = torch.finfo(dtype).bits // 8
    for counts in of_ranks:
        assert np.all(counts["waits"] == waits)
        assert np.all(counts["uploads"] == waits - RESIDENT)
        assert np.all(counts["downloads"] == waits)
        assert np.all(counts["allocations"] == 0)
        # Up: positions of all rows, features of ghosts, gradients of the border. Down: forces of
        # all rows, energies of own atoms, features of the border, gradients of ghosts.
        features = sum(WIDTHS) * real
        up, down = counts["up"][0], counts["down"][0]
        assert np.all(counts["up"] == up) and np.all(counts["down"] == down)
        if RESIDENT:
            assert up % features == 0
            assert down - SUMS - up in [ENERGY * own for own in range(1, len(atoms) + 1)]
            continue
        own, others, border = solved(up, down - SUMS, features, len(atoms))
        assert 0 < border <= own
        assert others > 0
        rows = own + others
        assert up + down - SUMS - 2 * features * (border + others) <= 64 * rows


def solved(up, down, features, n_atoms):
    """Return the numbers of own atoms, ghosts and border atoms: the only whole numbers that give
    these bytes with at most ``n_atoms`` rows."""
    found = []
    for rows in range(1, n_atoms + 1):
        both = (up - POSITION * rows) / features  # ghosts + border
        own = (down - FORCE * rows - (up - POSITION * rows)) / ENERGY
        others, border = rows - own, both - (rows - own)
        if both == int(both) and own == int(own) and 0 <= border <= own and others >= 0:
            found.append((int(own), int(others), int(border)))
    assert len(found) == 1, found
    return found[0]


def test_per_atom_results_where_asked(tmp_path, run, water, random_model):
    """Virials per atom add six components per atom to the same transfer."""
    atoms = water(2)
    pair = hipnn(random_model()) + "compute s all stress/atom NULL virial\ncompute m all reduce "
    pair += "max c_s[1]\nthermo_style custom step pe c_m\n"
    (counts,) = steps_of(run, tmp_path, atoms, pair, 1, waits=1)
    assert np.all(counts["down"] == len(atoms) * (FORCE + ENERGY + 6 * 8) + SUMS)
    assert np.all(counts["allocations"] == 0)


def test_a_committee_waits_once(tmp_path, run, water, random_committee):
    """A committee synchronises once per step unless its members are compared."""
    atoms = water(2)
    pair = hipnn(random_committee()).replace("hipnn/ts\n", "hipnn/ts committee every 1000\n")
    (counts,) = steps_of(run, tmp_path, atoms, pair, 1, waits=1)
    assert np.all(counts["down"] == len(atoms) * (FORCE + ENERGY) + SUMS)
    assert np.all(counts["waits"] == 1)


def test_rebuilds_take_what_was_there(tmp_path, run, water, random_model):
    """The GPU rebuilds the list of pairs in the memory of the previous list."""
    script = set_up(tmp_path, "water", water(2), on_gpu(hipnn(random_model())))
    script += STEPS.format(steps=24).replace("delay 1000", "every 4 delay 0 check no")
    done = run(script)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Neighbor list builds = 6" in done.stdout
    (counts,) = run.counts()
    n, half = len(water(2)), len(counts["up"]) // 2
    per_wait = {name: np.diff(total) for name, total in counts.items()}
    assert per_wait["allocations"][half:].sum() <= 4
    n_images = 27 * n
    assert per_wait["up"][half:].max() < 24 * n_images + 16 * n_images + 24 * n
