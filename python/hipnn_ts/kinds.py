"""The kind of a file of torch, whatever its name and damage, without loading it."""

import io
import zipfile
from enum import Enum

FILE_NAME = "hipnn_ts.json"  # the document of an exported file
CHECKPOINT_FORMAT = "hipnn-ts checkpoint"
STATE_KIND = "state of a hipnn-ts run"

# The first bytes of a checkpoint or a state say which it is; only these are read.
_BEGINNING = 4096


class Kind(Enum):
    """Kinds of files; each value completes "expected ..., found"."""

    EXPORTED = "an exported potential"
    CHECKPOINT = "a checkpoint of training"
    STATE = "the state of a run, which only training reads"
    SCRIPT = "another TorchScript file"
    TENSORS = "another file of torch.save"
    UNKNOWN = "a file that torch cannot load (damaged, or not TorchScript)"


def kind_of(content: bytes) -> Kind:
    """The kind of a file with this content, as far as it shows without loading."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            # All files of torch are zip archives; only TorchScript has constants.
            if any(name.endswith("/constants.pkl") for name in names):
                document = any(name.endswith(f"/extra/{FILE_NAME}") for name in names)
                return Kind.EXPORTED if document else Kind.SCRIPT
            (pickled,) = (name for name in names if name.endswith("/data.pkl"))
            with archive.open(pickled) as record:
                beginning = record.read(_BEGINNING)
    except Exception:  # zipfile declares few of the exceptions that damaged files make it raise
        return Kind.UNKNOWN
    if CHECKPOINT_FORMAT.encode() in beginning:
        return Kind.CHECKPOINT
    return Kind.STATE if STATE_KIND.encode() in beginning else Kind.TENSORS
