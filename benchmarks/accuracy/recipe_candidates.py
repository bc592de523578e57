"""Candidate recipes of recipe.py, each defined by its changes to an earlier one.

Every key that differs between candidates is written out, so that a candidate stays what it was when
defaults change. The batch size is ``atoms_per_step`` over the mean number of atoms in a frame.
"""

EARLIER = {
    "network": {
        "invariants": "norms",
        "l_max": 2,
        "n_sensitivities": 20,
        "sensitivity_width": None,
        "cusp_regularisation": 0.03,
    },
    "training": {
        "optimizer": "adam",
        "batch_size": 8,
        "learning_rate": 2e-3,
        "gradient_clipping": 10.0,
        "ema_decay": None,
        "second_stage": None,
        "loss": {
            "energy": 5.0,
            "forces": 1.0,
            "rmse": 1.0,
            "mae": 1.0,
            "mse": 0.0,
            "late_energy": 1.0,
            "hierarchicality": 1e-3,
        },
        "schedule": {"kind": "cosine", "warm_up": 0.05, "last_rate": 0.01},
    },
}


def changed(base: dict, **changes) -> dict:
    """``base`` with other values, each in the section that has its key; dicts are merged."""
    network, training = dict(base["network"]), dict(base["training"])
    for key, value in changes.items():
        if key in network:
            network[key] = value
        elif isinstance(training.get(key), dict):
            training[key] = training[key] | value
        else:
            training[key] = value
    return {"network": network, "training": training}


def polynomials(base: dict, **keys) -> dict:
    """``base`` with polynomial invariants and other ``keys`` of its network."""
    return base | {"network": base["network"] | {"invariants": "polynomials"} | keys}


STEPS = changed(EARLIER, atoms_per_step=128)
BROAD = changed(STEPS, sensitivity_width=0.1)
TWELVE = changed(BROAD, n_sensitivities=12)
FORCES = changed(TWELVE, loss={"energy": 1.0})
SQUARES = changed(FORCES, loss={"rmse": 0.0, "mae": 0.0, "mse": 1.0, "hierarchicality": 0.0})
EARLY = changed(
    SQUARES,
    learning_rate=3e-3,
    ema_decay=0.99,
    gradient_clipping=1.0,
    schedule={"warm_up": 0.02, "last_rate": 1e-3},
)
LATE = changed(EARLY, loss={"late_energy": 3.0})
NORMS = changed(LATE, cusp_regularisation=0.1)
POLYNOMIALS = polynomials(NORMS, l_max=3, n_max=4, normalisation="none")
DEFAULT = changed(POLYNOMIALS, optimizer="soap", learning_rate=6e-3, atoms_per_step=256)

# In the order in which they were tried; those no longer worth their time can be left out.
CANDIDATES = {
    "earlier": EARLIER,
    "128 atoms a step": STEPS,
    "broad": BROAD,
    "broad, 12": TWELVE,
    "broad, 12, width 0.05": changed(TWELVE, sensitivity_width=0.05),
    "broad, 12, width 0.15": changed(TWELVE, sensitivity_width=0.15),
    "broad, 12, energy 1": FORCES,
    "all of the experiment": EARLY,
    "late energies": LATE,
    "late energies, hippynn's width": changed(LATE, sensitivity_width=None),
    "late energies, width 0.05": changed(LATE, sensitivity_width=0.05),
    "norms": NORMS,
    "norms, width 0.05": changed(NORMS, sensitivity_width=0.05),
    "squares": polynomials(NORMS, l_max=2, n_max=2, normalisation="none"),
    "squares, normalised": polynomials(NORMS, l_max=2, n_max=2, normalisation="group"),
    "polynomials": POLYNOMIALS,
    "polynomials, normalised": polynomials(POLYNOMIALS, normalisation="group"),
    "default": DEFAULT,
    "default, 128 atoms, rate 3e-3": changed(DEFAULT, atoms_per_step=128, learning_rate=3e-3),
    "default, 128 atoms a step": changed(DEFAULT, atoms_per_step=128),
    "default, 128 atoms, rate 1e-2": changed(DEFAULT, atoms_per_step=128, learning_rate=1e-2),
    "default, rate 3e-3": changed(DEFAULT, learning_rate=3e-3),
    "default, 512 atoms a step": changed(DEFAULT, atoms_per_step=512),
    "default, width 0.07": changed(DEFAULT, sensitivity_width=0.07),
    "default, width 0.15": changed(DEFAULT, sensitivity_width=0.15),
    "default, 8": changed(DEFAULT, n_sensitivities=8),
    "default, 1 on-site layer": polynomials(DEFAULT, n_atom_layers=1),
    "default, no on-site layer": polynomials(DEFAULT, n_atom_layers=0),
    "default, weight decay 0.03": changed(DEFAULT, weight_decay=0.03),
    "default, weight decay 0.1": changed(DEFAULT, weight_decay=0.1),
}
