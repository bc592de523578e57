"""No comparison in these tests passes if a value is nan."""

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest
from comparing import largest, smallest

NAN = math.nan
FILES = sorted(Path(__file__).parent.rglob("*.py"))


def integer(node):
    """Whether an expression is certainly an integer."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.Name):
        return node.id.isupper()  # a constant, not a result
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        return integer(node.elt)
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("len", "int")


def orders(node):
    """Whether a node contains a comparison by <, <=, > or >=, which is false for nan."""
    ordered = ast.Lt | ast.LtE | ast.Gt | ast.GtE
    comparisons = [inner for inner in ast.walk(node) if isinstance(inner, ast.Compare)]
    return any(isinstance(operator, ordered) for each in comparisons for operator in each.ops)


# Functions of numpy that take nans as equal, without conftest.py changing them, or ignore nans.
LENIENT = re.compile(
    r"\.(nan[a-z]+|fmax|fmin)$|testing\.assert_(equal|array_less|(array_)?almost_equal\w*)$"
)


def passes_on_nan(node):
    """Whether an expression or statement may hide a nan, or accept one."""
    if isinstance(node, ast.Call):
        name, keywords = ast.unparse(node.func), {each.arg for each in node.keywords}
        if keywords & {"equal_nan", "nan_ok"} or LENIENT.search(name):
            return True
        built_in = name in ("max", "min")
        return built_in and "key" not in keywords and not all(map(integer, node.args))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        # "Not above a tolerance" is true for nan, "below it" is false.
        return orders(node.operand)
    if isinstance(node, ast.If) and orders(node.test):
        # A test that fails only if a value is above a tolerance passes for nan.
        (*_, last) = node.body
        return isinstance(last, ast.Raise) or "pytest.fail(" in ast.unparse(last)
    if isinstance(node, ast.Compare):
        if isinstance(node.ops[0], ast.Eq) and ast.unparse(node.comparators[0]) == "0":
            return orders(node.left)  # the number of values above
        differs = any(isinstance(operator, ast.NotEq) for operator in node.ops)
        return differs and "approx" in ast.unparse(node)
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_test_hides_what_is_no_number(path):
    """Use ``comparing.largest`` and ``smallest``, and comparisons that a nan fails."""
    if path != Path(__file__):
        found = [node for node in ast.walk(ast.parse(path.read_text())) if passes_on_nan(node)]
        assert not found, [f"{path}:{node.lineno}: {ast.unparse(node)}" for node in found]


@pytest.mark.parametrize(
    ("line", "hides"),
    [
        ("assert max(1e-16, error) < 1", True),
        ("assert max(abs(a - b) for a, b in pairs) < 1", True),
        ("assert max(errors) < 1", True),
        ("assert not error > 1", True),
        ("assert not any(error > 1 for error in errors)", True),
        ("assert np.allclose(a, b, equal_nan=True)", True),
        ("assert a == pytest.approx(b, nan_ok=True)", True),
        ("assert a != pytest.approx(b)", True),
        ("assert np.nanmax(errors) < 1", True),
        ("assert np.fmax(a, b) < 1", True),
        ("np.testing.assert_equal(a, b)", True),
        ("np.testing.assert_array_less(a, b)", True),
        ("np.testing.assert_array_almost_equal(a, b)", True),
        ("if error > 1:\n    raise AssertionError", True),
        ("if error > 1:\n    pytest.fail('far')", True),
        ("assert (errors > 1).sum() == 0", True),
        ("assert np.count_nonzero(errors > 1) == 0", True),
        ("assert (errors < 1).sum() == 5", False),
        ("np.testing.assert_allclose(a, b)", False),
        ("assert max(len(a) for a in frames) < max(3, len(b), LIMIT)", False),
        ("assert np.max(errors) < 1 and errors.max() < 1", False),
        ("assert not (folder / 'file').exists()", False),
        ("assert min(rows, key=loss) == rows[-1]", False),
    ],
)
def test_what_is_found(line, hides):
    assert any(passes_on_nan(node) for node in ast.walk(ast.parse(line))) is hides


def test_largest_and_smallest():
    assert largest(1.0, 3.0, 2.0) == largest([1.0, 3.0]) == largest(x for x in (3.0, 1.0)) == 3.0
    assert smallest(1.0, 3.0, 2.0) == smallest([1.0, 3.0]) == 1.0
    for values in ((1.0, NAN), (NAN, 1.0), (np.float32(NAN), 1.0)):
        assert math.isnan(largest(*values)) and math.isnan(smallest(*values))
        assert math.isnan(largest(values)) and math.isnan(smallest(values))


@pytest.mark.parametrize("name", ["assert_allclose", "assert_array_equal"])
def test_numpy_takes_no_two_nans_for_equal(name):
    """numpy takes nans as equal; ``conftest.py`` changes that for all tests."""
    compare = getattr(np.testing, name)
    compare([1.0, 2.0], [1.0, 2.0])
    compare(["a"], ["a"]) if name == "assert_array_equal" else None
    for values in ([NAN, 1.0], np.array([1.0, NAN], dtype=np.float32), NAN):
        with pytest.raises(AssertionError):
            compare(values, values)
