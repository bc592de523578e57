"""One TorchScript file that every engine runs."""

from hipnn_ts.export.metadata import Metadata
from hipnn_ts.export.read import load_exported
from hipnn_ts.export.write import export_potential

__all__ = ["Metadata", "export_potential", "load_exported"]
