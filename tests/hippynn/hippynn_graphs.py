"""hippynn's own graphs with random parameters, and energies and forces from hippynn and from us."""

import numpy as np
import pytest
import torch
from ase import Atoms
from hippynn.graphs import GraphModule, inputs, networks, physics, targets
from hippynn.layers.hiplayers import tensors

from hipnn_ts.errors import InputError
from hipnn_ts.hippynn import import_hippynn
from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs

SPECIES = (0, 1, 6, 7, 8)
NETWORKS = (networks.Hipnn, networks.HipnnVec, networks.HipnnQuad)
SIZES = {
    "possible_species": SPECIES,
    "n_features": (5, 4),
    "n_atom_layers": 2,
    "n_sensitivities": 7,
    "dist_soft_min": 0.8,
    "dist_soft_max": 3.8,
    "dist_hard_max": 4.4,
}


def build_graph(l_max, /, periodic=False, readout=None, kind=None, **sizes):
    """Return hippynn's graph in float64, with random parameters, from padded atomic numbers,
    positions and, if periodic, cells to atomic energies and forces."""
    species = inputs.SpeciesNode(db_name="Z")
    positions = inputs.PositionsNode(db_name="R")
    cell = [inputs.CellNode(db_name="C")] if periodic else []
    network = (kind or NETWORKS[l_max])(
        "network", (species, positions, *cell), periodic=periodic, module_kwargs=SIZES | sizes
    )
    energy = targets.HEnergyNode("energy", network, module_kwargs=readout)
    forces = physics.GradientNode("forces", (energy.mol_energy, positions), sign=-1)
    graph = GraphModule([species, positions, *cell], [energy.atom_energies, forces])
    randomise(graph)
    return graph.double()


def randomise(graph, seed=7):
    """Draw every parameter so that each one, scales and biases included, shows in the energy."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in graph.named_parameters():
            if "pmaps" in name:
                # hippynn computes these in single precision.
                order = int(name.rsplit(".", 1)[1])
                if order > 0:
                    parameter.data = tensors.pinv_project(tensors.cmaps[order].double())
                continue
            if "cmaps" in name or not parameter.is_floating_point():
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(("sensitivity.mu", "sensitivity.sigma")):
                parameter.mul_(1.0 + 0.05 * noise)
            else:
                parameter.copy_(noise / parameter.shape[-1] ** 0.5)


def random_molecules(seed=3):
    """Return three molecules of different sizes on a jittered grid."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3) * 1.3
    return [
        Atoms(
            random.choice(SPECIES[1:], n),
            grid[random.choice(27, n, replace=False)] + random.uniform(-0.25, 0.25, (n, 3)),
        )
        for n in (5, 8, 11)
    ]


def random_crystal(seed=5):
    """Return a triclinic box shorter than twice the cutoff, so that pairs repeat across images."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3) / 3.0
    cell = np.array([[5.2, 0.0, 0.0], [0.6, 5.0, 0.0], [-0.4, 0.5, 5.4]])
    scaled = grid + random.uniform(-0.05, 0.05, grid.shape)
    return Atoms(random.choice(SPECIES[1:], 27), scaled_positions=scaled, cell=cell, pbc=True)


def evaluate_hippynn(graph, frames):
    """Return interaction energies (n,) and forces (n, 3) of all atoms, in the graph's units."""
    longest = max(len(atoms) for atoms in frames)
    numbers = torch.zeros((len(frames), longest), dtype=torch.int64)
    positions = torch.zeros((len(frames), longest, 3), dtype=torch.float64)
    for row, atoms in enumerate(frames):
        numbers[row, : len(atoms)] = torch.from_numpy(atoms.numbers)
        positions[row, : len(atoms)] = torch.from_numpy(atoms.positions)
    cells = torch.from_numpy(np.stack([atoms.cell.array for atoms in frames]))
    energies, forces = graph(numbers, positions, *([cells] if len(graph.input_nodes) == 3 else []))
    readout = next(module for module in graph.moddict.values() if hasattr(module, "layers"))
    interaction = energies.squeeze(1)
    if readout.layers[0].bias is None:
        species = torch.tensor([SPECIES.index(z) - 1 for a in frames for z in a.numbers])
        interaction = interaction - readout.layers[0].weight[0][species]
    return interaction.detach().numpy(), forces.detach()[numbers > 0].numpy()


def plain(potential):
    """Return the same potential without the fused operators."""
    module = Potential(potential.config, fused=False).to(potential.readouts[0].weight.dtype)
    module.load_state_dict(potential.state_dict())
    return module


def evaluate(potential, frames, fused=False):
    """Return interaction energies (n,) in eV and forces (n, 3) in eV/Å of a potential."""
    module = potential if fused else plain(potential)
    energies, forces = [], []
    for atoms in frames:
        receivers, senders, shifts = neighbour_pairs(
            atoms.positions, atoms.cell.array, atoms.pbc, potential.config.cutoff
        )
        vectors = atoms.positions[senders] + shifts - atoms.positions[receivers]
        vectors = torch.from_numpy(vectors).requires_grad_(True)
        species = [potential.config.atomic_numbers.index(z) for z in atoms.numbers]
        pairs = torch.from_numpy(receivers), torch.from_numpy(senders)
        terms = module.energy_terms(torch.tensor(species), *pairs, vectors).sum(dim=1)
        gradients = derivatives.pair_gradients(terms, vectors)
        energies.append(terms.detach().numpy())
        forces.append(derivatives.forces(gradients, *pairs, len(atoms)).numpy())
    return np.concatenate(energies), np.concatenate(forces)


def refusal(path, settings, **options):
    """Return the error message of an import, which must be one sentence."""
    with pytest.raises(InputError) as caught:
        import_hippynn(path, settings, **options)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(path))
    return message


def assert_same(found, expected, tolerance=1e-10):
    """Compare relative to the largest expected value, which must not vanish."""
    scale = np.abs(expected).max()
    assert scale > 1e-3
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * scale
