"""Errors of potentials and ensembles on reference data: tables, JSON and pictures."""

from hipnn_ts.evaluation.compare import Comparison, compare, load_potential
from hipnn_ts.evaluation.errors import errors_of, evaluate

__all__ = ["Comparison", "compare", "errors_of", "evaluate", "load_potential"]
