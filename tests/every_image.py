"""Brute-force neighbour pairs from a list of all periodic images: slow but simple."""

from itertools import product

import numpy as np


def every_image(positions, cell, periodic, cutoff):
    """Return sorted rows (receiver, sender, vector) of all pairs within the cutoff.

    The cell needs three independent vectors; images are taken in periodic directions only.
    """
    inverse = np.linalg.inv(cell)
    whole = np.floor(positions @ inverse) * periodic
    wrapped = positions - whole @ cell
    reach = np.ceil(cutoff * np.linalg.norm(inverse, axis=0)) + 1
    reach = np.where(periodic, reach, 0).astype(int)
    images = np.array(list(product(*[range(-n, n + 1) for n in reach])), float) @ cell
    vectors = wrapped[None, :, None] - wrapped[:, None, None] + images
    distances = np.linalg.norm(vectors, axis=-1)
    i, j, k = np.nonzero((distances < cutoff) & (distances > 1e-9))
    return sorted_pairs(i, j, vectors[i, j, k])


def sorted_pairs(i, j, vectors):
    """Return rows (receiver, sender, vector) of the given pairs, sorted."""
    rows = np.column_stack([i, j, vectors])
    return rows[np.lexsort(rows.round(6).T[::-1])]
