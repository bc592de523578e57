"""Potentials that only torch can evaluate: portable files, and any file on a GPU."""

import torch

from hipnn_ts.errors import InputError
from hipnn_ts.export.metadata import Metadata
from hipnn_ts.export.potential import ExportedPotential
from hipnn_ts.export.read import load_content


class ScriptedPotential(ExportedPotential):
    """The module of an exported file on a device.

    Attributes
    ----------
    module : torch.jit.ScriptModule
    """

    def __init__(self, content: bytes, name: str, device: str, metadata: Metadata):
        super().__init__(content, name, device, metadata)
        self.module, _ = load_content(content, name, _usable(device))


def _usable(device: str) -> torch.device:
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device '{device}': expected a device that this torch can use, such as cpu"
        ) from error
    return found
