"""Deterministic ADVI: the bound over draws that stay the same is a function like others, whose minimum Newton's method finds.

Source: Giordano, Ingram and Broderick, "Black box variational inference with a deterministic objective" (2024). The draws are in
pairs of opposite sign and scaled to variance 1, and to be uncorrelated where there are enough of them: the answer for a normal
posterior is then exact. The minimum is looked for by a trust region with conjugate gradients (Steihaug, 1983), in coordinates in
which the present standard deviations are 1: there the second derivatives for a normal posterior are near the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.variational.elbo import REAL
from workbench.variational.family import Array

MOST_INNER = 200
"""Most products with the second derivatives of one step."""
FIRST_RADIUS, MOST_RADIUS = 1.0, 1000.0
ROUNDING = 1e-12
"""A fall that is promised to be smaller, as a share of the bound, is rounding: the step is taken."""


def fixed_noise(noise: Array) -> Array:
    """Return the draws to keep: pairs of opposite sign, of variance 1, and uncorrelated where there are enough.

    Parameters
    ----------
    noise
        Standard normal numbers (m, d): one of each pair.

    Returns
    -------
    Draws, (2 m, d), of mean 0 and mean square 1.

    Examples
    --------
    >>> x = fixed_noise(np.random.default_rng(1).standard_normal((4, 2)))
    >>> x.shape, bool(np.allclose(x.T @ x / 8, np.eye(2)))
    ((8, 2), True)
    """
    m, d = noise.shape
    if m >= d:
        q, r = np.linalg.qr(noise)
        half = q * np.sign(np.diagonal(r)) * np.sqrt(m)
    else:
        half = noise / np.sqrt(np.mean(np.square(noise), axis=0))
    return np.concatenate([half, -half])


class Bound(NamedTuple):
    """The bound at some parameters."""

    loss: Tensor
    """Less the bound, but for the constant of the entropy."""
    mu: Tensor
    """Its gradient to the means, times the standard deviations, (d,)."""
    omega: Tensor
    """Its gradient to the logarithms of standard deviations, (d,)."""
    pull: Tensor
    """The part of that from the density, (d,)."""
    z: Tensor
    """The point that was looked at last."""


class Newton:
    """The graph of the search for the minimum, for all models: their density and second derivatives are slots."""

    name = "newton"

    def bound(self, mu: Tensor, omega: Tensor, noise: Tensor) -> Bound:
        """Return the bound and its gradient."""
        sd = pt.exp(omega)

        def one(i: Tensor, total: Tensor, slope: Tensor, pull: Tensor, z: Tensor) -> list[Any]:
            away = sd * noise[i]
            lp, g = pt.slot("logp_grad", (REAL, mu.type), mu + away)
            return [i + 1, total - lp, slope - g, pull - g * away, mu + away]

        none = pt.zeros_like(mu)
        going = lambda i, total, *_: pt.logical_and(i < noise.shape[0], pt.isfinite(total))  # noqa: E731
        _, total, slope, pull, z = pt.while_loop(going, one, [as_tensor(0), as_tensor(0.0), none, none, none], ("i", "total", "slope", "pull", "z"))
        n = pt.cast(as_tensor(noise.shape[0]), "float64")
        return Bound(total / n - pt.sum(omega), sd * slope / n, pull / n - 1.0, pull / n, z)

    def product(self, mu: Tensor, omega: Tensor, noise: Tensor, pull: Tensor, p: Tensor, o: Tensor) -> tuple[Tensor, Tensor]:
        """Return the second derivatives times a direction, in units of standard deviations."""
        sd = pt.exp(omega)

        def one(i: Tensor, first: Tensor, second: Tensor) -> list[Any]:
            away = sd * noise[i]
            (curved,) = pt.slot("hessian_product", (mu.type,), mu + away, sd * p + away * o)
            return [i + 1, first - curved, second - curved * away]

        none = pt.zeros_like(mu)
        _, first, second = pt.while_loop(lambda i, *_: i < noise.shape[0], one, [as_tensor(0), none, none], ("i", "first", "second"))
        n = pt.cast(as_tensor(noise.shape[0]), "float64")
        return sd * first / n, second / n + pull * o

    def advance(self) -> Graph:
        """Return the graph that makes steps.

        Parameters are means and logarithms of standard deviations (d,), the radius of the region, draws (m, d), the gradient that is
        small enough, how many steps are wanted, and room for losses. Results are means, logarithms, radius, the largest element of
        the gradient, how many steps were made, losses, and the last point looked at: at fault, if the loss at the start is not finite.
        """
        mu, omega, noise = pt.vector("mu", "d"), pt.vector("omega", "d"), pt.matrix("noise", "m", "d")
        radius, tolerance, losses = pt.scalar("radius"), pt.scalar("tolerance"), pt.vector("losses", "rows")
        wanted = pt.tensor("wanted", "int64", ())
        start = self.bound(mu, omega, noise)

        def going(row: Tensor, losses: Tensor, radius: Tensor, mu: Tensor, omega: Tensor, *at: Tensor) -> Tensor:
            now = Bound._make(at)
            usable = pt.logical_and(pt.isfinite(now.loss), radius > 1e-12)
            return pt.logical_and(pt.logical_and(usable, row < wanted), largest(now) > tolerance)

        def body(row: Tensor, losses: Tensor, radius: Tensor, mu: Tensor, omega: Tensor, *at: Tensor) -> Sequence[Any]:
            now = Bound._make(at)
            p, o, promised = self.step(mu, omega, noise, now, radius)
            length = pt.sqrt(pt.sum(pt.square(p)) + pt.sum(pt.square(o)))
            there = self.bound(mu + pt.exp(omega) * p, omega + o, noise)
            fall = now.loss - there.loss
            tiny = pt.logical_and(promised < ROUNDING * (1.0 + pt.abs(now.loss)), pt.isfinite(there.loss))
            share = pt.where(tiny, 1.0, pt.where(pt.isfinite(fall), fall, -1.0) / promised)
            wider = pt.logical_and(share > 0.75, length > 0.8 * radius)
            radius = pt.where(share < 0.25, 0.25 * length, pt.where(wider, pt.minimum(2.0 * radius, MOST_RADIUS), radius))

            def moved(mu: Tensor, omega: Tensor, p: Tensor, o: Tensor, *both: Tensor) -> list[Tensor]:
                return [mu + pt.exp(omega) * p, omega + o, *both[len(now) :]]

            def stayed(mu: Tensor, omega: Tensor, p: Tensor, o: Tensor, *both: Tensor) -> list[Tensor]:
                return [mu, omega, *both[: len(now)]]

            mu, omega, *at_end = pt.cond(share > 1e-4, moved, stayed, [mu, omega, p, o, *now, *there])
            return [row + 1, losses[row].set(at_end[0]), radius, mu, omega, *at_end]

        names = ("row", "losses", "radius", "mu", "omega", *Bound._fields)
        row, made, radius_after, mu_after, omega_after, *at = pt.while_loop(going, body, [as_tensor(0), losses, radius, mu, omega, *start], names)
        end = Bound._make(at)
        return Graph([mu, omega, radius, noise, tolerance, wanted, losses], [mu_after, omega_after, radius_after, largest(end), row, made, end.loss, end.z])

    def step(self, mu: Tensor, omega: Tensor, noise: Tensor, now: Bound, radius: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return a step within the radius, in units of standard deviations, and the fall that it promises."""
        first = pt.sum(pt.square(now.mu)) + pt.sum(pt.square(now.omega))
        # Closer the nearer the end is, so that the search converges faster than linearly.
        enough = first * pt.minimum(0.25, pt.sqrt(first)) ** 2
        none = pt.zeros_like(mu)

        def going(i: Tensor, done: Tensor, *_: Tensor) -> Tensor:
            return pt.logical_and(i < MOST_INNER, pt.logical_not(done))

        def body(i: Tensor, done: Tensor, p: Tensor, o: Tensor, rp: Tensor, ro: Tensor, dp: Tensor, do: Tensor, left: Tensor, promised: Tensor) -> Sequence[Any]:
            hp, ho = self.product(mu, omega, noise, now.pull, dp, do)
            curvature = pt.sum(dp * hp) + pt.sum(do * ho)
            rate = left / pt.where(curvature > 0.0, curvature, 1.0)
            a, b = pt.sum(pt.square(dp)) + pt.sum(pt.square(do)), pt.sum(p * dp) + pt.sum(o * do)
            c = pt.sum(pt.square(p)) + pt.sum(pt.square(o)) - pt.square(radius)
            # Where the direction leaves the region.
            edge = (pt.sqrt(pt.maximum(b * b - a * c, 0.0)) - b) / a
            ends = pt.logical_or(curvature <= 0.0, rate >= edge)
            rate = pt.where(ends, edge, rate)
            # Residuals are orthogonal to what was gone before: the fall is that along this direction alone.
            promised = promised + rate * left - 0.5 * rate * rate * curvature
            rp, ro = rp - rate * hp, ro - rate * ho
            after = pt.sum(pt.square(rp)) + pt.sum(pt.square(ro))
            share = after / left
            return [i + 1, pt.logical_or(ends, after <= enough), p + rate * dp, o + rate * do, rp, ro, rp + share * dp, ro + share * do, after, promised]

        given = [as_tensor(0), pt.constant(False), none, none, -now.mu, -now.omega, -now.mu, -now.omega, first, as_tensor(0.0)]
        names = ("i", "done", "p", "o", "residual_p", "residual_o", "direction_p", "direction_o", "left", "promised")
        _, _, p, o, *_, promised = pt.while_loop(going, body, given, names)
        return p, o, promised


def largest(at: Bound) -> Tensor:
    """Return the largest element of a gradient, in units of standard deviations."""
    return pt.maximum(pt.max(pt.abs(at.mu)), pt.max(pt.abs(at.omega)))
