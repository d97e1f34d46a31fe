"""The products of serving: a message's vector, or many, with a matrix. No torch."""

from __future__ import annotations

import numpy as np

# Of so few vectors the product is done before numpy's BLAS has woken its threads, for which it waits some 10 ms on a
# machine whose CPUs are at work.
FEW = 16


def products(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The dot product of every vector with every row, `[vectors, rows]`.

    Args:
        vectors: `[vectors, size]`.
        rows: `[rows, size]`.
    """
    if len(vectors) > FEW:
        return vectors @ rows.T
    return np.einsum("ij,kj->ik", vectors, rows)
