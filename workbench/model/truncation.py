"""Discrete variables of infinitely many states are summed up to one of them, with a bound on what is left out.

Of the sum over states ``p(z) f(z)``, where `f` is the density of what depends on `z`, the states above `M` add at most
``P(z > M) F``, if `f` is nowhere more than `F`. A probability is at most 1; the density of an observation given a parameter that depends
on `z` is at most that for the parameter that makes it likeliest. Where that is more than 1e-12 of what was summed, the density is NaN: it
is not known. A sampler turns back from there, and counts a divergence; more states, or narrower priors, are what helps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.distributions.gamma_family import Exponential, Gamma
from workbench.distributions.location_scale import Cauchy, Laplace, Logistic, Normal, StudentT
from workbench.distributions.positive import LogNormal
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace, topological
from workbench.model.elimination import Factor, Factors, refused
from workbench.tensor.keys import keys_below
from workbench.tensor.tensor import Tensor
from workbench.transforms.accesses import Dependence
from workbench.transforms.enumerated import StateSpace, parts_of, summed_to

if TYPE_CHECKING:
    from workbench.model.model import Model

LEFT_OUT = 1e-12
"""What is left out is at most so much of the sum."""
NOTHING = -100.0
"""The logarithm of a probability that counts as nothing where the last state is chosen."""
MOST = 100_000
"""The last state is not above this."""
DRAWS, SHARE = 200, 0.99
"""How many draws of the parameters from the prior are looked at to choose the last state, and for how many of them it is to do."""

Likeliest = Callable[[Any, Mapping[str, Any]], Any]

LIKELIEST: dict[tuple[type, str], Likeliest] = {
    (Normal, "mu"): lambda x, p: x, (StudentT, "mu"): lambda x, p: x, (Laplace, "mu"): lambda x, p: x, (Logistic, "mu"): lambda x, p: x,
    (Cauchy, "alpha"): lambda x, p: x, (LogNormal, "mu"): lambda x, p: pt.log(x), (Exponential, "lam"): lambda x, p: 1.0 / x,
    (Gamma, "beta"): lambda x, p: p["alpha"] / x,
}  # fmt: skip
"""The value of a parameter that makes an observation likeliest, given the others."""


def last_state(model: Model, rv: Any) -> int:
    """Return the state up to which an infinite sum is taken: above it there is nothing, for most parameters that the prior draws.

    Raises
    ------
    ModelError
        If its tail is not known, or too long.
    """
    name, distribution = str(rv.name), rv.op.distribution
    parameters = list(rv.inputs[1:])
    hint = "give the last state to sum, pm.marginalize(model, names, upper=100), or a narrower prior"
    candidates = np.unique(np.round(np.geomspace(8, MOST, 80)))
    column = pt.constant(candidates.reshape((-1, *(1,) * max(rv.ndim, 1))))
    try:
        tail: Any = distribution.logccdf(column, *parameters)
    except NotImplementedError:
        raise refused(model, name, f"a {rv.op.name} has infinitely many states, and no formula for the probability of large ones", hint) from None
    worst = pt.max(pt.reshape(pt.broadcast_to(tail, (len(candidates), *tail.shape[1:])), (len(candidates), -1)), axis=1)
    keys = keys_below([worst])
    graph = Graph(keys, [worst])
    rng = np.random.default_rng(0)
    needed = []
    with np.errstate(all="ignore"):
        for _ in range(DRAWS if keys else 1):
            (found,) = graph.run("numpy", *(np.uint64(rng.integers(2**64, dtype=np.uint64)) for _ in keys))
            enough = np.flatnonzero(found <= NOTHING)
            needed.append(candidates[enough[0]] if len(enough) else np.inf)
    last = float(np.quantile(needed, SHARE, method="higher"))
    seen = _largest_observed(model, rv)
    if seen is not None:
        last = min(last, 20.0 * seen + 200.0)
    if not math.isfinite(last):
        raise refused(model, name, f"a {rv.op.name} has infinitely many states, and with its prior those above {MOST} may count", hint)
    return int(last)


def _largest_observed(model: Model, rv: Any) -> float | None:
    """The largest whole number observed of what depends on a variable."""
    found = None
    for x in model.observed_RVs:
        if x.type.kind != "f" and rv in set(topological([x])):
            found = max(found or 0.0, float(np.max(model.rvs_to_values[x].eval(), initial=0)))
    return found


def checked_tail(factors: Factors, name: str, states: StateSpace, gone: Sequence[Factor], on: Dependence, total: Any) -> Any:
    """Return a sum over states, or NaN where what is left out is not known to be almost nothing.

    Raises
    ------
    ModelError
        If there is no bound for the density of something that depends on the variable.
    """
    model = factors.model
    rv = model[name]
    parameters = replace(list(rv.inputs[1:]), factors.values)
    left_out: Any = rv.op.distribution.logccdf(pt.constant(float(states.last or 0)), *parameters)
    for f in gone:
        if f.of == (name,):
            continue
        bound = _most(factors, f, name)
        if bound is not None:
            for part in parts_of(f.term, on, factors.placeholder(name)):
                access = next(a for a in on.of(part) if a.source is factors.placeholder(name))
                whole = pt.broadcast_to(bound, (1, *part.shape))
                left_out = left_out + summed_to(whole, access, tuple(total.shape) if total.type.is_open else total.type.static_shape)[0][0]
    return pt.where(left_out <= total + math.log(LEFT_OUT), total, np.nan)


def _most(factors: Factors, f: Factor, name: str) -> Tensor | None:
    """The logarithm of the largest density that a factor has for any state; ``None`` for a probability."""
    model: Any = factors.model
    variables = [model[n] for n in f.of]
    if all(isinstance(x.op, Draw) and x.type.kind != "f" for x in variables):
        return None
    hint = f"give {name} an upper bound: pm.Truncated(name, distribution, upper=100)"
    why = f"it has infinitely many states, and the density of {f.name} has no known bound"
    if len(variables) > 1 or not isinstance(variables[0].op, Draw):
        raise refused(model, name, why, hint)
    x = variables[0]
    distribution = x.op.distribution
    placeholder = factors.placeholder(name)
    given: dict[str, Any] = dict(zip(distribution.parameters, replace(list(x.inputs[1:]), factors.values)))
    moving = [p for p, value in given.items() if placeholder in set(topological([value]))]
    likeliest = LIKELIEST.get((distribution, moving[0])) if len(moving) == 1 else None
    if likeliest is None:
        raise refused(model, name, why, hint)
    value = factors.values[x]
    given[moving[0]] = likeliest(value, given)
    return distribution.logp(value, *given.values())  # type: ignore[no-any-return]

