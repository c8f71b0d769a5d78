"""Points that are best in some sense: the mode of the posterior, priors with a given mass in an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError, SamplingError, warn_user
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace
from workbench.model.context import modelcontext
from workbench.model.density import flat_vector, slope_of_zero, values_for_variables
from workbench.model.functions import function_of
from workbench.model.inspection import report
from workbench.model.minibatch import refuse_minibatches
from workbench.model.model import Model
from workbench.model.points import unconstrained
from workbench.model.simulators import require_density
from workbench.tensor.tensor import Tensor
from workbench.transforms.gradient import grad
from workbench.transforms.logprob import logcdf

Array = np.ndarray[Any, Any]
WITHOUT_GRADIENT = frozenset(["nelder-mead", "powell", "cobyla", "cobyqa"])
"""Methods of SciPy that take values alone."""


def find_MAP(
    start: Mapping[str, Any] | None = None,
    vars: Sequence[Tensor] | None = None,
    method: str = "L-BFGS-B",
    return_raw: bool = False,
    include_transformed: bool = True,
    progressbar: bool = True,
    maxeval: int = 5000,
    model: Model | None = None,
    *args: Any,
    seed: int | None = None,
    backend: str | None = None,
    **options: Any,
) -> Any:
    """Find the values of the free variables at which the posterior density is highest.

    The density is that of the variables in their own space, as in PyMC: the Jacobian of their
    transforms is left out. A mode is a poor summary of many variables; sample where you can.

    Parameters
    ----------
    start
        Where to begin, by variable or by value name; the initial point by default.
    vars
        Free variables to move; all continuous ones by default. The others stay where they begin.
    method
        A method of ``scipy.optimize.minimize``; one without gradients, such as "Powell", may move
        discrete variables too.
    return_raw
        Return SciPy's result too.
    include_transformed
        Return the unconstrained values too.
    progressbar
        Taken so that code written for PyMC runs.
    maxeval
        Most evaluations of the density.
    model
        The model; that of the surrounding block by default.
    seed
        For variables that start at a draw from their prior.
    backend
        Where the density is computed; the model's by default.
    args, options
        Further arguments of ``scipy.optimize.minimize``.

    Returns
    -------
    dict
        Values of all free variables and deterministics, by name.

    Raises
    ------
    ModelError
        If there is nothing to move.
    SamplingError
        If the density is not finite at the start.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Normal("y", mu, 1.0, observed=[3.0])
    ...     best = pm.find_MAP(backend="numpy")
    >>> round(float(best["mu"]), 4)
    1.5
    """
    import scipy.optimize

    m = modelcontext(model).at_current_shapes()
    refuse_minibatches(m, "the search for the mode")
    require_density(m, "it has no mode")
    moved = _moved(m, vars)
    point = {**m.initial_point(seed), **unconstrained(m, start or {})}
    q0 = m.flatten(point)
    where = np.concatenate([np.arange(m.flat_size)[at] for rv, (at, _) in zip(m.free_RVs, m.flat_slices.values()) if any(rv is x for x in moved)])
    smooth = all(rv.type.kind == "f" for rv in moved)
    if not smooth and method == "L-BFGS-B":
        method = "Powell"
    smooth = smooth and method.lower() not in WITHOUT_GRADIENT
    run = _density(m, smooth, backend or m.backend)
    best: tuple[float, Array] = (-np.inf, q0[where])
    count = 0

    class Enough(Exception):
        pass

    def cost(part: Array) -> Any:
        nonlocal best, count
        if count >= maxeval:
            raise Enough
        count += 1
        q = q0.copy()
        q[where] = part
        value, gradient = run(q)
        if value > best[0]:
            best = (value, part.copy())
        if not smooth:
            return -value if np.isfinite(value) else np.inf
        return (-value if np.isfinite(value) else np.inf), -np.nan_to_num(gradient[where])

    if not np.isfinite(run(q0)[0]):
        raise SamplingError(f"the log-density is not finite at the start:\n{report(m, point)}", "give another start")
    raw: Any = None
    try:
        raw = scipy.optimize.minimize(cost, q0[where], *args, method=method, jac=smooth, **options)
    except (Enough, KeyboardInterrupt):
        warn_user(f"the search for the mode ended after {count} evaluations, before it had converged")
    q = q0.copy()
    q[where] = best[1]
    found = _all_values(m, q, include_transformed)
    return (found, raw) if return_raw else found


def _moved(m: Model, vars: Sequence[Tensor] | None) -> list[Tensor]:
    if vars is None:
        moved = [rv for rv in m.free_RVs if rv.type.kind == "f"]
    else:
        names = {str(x.name) if isinstance(x, Expr) else str(x) for x in ([vars] if isinstance(vars, (Expr, str)) else vars)}
        moved = [rv for rv in m.free_RVs if rv.name in names or m.value_name(rv) in names]
    if not moved:
        raise ModelError("the model has no continuous free variable to move")
    return moved


def _density(m: Model, smooth: bool, backend: str) -> Any:
    """The density and its gradient, of the flat vector."""

    def graph(m: Model) -> Graph:
        density = m.density(jacobian=False)
        q, parts = flat_vector(m)
        total, value = replace([density.total, density.representable(density.total)], parts)
        gradient = [slope_of_zero(value, grad(total, q, disconnected_inputs="ignore"))] if smooth else []
        return Graph([q], [value, *gradient])

    f = function_of(m, "own_logp_grad" if smooth else "own_logp", backend, graph)

    def run(x: Array) -> tuple[float, Array | None]:
        found = f(x)
        return float(found[0]), found[1] if smooth else None

    return run


def _all_values(m: Model, q: Array, include_transformed: bool) -> dict[str, Array]:
    vector, parts = flat_vector(m)
    values, deterministics = values_for_variables(m, m.deterministics)
    own = [values[rv] for rv in m.free_RVs]
    graph = Graph([vector], replace([*m.value_vars, *own, *deterministics], parts))
    with np.errstate(all="ignore"):
        numbers = [np.asarray(v) for v in graph.run("numpy", q)]
    names = [*(m.value_name(rv) for rv in m.free_RVs), *(str(x.name) for x in (*m.free_RVs, *m.deterministics))]
    found = dict(zip(names, numbers))
    if include_transformed:
        return found
    return {str(x.name): found[str(x.name)] for x in (*m.free_RVs, *m.deterministics)}


def find_constrained_prior(
    distribution: Any,
    lower: float,
    upper: float,
    init_guess: Mapping[str, float],
    mass: float = 0.95,
    fixed_params: Mapping[str, float] | None = None,
    mass_below_lower: float | None = None,
    **options: Any,
) -> dict[str, float]:
    """Find parameters of a distribution that put a given mass between two bounds, half of the rest on each side.

    Parameters
    ----------
    distribution
        A distribution of numbers, such as ``pm.Gamma``.
    lower, upper
        The bounds.
    init_guess
        Where to begin, for each parameter to find.
    mass
        The probability between the bounds.
    fixed_params
        Parameters that stay as they are.
    mass_below_lower
        The probability below `lower`; half of the rest by default.
    options
        Further arguments of ``scipy.optimize.root``, for two parameters, or ``minimize``.

    Returns
    -------
    dict
        All parameters, found and fixed.

    Raises
    ------
    ModelError
        If no such parameters are found, or the distribution is not one of numbers.

    Examples
    --------
    >>> import workbench as pm
    >>> found = pm.find_constrained_prior(pm.Exponential, 0.0, 3.0, {"lam": 1.0}, mass=0.9, mass_below_lower=0.0)
    >>> round(found["lam"], 4)
    0.7675
    """
    import scipy.optimize

    if not 0.0 < mass < 1.0:
        raise ModelError(f"mass must lie between 0 and 1, got {mass}")
    below = (1.0 - mass) / 2.0 if mass_below_lower is None else mass_below_lower
    if not 0.0 <= below <= 1.0 - mass:
        raise ModelError(f"mass_below_lower must lie between 0 and {1.0 - mass}, got {below}")
    names = list(init_guess)
    fixed = dict(fixed_params or {})
    params = [pt.scalar(name) for name in names]
    rv = distribution.dist(**dict(zip(names, params)), **fixed)
    if rv.ndim:
        raise ModelError(f"{distribution.__name__} is not a distribution of numbers")
    at_lower = lower - 1 if rv.type.kind != "f" else lower
    cdfs = pt.exp(pt.stack([logcdf(rv, pt.constant(at_lower, rv.dtype)), logcdf(rv, pt.constant(upper, rv.dtype))]))
    target = np.array([below, below + mass])
    graph = Graph(params, [cdfs])

    def probabilities(values: Array) -> Array:
        with np.errstate(all="ignore"):
            try:
                return np.asarray(graph.run("numpy", *(np.float64(v) for v in values))[0])
            except ModelError:
                # Outside of the parameters' domain.
                return np.full(2, np.nan)

    def error(values: Array) -> Array:
        got = probabilities(values)
        # Outside of the parameters' domain the error is larger than any inside.
        return got - target if np.isfinite(got).all() else np.array([-1.0, 1.0])

    def cost(values: Array) -> float:
        if len(names) == 1 and mass_below_lower is None:
            # One parameter cannot settle both tails: only the mass between the bounds counts.
            return float(np.diff(error(values))[0] ** 2)
        return float(np.sum(error(values) ** 2))

    guess = np.array([float(init_guess[n]) for n in names])
    result = scipy.optimize.root(error, guess, **options) if len(names) == 2 else None
    if result is None or not result.success or np.abs(error(result.x)).max() > 1e-6:
        search = {"method": "Nelder-Mead", "options": {"xatol": 1e-10, "fatol": 1e-16, "maxiter": 5000}}
        result = scipy.optimize.minimize(cost, guess, **(search if result is not None else {**search, **options}))
    between = float(np.diff(probabilities(result.x))[0])
    if not abs(between - mass) <= 0.01:
        raise ModelError(
            f"no parameters of {distribution.__name__} put {mass:g} between {lower} and {upper}: "
            f"the best put {between:.3g} there", "begin elsewhere, or choose another distribution"
        )
    return {**dict(zip(names, map(float, result.x))), **fixed}
