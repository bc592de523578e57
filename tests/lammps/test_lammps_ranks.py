"""Any number of ranks, in any arrangement, gives what plain torch gives for the whole box."""

from itertools import product
from math import prod

import numpy as np
import pytest
import torch
from lammps_run import assert_same, evaluate, hipnn, lmp, read_evaluation, reference, set_up

# The box is 12.4 Å wide and the cutoff 4 Å: in a row of eight, a rank sees five others.
ARCHITECTURE = {"n_features": (7, 5)}
GRIDS = {
    ranks: [grid for grid in product(range(1, ranks + 1), repeat=3) if prod(grid) == ranks]
    for ranks in (1, 2, 3, 4, 8)
}


@pytest.fixture(scope="module", params=GRIDS)
def evaluations(request, tmp_path_factory, water, random_model):
    """Grid and precision -> evaluation, all of one process on each rank."""
    folder = tmp_path_factory.mktemp("ranks")
    script, cases = "", {}
    for dtype in (torch.float64, torch.float32):
        for grid in GRIDS[request.param]:
            # Every arrangement in double precision; in single, where only rounding is new, one.
            if dtype == torch.float32 and grid != GRIDS[request.param][0]:
                continue
            name = f"{dtype}-{grid[0]}-{grid[1]}-{grid[2]}"
            cases[name] = dtype
            processors = f"processors {grid[0]} {grid[1]} {grid[2]}"
            model = random_model(dtype, **ARCHITECTURE)
            script += set_up(folder, name, water(4), hipnn(model), extra=processors)
            script += evaluate(name)
    run = lmp(folder, script, request.param)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return {name: (dtype, read_evaluation(folder, name)) for name, dtype in cases.items()}


def test_agrees_with_plain_torch(evaluations, water, random_potential):
    expected = reference(random_potential(**ARCHITECTURE), water(4))
    for dtype, found in evaluations.values():
        assert_same(found, expected, 1e-9 if dtype == torch.float64 else 1e-5)


def test_momentum_is_conserved(evaluations):
    """To the rounding of double precision whatever the model's: each pair's pull is exact."""
    for _, found in evaluations.values():
        assert np.abs(found.forces.sum(axis=0)).max() < 1e-11 * np.abs(found.forces).sum()
