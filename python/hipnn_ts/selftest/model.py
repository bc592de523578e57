"""A small network with random weights, for a self-test without a model of one's own."""

from pathlib import Path

import torch

from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

NETWORK = NetworkConfig(
    elements=("H", "O"),
    n_features=(24, 40),
    n_atom_layers=1,
    soft_max=4.0,
    cutoff=4.5,
    zbl=(1.0, 2.5),
)
# Brings its forces to the order of 1 eV/Å.
READOUT = 0.1


def write_random_model(path: Path, dtype: torch.dtype, portable: bool) -> None:
    """Export it; two interaction layers whose widths fill no vector register, and a repulsion."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        potential = Potential(NETWORK, fused=False).to(dtype)
    with torch.no_grad():
        for readout in potential.readouts:
            readout.weight *= READOUT
    export_potential(potential, path, {}, portable, dtype)
