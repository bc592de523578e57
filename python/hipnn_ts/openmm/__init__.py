"""OpenMM: a force that runs an exported potential.

Deserialising a system with an ``openmm.PythonForce`` of this package needs nothing else; a system
with an ``openmmtorch.TorchForce`` needs :func:`load_torch_plugins` first.
"""

from hipnn_ts.extras import need

need("openmm", "hipnn_ts.openmm")

from hipnn_ts.openmm.force import create_force  # noqa: E402
from hipnn_ts.openmm.particles import CutBondWarning  # noqa: E402
from hipnn_ts.openmm.plugins import load_torch_plugins  # noqa: E402
from hipnn_ts.openmm.reporter import DeviationReporter  # noqa: E402

__all__ = ["CutBondWarning", "DeviationReporter", "create_force", "load_torch_plugins"]
