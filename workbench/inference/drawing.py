"""`draw`: values of random expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Expr
from workbench.graph.traverse import replace
from workbench.inference.each_draw import each_draw, seed_word
from workbench.model.compiled import MODES
from workbench.model.restrictions import transforms_written
from workbench.model.shapes import CurrentShapes
from workbench.tensor.tensor import Tensor, as_tensor


def draw(
    vars: Tensor | Sequence[Tensor],
    draws: int = 1,
    random_seed: Any = None,
    *,
    givens: Mapping[Tensor, Any] | Sequence[tuple[Tensor, Any]] = (),
    backend: str = "auto",
    mode: str | None = None,
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
    givens
        Values to take in the place of variables, by variable.
    mode
        A backend by PyMC's names: "NUMBA", "JAX", "FAST_RUN".

    Raises
    ------
    ValueError
        If `draws` is less than 1.
    ParameterValueError
        If a parameter is outside of its domain in some draw.

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
    >>> float(draw(10.0 * x.sum(), givens={x: [1.0, 2.0]}))
    30.0
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    backend = MODES.get(mode.upper(), mode.lower()) if mode is not None else backend
    wanted = [vars] if isinstance(vars, Expr) else list(vars)
    wanted = replace(wanted, {x: _as(x, value) for x, value in dict(givens).items()})
    written, now = transforms_written(wanted), CurrentShapes()
    asked = dict(zip(now.closed(list(written)), written.values()))
    made = each_draw([], now.closed(wanted), backend, asked)([], draws, seed_word(random_seed))
    results = [np.asarray(v[0]) if draws == 1 else v for v in made]
    return results[0] if isinstance(vars, Expr) else results


def _as(x: Tensor, value: Any) -> Tensor:
    given = as_tensor(value)
    return pt.broadcast_to(pt.cast(given, x.dtype), x.shape) if given.type != x.type else given


