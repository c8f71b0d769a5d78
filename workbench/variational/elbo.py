"""The evidence lower bound of a family and its gradient, from draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.tensor.markers import stop_gradient
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.gradient import grad
from workbench.variational.family import Family, Values

REAL = as_tensor(0.0).type
NOISE, BATCH = range(2)


class Estimate(NamedTuple):
    """What one step is told."""

    loss: Tensor
    """What is made small."""
    gradients: list[Tensor]
    """Of the loss, or what takes its place, with respect to each parameter."""
    z: Tensor
    """The point (d,) that was looked at last: at fault, where the loss is not finite."""


def logp_grad(z: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return the model's log-density at a point, with minibatches of that key, and its gradient: a slot."""
    value, gradient = pt.slot("logp_grad", (REAL, z.type), z, batch)
    return value, gradient


class Objective:
    """What is made small, and how its gradient is estimated.

    Attributes
    ----------
    family
        Whose parameters are moved.
    settings
        Numbers by name, that may differ from call to call.
    """

    name: str
    family: Family
    settings: Mapping[str, float] = {}

    def rooms(self) -> list[Tensor]:
        """Inputs for arrays of which the shape alone matters."""
        return []

    def parameters(self) -> list[Tensor]:
        """Inputs for the parameters."""
        return self.family.parameters()

    def estimate(self, key: Tensor, values: Values, draws: Tensor, given: Sequence[Tensor]) -> Estimate:
        """Return loss and gradients from so many draws, and what is `given`: settings, then rooms."""
        raise NotImplementedError


class Elbo(Objective):
    """The negative evidence lower bound: the mean of ``log q(z) - log p(z)``.

    The gradient goes along the path of the draw, ``z = z(noise, parameters)``. Of ``log q`` either the gradient of the entropy
    is taken, which has a closed form, or that along the path too ("sticking the landing": Roeder, Wu and Duvenaud, 2017), whose
    variance vanishes where the approximation is the posterior.

    Parameters
    ----------
    family
        The approximating distributions.
    sticking
        Whether to stick the landing; only where the family knows its `score`.
    """

    def __init__(self, family: Family, sticking: bool) -> None:
        self.family, self.sticking = family, sticking
        self.name = f"elbo_{family.name}{'_sticking' if sticking else ''}"

    def estimate(self, key: Tensor, values: Values, draws: Tensor, given: Sequence[Tensor]) -> Estimate:
        batch = pt.random.fold_in(key, BATCH)
        own = pt.random.fold_in(key, NOISE)

        def one(i: Tensor, loss: Tensor, z: Tensor, *sums: Tensor) -> list[Any]:
            # A copy of its own: there are no other paths to the parameters than through the draw.
            noise = self.family.noise(pt.random.fold_in(own, i), values)
            place = self.family.draw(values, noise)
            lp, slope = logp_grad(place.z, batch)
            score = self.family.score(values, noise, place.z) if self.sticking else None
            along = stop_gradient(slope if score is None else slope - score)
            bound = pt.sum(along * place.z) + (place.entropy if score is None else 0.0)
            slopes = grad(bound, list(values), disconnected_inputs="ignore")
            return [i + 1, loss + place.log_q - lp, place.z, *(s - g for s, g in zip(sums, slopes))]

        first = [as_tensor(0), as_tensor(0.0), self.family.zeros(values), *(pt.zeros_like(v) for v in values)]
        names = ("i", "loss", "z", *(f"slope_{v.name}" for v in self.parameters()))
        going = lambda i, loss, *_: pt.logical_and(i < draws, pt.isfinite(loss))  # noqa: E731  (z stays at the first bad draw)
        _, loss, z, *sums = pt.while_loop(going, one, first, names)
        n = pt.cast(draws, "float64")
        return Estimate(loss / n, [s / n for s in sums], z)
