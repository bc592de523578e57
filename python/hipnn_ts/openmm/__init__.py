"""OpenMM: a force that runs an exported potential.

Importing this package loads every library that a serialised system with such a force needs:
``import hipnn_ts.openmm`` before ``XmlSerializer.deserialize``.
"""

import torch  # noqa: F401  first: openmmtorch finds only the libtorch that is loaded already

try:
    import openmm  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"hipnn_ts.openmm needs {error.name}: pip install 'hipnn-ts[openmm]'", name=error.name
    ) from error

from hipnn_ts.openmm.force import create_force
from hipnn_ts.openmm.particles import CutBondWarning
from hipnn_ts.openmm.plugins import load_torch_plugins

load_torch_plugins()

__all__ = ["CutBondWarning", "create_force"]
