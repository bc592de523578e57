"""The engines that `make demo` compares agree on one configuration, in the same units."""

import numpy as np
import pytest

from benchmarks.physics.engines import run_ase, run_lammps, run_openmm

pytestmark = pytest.mark.slow


def test_engines_agree_on_one_configuration(random_model, water, tmp_path):
    model, atoms = random_model(), water(3)
    reference = run_ase(model, atoms)
    for result in (
        run_lammps(model, atoms, 0, 1, 2, tmp_path),
        run_openmm(model, atoms, 0, 1, "Reference"),
        run_openmm(model, atoms, 0, 1, "CPU"),
    ):
        np.testing.assert_allclose(
            result.energy, reference.energy, rtol=1e-11, err_msg=result.engine
        )
        np.testing.assert_allclose(
            result.forces, reference.forces, rtol=0, atol=1e-9, err_msg=result.engine
        )
