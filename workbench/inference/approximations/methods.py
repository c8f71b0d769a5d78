"""Methods that fit an approximation, as PyMC's classes: each is made of a model, and has `fit`, `refine`, `approx` and `hist`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from workbench.errors import ArgumentError, ModelError, WorkbenchError, closest, warn_user
from workbench.inference import options
from workbench.inference.approximations import fit_run
from workbench.inference.approximations.approximation import (
    Approximation,
    Empirical,
    FullRank,
    LowRank,
    MeanField,
    NormalizingFlow,
)
from workbench.inference.approximations.fit_run import Descends, FitRun
from workbench.inference.approximations.linked_descent import (
    NewtonDescent,
    StochasticDescent,
    noise_that_stays,
    own_key,
    settings_of,
)
from workbench.inference.checks import number, whole
from workbench.inference.convergence import ConvergenceWarning
from workbench.inference.log import tell
from workbench.model.minibatch import refuse_minibatches, through_minibatches
from workbench.model.model import Model
from workbench.variational import AmortisedStein, Elbo, Objective, Optimizer, Particles, Schedule, Stein, adagrad_window

Array = np.ndarray[Any, Any]
STEPS = 2**63 + 3
"""Counter of the key of the steps."""
NOT_THERE = {
    "score": (None, True, False), "tf_n_mc": (None,), "test_optimizer": (None,), "more_obj_params": (None,), "more_tf_params": (None,), "more_updates": (None,),
    "more_replacements": (None,), "fn_kwargs": (None,), "progressbar_theme": (None,),
}  # fmt: skip
"""PyMC's options that are not there, and values of them that mean nothing."""


class Inference:
    """A method: an approximation, and what makes it better.

    Attributes
    ----------
    approx
        The approximation.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    >>> issubclass(pm.ADVI, pm.Inference)
    True
    """

    steps: ClassVar[int] = 10_000
    objective: Objective

    def __init__(self, approx: Approximation) -> None:
        self.approx = approx
        self._descent: Any = None
        self._last: dict[str, Any] = {}

    @property
    def hist(self) -> Array:
        """Losses of the steps so far."""
        return self.approx.hist

    def given(self) -> list[Any]:
        """Return the objective's settings and rooms."""
        return []

    def descent(self, obj_optimizer: Optimizer, obj_n_mc: int, longest: float) -> Descends:
        """Return what makes the steps, from the parameters of now."""
        a = self.approx
        return StochasticDescent(
            a.model, self.objective, obj_optimizer, a.backend, int(own_key(a.seed, STEPS)), a.values, obj_n_mc, longest, self.given(), len(a.hist),
        )  # fmt: skip

    def fit(
        self,
        n: int | None = None,
        score: Any = None,
        callbacks: Sequence[Callable[..., Any]] | None = None,
        progressbar: bool | str = True,
        *,
        obj_n_mc: int = 1,
        obj_optimizer: Any = None,
        total_grad_norm_constraint: float | None = None,
        compute_convergence_checks: bool = True,
        quiet: bool = False,
        blocking: bool = True,
        **others: Any,
    ) -> Any:
        """Make steps; see :func:`workbench.fit` for the options."""
        answer({**others, "score": score})
        steps = whole("n", type(self).steps if n is None else n, 1)
        optimizer = optimizer_of(obj_optimizer)
        longest = np.inf if total_grad_norm_constraint is None else number(0.0, ends=False)("total_grad_norm_constraint", total_grad_norm_constraint)
        called = list(callbacks or [])
        for c in called:
            if not callable(c):
                raise ArgumentError(f"callbacks must be functions of the approximation, the losses and the step, got {c!r}", argument="callbacks")
        self._last = {"obj_n_mc": obj_n_mc, "obj_optimizer": obj_optimizer, "total_grad_norm_constraint": total_grad_norm_constraint}
        self._descent = self.descent(optimizer, whole("obj_n_mc", obj_n_mc, 1), longest)
        return self._carried_out(steps, called, progressbar, compute_convergence_checks, quiet, blocking)

    def refine(self, n: int, progressbar: bool | str = True, **others: Any) -> Any:
        """Make further steps, with what the optimizer has learned of the last ones.

        Raises
        ------
        ModelError
            If there were none.
        """
        if self._descent is None:
            raise ModelError("there is no fit to go on with", "call fit first")
        return self._carried_out(whole("n", n, 1), list(others.pop("callbacks", None) or []), progressbar, **{"checks": True, "quiet": False, "blocking": True, **others})

    def _carried_out(self, steps: int, callbacks: list[Any], progressbar: bool | str, checks: bool, quiet: bool, blocking: bool) -> Any:
        for x in through_minibatches(self.approx.model):
            if x in self.approx.model.rvs_to_values and x not in self.approx.model.rvs_to_scalings and not quiet:
                warn_user(f"{x.name}: its data are a minibatch, and count as all there are: give total_size=, the number of all rows")
        shown = options.shows_progress(progressbar) and not quiet
        run = FitRun(self.approx, self._descent, steps, callbacks)
        watched = bool(fit_run.on_start) and shown
        if not blocking:
            return run.start(watched)
        made(run, watched, in_terminal=shown and not watched and sys.stderr.isatty())
        if checks and not quiet and len(run.loss_history):
            self.judge(run)
        return self.approx

    def judge(self, run: FitRun) -> None:
        """Say in a sentence how the fit ended, and whether to trust it; warn if not."""
        ended = run.message or f"{run.state} after {run.steps} of {run.steps_requested} steps"
        losses = run.loss_history[-max(1, min(run.steps, 1000) // 2) :]
        said = f"{ended}: loss {losses.mean():.5g}"
        if through_minibatches(self.approx.model):
            tell(f"{said}; with minibatches there is no k-hat: approx.judged_by(model) tells it for a model of all data")
            return
        try:
            judged = self.approx.pareto_k
        except (WorkbenchError, KeyboardInterrupt) as error:
            tell(f"{said}; {getattr(error, 'message', 'the check was interrupted')}")
            return
        if judged.good:
            tell(f"{said}; {judged.words}")
        else:
            warn_user(f"{said}; {judged.words}", ConvergenceWarning)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.approx!r}>"


def made(run: FitRun, watched: bool, in_terminal: bool) -> None:
    """Start a fit and wait for its end, wherever an interrupt comes."""
    try:
        run.start(watched)
        try:
            while in_terminal and not run.wait(0.2):
                now = run.progress()
                loss = "" if now["loss"] is None else f", loss {now['loss']:.5g}"
                sys.stderr.write(f"\r{now['state']}: {now['step']}/{now['total']} steps{loss}   ")
                sys.stderr.flush()
        finally:
            if in_terminal:
                sys.stderr.write("\r" + " " * 70 + "\r")
        run.wait()
    except KeyboardInterrupt:
        run.stop()
        run.wait()


def answer(others: Mapping[str, Any]) -> None:
    """Refuse options that there are none of."""
    for name, value in others.items():
        if name not in NOT_THERE:
            near = closest(name, list(Inference.fit.__kwdefaults__ or ()))
            raise ArgumentError(f"fit has no option {name!r}", f"did you mean {near!r}?" if near else "", argument=name)
        if not any(value is x for x in NOT_THERE[name]) and value not in ({}, []):
            raise ArgumentError(f"fit has no option {name}={value!r}", "leave it out", argument=name)


def optimizer_of(given: Any) -> Optimizer:
    """Return an optimizer: PyMC's default, one that is given, or what a function of it makes: ``pm.adam``."""
    if given is None:
        return adagrad_window()
    if callable(given) and not isinstance(given, Optimizer):
        given = given()
    if not isinstance(given, Optimizer):
        raise ArgumentError(f"obj_optimizer must be an optimizer such as pm.adam(learning_rate=0.01), got {given!r}", argument="obj_optimizer")
    if own := [k for k, how in given.changing.items() if not isinstance(how, Schedule)]:
        raise ArgumentError(
            f"fit takes numbers and schedules for the {own[0]} of {given.name}, not expressions or functions", "a schedule, as pm.cosine_decay_schedule(0.01, 1000), or updates of your own: pm.function(..., updates=)",
            argument="obj_optimizer",
        )  # fmt: skip
    return given


class KLqp(Inference):
    """Makes the evidence lower bound of an approximation large: reverse Kullback-Leibler divergence.

    Parameters
    ----------
    approx
        The approximation: `MeanField`, `FullRank`, `LowRank` or `NormalizingFlow`.
    sticking_the_landing
        Whether gradients are those along the path of the draw alone, without the entropy's closed form: their variance vanishes
        where the approximation is the posterior, and is smaller near the optimum of all models that were tried. By default, but for
        flows, whose score has no closed form.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     inference = pm.KLqp(pm.MeanField())
    >>> type(inference).__name__
    'KLqp'
    """

    def __init__(self, approx: Approximation, sticking_the_landing: bool | None = None) -> None:
        super().__init__(approx)
        if isinstance(approx, Empirical):
            raise ArgumentError("particles have no entropy: pm.SVGD moves them")
        sticks = not isinstance(approx, NormalizingFlow) if sticking_the_landing is None else bool(sticking_the_landing)
        if sticks and isinstance(approx, NormalizingFlow):
            raise ArgumentError("sticking_the_landing is for normal approximations: a flow's score has no closed form", argument="sticking_the_landing")
        self.objective = Elbo(approx.family, sticks)


class ADVI(KLqp):
    """Automatic differentiation variational inference with independent normal distributions.

    Options are those of :class:`MeanField`, and `sticking_the_landing` of :class:`KLqp`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 3.0, 1.0)
    ...     advi = pm.ADVI(random_seed=1, backend="numpy")
    ...     approx = advi.fit(50, obj_optimizer=pm.adam(learning_rate=0.2), quiet=True)
    >>> approx.hist.shape, bool(approx.mean.eval()[0] > 2.0)
    ((50,), True)
    """

    def __init__(self, *, sticking_the_landing: bool | None = None, **options: Any) -> None:
        super().__init__(MeanField(**options), sticking_the_landing)


class FullRankADVI(KLqp):
    """ADVI with a normal distribution of any covariance; options are those of :class:`ADVI`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     inference = pm.FullRankADVI()
    >>> type(inference).__name__
    'FullRankADVI'
    """

    def __init__(self, *, sticking_the_landing: bool | None = None, **options: Any) -> None:
        super().__init__(FullRank(**options), sticking_the_landing)


class LowRankADVI(KLqp):
    """ADVI with a normal distribution whose covariance is diagonal plus that of `rank` directions; other options are those of :class:`ADVI`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     inference = pm.LowRankADVI()
    >>> type(inference).__name__
    'LowRankADVI'
    """

    def __init__(self, rank: int = 5, *, sticking_the_landing: bool | None = None, **options: Any) -> None:
        super().__init__(LowRank(rank, **options), sticking_the_landing)


class NFVI(KLqp):
    """Variational inference with a normalising flow; options are those of :class:`NormalizingFlow`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     inference = pm.NFVI()
    >>> type(inference).__name__
    'NFVI'
    """

    def __init__(self, flow: str = "coupling*4-scale-loc", **options: Any) -> None:
        super().__init__(NormalizingFlow(flow, **options))


class DADVI(Inference):
    """Deterministic ADVI: independent normal distributions, by Newton's method over draws that stay the same.

    There is no step size to choose, and an end that is known to be one. It needs second derivatives, and all data.

    Parameters
    ----------
    n_draws
        How many draws stay: more, the nearer to the best mean-field approximation; it is exact for normal posteriors of up to half
        as many parameters.
    tolerance
        Largest element of the gradient at the end, in units of standard deviations.
    options
        Those of :class:`MeanField`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     inference = pm.DADVI()
    >>> type(inference).__name__
    'DADVI'
    """

    steps = 200

    def __init__(self, n_draws: int = 30, *, tolerance: float = 1e-8, **options: Any) -> None:
        super().__init__(MeanField(**options))
        self.n_draws, self.tolerance = whole("n_draws", n_draws, 2), number(0.0, ends=False)("tolerance", tolerance)
        refuse_minibatches(self.approx.model, "deterministic ADVI")

    def descent(self, obj_optimizer: Optimizer, obj_n_mc: int, longest: float) -> Descends:
        a = self.approx
        return NewtonDescent(a.model, a.backend, self.noise, a.values, self.tolerance)

    @property
    def noise(self) -> Array:
        """The draws that stay, (n_draws, d): pairs of opposite sign."""
        return noise_that_stays(self.approx.seed, -(-self.n_draws // 2), self.approx.ndim)

    def judge(self, run: FitRun) -> None:
        if not run.message and run.state == "done":
            run.message = f"not converged after {run.steps} steps, the gradient is {self._descent.gradient:.1e}"
        super().judge(run)


class SVGD(Inference):
    """Stein variational gradient descent: particles that are moved together. The loss is their Stein discrepancy.

    Parameters
    ----------
    n_particles
        How many.
    jitter
        Standard deviation of their start.
    temperature
        What the log-density is divided by.
    estimator
        Taken so that code written for PyMC runs.
    model, random_seed, start, backend
        As for :class:`MeanField`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     inference = pm.SVGD()
    >>> type(inference).__name__
    'SVGD'
    """

    def __init__(self, n_particles: int = 100, jitter: float = 1.0, *, temperature: float = 1.0, **options: Any) -> None:
        super().__init__(Empirical(size=n_particles, jitter=jitter, **options))
        assert isinstance(self.approx.family, Particles)
        self.objective = Stein(self.approx.family)
        self.temperature = number(0.0, ends=False)("temperature", temperature)

    def given(self) -> list[Any]:
        return settings_of(self.objective, {"temperature": self.temperature})


class ASVGD(Inference):
    """Amortised Stein variational gradient descent: an approximation whose draws are moved as particles are.

    Parameters
    ----------
    approx
        The approximation; full rank by default.
    n_particles
        How many draws each step moves.
    temperature
        What the log-density is divided by.
    options
        Those of :class:`FullRank`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     inference = pm.ASVGD()
    >>> type(inference).__name__
    'ASVGD'
    """

    def __init__(self, approx: Approximation | None = None, n_particles: int = 100, *, temperature: float = 1.0, **options: Any) -> None:
        super().__init__(FullRank(**options) if approx is None else approx)
        if isinstance(self.approx, Empirical):
            raise ArgumentError("particles are moved by pm.SVGD; ASVGD takes a distribution that they are drawn from")
        self.objective = AmortisedStein(self.approx.family)
        self.n_particles = whole("n_particles", n_particles, 2)
        self.temperature = number(0.0, ends=False)("temperature", temperature)

    def given(self) -> list[Any]:
        return [*settings_of(self.objective, {"temperature": self.temperature}), np.zeros((self.n_particles, self.approx.ndim))]

    def descent(self, obj_optimizer: Optimizer, obj_n_mc: int, longest: float) -> Descends:
        return super().descent(obj_optimizer, self.n_particles, longest)


METHODS: dict[str, Any] = {
    "advi": ADVI, "fullrank_advi": FullRankADVI, "lowrank_advi": LowRankADVI, "svgd": SVGD, "asvgd": ASVGD, "nfvi": NFVI, "dadvi": DADVI,
}  # fmt: skip


def method_named(method: Any, model: Model | None, options: Mapping[str, Any]) -> Inference:
    """Return a method by its name, with `nfvi=...` for a flow's formula; its class; or one that is made already."""
    if isinstance(method, Inference):
        if model is not None or options:
            raise ArgumentError("a method that is made already has its model and options", "give them where it is made")
        return method
    if isinstance(method, type) and issubclass(method, Inference):
        made: Callable[..., Inference] = method
        return made(model=model, **options)
    name, _, formula = str(method).lower().replace("-", "_" if "=" not in str(method) else "-").partition("=")
    if not isinstance(method, str) or name not in METHODS or (formula and name != "nfvi"):
        near = closest(name, METHODS) if isinstance(method, str) else None
        raise ArgumentError(f"there is no method {method!r}", f"did you mean {near!r}?" if near else f"there are {', '.join(METHODS)}", argument="method")
    try:
        return METHODS[name](model=model, **({"flow": formula} if formula else {}), **options)
    except TypeError as error:
        if isinstance(error, WorkbenchError):
            raise
        raise ArgumentError(f"{name}: {str(error).partition('() ')[2] or error}", argument="inf_kwargs") from None
