"""`draw`: values of random expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.graph.expr import Expr
from workbench.inference.each_draw import each_draw, seed_word
from workbench.model.shapes import CurrentShapes
from workbench.tensor.tensor import Tensor


def draw(
    vars: Tensor | Sequence[Tensor],
    draws: int = 1,
    random_seed: Any = None,
    *,
    backend: str = "auto",
    **options: Any,
) -> Any:
    """Draw from random expressions: variables of a model, or others, or what is made of them.

    Parameters
    ----------
    vars
        One expression, or several, which are drawn together.
    draws
        How many draws.
    random_seed
        The same seed gives the same draws, on every backend.
    backend
        "c", "numba", "jax", "numpy" or "auto".
    options
        Ignored; taken so that code written for PyMC runs.

    Returns
    -------
    array or list of arrays
        Of the variable's shape; with a first axis of length `draws` where that is more than 1.

    Examples
    --------
    >>> import workbench as pm
    >>> x = pm.Normal.dist(0.0, 1.0, shape=(2,))
    >>> draw([x, 2.0 * x], draws=3, random_seed=1)[1].shape
    (3, 2)
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    wanted = [vars] if isinstance(vars, Expr) else list(vars)
    made = each_draw([], CurrentShapes().closed(wanted), backend)([], draws, seed_word(random_seed))
    results = [np.asarray(v[0]) if draws == 1 else v for v in made]
    return results[0] if isinstance(vars, Expr) else results


