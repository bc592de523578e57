"""fix adapt scales the potential, as thermodynamic integration needs."""

import numpy as np
import pytest
from lammps_run import (
    Evaluation,
    assert_same,
    evaluate,
    hipnn,
    lmp,
    read_evaluation,
    reference,
    set_up,
)
from test_lammps_heat_flux import centroid, read_centroid

pytestmark = pytest.mark.slow

ADAPT = """
variable strength equal {value}
fix strength all adapt 1 pair {style} scale {types} v_strength {options}
"""


def scaled(evaluation: Evaluation, factor: float) -> Evaluation:
    return Evaluation(*(factor * value for value in vars(evaluation).values()))


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("portable", [False, True])
def test_everything_is_scaled(tmp_path, water, random_potential, random_model, ranks, portable):
    setup = set_up(tmp_path, "water", water(3), hipnn(random_model(portable=portable)))
    adapt = ADAPT.format(value=0.37, style="hipnn/ts", types="* *", options="reset yes")
    script = setup + centroid("whole") + adapt + evaluate("part") + centroid("part")
    script += "fix energies all pair 1 hipnn/ts energy 0\n"
    script += "dump d all custom 1 energies id f_energies\ndump_modify d sort id\nrun 0\nundump d\n"
    script += "unfix strength\n" + evaluate("again")
    run = lmp(tmp_path, script, ranks)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    expected = reference(random_potential(), water(3))
    assert_same(read_evaluation(tmp_path, "part"), scaled(expected, 0.37), 1e-10)
    assert_same(read_evaluation(tmp_path, "again"), expected, 1e-10)
    whole, part = (read_centroid(tmp_path, name) for name in ("whole", "part"))
    np.testing.assert_allclose(part, 0.37 * whole, atol=1e-12 * np.abs(whole).max())
    kept = np.loadtxt(tmp_path / "energies", skiprows=9)[:, 1]
    np.testing.assert_allclose(kept, 0.37 * expected.atom_energies, rtol=1e-4)


def test_one_member_of_a_hybrid_style(tmp_path, water, random_potential, random_model):
    """The scale of fix adapt multiplies the factor of hybrid/scaled."""
    architectures = {"l_max": 1}, {"n_features": (12, 6), "cutoff": 3.7}
    first, second = (random_model(**each) for each in architectures)
    pair = f"""
pair_style hybrid/scaled 0.5 hipnn/ts 0.25 hipnn/ts
pair_coeff * * hipnn/ts 1 {first} O H
pair_coeff * * hipnn/ts 2 {second} O H
"""
    script = set_up(tmp_path, "both", water(3), pair)
    script += ADAPT.format(value=0.3, style="hipnn/ts:2", types="* *", options="")
    run = lmp(tmp_path, script + evaluate("both"), ranks=2)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    members = [reference(random_potential(**each), water(3)) for each in architectures]
    parts = scaled(members[0], 0.5), scaled(members[1], 0.25 * 0.3)
    expected = Evaluation(*(a + b for a, b in zip(*(vars(p).values() for p in parts), strict=True)))
    assert_same(read_evaluation(tmp_path, "both"), expected, 1e-10)


def test_one_scale_for_all_types(tmp_path, water, random_model):
    script = set_up(tmp_path, "water", water(2), hipnn(random_model()))
    script += ADAPT.format(value=0.37, style="hipnn/ts", types="1 1", options="")
    run = lmp(tmp_path, script + "run 0\n", ranks=2)
    assert run.returncode != 0
    errors = [line for line in run.stdout.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1
    assert (
        "expected one scale for all pairs of its types, found 0.37 and, for types 1 and 2, 1;"
        in errors[0]
    )


@pytest.mark.parametrize("ranks", [1, 2])
def test_einstein_crystal(tmp_path, water, random_potential, random_model, ranks):
    """Frenkel-Ladd integration: the network fades while the springs of fix ti/spring stiffen."""
    script = set_up(tmp_path, "water", water(3), hipnn(random_model()))
    script += """
timestep 0.0002
velocity all create 300 4711
fix integrate all nve
fix springs all ti/spring 5.0 100 10 function 1
variable strength equal 1-f_springs[1]
fix strength all adapt 1 pair hipnn/ts scale * * v_strength
compute network all pair hipnn/ts
variable network equal c_network
variable lambda equal f_springs[1]
fix record all ave/time 1 1 1 v_network v_lambda file record format " %.17g"
run 110
write_data final.data nocoeff
unfix strength
velocity all set 0 0 0
unfix springs
""" + evaluate("end")
    run = lmp(tmp_path, script, ranks)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    _, network, coupling = np.loadtxt(tmp_path / "record").T
    energy = reference(random_potential(), water(3)).energy
    np.testing.assert_allclose(network[0], energy, rtol=1e-9)
    whole = network[coupling < 0.99] / (1 - coupling[coupling < 0.99])
    assert coupling.min() == 0.0 and coupling.max() > 0.9
    # The self-energies, which are constant, are nearly all of the energy.
    np.testing.assert_allclose(whole, energy, rtol=1e-2)
