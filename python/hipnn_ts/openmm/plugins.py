"""Loading of openmm-torch after torch, whatever was imported first."""

import contextlib
import re
from importlib.util import find_spec

import openmm


def load_torch_plugins() -> None:
    """Import openmm-torch, give its platform plugins a second chance, and load our operators.

    What a TorchForce needs before it is deserialised; ``create_force`` calls it where it makes one.

    The plugins link libtorch and find it only once torch is loaded, but OpenMM loads plugins on its
    own import: a script that imports openmm before torch has a TorchForce that no platform can run.

    Raises
    ------
    ImportError
        openmm-torch or torch is not there, or they do not fit together.
    InputError
        The operators do not fit this torch.
    """
    if find_spec("openmmtorch") is not None:
        import torch  # noqa: F401  first: openmmtorch finds only the libtorch that is loaded

    import openmmtorch  # noqa: F401

    for failure in openmm.Platform.getPluginLoadFailures():
        library = re.match(r"Error loading library (.*OpenMMTorch[^:]*): ", failure)
        if library is not None:
            # Those of platforms that this machine does not have fail again.
            with contextlib.suppress(openmm.OpenMMException):
                openmm.Platform.loadPluginLibrary(library[1])
    from hipnn_ts import operators

    operators.load()
