"""Loading of openmm-torch after torch, whatever was imported first."""

import contextlib
import re

import openmm


def load_torch_plugins() -> None:
    """Import openmm-torch where it is installed, and give its platform plugins a second chance.

    They link libtorch and find it only once torch is loaded, but OpenMM loads plugins on its own
    import: a script that imports openmm before torch gets a TorchForce that no platform can run.
    """
    with contextlib.suppress(ImportError):
        import openmmtorch  # noqa: F401

        for failure in openmm.Platform.getPluginLoadFailures():
            library = re.match(r"Error loading library (.*OpenMMTorch[^:]*): ", failure)
            if library is not None:
                # Those of platforms that this machine does not have fail again.
                with contextlib.suppress(openmm.OpenMMException):
                    openmm.Platform.loadPluginLibrary(library[1])
