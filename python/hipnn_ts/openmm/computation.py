"""What an openmm.PythonForce calls: the same module as a TorchForce, with pickling for XML."""

import io

import torch

from hipnn_ts import operators as _operators  # noqa: F401  unpickling needs torch.ops.hipnn_ts


class Computation:
    """A picklable function from an OpenMM State to (energy, forces).

    Parameters
    ----------
    module : FusedEnergyAndForces or PortableEnergyAndForces, scripted
    """

    def __init__(self, module: torch.jit.ScriptModule):
        self._module = module

    def __call__(self, state):
        """Energy (kJ/mol) and forces (kJ/mol/nm) of an ``openmm.State`` with positions."""
        positions = torch.from_numpy(state.getPositions(asNumpy=True)._value)
        box = None
        if self._module.periodic:
            box = torch.from_numpy(state.getPeriodicBoxVectors(asNumpy=True)._value)
        # All Contexts of a force share this object: the module may be called by several threads.
        energy, forces = self._module(positions, box)
        return energy.item(), forces.numpy()

    def __getstate__(self) -> bytes:
        content = io.BytesIO()
        torch.jit.save(self._module, content)
        return content.getvalue()

    def __setstate__(self, state: bytes) -> None:
        self.__init__(torch.jit.load(io.BytesIO(state), map_location="cpu"))
