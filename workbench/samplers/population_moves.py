"""Kernels of SMC: how the particles of a population are moved within a stage.

Each has the tempered density as its invariant distribution, whatever is known of the population at the beginning of the stage:
centre, covariance and widths are the same for all particles, so that no particle's own past decides how it is moved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import workbench.tensor as pt
from workbench.samplers.chain_numbers import van_der_corput
from workbench.samplers.population import (
    ACCEPT,
    LARGEST,
    NOISE,
    OTHER_ACCEPT,
    OTHER_EVALUATION,
    OTHER_NOISE,
    OTHER_PLACE,
    PLACE,
    WIDTH,
    Population,
    PopulationState,
    mean_of,
    tempered,
)
from workbench.tensor.tensor import Tensor

WALK_ACCEPTANCE = 0.234
"""Roberts, Gelman and Gilks (1997)."""
SPREAD = 0.5
"""Standard deviation of the logarithm of the particles' widths: some steps are short, some long."""
MAX_ENERGY_ERROR = 1000.0
NARROW, WIDE, WIDE_SHARE = 1.1, 1.6, 0.2
"""Standard deviations of proposals of `IMH`, as multiples of those of the particles, and the share of the wider ones: the tails of
the posterior, from which a narrow proposal seldom leads away, are then within reach."""
RATE = 2.0
"""How fast the length of a leapfrog follows the acceptance."""


def proposal_density(white: Tensor) -> Tensor:
    """Return the log-density, but for a constant, of proposals of `IMH` in whitened coordinates (n, m): (n,)."""
    square, m = 0.5 * pt.sum(pt.square(white), axis=1), pt.cast(white.shape[1], "float64")
    narrow = math.log1p(-WIDE_SHARE) - m * math.log(NARROW) - square / NARROW**2
    return pt.logaddexp(narrow, math.log(WIDE_SHARE) - m * math.log(WIDE) - square / WIDE**2)


def split(x: Tensor, s: PopulationState) -> tuple[Tensor, Tensor]:
    """Return all elements (n, m) as continuous values (n, d) and discrete ones (n, k), which are rounded."""
    d = s.q.shape[1]
    return x[:, :d], pt.cast(pt.clip(pt.round(x[:, d:]), -LARGEST, LARGEST), "int64")


class IMH(Population):
    """Independent Metropolis-Hastings: proposals are drawn from a normal distribution with the particles' mean and covariance.

    Good where the posterior is not far from normal, and where it has several modes that one normal distribution covers: a proposal
    goes anywhere. In high dimensions few are accepted: then `MH`, or `HMC`.

    Parameters
    ----------
    threshold
        Share of the particles that their effective number shall be when they are weighted, between 0 and 1: the larger, the more
        stages. 0.5 by default.
    correlation_threshold
        Moves of a stage go on while the correlation of most elements with their values at its beginning falls by more than this in a
        move, between 0 and 1: the smaller, the more moves. 0.01 by default. They also go on until nine tenths of the particles
        have moved, and that correlation is a quarter at most in the mean.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     y = pm.Normal("y", x, 1.0, observed=2.0)
    ...     run = pm.sample_smc(500, pm.smc.IMH, chains=2, random_seed=1, progressbar=False, return_inferencedata=False)
    >>> abs(run.log_marginal_likelihood - -2.2655) < 4.0 * run.log_marginal_likelihood_se
    True
    """

    name: ClassVar[str] = "imh"

    def prepared(self, s: PopulationState) -> PopulationState:
        return s._replace(white=self.white_of(s, self.within_cells(s._replace(draw=s.draw - 1), PLACE)))

    def move(self, s: PopulationState, settings: Mapping[str, Tensor]) -> PopulationState:
        wide = self.uniform(s, WIDTH) < WIDE_SHARE
        white = pt.where(wide, WIDE, NARROW)[:, None] * self.normal(s, NOISE, s.begin.shape[1])
        q, z = split(self.centres(s) + self.steps_of(s, white), s)
        prior, likelihood, _ = self.densities(s, q, z)
        ratio = tempered(prior, likelihood, s.beta) - tempered(s.prior, s.likelihood, s.beta)
        ratio = ratio + proposal_density(s.white) - proposal_density(white)
        s, _, chance = self.taken(s, ratio, ACCEPT, q=q, z=z, prior=prior, likelihood=likelihood, white=white)
        return self.after(s, chance, settings)


class MH(Population):
    """Random-walk Metropolis: normal steps with the particles' covariance, as wide as makes 0.234 of them accepted.

    The widths of the particles' steps vary about one for all, which is adapted after each move. Slower than `IMH` in few dimensions,
    safer in more, or where the posterior is curved.

    Parameters
    ----------
    threshold, correlation_threshold
        As for `IMH`.
    """

    name: ClassVar[str] = "mh"

    def first_scale(self, size: Tensor) -> Tensor:
        return math.log(2.38) - 0.5 * pt.log(pt.maximum(size, 1.0))

    def move(self, s: PopulationState, settings: Mapping[str, Tensor]) -> PopulationState:
        width = pt.exp(s.scale + SPREAD * self.normal(s, WIDTH, pt.constant(1)))
        step = width * self.steps_of(s, self.normal(s, NOISE, s.begin.shape[1]))
        q, z = split(self.within_cells(s, PLACE) + step, s)
        prior, likelihood, _ = self.densities(s, q, z)
        ratio = tempered(prior, likelihood, s.beta) - tempered(s.prior, s.likelihood, s.beta)
        s, _, chance = self.taken(s, ratio, ACCEPT, q=q, z=z, prior=prior, likelihood=likelihood)
        return self.after(s._replace(scale=s.scale + mean_of(chance) - WALK_ACCEPTANCE), chance, settings)


class HMC(Population):
    """Hamiltonian Monte Carlo: trajectories along the gradient, in coordinates whitened by the particles' covariance.

    For many continuous variables. Discrete ones are moved by a random walk of their own after each trajectory.

    Parameters
    ----------
    threshold, correlation_threshold
        As for `IMH`.
    target_accept
        Acceptance that the length of leapfrogs aims at; 0.8 by default.
    path_length
        Mean time of a trajectory, where the stage's standard deviations are about 1: a quarter of a turn, pi / 2, by default.
    max_steps
        Most leapfrogs of a trajectory.
    """

    name: ClassVar[str] = "hmc"
    settings: ClassVar[Mapping[str, float]] = {**Population.settings, "target_accept": 0.8, "path_length": math.pi / 2.0, "max_steps": 64.0}
    gradients: ClassVar[bool] = True

    def first_scale(self, size: Tensor) -> Tensor:
        return math.log(0.8) - 0.25 * pt.log(pt.maximum(size, 1.0))

    def prepared(self, s: PopulationState) -> PopulationState:
        # The gradient is that of another temperature now.
        return s._replace(gradient=self.densities(s, s.q, s.z)[2])

    def move(self, s: PopulationState, settings: Mapping[str, Tensor]) -> PopulationState:
        d = s.q.shape[1]
        length = pt.exp(s.scale)
        time = settings["path_length"] * (0.5 + van_der_corput(s.draw))
        steps = pt.clip(pt.round(time / length), 1.0, settings["max_steps"])
        v = self.normal(s, NOISE, d)

        def leap(i: Tensor, q: Tensor, v: Tensor, prior: Tensor, likelihood: Tensor, g: Tensor) -> list[Tensor]:
            v = v + 0.5 * length * self.slopes_of(s, g)
            q = q + length * self.steps_of(s, v)
            prior, likelihood, g = self.densities(s, q, s.z)
            return [i + 1.0, q, v + 0.5 * length * self.slopes_of(s, g), prior, likelihood, g]

        _, q, last, prior, likelihood, g = pt.while_loop(
            lambda i, *at: i < steps, leap, [0.0, s.q, v, s.prior, s.likelihood, s.gradient], ("i", "q", "v", "prior", "likelihood", "g")
        )
        risen = tempered(prior, likelihood, s.beta) - tempered(s.prior, s.likelihood, s.beta)
        ratio = risen + 0.5 * (pt.sum(pt.square(v), axis=1) - pt.sum(pt.square(last), axis=1))
        ratio = pt.where(ratio > -MAX_ENERGY_ERROR, ratio, -math.inf)
        s, _, chance = self.taken(s, ratio, ACCEPT, q=q, prior=prior, likelihood=likelihood, gradient=g)
        change = RATE * (mean_of(chance) - settings["target_accept"])
        s = s._replace(scale=pt.minimum(s.scale + change, pt.log(settings["path_length"])))
        (*found,) = pt.cond(s.z.shape[1] > 0, lambda *fields: list(self._integers(PopulationState._make(fields))), lambda *fields: list(fields), list(s), s._fields)
        return self.after(PopulationState._make(found), chance, settings)

    def _integers(self, s: PopulationState) -> PopulationState:
        """The state after a random walk of the discrete elements given the others."""
        n, d, k = s.q.shape[0], s.q.shape[1], s.z.shape[1]
        width = 2.38 / pt.sqrt(pt.maximum(pt.cast(k, "float64"), 1.0))
        step = width * self.steps_of(s, self.normal(s, OTHER_NOISE, s.begin.shape[1]))[:, d:]
        places = self.within_cells(s, OTHER_PLACE)[:, d:]
        _, z = split(pt.concatenate([pt.zeros((n, d)), places + step], axis=1), s)
        prior, likelihood, g = self.densities(s, s.q, z, OTHER_EVALUATION)
        ratio = tempered(prior, likelihood, s.beta) - tempered(s.prior, s.likelihood, s.beta)
        return self.taken(s, ratio, OTHER_ACCEPT, z=z, prior=prior, likelihood=likelihood, gradient=g)[0]


KERNELS: dict[str, type[Population]] = {kernel.name: kernel for kernel in (IMH, MH, HMC)}
"""Kernels by name."""
