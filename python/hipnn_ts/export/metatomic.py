"""Export for metatomic: a file that metatomic's engines run without this package."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, List, Optional  # noqa: UP035

import torch
from ase.data import chemical_symbols
from torch import Tensor, nn

from hipnn_ts.export.exported import PortablePotential
from hipnn_ts.export.write import (
    check_reproduced,
    configuration_to_compare,
    write_without_sources,
)
from hipnn_ts.extras import need
from hipnn_ts.files import replacing
from hipnn_ts.model import derivatives
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

metatensor = need("metatensor.torch", "metatomic export")
metatomic = need("metatomic.torch", "metatomic export")
# Imported under these names because TorchScript resolves annotations in this module.
Labels, TensorBlock, TensorMap = metatensor.Labels, metatensor.TensorBlock, metatensor.TensorMap
System, ModelOutput = metatomic.System, metatomic.ModelOutput
NeighborListOptions = metatomic.NeighborListOptions

LENGTH, ENERGY = "angstrom", "eV"
ARCHITECTURE = "https://doi.org/10.1063/5.0142127"


class MetatomicPotential(nn.Module):
    """A model in the sense of metatomic: atomic energies of systems with given neighbours.

    Plain TorchScript. Positions and energies are in double precision, whatever the network's
    precision: in single precision the self energies would leave no digits for energy differences.
    """

    def __init__(self, potential: Potential, dtype: torch.dtype):
        super().__init__()
        self.potential = Potential(potential.config, fused=False).to(dtype)
        self.potential.load_state_dict(potential.state_dict())
        self.requires_grad_(False).eval()
        self.pairs = NeighborListOptions(
            cutoff=float(potential.config.cutoff), full_list=True, strict=True
        )
        species = torch.full((len(chemical_symbols),), -1)
        for index, number in enumerate(potential.config.atomic_numbers):
            species[number] = index
        self.register_buffer("species", species)

    def requested_neighbor_lists(self) -> List[NeighborListOptions]:  # noqa: UP006
        """All directed pairs within the cutoff."""
        return [self.pairs]

    def forward(
        self,
        systems: List[System],  # noqa: UP006  metatomic compares with these very types
        outputs: Dict[str, ModelOutput],  # noqa: UP006
        selected_atoms: Optional[Labels],  # noqa: UP045
    ) -> Dict[str, TensorMap]:  # noqa: UP006
        """The energy, of atoms or summed, and only of the selected atoms if some are selected."""
        results: dict[str, TensorMap] = {}
        if "energy" not in outputs or len(systems) == 0:
            return results
        device = systems[0].positions.device
        species: list[Tensor] = []
        receivers: list[Tensor] = []
        senders: list[Tensor] = []
        vectors: list[Tensor] = []
        first: list[int] = []  # index of each system's first atom among all
        samples: list[Tensor] = []  # (n, 2), system and atom
        n_atoms = 0
        for index, system in enumerate(systems):
            neighbours = system.get_neighbor_list(self.pairs)
            ends = neighbours.samples.values.to(torch.int64)
            species.append(self.species.index_select(0, system.types.to(torch.int64)))
            receivers.append(ends[:, 0] + n_atoms)
            senders.append(ends[:, 1] + n_atoms)
            vectors.append(neighbours.values.reshape(-1, 3))
            own = torch.arange(len(system), device=device)
            samples.append(torch.stack([torch.full_like(own, index), own], dim=1))
            first.append(n_atoms)
            n_atoms += len(system)
        energies = self.potential(
            torch.cat(species), torch.cat(receivers), torch.cat(senders), torch.cat(vectors)
        )
        of = torch.cat(samples)
        if selected_atoms is not None:
            of = torch.stack(
                [selected_atoms.column("system"), selected_atoms.column("atom")], dim=1
            ).to(torch.int64)
            starts = torch.tensor(first, device=device)
            energies = energies.index_select(0, starts.index_select(0, of[:, 0]) + of[:, 1])
        if outputs["energy"].sample_kind == "atom":
            labels = Labels(["system", "atom"], of.to(torch.int32))
        else:
            sums = torch.zeros(len(systems), dtype=energies.dtype, device=device)
            energies = sums.index_add(0, of[:, 0], energies)
            labels = Labels(
                ["system"], torch.arange(len(systems), device=device).reshape(-1, 1).to(torch.int32)
            )
        zero = torch.zeros((1, 1), dtype=torch.int32, device=device)
        components: list[Labels] = []
        block = TensorBlock(energies.reshape(-1, 1), labels, components, Labels(["energy"], zero))
        results["energy"] = TensorMap(Labels(["_"], zero), [block])
        return results


def export_metatomic(
    potential: Potential,
    path: str | Path,
    provenance: dict[str, Any],
    dtype: torch.dtype | None = None,
) -> None:
    """Write ``potential`` as a metatomic model, load it and compare it with the potential.

    Parameters
    ----------
    potential : Potential
    path : path of the file, which is replaced only after the comparison has passed
    provenance : plain values that describe the origin of the weights
    dtype : torch.float32 or torch.float64, precision of the network, default the potential's own

    Raises
    ------
    InputError
        The file cannot be written, or does not reproduce the model.
    """
    dtype = dtype or potential.readouts[0].weight.dtype
    model = metatomic.AtomisticModel(
        MetatomicPotential(potential, dtype),
        _metadata(potential, provenance, dtype),
        _capabilities(potential.config),
    )
    with replacing(path) as temporary:
        with tempfile.TemporaryDirectory() as folder, _without_libraries():
            made = os.path.join(folder, "model.pt")
            model.save(made)
            content = io.BytesIO(Path(made).read_bytes())
        write_without_sources(content, temporary, document=False)
        _compare(potential, temporary, dtype)


def _capabilities(network: NetworkConfig):
    return metatomic.ModelCapabilities(
        outputs={
            "energy": ModelOutput(
                unit=ENERGY, sample_kind="atom", description="self energies included"
            )
        },
        atomic_types=list(network.atomic_numbers),
        interaction_range=float(network.cutoff) * len(network.n_features),
        length_unit=LENGTH,
        supported_devices=["cpu"],
        dtype="float64",
    )


def _metadata(potential: Potential, provenance: dict[str, Any], dtype: torch.dtype):
    network = potential.config
    return metatomic.ModelMetadata(
        name="HIP-NN-TS",
        description=(
            f"elements {' '.join(network.elements)}, cutoff {network.cutoff:g} Å, network in "
            f"{str(dtype).removeprefix('torch.')}, exported by hipnn-ts"
        ),
        references={"architecture": [ARCHITECTURE]},
        extra={"network": network.model_dump_json()},
    )


@contextmanager
def _without_libraries() -> Iterator[None]:
    """metatomic records every library that torch has loaded as one that the model needs; it needs
    none."""
    loaded = torch.ops.loaded_libraries
    every = set(loaded)
    loaded.clear()
    try:
        yield
    finally:
        loaded |= every


def _compare(potential: Potential, path: Path, dtype: torch.dtype) -> None:
    """Compare the file with a portable potential, on the configuration of every export."""
    configuration = configuration_to_compare(potential, dtype)
    expected = PortablePotential(potential, dtype).energies_and_pair_gradients(*configuration)
    numbers = torch.tensor(potential.config.atomic_numbers)
    found = _evaluated(metatomic.load_atomistic_model(path), numbers, *configuration)
    check_reproduced(path, expected, found, dtype)


def _evaluated(
    model: nn.Module,
    numbers: Tensor,
    species: Tensor,
    receivers: Tensor,
    senders: Tensor,
    vectors: Tensor,
) -> tuple[Tensor, Tensor]:
    """The same as :meth:`PortablePotential.energies_and_pair_gradients`, by an AtomisticModel.

    ``numbers`` are atomic numbers, in species order.
    """
    leaf = vectors.double().requires_grad_(True)
    of_pairs = torch.arange(len(receivers))  # stands for a shift: images must differ
    columns = [receivers, senders, of_pairs, of_pairs, of_pairs]
    names = ["first_atom", "second_atom", "cell_shift_a", "cell_shift_b", "cell_shift_c"]
    block = TensorBlock(
        leaf.reshape(-1, 3, 1),
        Labels(names, torch.stack(columns, dim=1).to(torch.int32)),
        [Labels(["xyz"], torch.arange(3, dtype=torch.int32).reshape(3, 1))],
        Labels(["distance"], torch.zeros((1, 1), dtype=torch.int32)),
    )
    system = System(
        numbers.index_select(0, species).to(torch.int32),
        torch.zeros((len(species), 3), dtype=torch.float64),
        torch.zeros((3, 3), dtype=torch.float64),
        torch.zeros(3, dtype=torch.bool),
    )
    (pairs,) = model.requested_neighbor_lists()
    system.add_neighbor_list(pairs, block)
    options = metatomic.ModelEvaluationOptions(
        length_unit=LENGTH, outputs={"energy": ModelOutput(unit=ENERGY, sample_kind="atom")}
    )
    outputs = model([system], options, check_consistency=True)
    energies = outputs["energy"].block().values.flatten()
    return energies.detach(), derivatives.pair_gradients(energies, leaf)
