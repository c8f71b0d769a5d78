"""Priors beside the scale of the data: whether data such as were observed would be a surprise, or drown, under the prior."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.distributions import Draw, Flat, HalfFlat
from workbench.errors import Location, ModelError
from workbench.graph.traverse import topological
from workbench.inference.each_draw import each_draw_of, seed_word
from workbench.inference.predictive import warn_of_potentials
from workbench.model import Model, modelcontext
from workbench.tensor.tensor import Tensor

Array = np.ndarray[Any, Any]

CENTRAL = 0.999
"""Data whose statistic lies outside of so much of its prior predictive distribution are a surprise."""
TOO_WIDE = 1000.0
"""A prior predictive distribution so many times as wide as the data says next to nothing about them."""
BLOCK = 1 << 22
"""Most elements that are simulated at once."""
POOLED = 16
"""So many elements of each simulated data set are kept for the width of all together."""

STATISTICS: dict[str, Callable[[Array], Array]] = {
    "mean": lambda y: y.mean(axis=1), "standard deviation": lambda y: y.std(axis=1),
    "smallest value": lambda y: y.min(axis=1), "largest value": lambda y: y.max(axis=1),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something about observed data that the prior did not expect.

    Attributes
    ----------
    variable
        The observed variable.
    statistic
        What of it: "mean", "standard deviation", "smallest value", "largest value", "width", or "finite".
    observed
        Its value of the data; for "finite" the share of simulated data sets that are.
    low, high
        Between which the prior has it: in 99.9 % of the simulated data sets.
    cause
        The free variable that the statistic follows most, as the model writes it; empty if there is no such.
    advice
        What to try.
    location
        The line in which the observed variable was made.
    """

    variable: str
    statistic: str
    observed: float
    low: float
    high: float
    cause: str
    advice: str
    location: Location | None

    def __str__(self) -> str:
        if self.statistic == "finite":
            said = f"the prior makes data that are infinite or not a number, in {1.0 - self.observed:.1%} of the simulated data sets."
        elif self.statistic == "width":
            said = (
                f"the prior says next to nothing: it has 95 % of all values between {_short(self.low)} and {_short(self.high)}, "
                f"and the standard deviation of the data is {_short(self.observed)}."
            )
        else:
            said = (
                f"the {self.statistic} of the data is {_short(self.observed)}; under the prior it is between {_short(self.low)} and {_short(self.high)} "
                f"in {CENTRAL:.1%} of simulated data sets."
            )
        most = f" It follows {self.cause} most." if self.cause else ""
        return f"{self.variable}: {said}{most} {self.advice[0].upper()}{self.advice[1:]}."


@dataclass(frozen=True)
class PriorCheck:
    """What :func:`check_priors` found.

    Attributes
    ----------
    findings
        What the prior did not expect of the data; empty if nothing.
    draws
        How many data sets were simulated.
    """

    findings: tuple[Finding, ...]
    draws: int

    def __repr__(self) -> str:
        if self.findings:
            return "\n".join(map(str, self.findings))
        return f"The data are no surprise under the priors: their means, standard deviations and extremes are like those of {self.draws:,} simulated data sets."


def check_priors(model: Model | None = None, *, draws: int = 4000, random_seed: Any = 0) -> PriorCheck:
    """Compare the observed data with data that are simulated from the priors, by their scale.

    It tells priors that are in another unit than the data, not good priors from bad ones: a finding says that data such as
    these would be a surprise under the prior (a statistic of them lies outside of its central 99.9 %), or that the prior has
    them anywhere (the width of its central 95 % is over 1000 times that of normal data with their standard deviation).

    Parameters
    ----------
    model
        The model; that of the surrounding block by default.
    draws
        How many data sets are simulated, at least 2000: with fewer, none could be a surprise.
    random_seed
        The same seed finds the same.

    Raises
    ------
    ModelError
        If nothing is observed, or the prior cannot be drawn from.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu", 0, 10)
    ...     y = pm.Normal("y", mu, 1, observed=[251.0, 249.5, 250.2])
    >>> print(pm.check_priors(model))
    y: the mean of the data is 250.2; under the prior it is between -32.92 and 28.9 in 99.9% of simulated data sets. It follows mu ~ Normal(0, 10) most. Give...
    """
    m = modelcontext(model)
    if draws < 2000:
        raise ModelError(f"{draws} draws are too few to tell what happens in 0.1 % of them", "simulate at least 2000")
    if not m.observed_RVs:
        raise ModelError("nothing is observed in the model", "there are no data to compare the priors with")
    for rv in m.free_RVs:
        if isinstance(rv.op, Draw) and issubclass(rv.op.distribution, (Flat, HalfFlat)):
            raise ModelError(f"{rv.name} has the improper prior {rv.op.name}: no data can be simulated from it", "give it a proper prior")
    warn_of_potentials(m, "the prior")
    simulated = {s.name: s for rv in m.observed_RVs if (s := _Simulated(m, rv, draws)).data.size}
    free = _simulate(m, simulated, draws, seed_word(random_seed))
    found: list[Finding] = []
    for one in simulated.values():
        found += _findings(m, one, free)
    return PriorCheck(tuple(found), draws)


class _Simulated:
    """Statistics of the simulated data sets of one observed variable, and of the data."""

    def __init__(self, model: Model, rv: Tensor, draws: int) -> None:
        self.rv, self.name = rv, str(rv.name)
        self.data = np.asarray(model.rvs_to_values[rv].eval(), np.float64).reshape(1, -1)
        self.statistics = {name: np.full(draws, np.nan) for name in STATISTICS}
        self.pooled: list[Array] = []

    def add(self, at: int, drawn: Array) -> None:
        """Take in some simulated data sets, one a row."""
        with np.errstate(all="ignore"):
            for name, statistic in STATISTICS.items():
                self.statistics[name][at : at + len(drawn)] = statistic(drawn)
        self.pooled.append(drawn[:, np.unique(np.linspace(0, drawn.shape[1] - 1, POOLED).astype(int))].ravel())


def _simulate(model: Model, simulated: dict[str, _Simulated], draws: int, word: int) -> dict[str, Array]:
    """Simulate data sets, in blocks; return the draws of the free variables, a row each."""
    names = (*(str(rv.name) for rv in model.free_RVs), *simulated)
    block = max(1, min(draws, BLOCK // max(1, sum(one.data.size for one in simulated.values()))))
    one_block = each_draw_of(model, names, lambda m: ([], [m[n] for n in names]), model.backend, block)
    free: dict[str, list[Array]] = {str(rv.name): [] for rv in model.free_RVs}
    for at in range(0, draws, block):
        count = min(block, draws - at)
        for name, drawn in zip(names, one_block([], count, (word + at) % 2**64)):
            rows = np.asarray(drawn, np.float64).reshape(count, -1)
            if name in simulated:
                simulated[name].add(at, rows)
            else:
                free[name].append(rows)
    return {name: np.concatenate(rows) for name, rows in free.items()}


def _findings(model: Model, one: _Simulated, free: dict[str, Array]) -> list[Finding]:
    below = set(topological([one.rv]))
    free = {name: x for name, x in free.items() if model[name] in below}
    made = one.rv.provenance
    location = made.location if made else None
    finite = np.isfinite(one.statistics["mean"]) & np.isfinite(one.statistics["standard deviation"])
    found = []
    if finite.mean() < 0.99:
        cause = _cause(model, np.where(finite, 0.0, 1.0), free)
        advice = f"try smaller scales{_of(cause)}, above all within an exponential"
        found.append(Finding(one.name, "finite", float(finite.mean()), 0.0, 0.0, cause, advice, location))
    if finite.sum() < 2000:
        return found
    surprising: dict[str, Finding] = {}
    for name, statistic in STATISTICS.items():
        values, observed = one.statistics[name][finite], float(statistic(one.data)[0])
        if (name == "standard deviation" and one.data.size == 1) or not _is_surprise(values, observed):
            continue
        if name in ("smallest value", "largest value") and surprising:
            continue  # It follows from the mean or the standard deviation.
        tail = (1.0 - CENTRAL) / 2.0
        low, high = np.quantile(values, [tail, 1.0 - tail])
        cause = _cause(model, values, {n: x[finite] for n, x in free.items()})
        surprising[name] = Finding(one.name, name, observed, float(low), float(high), cause, _advice(name, observed, low, cause, one), location)
    return [*found, *surprising.values(), *_too_wide(model, one, finite, free, location)]


def _is_surprise(values: Array, observed: float) -> bool:
    """Whether an observed statistic lies outside of the central part of simulated ones: by its rank, which is exact for any number of them."""
    near = 1e-9 * (1.0 + abs(observed))
    extreme = min(int((values <= observed + near).sum()), int((values >= observed - near).sum()))
    return 2.0 * (extreme + 1) / (len(values) + 1) <= 1.0 - CENTRAL


def _too_wide(model: Model, one: _Simulated, finite: Array, free: dict[str, Array], location: Location | None) -> list[Finding]:
    """The finding that the prior has values anywhere."""
    spread = float(one.data.std())
    pooled = np.concatenate(one.pooled)
    low, high = np.quantile(pooled[np.isfinite(pooled)], [0.025, 0.975])
    if spread == 0.0 or (high - low) / 3.92 <= TOO_WIDE * spread:
        return []
    centre = np.median(one.statistics["mean"][finite])
    far = np.hypot(one.statistics["mean"][finite] - centre, one.statistics["standard deviation"][finite])
    cause = _cause(model, far, {n: x[finite] for n, x in free.items()})
    advice = f"try a smaller scale{_of(cause)}, of the size of what is thought possible"
    return [Finding(one.name, "width", spread, float(low), float(high), cause, advice, location)]


def _advice(statistic: str, observed: float, low: float, cause: str, one: _Simulated) -> str:
    below = observed < low
    mean, spread = float(one.data.mean()), float(one.data.std())
    unit = f", or standardise the data: subtract {_short(mean)} and divide by {_short(spread)}" if spread and one.rv.type.kind == "f" else ""
    if statistic == "mean":
        return f"give {_name(cause) or 'the priors'} a centre near {_short(observed)}, or a scale that reaches it{unit}"
    if statistic == "standard deviation":
        size = "smaller" if below else "larger"
        return f"try a {size} scale{_of(cause)}{unit}"
    end = "smallest" if below else "largest"
    where = int(one.data.argmin() if statistic == "smallest value" else one.data.argmax())
    if (statistic == "smallest value") == below:
        return f"look at the {end} value, at index {where}, or take a distribution with heavier tails, such as StudentT"
    return f"take a distribution with lighter tails, or try a smaller scale{_of(cause)}"


def _cause(model: Model, statistic: Array, free: dict[str, Array]) -> str:
    """The free variable that a statistic follows most, by its rank correlation with the variable's values and with their sizes."""
    best, name = 0.3, next(iter(free)) if len(free) == 1 else ""
    target = _ranks(statistic)
    for n, rows in free.items() if len(free) > 1 else ():
        size = np.abs(rows - np.median(rows, axis=0))
        for feature in (rows.mean(axis=1), size.mean(axis=1)):
            if np.isfinite(feature).all() and abs(r := _correlation(target, _ranks(feature))) > best:
                best, name = abs(r), n
    lines = str(model).splitlines()
    return next((line for line in lines if line.startswith((f"{name} ~", f"{name}["))), name) if name else ""


def _ranks(x: Array) -> Array:
    """Places in ascending order; equal values share the middle of theirs."""
    _, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - 0.5 * counts)[which]  # type: ignore[no-any-return]


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size else 0.0


def _name(cause: str) -> str:
    return cause.partition(" ~")[0].partition("[")[0]


def _of(cause: str) -> str:
    return f" for {_name(cause)}" if cause else ""


def _short(x: float) -> str:
    return f"{x:.4g}"
