"""Import of potentials that hippynn trained, into checkpoints of this package."""

from hipnn_ts.hippynn.importer import import_hippynn
from hipnn_ts.hippynn.settings import ImportSettings

__all__ = ["ImportSettings", "import_hippynn"]
