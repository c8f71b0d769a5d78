"""Step methods of continuous variables, by PyMC's names."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from workbench.inference.checks import as_given, number, one_of, whole_number
from workbench.inference.linked import Step
from workbench.inference.step_method import COMPATIBLE, IDEAL, INCOMPATIBLE, StepMethod
from workbench.model.conjugate import conjugate_draw
from workbench.model.gaussian_prior import gaussian_prior, is_gaussian
from workbench.model.states import States
from workbench.samplers import (
    DEMetropolisSettings,
    DEMetropolisZSettings,
    EllipticalSliceSettings,
    GibbsSettings,
    HmcSettings,
    MalaSettings,
    NutsSettings,
    SliceSettings,
)
from workbench.samplers.nuts import METRICS
from workbench.tensor.tensor import Tensor
from workbench.transforms.conjugacy import family_of

DEEPEST = 32
"""Most doublings of a trajectory: their directions are the bits of one word."""


class OfContinuous(StepMethod):
    """What methods share that move continuous variables, by a kernel whose settings are their options."""

    kind: ClassVar[type[Any]]
    """The settings."""
    suits: ClassVar[int] = COMPATIBLE

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return cls.suits if rv.type.kind == "f" else INCOMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        return "it moves continuous variables"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        settings = self.kind(**self.settings)
        # What does not fit the variables is an error now.
        settings.arguments(self.size(names))
        return [Step(settings.kernel(discrete=False), names, settings)]


class NUTS(OfContinuous):
    """The No-U-Turn sampler, for continuous variables.

    A draw is made by a tree, which ends when it turns back; or by a few trajectories of one time, the end of each taken or refused, where the
    draws of warm-up show that so a gradient brings more effective draws. ``trajectories="trees"`` and ``adaptation="stan"`` have trees alone.

    Parameters
    ----------
    target_accept
        Acceptance that the step size aims at, between 0 and 1; 0.8 by default, more for a smaller step.
    max_treedepth
        Doublings after which a tree ends; 10 by default.
    metric
        What the mass matrix has beside its diagonal: "auto", directions where they pay; "diag", none; "low_rank", up to 32;
        "dense", all.
    adaptation
        How the diagonal is found: "fisher", from draws and gradients, by default; "stan", Stan's windows of draws, and nothing beside it.
    trajectories
        How draws are made: "auto", as warm-up shows, by default; "trees".

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x")
    ...     n = pm.Poisson("n", 3.0)
    ...     pm.NUTS([x], target_accept=0.9)
    NUTS([x])
    """

    name = "nuts"
    by_gradient = True
    options = {
        "target_accept": (0.8, number(0.0, 1.0, ends=False)), "max_treedepth": (10, whole_number(1, DEEPEST)),
        "metric": ("auto", one_of(*METRICS)), "adaptation": ("fisher", one_of("fisher", "stan")),
        "trajectories": ("auto", one_of("auto", "trees")),
    }  # fmt: skip
    suits = IDEAL
    kind = NutsSettings


class HamiltonianMC(OfContinuous):
    """Hamiltonian Monte Carlo with trajectories of one length.

    Parameters
    ----------
    path_length
        Time that a trajectory lasts, 2 by default; after adaptation the posterior's standard deviations are about 1.
    max_steps
        Most leapfrogs of a trajectory, 1024 by default.
    target_accept
        Acceptance that the step size aims at, between 0 and 1; 0.65 by default.
    step_scale
        First step size, for one element: for `d` it is divided by ``d ** 0.25``. It is looked for by default.
    metric
        What the mass matrix has beside its diagonal, as for `NUTS`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     step = pm.HamiltonianMC([x])
    >>> type(step).__name__
    'HamiltonianMC'
    """

    name = "hmc"
    by_gradient = True
    options = {
        "path_length": (2.0, number(0.0, ends=False)), "max_steps": (1024, whole_number(1)), "target_accept": (0.65, number(0.0, 1.0, ends=False)),
        "step_scale": (None, number(0.0, ends=False)), "metric": ("auto", one_of(*METRICS)),
    }  # fmt: skip
    kind = HmcSettings


class MALA(OfContinuous):
    """The Metropolis-adjusted Langevin algorithm: a step along the gradient, with noise.

    Parameters
    ----------
    target_accept
        Acceptance that the step size aims at, between 0 and 1; 0.574 by default.
    step_scale
        First step size, for one element: for `d` it is divided by ``d ** 0.25``. It is looked for by default.
    metric
        What the mass matrix has beside its diagonal, as for `NUTS`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     step = pm.MALA([x])
    >>> type(step).__name__
    'MALA'
    """

    name = "mala"
    by_gradient = True
    options = {
        "target_accept": (0.574, number(0.0, 1.0, ends=False)), "step_scale": (None, number(0.0, ends=False)), "metric": ("auto", one_of(*METRICS)),
    }  # fmt: skip
    kind = MalaSettings


class Slice(OfContinuous):
    """Slice sampling, element by element.

    Parameters
    ----------
    w
        First width of intervals, one or one for each element; 1 by default.
    tune
        Whether widths become the mean of the intervals' last ones in warm-up; so by default.
    iter_limit
        Most steps out for one element, without limit by default. An interval that is cut by it is as right, and shorter.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     p = pm.Beta("p", 0.5, 0.5)
    ...     idata = pm.sample(50, tune=50, step=pm.Slice(), random_seed=1, progressbar=False, compute_convergence_checks=False)
    >>> idata.sample_stats["nstep_out"].shape
    (4, 50)
    """

    name = "slice"
    options = {"w": (1.0, as_given), "tune": (True, one_of(True, False)), "iter_limit": (math.inf, number(0.0))}
    kind = SliceSettings


class EllipticalSlice(OfContinuous):
    """Elliptical slice sampling, of variables that are normal given those that are not moved with them. It has no options.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     f = pm.MvNormal("f", cov=[[1.0, 0.9], [0.9, 1.0]])
    ...     y = pm.Poisson("y", pm.math.exp(f), observed=[3, 5])
    ...     idata = pm.sample(50, tune=50, step=pm.EllipticalSlice([f]), random_seed=1, progressbar=False, compute_convergence_checks=False)
    >>> idata.posterior["f"].shape
    (4, 50, 2)
    """

    name = "elliptical_slice"
    kind = EllipticalSliceSettings

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return COMPATIBLE if is_gaussian(rv) else INCOMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        return "it moves variables of the distributions Normal and MvNormal"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        # What makes no Gaussian prior is an error now.
        gaussian_prior(self.model.at_current_shapes(), names)
        return super().step(names)


class ConjugateGibbs(OfContinuous):
    """Draws of variables with a conjugate prior from their posteriors given all others. It has no options.

    Variables are moved one after the other. To take them out of the posterior, see :func:`workbench.marginalize`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     tau = pm.Gamma("tau", 2.0, 1.0)
    ...     mu = pm.StudentT("mu", nu=3.0)
    ...     y = pm.Normal("y", mu, tau=tau, observed=[1.0, 0.5, 2.0])
    ...     idata = pm.sample(50, tune=50, step=pm.ConjugateGibbs([tau]), random_seed=1, progressbar=False, compute_convergence_checks=False)
    >>> idata.posterior["tau"].shape
    (4, 50)
    """

    name = "conjugate_gibbs"
    blocked = False
    kind = GibbsSettings

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return COMPATIBLE if family_of(rv) is not None else INCOMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        return "it moves variables with a conjugate prior: Beta, Gamma, Exponential, ChiSquared, InverseGamma, Dirichlet, Uniform(0, 1)"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        # What is not conjugate to its prior is an error now.
        now = self.model.at_current_shapes()
        for name in names:
            conjugate_draw(now, [name])
        return [step for name in names for step in super(ConjugateGibbs, self).step((name,))]


class DEMetropolisZ(OfContinuous):
    """Random-walk Metropolis whose steps are differences of the chain's past.

    Parameters
    ----------
    S
        Widths of the noise that is added, one or one for each element; 1 by default.
    proposal_dist
        Its distribution: `NormalProposal` by default, `UniformProposal`, `CauchyProposal` or `LaplaceProposal`.
    lamb
        What differences are multiplied by; ``2.38 / sqrt(2 d)`` by default.
    scaling
        What the noise's widths are multiplied by, 0.001 by default.
    tune
        What is tuned in warm-up: "scaling" by default, "lambda" or None.
    tune_interval
        Draws between changes of it, 100 by default.
    tune_drop_fraction
        Share of the past that is forgotten at the end of warm-up, 0.9 by default.
    capacity
        Past draws that are kept; 1000 by default, and ten for each element if that is more.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     step = pm.DEMetropolisZ([x])
    >>> type(step).__name__
    'DEMetropolisZ'
    """

    name = "DEMetropolisZ"
    options = {
        "S": (None, as_given), "proposal_dist": (None, as_given), "lamb": (None, number(0.0, ends=False)), "scaling": (0.001, as_given),
        "tune": ("scaling", one_of("scaling", "lambda", None)), "tune_interval": (100, whole_number(1)),
        "tune_drop_fraction": (0.9, number(0.0, 1.0)), "capacity": (None, whole_number(2)),
    }  # fmt: skip
    kind = DEMetropolisZSettings


class DEMetropolis(OfContinuous):
    """Random-walk Metropolis of a population of chains, whose steps are differences of others.

    It is a run's only step method, and its chains move each other: there are three at least, and better more than the model has
    elements. They move one after the other, given where the others are, so that their draws are from the posterior exactly. What is tuned
    is tuned from the proposals of all chains. To move some of the variables, see `DEMetropolisZ`; hundreds of chains at a time,
    on an accelerator too, ``pm.sample(method="demetropolis")``.

    Parameters
    ----------
    S
        Widths of the noise that is added, one or one for each element; 1 by default.
    proposal_dist
        Its distribution: `NormalProposal` by default, `UniformProposal`, `CauchyProposal` or `LaplaceProposal`.
    lamb
        What differences are multiplied by; ``2.38 / sqrt(2 d)`` by default.
    scaling
        What the noise's widths are multiplied by, 0.001 by default.
    tune
        What is tuned in warm-up: "scaling" by default, "lambda" or None.
    tune_interval
        Draws between changes of it, 100 by default.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", [1.0, 2.0])
    ...     idata = pm.sample(50, tune=50, chains=8, step=pm.DEMetropolis(), random_seed=1, quiet=True)
    >>> idata.posterior["x"].shape
    (8, 50, 2)
    """

    name = "DEMetropolis"
    of_population = True
    options = {k: v for k, v in DEMetropolisZ.options.items() if k not in ("tune_drop_fraction", "capacity")}
    kind = DEMetropolisSettings

    def step(self, names: tuple[str, ...]) -> list[Step]:
        # What does not fit the variables is an error now. Chains together have no kernel.
        self.arguments()
        return []

    def arguments(self) -> dict[str, Any]:
        """Return what the sampler's parameters are given, by name."""
        return DEMetropolisSettings(**self.settings).arguments(self.size(self.names))
