"""Tables that need no measurement: keys of configurations, and arithmetic."""

from benchmarks.speed.minimum_work import BACKWARD_PRODUCTS
from docs.rendering.markup import table
from hipnn_ts.learning.sections import LearnConfig
from hipnn_ts.training.config import SECTIONS, describe


def keys() -> str:
    """Tables of all keys of a training configuration."""
    return "\n\n".join(f"## {name}\n\n{_keys(model, name)}" for name, model in SECTIONS.items())


def learning_keys() -> str:
    """Table of all keys of `hipnn-ts learn`."""
    return _keys(LearnConfig, "")


def _keys(model: type, name: str) -> str:
    rows = []
    for described, meaning in describe(model, name):
        key, _, default = described.partition(" = ")
        rows.append(f"| `{key}` | `{default}` | {meaning} |")
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])


def cost() -> str:
    """Table of the arithmetic of one interaction layer in both orders of its sums."""
    n_features, n_sensitivities, n_components, pairs = 128, 20, 9, 110
    dense = 2 * n_sensitivities * n_features**2
    apart = 2 * pairs * n_components * n_sensitivities * n_features
    together = 2 * pairs * (n_sensitivities + n_components) * n_features
    kept = n_sensitivities * n_features
    rows = [
        ["dense products, MFLOP", f"{n_components * dense / 1e6:.2f}", f"{dense / 1e6:.2f}"],
        ["pairs, MFLOP", f"{apart / 1e6:.2f}", f"{together / 1e6:.2f}"],
        ["kept between the two, numbers an atom", f"{n_components * kept:,}", f"{kept:,}"],
    ]
    back = ", ".join(f"{n} at $l_\\text{{max}}$ {k}" for k, n in BACKWARD_PRODUCTS.items())
    return (
        f"{table(['an atom, forward', 'envelope first', 'contract first'], rows)}\n\n"
        f"$n_b = n_a = {n_features}$, $n_\\nu = {n_sensitivities}$, {n_components} components, "
        f"{pairs} neighbours. In the backward pass a pair costs, beside its sensitivities, "
        f"products per feature: {back}."
    )
