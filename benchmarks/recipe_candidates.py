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
        "loss": {"energy": 5.0, "forces": 1.0, "rmse": 1.0, "mae": 1.0},
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

CANDIDATES = {
    "earlier": EARLIER,
    "128 atoms a step": STEPS,
    "width 0.1": BROAD,
    "width 0.1, 12": TWELVE,
    "width 0.05, 12": changed(TWELVE, sensitivity_width=0.05),
    "width 0.15, 12": changed(TWELVE, sensitivity_width=0.15),
    "width 0.1, 8": changed(BROAD, n_sensitivities=8),
    "width 0.1, 12, rate 4e-3": changed(TWELVE, learning_rate=4e-3),
    "width 0.1, 12, rate 1e-3": changed(TWELVE, learning_rate=1e-3),
    "width 0.1, 12, average 0.99": changed(TWELVE, ema_decay=0.99),
    "width 0.1, 12, clipped at 1": changed(TWELVE, gradient_clipping=1.0),
    "width 0.1, 12, squares": changed(TWELVE, loss={"mae": 0.0}),
    "width 0.1, 12, energy 1": changed(TWELVE, loss={"energy": 1.0}),
}
