"""Potentials that hippynn trained: weights in, a checkpoint of this package out."""

from hipnn_ts.hippynn.importer import import_hippynn
from hipnn_ts.hippynn.settings import ImportSettings

__all__ = ["ImportSettings", "import_hippynn"]
