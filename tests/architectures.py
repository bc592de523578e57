"""Networks with which the kernels of CPUs and GPUs are tested."""

# Inner and outer radius of the repulsion between each pair of elements, in Å.
RADII = {"H-H": (0.5, 1.2), "H-O": (0.7, 2.0), "O-O": (1.3, 2.8)}

ARCHITECTURES = {
    "l0": {"l_max": 0, "n_features": (20, 31)},
    "l1-three-blocks": {"l_max": 1, "n_features": (20, 31, 17)},
    "l2-one-block": {"l_max": 2, "n_features": (33,)},
    "l3": {"l_max": 3, "n_features": (20, 40, 17)},
    "l3-one-block": {"l_max": 3, "n_features": (33,)},
    "polynomials": {
        "invariants": "polynomials",
        "normalisation": "group",
        "l_max": 3,
        "n_features": (20, 40, 17),
    },
    "polynomials-one-block": {
        "invariants": "polynomials",
        "normalisation": "group",
        "l_max": 3,
        "n_features": (33,),
    },
    "polynomials-plain": {
        "invariants": "polynomials",
        "n_max": 3,
        "n_features": (16, 24),
        "n_middle_features": (20, 12),
    },
    "no-residual": {"n_features": (16, 16), "residual": False},
    "middle-widths": {"n_features": (16, 24), "n_middle_features": (20, 12)},
    "no-atom-layers": {"n_features": (12, 12), "n_atom_layers": 0},
    "repulsion": {"n_features": (12, 12), "zbl": RADII},
}
