"""ASE: a calculator that runs an exported potential."""

from hipnn_ts.ase.calculator import HIPNNTSCalculator

__all__ = ["HIPNNTSCalculator"]
