"""Loading openmm-torch after torch, whatever was imported first."""

import contextlib
import re
from importlib.util import find_spec

import openmm


def load_torch_plugins() -> None:
    """Import openmm-torch, load its platform plugins again if they failed, and load our operators.

    This must happen before a TorchForce is deserialised; ``create_force`` calls it if it makes one.

    The plugins link libtorch and find it only after torch is loaded, but OpenMM loads plugins when
    it is imported itself: in a script that imports openmm before torch, no platform could run a
    TorchForce.

    Raises
    ------
    ImportError
        openmm-torch or torch is not installed, or they do not fit together.
    InputError
        The operators do not fit this torch.
    """
    if find_spec("openmmtorch") is not None:
        import torch  # noqa: F401  first: openmmtorch finds only the libtorch that is loaded

    import openmmtorch  # noqa: F401

    for failure in openmm.Platform.getPluginLoadFailures():
        library = re.match(r"Error loading library (.*OpenMMTorch[^:]*): ", failure)
        if library is not None:
            # Plugins for platforms that this machine does not have fail again.
            with contextlib.suppress(openmm.OpenMMException):
                openmm.Platform.loadPluginLibrary(library[1])
    from hipnn_ts import operators

    operators.load()
