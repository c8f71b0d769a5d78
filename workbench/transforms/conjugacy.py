"""Conjugate pairs: a prior and observations whose densities, as functions of the parameter, have one form.

Of such a prior ``f(t; a) = exp(a . T(t)) / Z(a)`` and observations ``g(y | t) = h(y) exp(u(y) . T(t))`` the posterior is the prior
with ``a + sum(u)``, and the density of the observations alone is ``prod(h) Z(a + sum(u)) / Z(a)``. So a pair needs one line: what
an observation adds to the prior's parameters. Source: Diaconis and Ylvisaker, "Conjugate priors for exponential families" (1979).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, cast

import numpy as np

import workbench.tensor as pt
from workbench.distributions.bounded import Beta, Uniform
from workbench.distributions.categories import Categorical
from workbench.distributions.discrete import Bernoulli, Binomial, Geometric
from workbench.distributions.distribution import Draw
from workbench.distributions.gamma_family import ChiSquared, Exponential, Gamma, InverseGamma
from workbench.distributions.half import HalfNormal
from workbench.distributions.location_scale import Laplace, Normal
from workbench.distributions.multinomial_family import Multinomial
from workbench.distributions.normals import CholeskyMvNormal, MvNormal, PrecisionMvNormal
from workbench.distributions.poisson_family import NegativeBinomial, Poisson
from workbench.distributions.positive import LogNormal, Pareto
from workbench.distributions.simplex import Dirichlet
from workbench.graph.expr import Constant, Expr
from workbench.graph.traverse import ancestors, replace
from workbench.tensor import elementwise as e
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice
from workbench.tensor.markers import Annotation
from workbench.tensor.shape import BroadcastTo, Reshape, SameLength, Transpose, extent
from workbench.tensor.tensor import Tensor
from workbench.transforms.gradient import grad

MOVES = (Annotation, BroadcastTo, Index, Reshape, SameLength, Slice, Take, Transpose)
"""Operations whose elements are those of their first input, in other places."""


# What a parameter is of the variable ---------------------------------------------------------------


class Selected(NamedTuple):
    """A parameter that is elements of a variable to a power, each multiplied by a number."""

    elements: Tensor
    """The elements, one for each of the parameter."""
    power: Fraction = Fraction(1)
    scaled: bool = False
    """Whether there are numbers that multiply them."""
    complement: bool = False
    """Whether the parameter is 1 minus these."""

    @property
    def as_they_are(self) -> bool:
        return self.power == 1 and not self.scaled


def selected(parameter: Expr, variable: Expr) -> Selected | None:
    """Return what elements of a variable a parameter is made of, if each of its elements is a multiple of a power of one.

    Examples
    --------
    >>> t = pt.vector("t", 3)
    >>> selected(2.0 / pt.sqrt(t[np.array([0, 0, 1, 2])]), t).power
    Fraction(-1, 2)
    >>> selected(pt.exp(t), t) is None
    True
    """
    depends = {variable}
    path: list[Expr] = []
    node = parameter
    while node is not variable:
        path.append(node)
        below = [i for i in node.inputs if variable is i or variable in ancestors([i])]
        if len(below) != 1:
            return None
        node = below[0]
        depends.add(node)
    made = Selected(variable)  # type: ignore[arg-type]
    for node in reversed(path):
        at = next(i for i, x in enumerate(node.inputs) if x in depends)
        found = _step(node, at, made)
        if found is None:
            return None
        made = found
    return made


def _step(node: Expr, at: int, below: Selected) -> Selected | None:
    """What a node is made of, given what its one input is that depends on the variable."""
    op = node.op
    if isinstance(op, MOVES):
        if at != 0:
            return None
        return below._replace(elements=replace([node], {node.inputs[0]: below.elements})[0])  # type: ignore[arg-type]
    if below.complement:
        return None
    if op is e.subtract and at == 1 and below.as_they_are and _is_number(node.inputs[0], 1.0):
        return below._replace(complement=True)
    other = node.inputs[1 - at] if len(node.inputs) == 2 else None
    power = below.power
    if op is e.divide:
        power = power if at == 0 else -power
    elif op in POWERS:
        power = power * POWERS[op]
    elif op is e.power and at == 0:
        found = _fraction(other)
        if found is None:
            return None
        power = power * found
    elif op is not e.multiply:
        return None
    # The other factor may have more axes.
    elements = below.elements
    if node.type.shape != elements.type.shape:
        elements = pt.broadcast_to(elements, cast(Any, node).shape)
    scaled = op in (e.multiply, e.divide) and not _is_number(other, 1.0)
    return Selected(elements, power, below.scaled or scaled)


def _fraction(x: Expr | None) -> Fraction | None:
    """A constant number as a fraction, if it is a simple one."""
    if x is None or not isinstance(x.op, Constant) or x.op.value.ndim:
        return None
    exact = float(x.op.value)
    found = Fraction(exact).limit_denominator(64)
    return found if float(found) == exact else None


POWERS = {e.sqrt: Fraction(1, 2), e.square: Fraction(2), e.reciprocal: Fraction(-1)}


def _is_number(x: Expr | None, number: float) -> bool:
    return x is not None and isinstance(x.op, Constant) and bool(np.all(x.op.value == number))


# Priors --------------------------------------------------------------------------------------------


class Family(NamedTuple):
    """The priors of one form.

    Attributes
    ----------
    distribution
        What the posterior is.
    priors
        The parameters of `distribution` that each prior has, given its own; ``None`` if it is not of this form.
    log_normalizer
        The logarithm of Z.
    reference
        A value of the variable at which the observations' density is easily taken, given the number of categories.
    at_reference
        ``u . T(t)`` there.
    """

    distribution: Any
    priors: dict[Any, Callable[..., tuple[Any, ...] | None]]
    log_normalizer: Callable[..., Tensor]
    reference: Callable[[Tensor], Any]
    at_reference: Callable[..., Tensor]

    @property
    def event_rank(self) -> int:
        return self.distribution.event_rank  # type: ignore[no-any-return]


def _log_gamma_integral(alpha: Tensor, beta: Tensor) -> Tensor:
    return pt.gammaln(alpha) - alpha * pt.log(beta)


def _unit(lower: Tensor, upper: Tensor) -> tuple[Any, ...] | None:
    return (1.0, 1.0) if _is_number(lower, 0.0) and _is_number(upper, 1.0) else None


BETA = Family(
    Beta,
    {Beta: lambda alpha, beta: (alpha, beta), Uniform: _unit},
    log_normalizer=lambda alpha, beta: pt.betaln(alpha, beta),
    reference=lambda t: 0.5,
    at_reference=lambda successes, failures: -np.log(2.0) * (successes + failures),
)
GAMMA = Family(
    Gamma,
    {
        Gamma: lambda alpha, beta: (alpha, beta),
        Exponential: lambda lam: (1.0, lam),
        ChiSquared: lambda nu: (0.5 * nu, 0.5),
    },
    log_normalizer=_log_gamma_integral,
    reference=lambda t: 1.0,
    at_reference=lambda count, total: -total,
)
INVERSE_GAMMA = Family(
    InverseGamma,
    {InverseGamma: lambda alpha, beta: (alpha, beta)},
    log_normalizer=_log_gamma_integral,
    reference=lambda t: 1.0,
    at_reference=lambda count, total: -total,
)
DIRICHLET = Family(
    Dirichlet,
    {Dirichlet: lambda a: (a,)},
    log_normalizer=lambda a: pt.sum(pt.gammaln(a), axis=-1) - pt.gammaln(pt.sum(a, axis=-1)),
    reference=lambda t: 1.0 / extent(t, -1),
    at_reference=lambda counts: -pt.log(pt.cast(extent(counts, -1), "float64")) * pt.sum(counts, axis=-1),
)
FAMILIES = (BETA, GAMMA, INVERSE_GAMMA, DIRICHLET)


# Observations --------------------------------------------------------------------------------------


class Observation(NamedTuple):
    """A distribution of observations.

    Attributes
    ----------
    parameter
        Which parameter the variable is, by its number.
    power
        The power of the variable that it must be: for rates, of a gamma distributed one; ``None`` where it must be the variable.
    update
        What an observation adds to the prior's parameters, given its value and its own parameters, with the variable at 1.
    """

    parameter: int
    power: Fraction | None
    update: Callable[..., tuple[Any, ...]]


HALF, ONE = Fraction(1, 2), Fraction(1)
PROBABILITIES: dict[Any, Observation] = {
    Bernoulli: Observation(0, None, lambda y, p: (y, 1.0 - y)),
    Binomial: Observation(1, None, lambda y, n, p: (y, n - y)),
    Geometric: Observation(0, None, lambda y, p: (1.0, y - 1.0)),
    NegativeBinomial: Observation(0, None, lambda y, mu, alpha: (alpha, y)),
}
RATES: dict[Any, Observation] = {
    Poisson: Observation(0, ONE, lambda y, mu: (y, mu)),
    Exponential: Observation(0, ONE, lambda y, lam: (1.0, lam * y)),
    Gamma: Observation(1, ONE, lambda y, alpha, beta: (alpha, beta * y)),
    InverseGamma: Observation(1, ONE, lambda y, alpha, beta: (alpha, beta / y)),
    Pareto: Observation(0, ONE, lambda y, alpha, m: (1.0, alpha * pt.log(y / m))),
    Laplace: Observation(1, -ONE, lambda y, mu, b: (1.0, pt.abs(y - mu) / b)),
    Normal: Observation(1, -HALF, lambda y, mu, sigma: (0.5, 0.5 * ((y - mu) / sigma) ** 2)),
    HalfNormal: Observation(0, -HALF, lambda y, sigma: (0.5, 0.5 * (y / sigma) ** 2)),
    LogNormal: Observation(1, -HALF, lambda y, mu, sigma: (0.5, 0.5 * ((pt.log(y) - mu) / sigma) ** 2)),
}
CATEGORIES: dict[Any, Observation] = {
    Categorical: Observation(0, None, lambda y, p: (pt.cast(pt.equal(y[..., None], pt.arange(extent(p, -1))), "float64"),)),
    Multinomial: Observation(1, None, lambda y, n, p: (y,)),
}


def family_of(prior: Tensor) -> tuple[Family, tuple[Tensor, ...]] | None:
    """Return the family of a draw, and its parameters as those of the family's distribution."""
    if not isinstance(prior.op, Draw):
        return None
    for family in FAMILIES:
        made = family.priors.get(prior.op.distribution)
        parameters = made and made(*prior.inputs[1:])
        if parameters is not None:
            return family, tuple(pt.as_tensor(p) for p in parameters)
    return None


def known_observations(family: Family) -> dict[Any, Observation]:
    """Return the distributions of observations that a family is the conjugate prior of."""
    if family is BETA:
        return PROBABILITIES
    if family is DIRICHLET:
        return CATEGORIES
    return RATES


class Added(NamedTuple):
    """What observations add to the parameters of a conjugate prior.

    Attributes
    ----------
    chosen
        The elements of the variable that belong to the observations.
    to_prior
        For each parameter, in the shape of the variable.
    to_density
        What is added to the observations' log-density with the variable at the family's reference: then it is ``log h``.
    """

    chosen: Tensor
    to_prior: tuple[Tensor, ...]
    to_density: Tensor


def added_by(family: Family, variable: Tensor, distribution: Any, parameters: Sequence[Tensor], value: Tensor, scale: Tensor | None = None) -> Added | str:
    """Return what observations add to the parameters of a conjugate prior; in words, why they do not.

    Parameters
    ----------
    family
        That of the prior.
    variable
        What stands for the variable in the parameters.
    distribution, parameters, value
        The observations: their distribution, its parameters, and the values.
    scale
        What their log-density is multiplied by.
    """
    name = distribution.__name__
    known = next((found for d, found in known_observations(family).items() if issubclass(distribution, d)), None)
    if known is None:
        every = ", ".join(d.__name__ for d in known_observations(family))
        return f"{name} is none of the distributions that {family.distribution.__name__} is conjugate to: {every}"
    using = [n for n, p in zip(distribution.parameters, parameters) if variable in ancestors([p])]
    parameter = distribution.parameters[known.parameter]
    if distribution is NegativeBinomial and family is BETA:
        mu, alpha = parameters
        chosen = None if variable in ancestors([alpha]) else _success_of(mu, alpha, variable)
    elif using != [parameter]:
        return f"it is in the parameter {' and '.join(using)} of {name}: only {parameter} has a conjugate prior"
    else:
        chosen = selected(parameters[known.parameter], variable)
    if known.power is None:
        if chosen is None or not chosen.as_they_are or (chosen.complement and family is not BETA):
            return f"{parameter} of {name} is computed from it: it must be the variable, or elements of it, as they are"
    else:
        wanted = -known.power if family is INVERSE_GAMMA else known.power
        if chosen is None or chosen.complement or chosen.power != wanted:
            return f"{parameter} of {name} is no multiple of {_power_in_words(wanted)}"
    at_one = replace(list(parameters), {variable: pt.ones_like(variable)})
    y = pt.cast(value, "float64")
    each: list[Any] = [pt.broadcast_to(pt.cast(u, "float64"), _shape_of_update(u, y, family)) for u in map(pt.as_tensor, known.update(y, *at_one))]
    if scale is not None:
        each = [scale * u for u in each]
    if chosen.complement:
        each.reverse()
    to_prior = tuple(gathered(chosen.elements, variable, u) for u in each)
    return Added(chosen.elements, to_prior, -family.at_reference(*each))


SCALES: dict[Any, tuple[int, Fraction]] = {
    Normal: (1, -HALF), MvNormal: (1, -ONE), CholeskyMvNormal: (1, -HALF), PrecisionMvNormal: (1, ONE),
}  # fmt: skip
"""Normal distributions: which parameter is their scale, and which power of a gamma distributed precision it must be."""


def of_one_scale(family: Family, variable: Tensor, drawn: Sequence[tuple[Tensor, Sequence[Tensor]]]) -> bool:
    """Whether a single variable is the precision, or variance, by which all of some normal variables are scaled.

    Then it is so of every one of them with others integrated out, if means are linear in these: covariances are made of theirs.
    """
    if family not in (GAMMA, INVERSE_GAMMA) or variable.ndim:
        return False
    for x, parameters in drawn:
        known = SCALES.get(x.op.distribution) if isinstance(x.op, Draw) else None
        if known is None or any(variable in ancestors([p]) for i, p in enumerate(parameters) if i != known[0]):
            return False
        chosen = selected(parameters[known[0]], variable)
        if chosen is None or chosen.complement or chosen.power != (known[1] if family is GAMMA else -known[1]):
            return False
    return True


def added_by_scale(family: Family, variable: Tensor, density: Tensor, seen: Sequence[Tensor], scale: Tensor | None) -> tuple[Added, Tensor]:
    """Return what normal variables whose precision or variance a variable is add to its prior's parameters, and what is left of their density.

    Of n elements the log-density is ``n / 2 * log(t) - t * q`` and what does not depend on the precision `t`; so its derivative at
    1 is ``n / 2 - q``. Of a variance it is that of ``1 / t``.
    """
    count: Any = pt.constant(0.0)
    for x in seen:
        count = count + 0.5 * pt.cast(x.size, "float64")
    count = count if scale is None else scale * count
    total = pt.sum(density)
    one: dict[Expr, Expr] = {variable: pt.ones_like(variable)}
    (slope, at_one) = replace([grad(total, variable), total], one)
    half_squares = count - slope if family is GAMMA else count + slope
    return Added(variable, (count, half_squares), half_squares), at_one + half_squares


def _power_in_words(power: Fraction) -> str:
    return {ONE: "the variable", -ONE: "1 / the variable", HALF: "its square root", -HALF: "1 / its square root"}[power]


def _success_of(mu: Tensor, alpha: Tensor, variable: Tensor) -> Selected | None:
    """What the probability of a negative binomial distribution is made of, where its mean is ``alpha * (1 - p) / p``."""
    node: Expr = mu
    if node.op is not e.multiply or alpha not in node.inputs:
        return None
    odds = node.inputs[1] if node.inputs[0] is alpha else node.inputs[0]
    if odds.op is not e.divide:
        return None
    failure, success = odds.inputs
    if failure.op is not e.subtract or failure.inputs[1] is not success or not _is_number(failure.inputs[0], 1.0):
        return None
    return selected(success, variable)


def _shape_of_update(update: Tensor, value: Tensor, family: Family) -> Any:
    """One update for each value: a category adds to each of the concentrations."""
    return update.shape if family is DIRICHLET else value.shape


def gathered(elements: Tensor, variable: Tensor, numbers: Tensor, event_rank: int = 0) -> Tensor:
    """Return the sums, for each element of a variable, of numbers that belong to `elements`, which are chosen from it.

    With an event rank, the numbers belong to whole draws, and there is one sum for each.
    """
    if event_rank:
        return pt.sum(gathered(elements[..., :1], variable, numbers[..., None]), axis=-1)
    # A choice is linear: what comes from each element is the derivative by it.
    return grad(pt.sum(elements * numbers), variable)  # type: ignore[no-any-return]


def posterior(family: Family, parameters: Sequence[Tensor], added: Sequence[Added], like: Tensor) -> tuple[Tensor, ...]:
    """Return the parameters of the posterior, of the shape of the variable."""
    found = []
    for i, p in enumerate(parameters):
        p = pt.cast(p, "float64")
        for a in added:
            p = p + a.to_prior[i]
        found.append(pt.broadcast_to(p, like.shape))
    return tuple(found)


def log_evidence(family: Family, parameters: Sequence[Tensor], updated: Sequence[Tensor]) -> Tensor:
    """Return ``log Z`` of the posterior less that of the prior, for each draw of the variable."""
    after, before = family.log_normalizer(*updated), family.log_normalizer(*map(pt.as_tensor, parameters))
    return after - before
