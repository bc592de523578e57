"""Recipes of the screening: what each has that the defaults of before it had not.

Every key that is screened is written out, so that a candidate stays what it was when defaults
change. ``atoms_per_step`` sets the batch size by the atoms of a set's frames.
"""

EARLIER = {
    "network": {"n_sensitivities": 20, "sensitivity_width": None, "cusp_regularisation": 0.03},
    "training": {
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
    """``base`` with other values, each in the section that has its key; ``loss`` is merged."""
    network, training = dict(base["network"]), dict(base["training"])
    for key, value in changes.items():
        if key in network:
            network[key] = value
        elif isinstance(training.get(key), dict):
            training[key] = training[key] | value
        else:
            training[key] = value
    return {"network": network, "training": training}


STEPS = changed(EARLIER, atoms_per_step=128)
BROAD = changed(STEPS, sensitivity_width=0.1)
TWELVE = changed(BROAD, n_sensitivities=12)
FORCES = changed(TWELVE, loss={"energy": 1.0})
SQUARES = changed(
    TWELVE, loss={"energy": 1.0, "rmse": 0.0, "mae": 0.0, "mse": 1.0, "hierarchicality": 0.0}
)
ALL = changed(
    SQUARES,
    learning_rate=3e-3,
    ema_decay=0.99,
    gradient_clipping=1.0,
    schedule={"warm_up": 0.02, "last_rate": 1e-3},
)

LAST = changed(ALL, second_stage={"start": 0.75, "loss": ALL["training"]["loss"] | {"energy": 3.0}})

CANDIDATES = {
    "earlier": EARLIER,
    "128 atoms a step": STEPS,
    "width 0.1": BROAD,
    "width 0.1, 12": TWELVE,
    "width 0.05, 12": changed(TWELVE, sensitivity_width=0.05),
    "width 0.1, 12, energy 1": FORCES,
    "width 0.1, 12, mean squares": SQUARES,
    "all of the experiment": ALL,
    "new": LAST,
    "new, hippynn's width": changed(LAST, sensitivity_width=None),
    "new, width 0.05": changed(LAST, sensitivity_width=0.05),
    "new, width 0.15": changed(LAST, sensitivity_width=0.15),
    "new, 8": changed(LAST, n_sensitivities=8),
    "new, 20": changed(LAST, n_sensitivities=20),
    "new, rate 2e-3": changed(LAST, learning_rate=2e-3),
    "new, rate 5e-3": changed(LAST, learning_rate=5e-3),
    "new, 64 atoms a step": changed(LAST, atoms_per_step=64),
    "new, 256 atoms a step": changed(LAST, atoms_per_step=256),
    "new, not averaged": changed(LAST, ema_decay=None),
    "new, clipped at 10": changed(LAST, gradient_clipping=10.0),
}
