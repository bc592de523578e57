"""The fused network equals the plain-torch model at every width, order and instruction set."""

import math
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import architectures
import pytest
import torch
from architectures import RADII
from comparing import largest
from documents import as_tensor, changed, format_1_parts

from hipnn_ts.export.document import read_document
from hipnn_ts.export.exported import FusedPotential, PortablePotential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

ARCHITECTURES = {
    **architectures.ARCHITECTURES,
    "l2-32": {"n_features": (32, 32)},
    "l2-64": {"n_features": (64, 64)},
    "l2-128": {"n_features": (128, 128), "n_atom_layers": 4},
    "four-blocks": {"l_max": 1, "n_features": (8, 9, 10, 11)},
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def configuration(n_atoms=60, box=8.0, cutoff=6.5):
    generator = torch.Generator().manual_seed(n_atoms)
    x = torch.rand(n_atoms, 3, generator=generator, dtype=torch.float64) * box
    apart = torch.cdist(x, x) + 100.0 * torch.eye(n_atoms)
    receivers, senders = torch.where((apart < cutoff) & (apart > 0.6))
    species = torch.randint(0, 2, (n_atoms,), generator=generator)
    return species, receivers, senders, x[senders] - x[receivers]


def potential(**architecture):
    torch.manual_seed(3)
    return Potential(NetworkConfig(elements=("H", "O"), **architecture)).double()


def deviation(found, expected):
    return largest(
        ((a - b).abs().max() / b.abs().max()).item()
        for a, b in zip(found, expected, strict=True)
        if b.numel()
    )


def fused_deviation(model, dtype, arguments):
    expected = PortablePotential(model, torch.float64).energies_and_pair_gradients(*arguments)
    fused = FusedPotential(model, dtype)
    return deviation(fused.energies_and_pair_gradients(*arguments), expected)


@pytest.mark.parametrize("bad", [0, 1])
def test_a_gradient_that_is_no_number_deviates(bad):
    found, expected = torch.ones(2, 3), torch.ones(2, 3)
    found[bad, 1] = torch.nan
    assert math.isnan(deviation(found, expected))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_equals_the_model(name, dtype):
    model = potential(**ARCHITECTURES[name])
    assert fused_deviation(model, dtype, configuration()) <= TOLERANCE[dtype]


@pytest.mark.parametrize("isa", ["plain", "avx2", "avx512"])
def test_every_instruction_set(isa):
    """A process chooses its instruction set once, so the checks for each set run in a new one."""
    flags = Path("/proc/cpuinfo").read_text()
    if isa != "plain" and {"avx2": " avx2 ", "avx512": " avx512vl "}[isa] not in flags:
        pytest.skip(f"this processor has no {isa}")
    folders = map(str, Path(__file__).parents[:2])
    path = os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")])
    script = (
        "import test_inference as t, test_moments, test_sensitivities, torch\n"
        "import test_geometry, test_invariants\n"
        "from hipnn_ts import _core\n"
        "print(_core.instruction_set())\n"
        "for name in ('l0', 'l1-three-blocks', 'l2-32', 'l2-128', 'middle-widths'):\n"
        "    for dtype, tolerance in t.TOLERANCE.items():\n"
        "        model = t.potential(**t.ARCHITECTURES[name])\n"
        "        found = t.fused_deviation(model, dtype, t.configuration())\n"
        "        assert found <= tolerance, (name, dtype, found)\n"
        "for dtype, tolerance in ((torch.float32, 3e-5), (torch.float64, 1e-12)):\n"
        "    for n in (20, 32, 300):\n"
        "        test_moments.test_equals_reference_to_second_derivatives(9, n, dtype, tolerance)\n"
        "        test_sensitivities.test_equals_plain_torch_to_second_derivatives(n, dtype, "
        "tolerance)\n"
        "    test_geometry.test_equals_plain_torch_to_second_derivatives(100, 2, dtype, "
        "tolerance)\n"
        "    test_invariants.test_equals_plain_torch_to_second_derivatives(9, 70, 33, dtype, "
        "tolerance)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "HIPNN_TS_ISA": isa, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == isa


def test_unknown_instruction_set_is_refused():
    run = subprocess.run(
        [sys.executable, "-c", "from hipnn_ts import _core; _core.instruction_set()"],
        env={**os.environ, "HIPNN_TS_ISA": "sse9"},
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "HIPNN_TS_ISA: expected plain, avx2 or avx512, found 'sse9'" in run.stderr


def test_more_neighbours_than_a_tile():
    arguments = configuration(n_atoms=300, box=9.0)
    assert torch.bincount(arguments[1]).max() > 128
    assert fused_deviation(potential(n_features=(32, 32)), torch.float64, arguments) <= 1e-12


@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
def test_repulsion_of_pairs_at_all_distances(dtype, blocks):
    """Repulsion is right inside the inner radius, between both radii and beyond, in any order."""
    model = potential(n_features=(8,) * blocks, zbl=(1.0, 2.5))
    generator = torch.Generator().manual_seed(1)
    distances = torch.tensor([0.3, 0.9, 1.1, 2.4, 2.6, 7.0], dtype=torch.float64).repeat(20)
    directions = torch.randn(len(distances), 3, generator=generator, dtype=torch.float64)
    vectors = torch.nn.functional.normalize(directions) * distances[:, None]
    species = torch.randint(0, 2, (10,), generator=generator)
    receivers, senders = torch.randint(0, 10, (2, len(distances)), generator=generator)
    arguments = species, receivers, senders, vectors
    alone = FusedPotential(potential(n_features=(8,) * blocks), dtype)
    fused = FusedPotential(model, dtype)
    expected = PortablePotential(model, torch.float64).energies_and_pair_gradients(*arguments)
    found = fused.energies_and_pair_gradients(*arguments)
    without = alone.energies_and_pair_gradients(*arguments)
    assert (found[0] - without[0]).abs().max() > 100 and (found[1] - without[1]).abs().max() > 100
    for a, b in zip(found, expected, strict=True):
        # Small gradients must be right even beside the huge gradient of a collision.
        torch.testing.assert_close(a.double(), b, rtol=TOLERANCE[dtype], atol=10 * TOLERANCE[dtype])
    far = distances > 2.5
    assert torch.equal(found[1][far], without[1][far])


def test_atoms_without_neighbours_and_pairs_beyond_the_cutoff():
    model = potential(n_features=(8, 8))
    species = torch.tensor([0, 1, 1])
    none = torch.empty(0, dtype=torch.int64)
    alone = (species, none, none, torch.empty(0, 3, dtype=torch.float64))
    assert fused_deviation(model, torch.float64, alone) <= 1e-12
    ends = torch.tensor([0, 1]), torch.tensor([1, 0])
    beyond = torch.tensor([[6.6, 0.0, 0.0], [-6.6, 0.0, 0.0]], dtype=torch.float64)
    fused = FusedPotential(model, torch.float64)
    energies, gradients = fused.energies_and_pair_gradients(species, *ends, beyond)
    assert not gradients.any()
    torch.testing.assert_close(energies, fused.energies_and_pair_gradients(*alone)[0])


def test_first_block_follows_species_and_weights():
    """The first block caches a table for the species present; it must follow their changes."""
    species, *pairs = configuration()
    one, other = (
        potential(n_features=(8, 8)),
        Potential(NetworkConfig(elements=("H", "O"))).double(),
    )
    for model in (one, other):
        for chosen in (species, torch.zeros_like(species), torch.ones_like(species), species):
            assert fused_deviation(model, torch.float64, (chosen, *pairs)) <= 1e-12


def test_independent_of_thread_count():
    fused, arguments = FusedPotential(potential(zbl=(1.0, 2.5)), torch.float32), configuration()
    threads = torch.get_num_threads()
    outs = []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            outs.append(fused.energies_and_pair_gradients(*arguments))
    finally:
        torch.set_num_threads(threads)
    for other in outs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(outs[0], other, strict=True))


@pytest.mark.parametrize(
    ("position", "change", "sentence"),
    [
        (0, lambda t: t + 5, "atom 0: expected a species below 2, found"),
        (0, lambda t: t.int(), "species: expected Long, found Int"),
        (1, lambda t: t + 60, "receivers: expected values from 0 to 59, found"),
        (2, lambda t: t[:-1], "senders: expected shape"),
        (3, lambda t: t[:, :2], "vectors: expected shape"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(position, change, sentence):
    arguments = list(configuration())
    arguments[position] = change(arguments[position])
    with pytest.raises(RuntimeError, match=sentence):
        FusedPotential(potential(n_features=(8,)), torch.float64).energies_and_pair_gradients(
            *arguments
        )


def test_buffers_belong_to_the_network_and_not_to_a_thread():
    fused, arguments = FusedPotential(potential(), torch.float32), configuration()

    def buffers():
        return torch.ops.hipnn_ts.inference_bytes(fused.weights[0])

    assert buffers() == 0
    expected = fused.energies_and_pair_gradients(*arguments)
    of_one = buffers()
    assert of_one > 0
    for _ in range(3):
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(fused.energies_and_pair_gradients, *arguments).result()
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert buffers() == of_one


def test_threads_at_once_compute_the_same():
    fused, arguments = FusedPotential(potential(), torch.float32), configuration()
    expected = fused.energies_and_pair_gradients(*arguments)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(fused.energies_and_pair_gradients, *arguments) for _ in range(40)]
    for call in calls:
        assert all(torch.equal(a, b) for a, b in zip(call.result(), expected, strict=True))


def refused_by_the_kernels(fused, document):
    """Return the operator's error message about a changed document."""
    fused.weights[0] = as_tensor(document)
    with pytest.raises(RuntimeError) as error:
        fused.energies_and_pair_gradients(*configuration())
    return str(error.value).splitlines()[0]


REPULSION = "network: zbl: expected inner < outer <= cutoff, found "


@pytest.mark.parametrize(
    ("zbl", "sentence"),
    [
        ([3.0, 2.5], REPULSION + "[3.0,2.5] at a cutoff of 6.5"),
        ([1.0, 7.0], REPULSION + "[1.0,7.0]"),
        ([1.0], "network: zbl: expected an inner and an outer radius, found [1.0]"),
        ([-1.0, 2.5], "network: zbl: expected a number above 0, at most 1000, found -1.0"),
        (["1", 2.5], "network: zbl: expected a number above 0, at most 1000, found "),
        ([1.0, 2.0, 3.0], "network: zbl: expected an inner and an outer radius, found [1.0,2.0,3."),
        (
            RADII | {"H-O": (2.6, 1.0)},
            "network: zbl.H-O: expected inner < outer <= cutoff, found [2",
        ),
        (RADII | {"H-O": (0.0, 1.0)}, "network: zbl.H-O: expected a number above 0, at most 1000"),
        ({"H-H": (1.0, 2.0)}, "network: zbl: expected the key 'H-O', found none"),
        (
            RADII | {"H-N": (1.0, 2.0)},
            "network: zbl: expected radii for 3 pairs of elements, found",
        ),
    ],
)
def test_a_wrong_repulsion_is_refused(zbl, sentence):
    fused = FusedPotential(potential(n_features=(8,), zbl=(1.0, 2.5)), torch.float64)
    document = changed(fused.weights[0].numpy().tobytes(), {"zbl": zbl})
    assert refused_by_the_kernels(fused, document).startswith(sentence)


def test_a_tensor_in_the_place_of_another_is_refused():
    fused = FusedPotential(potential(n_features=(8, 9)), torch.float64)
    document = fused.weights[0].numpy().tobytes()
    tensors = read_document(document)
    names = "blocks.0.interaction.scales.1", "blocks.1.interaction.scales.1"
    swapped = changed(
        document,
        **{
            name.replace(".", "__"): tensors[other]
            for name, other in zip(names, names[::-1], strict=True)
        },
    )
    assert refused_by_the_kernels(fused, swapped) == (
        "blocks.0.interaction.scales.1: expected F64 of shape [8], found F64 of shape [9]"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s[:-1], "expected 2 scalars or, with a repulsion, 6, found 5"),
        (lambda s: s[:3], "expected 2 scalars or, with a repulsion, 6, found 3"),
        (lambda s: [*s, 8.0], "expected 2 scalars or, with a repulsion, 6, found 7"),
        (lambda s: [*s[:2], float("nan"), *s[3:]], "expected positive finite scalars, found nan"),
        (lambda s: [*s[:2], -1.0, *s[3:]], "expected positive finite scalars, found -1"),
        (lambda s: [*s[:2], 3.0, *s[3:]], "zbl: expected inner < outer <= cutoff, found [3.0,2.5]"),
        (lambda s: [*s[:3], 7.0, *s[4:]], "zbl: expected inner < outer <= cutoff, found [1.0,7.0]"),
        (lambda s: [*s[:5], 1e300], "expected a nuclear charge from 1 to 118, found 1e+300"),
        (lambda s: [*s[:4], 0.5, s[5]], "expected a nuclear charge from 1 to 118, found 0.5"),
    ],
)
def test_a_wrong_repulsion_of_format_1_is_refused(change, sentence):
    model = potential(n_features=(8,), zbl=(1.0, 2.5))
    weights, sizes, scalars = format_1_parts(model, torch.float64)
    with pytest.raises(RuntimeError, match=re.escape(sentence)):
        torch.ops.hipnn_ts.energies_and_pair_gradients(
            *configuration(), weights, sizes, change(scalars)
        )


def test_swapped_weights_of_format_1_are_refused():
    weights, *rest = format_1_parts(potential(n_features=(8, 8)), torch.float64)
    weights[4], weights[6] = weights[6], weights[4]
    with pytest.raises(RuntimeError, match=r"packed weight 4: expected F64 of shape \[8\], found"):
        torch.ops.hipnn_ts.energies_and_pair_gradients(*configuration(), weights, *rest)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize("name", [n for n in ARCHITECTURES if "polynomials" not in n])
def test_the_same_bits_as_in_format_1(name, dtype):
    # In format 1 a repulsion has one pair of radii for all elements.
    architecture = ARCHITECTURES[name] | ({"zbl": (1.0, 2.5)} if name == "repulsion" else {})
    model, arguments = potential(**architecture), configuration()
    found = FusedPotential(model, dtype).energies_and_pair_gradients(*arguments)
    parts = format_1_parts(model, dtype)
    expected = torch.ops.hipnn_ts.energies_and_pair_gradients(*arguments, *parts)
    assert expected[0].isfinite().all() and expected[1].isfinite().all()
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
