"""Self-energies are fitted to composition by least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hipnn_ts.data import fit_self_energies
from hipnn_ts.data.dataset import composition


@given(st.integers(0, 10**6))
def test_exact_where_the_energy_is_a_sum_over_atoms(seed):
    random = np.random.default_rng(seed)
    counts = np.vstack([random.integers(0, 30, (20, 4)), np.eye(4, dtype=int)])
    counts = counts[counts.sum(axis=1) > 0]
    expected = random.uniform(-3000, -5, 4)
    found = fit_self_energies(counts, counts @ expected)
    assert found.dtype == np.float64
    assert found == pytest.approx(expected, rel=1e-11)


def test_the_smallest_solution_where_compositions_leave_a_choice():
    # Water alone fixes only 2 H + O; the smallest such pair is proportional to (2, 1).
    found = fit_self_energies(np.array([[2, 1], [54, 27]]), np.array([-138.0, -27 * 138.0]))
    assert found == pytest.approx([2 * -138.0 / 5, -138.0 / 5])
    # An element without data gets zero.
    assert fit_self_energies(np.array([[2, 0]]), np.array([-8.0])) == pytest.approx([-4.0, 0.0])


def test_what_is_minimised_is_the_error_per_atom():
    counts, energies = np.array([[1], [1], [100]]), np.array([1.0, 2.0, 300.0])
    assert fit_self_energies(counts, energies) == pytest.approx([2.0])


def test_composition_counts_elements_in_the_given_order():
    from ase.build import molecule

    frames = [molecule("CH3OH"), molecule("H2O")]
    assert composition(frames, ["O", "H", "N", "C"]).tolist() == [[1, 4, 0, 1], [1, 2, 0, 0]]


def test_known_energies_are_kept_and_frames_without_an_energy_do_not_count():
    counts = np.array([[2, 1], [4, 2], [1, 0], [5, 5]])
    energies = np.array([-31.0, -62.0, np.nan, np.nan])
    found = fit_self_energies(counts, energies, np.array([-3.0, np.nan]))
    assert found == pytest.approx([-3.0, -25.0])
    known = np.array([-3.0, -4.0])
    assert fit_self_energies(counts, energies, known) == pytest.approx(known)
    assert fit_self_energies(counts, np.full(4, np.nan)) == pytest.approx([0.0, 0.0])
