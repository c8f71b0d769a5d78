"""What models with Gaussian processes are written with beside these, as in PyMC."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph.expr import Constant, Data, Expr
from workbench.graph.traverse import replace, topological
from workbench.model import modelcontext
from workbench.tensor.tensor import Tensor, as_tensor, tensor

JITTER_DEFAULT = 1e-6
"""What is added to the diagonal of a covariance matrix, so that rounding leaves it positive definite."""


def stabilize(K: Any, jitter: Any = JITTER_DEFAULT) -> Tensor:
    """Return a covariance matrix with a small number added to its diagonal.

    Parameters
    ----------
    K
        The matrix, shape ``(n, n)``.
    jitter
        The number.

    Examples
    --------
    >>> stabilize([[1.0, 1.0], [1.0, 1.0]], 0.5).eval()
    array([[1.5, 1. ],
           [1. , 1.5]])
    """
    matrix = as_tensor(K)
    return matrix + jitter * pt.eye(matrix.shape[-1])


def replace_with_values(vars_needed: Sequence[Tensor], replacements: Mapping[str, Any] | None = None, model: Any = None) -> Any:
    """Return the values of expressions at values of a model's variables.

    Parameters
    ----------
    vars_needed
        The expressions.
    replacements
        Values of the variables, in their own space, by name; others that are not needed may be among them.
    model
        The model; that of the ``with`` block by default.

    Returns
    -------
    A list of arrays.

    Raises
    ------
    ValueError
        If the value of a variable that is needed is missing.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    >>> [float(v) for v in replace_with_values([2.0 * x], {"x": 3.0}, model)]
    [6.0]
    """
    model = modelcontext(model)
    given = dict(replacements or {})
    names = {x: str(name) for name, x in model.named_vars.items() if not isinstance(x.op, (Data, Constant))}
    known = {x: tensor(name, x.dtype, x.type.shape) for x, name in names.items() if name in given}
    results: Any = replace(list(vars_needed), known)
    inside = set(topological(results))
    missing = [name for x, name in names.items() if x in inside]
    if missing:
        raise ValueError(f"Values for {', '.join(missing)} must be included in `replacements`.")
    used = [x for x in known if known[x] in inside]
    return function([known[x] for x in used], results, backend="numpy")(*(np.asarray(given[names[x]], x.dtype) for x in used))


def kmeans_inducing_points(n_inducing: int, X: Any, **kmeans_kwargs: Any) -> np.ndarray[Any, Any]:
    """Return places for inducing points: centres of clusters of the inputs, each column in units of its standard deviation.

    Parameters
    ----------
    n_inducing
        How many.
    X
        Inputs, shape ``(n, d)``: an array, or data.
    kmeans_kwargs
        Passed to :func:`scipy.cluster.vq.kmeans`.

    Returns
    -------
    Shape ``(n_inducing, d)``.

    Raises
    ------
    TypeError
        If `X` is no array.

    Examples
    --------
    >>> import numpy as np
    >>> kmeans_inducing_points(2, np.array([[0.0], [0.1], [5.0], [5.1]]), seed=1).shape
    (2, 1)
    """
    from scipy.cluster.vq import kmeans

    if isinstance(X, Expr) and isinstance(X.op, (Constant, Data)):
        values = np.asarray(X.op.value)
    elif isinstance(X, (np.ndarray, tuple, list)) or hasattr(X, "to_numpy"):
        values = np.asarray(X)
    else:
        raise TypeError(f"To use K-means initialization, please provide X as a type that can be cast to np.ndarray, instead of {type(X)}")
    scale = np.std(values, axis=0)
    # A column without spread has no unit.
    scale = np.where(scale <= 1e-6, 1.0, scale)
    if "k_or_guess" in kmeans_kwargs:
        warnings.warn("Use `n_inducing` to set the `k_or_guess` parameter instead.", stacklevel=2)
        kmeans_kwargs.pop("k_or_guess")
    centres, _ = kmeans(values / scale, k_or_guess=n_inducing, **kmeans_kwargs)
    return centres * scale


def plot_gp_dist(
    ax: Any,
    samples: Any,
    x: Any,
    plot_samples: bool = True,
    palette: str = "Reds",
    fill_alpha: float = 0.8,
    samples_alpha: float = 0.1,
    fill_kwargs: Mapping[str, Any] | None = None,
    samples_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Draw bands of a function's draws, the more intense the more likely, and some of the draws.

    Parameters
    ----------
    ax
        Matplotlib's axes.
    samples
        Draws, shape ``(draws, n)``.
    x
        The points, shape ``(n,)``, ``(n, 1)`` or ``(1, n)``.
    plot_samples
        Whether to draw some of them as lines.
    palette, fill_alpha, samples_alpha
        Name of a colour map, and how opaque bands and lines are.
    fill_kwargs, samples_kwargs
        Passed to ``ax.fill_between`` and ``ax.plot``.

    Returns
    -------
    The axes.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> axes = plt.figure().subplots()
    >>> plot_gp_dist(axes, np.random.default_rng(1).normal(size=(50, 3)), np.arange(3.0)) is axes
    True
    >>> plt.close(axes.figure)
    """
    import matplotlib.pyplot as plt

    draws, at = np.asarray(samples), np.asarray(x).ravel()
    if draws.ndim != 2 or draws.shape[1] != at.size:
        raise ValueError(f"samples are draws of the function at each x, of shape (draws, {at.size}), not {draws.shape}")
    if np.isnan(draws).any():
        warnings.warn("There are `nan` entries in the [samples] arguments. The plot will not contain a band!", UserWarning, stacklevel=2)
    colour = plt.get_cmap(palette)
    percents = np.linspace(51, 99, 40)
    shades = (percents - percents.min()) / (percents.max() - percents.min())
    upper, lower = (np.percentile(draws, p, axis=0) for p in (percents[::-1], 100 - percents[::-1]))
    for high, low, shade in zip(upper, lower, shades):
        ax.fill_between(at, high, low, color=colour(shade), alpha=fill_alpha, **(fill_kwargs or {}))
    if plot_samples:
        some = np.random.randint(0, len(draws), 30)
        ax.plot(at, draws[some].T, color=colour(0.9), lw=1, alpha=samples_alpha, **(samples_kwargs or {}))
    return ax


__all__ = ["JITTER_DEFAULT", "kmeans_inducing_points", "plot_gp_dist", "replace_with_values", "stabilize"]
