"""Whether a path can exist here at all, from torch, OpenMM and the processor rather than from
messages.

This runs in the worker's process, because the check may end it.
"""

from importlib.util import find_spec
from pathlib import Path

from hipnn_ts import _core
from hipnn_ts.errors import InputError
from hipnn_ts.export.file import checked_metadata
from hipnn_ts.processes import last_line

STATUS = 77  # of a worker whose path is missing, as in test programs of autotools


def reason_missing(path: str, model: Path) -> str | None:
    """Why there is no such path on this machine or for this model, or None if there is one.

    Parameters
    ----------
    path : as in the worker
    model : an exported file
    """
    if path.startswith("openmm:"):
        return _no_platform(path.removeprefix("openmm:"), model)
    if path in ("torch", "cuda"):
        metadata = checked_metadata(model)
        return _no_operators() or (_no_kernels(metadata.flavour) if path == "cuda" else None)
    try:
        _core.instruction_set()
    except RuntimeError:
        return "not on this processor"
    return None


def _no_operators() -> str | None:
    if find_spec("torch") is None:
        return "no package torch"
    try:
        from hipnn_ts import operators

        operators.load()
    except InputError as error:
        return str(error)
    return None


def _no_kernels(flavour: str) -> str | None:
    import torch

    if not torch.cuda.is_available():
        return "no GPU that this torch can use"
    operator = "hipnn_ts::energies_and_pair_gradients"
    has_kernels = torch._C._dispatch_has_kernel_for_dispatch_key(operator, "CUDA")
    return None if has_kernels or flavour == "portable" else "this build has no kernels for it"


def _no_platform(name: str, model: Path) -> str | None:
    """Reference and CPU are everywhere; the others need a device and openmm-torch's plugin for
    it."""
    if name in ("Reference", "CPU"):
        return None
    import openmm

    from hipnn_ts.openmm import create_force

    platform = openmm.Platform.getPlatformByName(name)
    system = openmm.System()
    system.addParticle(1.0)
    try:
        openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    except openmm.OpenMMException as error:
        return last_line(str(error))
    number = checked_metadata(model).network.atomic_numbers[0]
    force = type(create_force(model, [number], periodic=False)).__name__
    return None if platform.supportsKernels([f"Calc{force}"]) else f"no kernels for a {force}"
