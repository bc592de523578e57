"""Reference data: read, validate, batch."""

from hipnn_ts.data.batch import Batch, collate
from hipnn_ts.data.dataset import ReferenceDataset
from hipnn_ts.data.read import NamedFrames, read_frames, read_named
from hipnn_ts.data.self_energies import fit_self_energies

__all__ = [
    "Batch",
    "NamedFrames",
    "ReferenceDataset",
    "collate",
    "fit_self_energies",
    "read_frames",
    "read_named",
]
