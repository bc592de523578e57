"""A small network with random weights, for a self-test without a model."""

from pathlib import Path

from hipnn_ts.model.config import NetworkConfig

# Two interaction layers whose widths fill no vector register, and a repulsion.
NETWORK = NetworkConfig(
    elements=("H", "O"),
    n_features=(10, 36),
    n_atom_layers=1,
    n_sensitivities=6,
    soft_max=4.0,
    cutoff=4.5,
    zbl=(1.0, 2.5),
)
# Scales its forces to the order of 1 eV/Å.
READOUT = 0.1


def random_model(dtype: str) -> Path:
    """The exported file with such a network in this package, "float32" or "float64".

    ``tools/make_selftest_models.py`` wrote it, because writing needs torch, which a self-test does
    not.
    """
    return Path(__file__).with_name(f"random_{dtype}.pt")


def write_random_model(path: Path, dtype: str, portable: bool) -> None:
    """Export the network."""
    import torch

    from hipnn_ts.export import export_potential
    from hipnn_ts.model.potential import Potential

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        potential = Potential(NETWORK, fused=False).to(getattr(torch, dtype))
    with torch.no_grad():
        for readout in potential.readouts:
            readout.weight *= READOUT
    export_potential(potential, path, {}, portable, getattr(torch, dtype))
