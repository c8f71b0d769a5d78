"""Variables sampled as their noise: what is moved and stretched by its parameters has coordinates in which it is not.

Where the data say little of a variable, its prior's scale and its values hold each other fast (Neal's funnel). In the
coordinates of its noise, ``x = mu + sigma * z``, they do not; where the data say much, it is the other way round. In
between lie partial forms (Papaspiliopoulos, Roberts and Skold 2007; Gorinova, Moore and Hoffman 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import checked
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Distribution, Draw
from workbench.distributions.families import Family, family_of
from workbench.distributions.normals import MvNormal
from workbench.distributions.random_walks import RandomWalk
from workbench.graph.expr import Expr, intern, rebuild
from workbench.graph.frozen import frozen
from workbench.graph.rewrite import rule
from workbench.graph.types import Shape
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import (
    Transform,
    UnconstrainedLogProb,
    default_transform,
    summed_to,
    unconstrained_logp,
)

Share = Any
"""How much of location and scale is in the coordinates' prior, from 0 to 1: a number, or nested tuples, one for each element."""


def as_share(given: Any) -> Share:
    """Return numbers as a share, which can be compared and hashed."""
    array = np.asarray(given, np.float64)
    return float(array.flat[0]) if array.size and (array == array.flat[0]).all() else _nested(array.tolist())


def _nested(values: Any) -> Any:
    return tuple(map(_nested, values)) if isinstance(values, list) else values


class Move(NamedTuple):
    """A location, and by what is multiplied around it; ``None`` for what there is not."""

    location: Tensor | None
    scale: Tensor | None

    def to(self, z: Tensor) -> Tensor:
        stretched = z if self.scale is None else self.scale * z
        return stretched if self.location is None else self.location + stretched

    def back(self, x: Tensor) -> Tensor:
        moved = x if self.location is None else x - self.location
        return moved if self.scale is None else moved / self.scale

    def log_scale(self, z: Tensor) -> Tensor:
        """The logarithm of the scale, for each element of `z`."""
        return pt.zeros_like(z) if self.scale is None else pt.broadcast_to(pt.log(self.scale), z.shape)


def _named(d: type[Distribution], parameters: Sequence[Tensor], name: str | None, power: float = 1.0) -> Tensor | None:
    """A parameter by name, with the axes of one draw, to a power."""
    if name is None:
        return None
    at = d.parameters.index(name)
    p, rank = parameters[at], d.ranks[at] if d.ranks else 0
    wide = pt.expand_dims(p, tuple(range(rank - d.event_rank, 0))) if d.event_rank > rank else p
    return wide if power == 1.0 else 1.0 / wide if power == -1.0 else 1.0 / pt.sqrt(wide) if power == -0.5 else wide**power


def move_of(d: type[Distribution], family: Family, parameters: Sequence[Tensor]) -> Move:
    """Return how draws with some parameters follow from standard ones."""
    return Move(_named(d, parameters, family.location), _named(d, parameters, family.scale, family.power))


def standard_parameters(d: type[Distribution], family: Family, parameters: Sequence[Tensor], share: Share = 0.0) -> list[Tensor]:
    """Return parameters with location 0 and scale 1; or `share` of the location, and the scale to the power of `share`."""
    found = list(parameters)
    for name, of_none in ((family.location, pt.zeros_like), (family.scale, pt.ones_like)):
        if name is not None:
            at = d.parameters.index(name)
            p = parameters[at]
            found[at] = of_none(p) if share == 0.0 else times(share, p) if name == family.location else power(p, share)
    return found


def times(share: Share, x: Tensor) -> Tensor:
    """A share of `x`."""
    return pt.constant(np.asarray(share)) * x


def power(x: Tensor, share: Share, rest: bool = False) -> Tensor:
    """``x**share``, or what is left of `x` without that."""
    exponent = 1.0 - np.asarray(share) if rest else np.asarray(share)
    if np.isin(exponent, (0.0, 1.0)).all():
        # No powers where each element is taken as it is, or not at all.
        return pt.where(pt.constant(exponent == 1.0), x, 1.0)
    return pt.exp(pt.constant(exponent) * pt.log(x))


@frozen
class NonCentred(Transform):
    """Variables of a family by location and scale, as their noise: ``x = mu + sigma * z``.

    Attributes
    ----------
    share
        Between 0, for the noise ``z ~ N(0, 1)``, and 1, for the variable itself: with a share k ``z ~ N(k mu, sigma**k)`` and
        ``x = mu + sigma**(1 - k) * (z - k mu)``. A number, or nested tuples of the variable's shape.
    inner
        The transform of the noise, where that is not any real number.
    outer
        The transform of the variable that makes it a normal one: of a log-normal one, the logarithm.

    Notes
    -----
    Source: Gorinova, Moore and Hoffman, "Automatic reparameterisation of probabilistic programs" (2020).
    """

    share: Share = 0.0
    inner: Transform | None = None
    outer: Transform | None = None

    onto = True

    @property
    def name(self) -> str:
        return "noncentred" if self.share == 0.0 else "partial"

    @staticmethod
    def of(rv: Tensor, share: Share) -> NonCentred | None:
        """Return the transform of a random variable; ``None`` if it is of no family."""
        assert isinstance(rv.op, Draw)
        family = family_of(rv.op.distribution)
        if family is None:
            return None
        own = default_transform(rv)
        return NonCentred(share, outer=own) if family.of_normal else NonCentred(share, own)

    def _parts(self, rv: Tensor) -> tuple[Move, Tensor]:
        """How the variable follows from its noise, and the noise as a random variable."""
        assert isinstance(rv.op, Draw)
        key, *parameters = rv.inputs
        d = rv.op.distribution
        family = family_of(d)
        assert family is not None
        noise: Any = rebuild(rv, (key, *standard_parameters(d, family, parameters, self.share)))
        if family.of_normal:
            noise = intern(Draw(Normal, rv.op.shape), noise.inputs)
        whole = move_of(d, family, parameters)
        if self.share == 0.0:
            return whole, noise
        rest = whole.scale if whole.scale is None else power(whole.scale, self.share, rest=True)
        # mu + s * (z - k mu) with s = sigma**(1 - k).
        start = whole.location
        if start is not None:
            start = start - (times(self.share, start) if rest is None else rest * times(self.share, start))
        return Move(start, rest), noise

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        move, noise = self._parts(rv)
        x = move.to(value if self.inner is None else self.inner.backward(value, noise))
        return x if self.outer is None else self.outer.backward(x, rv)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        move, noise = self._parts(rv)
        z = move.back(value if self.outer is None else self.outer.forward(value, rv))
        return z if self.inner is None else self.inner.forward(z, noise)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        move, noise = self._parts(rv)
        total = move.log_scale(value)
        if self.outer is not None:
            total = total + self.outer.log_jacobian(move.to(value), rv)
        assert isinstance(rv.op, Draw)
        rank = rv.op.distribution.event_rank
        total = pt.sum(total, axis=tuple(range(-rank, 0))) if rank else total
        return total if self.inner is None else total + self.inner.log_jacobian(value, noise)

    def density(self, value: Tensor, rv: Tensor) -> Tensor:
        return _with_checks(rv, unconstrained_logp(self._parts(rv)[1], value, self.inner, True))

    def value_shape(self, shape: Shape) -> Shape:
        return shape if self.inner is None else self.inner.value_shape(shape)


def _with_checks(rv: Tensor, density: Tensor) -> Tensor:
    """A density of noise, where the parameters are valid that make the variable of it."""
    assert isinstance(rv.op, Draw)
    d, parameters = rv.op.distribution, rv.inputs[1:]
    return checked(d.__name__, density, d.checks(*parameters), d.parameters, parameters)


@frozen
class Whitened(Transform):
    """Vectors that are normal, or Student's t, as their noise: ``x = mu + A z`` with the covariance matrix ``A A'``."""

    name = "noncentred"
    onto = True
    event_rank = 1

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        d, mu, matrix = _vectors(rv)
        return mu + d.spread.colour(matrix, value)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        d, mu, matrix = _vectors(rv)
        return d.spread.whiten(matrix, value - mu)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        d, _, matrix = _vectors(rv)
        return d.spread.log_det(matrix) + pt.zeros_like(pt.sum(value, axis=-1))

    def density(self, value: Tensor, rv: Tensor) -> Tensor:
        return _with_checks(rv, _vectors(rv)[0].noise_logp(value, *rv.inputs[1:]))


def _vectors(rv: Tensor) -> tuple[type[MvNormal], Tensor, Tensor]:
    assert isinstance(rv.op, Draw) and issubclass(rv.op.distribution, MvNormal)
    *_, mu, matrix = rv.inputs[1:]
    return rv.op.distribution, mu, matrix


@frozen
class Steps(Transform):
    """Random walks as the noise of their start and of their steps, where these are of a family by location and scale."""

    name = "noncentred"
    onto = True
    event_rank = 1

    def _parts(self, rv: Tensor) -> tuple[Any, int, list[_Part]]:
        assert isinstance(rv.op, Draw)
        walk: Any = rv.op.distribution
        (start, first), (step, inner) = walk.parts(rv.inputs[1:])
        return walk, walk.event_rank, [_Part(start.distribution, first), _Part(step.distribution, inner)]

    def _cut(self, value: Tensor, rank: int) -> tuple[Tensor, Tensor]:
        before = (slice(None),) * (value.ndim - rank)
        return value[(*before, 0)], value[(*before, slice(1, None))]

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        walk, rank, parts = self._parts(rv)
        first, moves = (part.to(z) for part, z in zip(parts, self._cut(value, rank)))
        made: Tensor = walk.walk(first, moves)
        return made

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        _, rank, parts = self._parts(rv)
        time = value.ndim - rank
        before = (slice(None),) * time
        moves = value[(*before, slice(1, None))] - value[(*before, slice(None, -1))]
        first, noise = (part.back(x) for part, x in zip(parts, (value[(*before, 0)], moves)))
        return pt.concatenate([pt.expand_dims(first, time), noise], axis=time)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        _, rank, parts = self._parts(rv)
        first, moves = (part.log_scale(z) for part, z in zip(parts, self._cut(value, rank)))
        return first + pt.sum(moves, axis=-1)

    def density(self, value: Tensor, rv: Tensor) -> Tensor:
        _, rank, parts = self._parts(rv)
        first, moves = (part.logp(z) for part, z in zip(parts, self._cut(value, rank)))
        return _with_checks(rv, first + pt.sum(moves, axis=-1))


class _Part(NamedTuple):
    """The start, or the steps, of a walk: one of a family is its noise, another one is itself."""

    d: Any
    parameters: tuple[Tensor, ...]

    @property
    def _move(self) -> Move:
        family = family_of(self.d)
        return Move(None, None) if family is None or family.of_normal else move_of(self.d, family, self.parameters)

    @property
    def _vector(self) -> bool:
        return issubclass(self.d, MvNormal)

    def to(self, z: Tensor) -> Tensor:
        return self.parameters[-2] + self.d.spread.colour(self.parameters[-1], z) if self._vector else self._move.to(z)

    def back(self, x: Tensor) -> Tensor:
        return self.d.spread.whiten(self.parameters[-1], x - self.parameters[-2]) if self._vector else self._move.back(x)

    def log_scale(self, z: Tensor) -> Tensor:
        """The logarithm of what each draw is stretched by."""
        if self._vector:
            return self.d.spread.log_det(self.parameters[-1]) + pt.zeros_like(pt.sum(z, axis=-1))
        found = self._move.log_scale(z)
        rank = self.d.event_rank
        return pt.sum(found, axis=tuple(range(-rank, 0))) if rank else found

    def logp(self, z: Tensor) -> Tensor:
        found: Tensor
        if self._vector:
            found = self.d.noise_logp(z, *self.parameters)
            return found
        family = family_of(self.d)
        known = family is not None and not family.of_normal
        found = self.d.logp(z, *(standard_parameters(self.d, family, self.parameters) if known and family else self.parameters))
        return found


def noncentred(rv: Tensor, share: Share = 0.0) -> Transform | None:
    """Return the transform by which a random variable is sampled as its noise; ``None`` if none is known."""
    if not isinstance(rv.op, Draw):
        return None
    d = rv.op.distribution
    if share == 0.0 and issubclass(d, MvNormal):
        return Whitened()
    if share == 0.0 and issubclass(d, RandomWalk) and rv.type.kind == "f":
        return Steps()
    return NonCentred.of(rv, share)


def _noise() -> list[Any]:
    v, mu, sigma = pt.vector("value", 3), pt.scalar("mu"), pt.exp(pt.scalar("log_sigma"))
    return [unconstrained_logp(Normal.dist(mu, sigma, shape=(3,)), v, NonCentred(), True)]


@rule("logprob", ops=(UnconstrainedLogProb,), examples=_noise)
def density_of_noise(expr: Expr) -> Expr | None:
    """A variable that is its noise, moved and stretched, has the noise's density: that by which it is stretched cancels."""
    rv, value = expr.inputs
    op = expr.op
    assert isinstance(op, UnconstrainedLogProb)
    found = op.transform.density(value, rv) if op.jacobian else None
    return None if found is None else summed_to(found, expr.type.ndim)
