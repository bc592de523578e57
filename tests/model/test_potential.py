"""The model on its own: parameter sharing, layers, scripting."""

import pytest
import torch
from comparing import largest
from pydantic import ValidationError

from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.operators import reference


def pairs(n=20, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, 3, generator=generator, dtype=dtype) * 6
    receivers, senders = torch.where(torch.cdist(x, x) + 100 * torch.eye(n) < 5.0)
    return torch.arange(n) % 2, receivers, senders, x[senders] - x[receivers]


def test_higher_orders_add_one_scale_per_feature():
    """As in the paper, all tensor orders share the interaction weights."""
    counts = []
    for l_max in range(4):
        config = NetworkConfig(elements=("H", "O"), n_features=(16, 16), l_max=l_max)
        counts.append(sum(p.numel() for p in Potential(config).parameters()))
    assert counts[1] - counts[0] == counts[2] - counts[1] == 32


@pytest.mark.parametrize("invariants", ["norms", "polynomials"])
@pytest.mark.parametrize("l_max", range(4))
@pytest.mark.parametrize("residual", [True, False])
def test_fused_training_operators_equal_plain_torch(l_max, invariants, residual):
    kind = {"l_max": l_max, "invariants": invariants, "residual": residual}
    config = NetworkConfig(elements=("H", "O"), n_features=(12, 12), **kind)
    fused = Potential(config).double()
    plain = Potential(config, fused=False).double()
    plain.load_state_dict(fused.state_dict())
    arguments = pairs()
    results = []
    for model in (fused, plain, torch.jit.script(fused)):
        vectors = arguments[3].clone().requires_grad_()
        energies = model(*arguments[:3], vectors)
        (gradients,) = torch.autograd.grad(energies.sum(), vectors, create_graph=True)
        model.zero_grad()
        (gradients.square().sum() + energies.sum()).backward()
        parameters = [p.grad for p in model.parameters() if p.grad is not None]
        results.append([energies, gradients, vectors.grad, *parameters])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert (a - b).abs().max() <= 1e-11 * largest(1.0, b.abs().max().item())


def test_initial_width_of_the_sensitivities():
    sizes = {"elements": ("H", "O"), "n_sensitivities": 12, "soft_min": 0.85}
    narrow, broad = (NetworkConfig(**sizes, sensitivity_width=w) for w in (None, 0.1))
    assert Potential(narrow).blocks[1].interaction.sigma.tolist() == pytest.approx([20.4] * 12)
    assert Potential(broad).blocks[1].interaction.sigma.tolist() == pytest.approx([8.5] * 12)
    # A default is left out of files, since earlier versions refuse unknown keys.
    assert "sensitivity_width" not in narrow.model_dump()
    assert NetworkConfig(**broad.model_dump()) == broad


def test_energies_are_block_terms_plus_self_energies():
    potential = Potential(NetworkConfig(elements=("H", "O")))
    potential.self_energies += torch.tensor([-13.6, -2041.8])
    arguments = pairs(dtype=torch.float32)
    terms = potential.energy_terms(*arguments)
    assert terms.shape == (20, 2)
    expected = terms.double().sum(1) + potential.self_energies[arguments[0]]
    torch.testing.assert_close(potential(*arguments), expected)


def test_self_energies_stay_in_double_precision():
    potential = Potential(NetworkConfig(elements=("H",)))
    potential.self_energies.fill_(-1234.56789012345)
    assert potential.double().float().self_energies.item() == -1234.56789012345
    assert potential.readouts[0].weight.dtype == torch.float32


def traceless_tensors(u):
    """Return the full traceless tensors of orders 2 and 3 of unit vectors (n, 3)."""
    one = torch.eye(3, dtype=u.dtype)
    third = torch.einsum("ni,nj,nk->nijk", u, u, u)
    for trace in ("ni,jk->nijk", "nj,ik->nijk", "nk,ij->nijk"):
        third = third - torch.einsum(trace, u, one) / 5
    return {2: torch.einsum("ni,nj->nij", u, u) - one / 3, 3: third}


@pytest.mark.parametrize("order", [2, 3])
def test_traceless_components_have_the_norm_of_the_tensor(order):
    u = torch.nn.functional.normalize(torch.randn(50, 3, dtype=torch.float64), dim=1)
    # Sums over several directions are general tensors.
    components = reference.tensor_components(u, order).view(10, 5, -1).sum(dim=1)
    tensor = traceless_tensors(u)[order].flatten(1).view(10, 5, -1).sum(dim=1)
    components[:, : order**2] = 0
    scales = torch.zeros(order, 1, dtype=torch.float64)
    scales[-1] = 1
    norms = reference.invariants(components.unsqueeze(2), scales, 0.0).squeeze(1)
    torch.testing.assert_close(norms, tensor.norm(dim=1))


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"elements": ["Xx"]}, "'Xx' is not a chemical symbol"),
        ({"elements": ["H", "H"]}, "names an element twice"),
        ({"soft_max": 7.0}, "expected soft_min < soft_max <= cutoff, found 0.75, 7.0, 6.5"),
        ({"l_max": 4}, "less than or equal to 3"),
        ({"n_max": 3}, "n_max: expected invariants: polynomials beside it"),
        ({"normalisation": "none"}, "normalisation: expected invariants: polynomials beside it"),
        ({"invariants": "polynomials", "n_max": 5}, "less than or equal to 4"),
        (
            {"invariants": "polynomials", "normalisation_epsilon": 1e-3},
            "normalisation_epsilon: expected normalisation: group beside it",
        ),
        ({"invariants": "polynomials", "normalisation": "batch"}, "'group' or 'none'"),
        ({"invariants": "traces"}, "'norms' or 'polynomials'"),
        ({"zbl": [1.0, 7.0]}, "zbl: expected inner < outer <= cutoff, found 1.0, 7.0, 6.5"),
        ({"zbl": [2.0, 2.0]}, "zbl: expected inner < outer <= cutoff, found 2.0, 2.0, 6.5"),
        ({"zbl": [0.0, 2.0]}, "greater than 0"),
        ({"zbl": [1.0]}, "Field required"),
        ({"n_middle_features": [4]}, "expected 2 widths, one for each interaction block, found 1"),
        ({"n_feature": [4]}, "Extra inputs are not permitted"),
    ],
)
def test_bad_architectures_are_refused(entries, sentence):
    with pytest.raises(ValidationError, match=sentence):
        NetworkConfig(**{"elements": ["H"], **entries})
