"""Pilots: the beginnings of runs, which go on if they are kept, and what their draws say."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.distributions.distribution import Draw
from workbench.distributions.families import family_of
from workbench.graph.expr import Expr, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.traverse import ancestors, replace
from workbench.inference.diagnostics import ess_bulk
from workbench.inference.sampling import sample
from workbench.model.parametrisation import depends_on_others, sum_of_noise
from workbench.transforms.change_of_variables import default_transform
from workbench.transforms.noncentred import move_of, noncentred

if TYPE_CHECKING:
    from workbench.inference.run import Run
    from workbench.model.model import Model

Array = np.ndarray[Any, Any]

PILOT = 300
"""Draws of warm-up of each chain that a pilot is."""
EXAMINED = 2000
"""Elements of whose draws the effective sample size is taken."""
SLOW = 1.5
"""An element with fewer effective draws than so many times the least is among the slowest."""
VAGUE = 0.35
"""Standard deviation of a scale's logarithm above which elements are sampled as themselves or as their noise, and not in between."""
SURE = 0.75
"""Share of the data from which an element of a variable with such a scale is sampled as itself."""
MOST_DRAWS = 240
"""Draws at which locations and scales are computed."""


def begin(model: Model, options: Mapping[str, Any]) -> Run:
    """Start a run of a model, which goes on by itself."""
    run: Run = sample(**options, model=model, progressbar=False, quiet=True, blocking=False, compute_convergence_checks=False, return_inferencedata=False)
    return run


class Findings(NamedTuple):
    """What a pilot says of the coordinates that it is sampled in.

    Attributes
    ----------
    ess
        The least effective sample size of any element, of the draws that were examined.
    gradients
        Gradients that these took.
    divergences
        Share of their trajectories that diverged.
    slowest
        Variables of whose elements one has hardly more than the least.
    """

    ess: float
    gradients: float
    divergences: float
    slowest: frozenset[str]

    @property
    def each(self) -> float:
        """Effective draws a gradient: no clock is asked, so that a seed gives one plan on every machine."""
        return self.ess / max(self.gradients, 1.0)


def wait_for(run: Run, draws: int, until: float | None = None) -> None:
    """Wait until every chain has some draws, the run is over, or the time is."""
    while not run.wait_quietly(0.005):
        if len(run.kept) == run.chains and all(c.count >= draws for c in run.kept):
            return
        if until is not None and time.perf_counter() > until:
            return
    run.wait(0.0)


def findings(run: Run, first: int, last: int) -> Findings:
    """Return what the draws of a run from `first` on, before `last`, warm-up counted, say."""
    last = min(last, *(c.count for c in run.kept))
    names = _elements(run)
    draws = np.stack([run.values(names, i, first, last) for i in range(run.chains)])
    ess = ess_bulk(draws)
    known: dict[str, Array] = {}
    for name in ("n_steps", "diverging"):
        found = [x for c in run.kept for x in [c.stat(name, first, last)] if x is not None]
        if found:
            known[name] = np.stack(found)
    steps = float(known["n_steps"].sum()) if "n_steps" in known else float(draws.shape[0] * draws.shape[1])
    ess = np.where(np.isfinite(ess), ess, np.inf)
    slowest = frozenset(n.split("[")[0] for n, k in zip(names, ess) if k < SLOW * ess.min())
    ess = ess[np.isfinite(ess)]
    return Findings(
        float(ess.min()) if ess.size else 0.0, steps, float(known["diverging"].mean()) if "diverging" in known else 0.0, slowest,
    )  # fmt: skip


def _elements(run: Run) -> list[str]:
    """Elements of free variables, evenly apart where they are many."""
    free = {str(rv.name) for rv in run.model.free_RVs}
    names = [n for n in run.variable_names() if n.split("[")[0] in free] or run.variable_names()
    return names[:: max(1, len(names) // EXAMINED)]


# Which form ------------------------------------------------------------------------------------


class Candidate(NamedTuple):
    """A variable that may be sampled as itself or as its noise.

    Attributes
    ----------
    name
        Of the variable in the model.
    written
        How it is written: "centred" or "noncentred".
    called
        What its centred form is called.
    continuous
        Whether it may be sampled as what lies between.
    """

    name: str
    written: str
    called: str
    continuous: bool


def candidates(model: Model) -> list[Candidate]:
    """Return the variables that may be sampled in another form, with locations or scales that depend on others."""
    found = []
    for rv in model.free_RVs:
        if not isinstance(rv.op, Draw) or rv.type.kind != "f" or (model.rvs_to_transforms[rv] is not None and family_of(rv.op.distribution) is None):
            continue
        d, family = rv.op.distribution, family_of(rv.op.distribution)
        own = None if family is None else [rv.inputs[1 + d.parameters.index(n)] for n in (family.location, family.scale) if n is not None]
        scale = None if family is None or family.scale is None else rv.inputs[1 + d.parameters.index(family.scale)]
        if depends_on_others(rv, own) and noncentred(rv) is not None and (scale is None or depends_on_others(rv, [scale])):
            found.append(Candidate(str(rv.name), "centred", str(rv.name), family is not None and model.rvs_to_transforms[rv] is None))
            continue
        sum_of = sum_of_noise(model, rv)
        if not isinstance(sum_of, str) and depends_on_others(rv, [sum_of[1]]):
            found.append(Candidate(str(rv.name), "noncentred", sum_of[2], True))
    return found


def together_with(model: Model, names: Iterable[str]) -> set[str]:
    """Return names of variables, and of those that their locations and scales depend on."""
    below = ancestors([model[n] for n in names])
    return {str(rv.name) for rv in model.free_RVs if rv in below} | {
        str(x.name) for n in names for f in [sum_of_noise(model, model[n])] if not isinstance(f, str) for x in model.free_RVs if x in ancestors(f[:2])
    }  # fmt: skip


def shares(run: Run, candidate: Candidate) -> Array | None:
    """Return how much the data say of each element of a candidate, from 0 for nothing to 1, from the draws of warm-up; ``None`` if that cannot be told.

    Given location m and scale s, with a likelihood that is normal in x, ``z = (x - m) / s`` has the variance 1 - B and a mean
    that is linear in ``1 / s`` and ``m / s``: B, by which the posterior is pulled from the prior to the data, is the share
    at which the coordinates do not hang on the location (Papaspiliopoulos, Roberts and Skold 2007).
    """
    model = run.model
    rv = model[candidate.name]
    assert isinstance(rv.op, Draw)
    if candidate.written == "centred":
        family = family_of(rv.op.distribution)
        own = default_transform(rv)
        if family is None or (own is not None and not family.of_normal):
            return None
        location, scale = move_of(rv.op.distribution, family, rv.inputs[1:])
        whole: Any = rv if own is None else own.forward(rv, rv)
    else:
        found = sum_of_noise(model, rv)
        if isinstance(found, str):
            return None
        location, scale, _ = found
        whole = location + scale * rv
    if scale is None:
        return None
    free = model.free_RVs
    inputs = [v for v in free if v.type.kind in "fiu"]
    places: dict[Expr, Any] = dict(zip(inputs, (intern(Input(str(v.name), v.type)) for v in inputs)))
    at_values: dict[Expr, Expr] = {x: model.rvs_to_values[x] for x in model.observed_RVs}
    at_values.update(places)
    roots = replace([whole, whole * 0.0 if location is None else location + 0.0 * whole, scale + 0.0 * whole], at_values)
    graph = Graph(list(places.values()), roots)
    last = min(PILOT, *(c.count for c in run.kept))
    first = last // 2
    numbers = {name: i for i, name in enumerate(run.shapes)}
    each = max(1, MOST_DRAWS // run.chains)
    rows: list[list[Array]] = []
    for chain in run.kept:
        at = np.unique(np.linspace(first, last - 1, each).astype(int))
        columns = [chain.value(numbers[str(v.name)], first, last)[at - first] for v in inputs]
        with np.errstate(all="ignore"):
            rows += [[np.asarray(r, float).ravel() for r in graph.run("numpy", *values)] for values in zip(*columns)]
    x, m, s = (np.stack([row[i] for row in rows]) for i in range(3))
    found_shares = pulled(x, m, s)
    if np.std(np.log(s), axis=0).max() > VAGUE:
        # Where the scale may be small, a funnel is left in whatever has a part of it.
        found_shares = np.where(np.isnan(found_shares), np.nan, (found_shares > SURE).astype(float))
    return found_shares.reshape(rv.type.static_shape)


def pulled(x: Array, m: Array, s: Array) -> Array:
    """Return by how much each element is pulled to its data, from draws of it, its location and its scale: (draws, elements)."""
    z = (x - m) / s
    found = np.zeros(x.shape[1])
    for j in range(x.shape[1]):
        columns = np.stack([np.ones(len(z)), 1.0 / s[:, j], m[:, j] / s[:, j]], axis=1)
        columns = columns / np.maximum(np.abs(columns).max(axis=0), 1e-300)
        usable = np.isfinite(columns).all(axis=1) & np.isfinite(z[:, j])
        if usable.sum() < 20:
            return np.full(x.shape[1], np.nan)
        coefficients, *_ = np.linalg.lstsq(columns[usable], z[usable, j], rcond=None)
        rest = z[usable, j] - columns[usable] @ coefficients
        found[j] = 1.0 - np.mean(rest**2) * usable.sum() / (usable.sum() - 3)
    return np.clip(found, 0.0, 1.0)
