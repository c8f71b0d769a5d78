"""Approximations of a posterior: distributions that can be drawn from, with moments, and a measure of how far they are off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.compile import choose_backend
from workbench.errors import ArgumentError, ModelError, SamplingError
from workbench.graph.traverse import replace
from workbench.inference.approximations.flat_draws import (
    constrained_draws,
    draws_as_inference_data,
    unconstrained_names,
)
from workbench.inference.approximations.linked_descent import DRAWS, batch_density, compiled_draws, own_key
from workbench.inference.approximations.pareto_k import ParetoK, smoothed_weights
from workbench.inference.checks import number, whole
from workbench.inference.each_draw import seed_word
from workbench.model.context import modelcontext
from workbench.model.interventions import with_own_data
from workbench.model.minibatch import through_minibatches
from workbench.model.model import Model
from workbench.model.points import unconstrained
from workbench.tensor.tensor import Tensor
from workbench.variational import Family, FlowFamily, FullRankFamily, LowRankFamily, MeanFieldFamily, Particles

Array = np.ndarray[Any, Any]
WEIGHED = 1000
"""Draws that k-hat is estimated from."""


class Approximation:
    """A distribution in the place of a posterior, over the flat vector of the model's unconstrained values.

    Attributes
    ----------
    model
        The model, with the data that it had.
    params
        The parameters: named data, whose values are those of now, while a fit goes on too.
    hist
        Losses of the steps that have been made, (steps,): less the evidence lower bound, if not said otherwise.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     approximation = pm.MeanField()
    >>> isinstance(approximation, pm.Approximation)
    True
    """

    def __init__(
        self, family: Family, model: Model | None = None, random_seed: Any = None, start: Mapping[Any, Any] | None = None,
        start_sigma: Mapping[Any, Any] | None = None, backend: str | None = None,
    ) -> None:  # fmt: skip
        m = modelcontext(model)
        if not isinstance(m, Model):
            raise ArgumentError(f"model must be a Model, got {m!r}")
        refuse_discrete(m)
        self.family = family
        self.model = with_own_data(m)
        if not self.model.flat_size:
            raise SamplingError("the model has no free variable with elements: there is nothing to approximate")
        self.backend = choose_backend(backend or m.backend)
        self.seed = seed_word(random_seed)
        self.hist: Array = np.empty(0)
        self._pareto_k: ParetoK | None = None
        self._given = start
        values = family.start(self._mean(start), self._widths(start_sigma), np.random.default_rng(self.seed))
        self.params: list[Tensor] = [pt.data(str(p.name), v) for p, v in zip(family.parameters(), values)]

    def _mean(self, start: Mapping[Any, Any] | None) -> Array:
        """Where to begin, (d,)."""
        if start is not None and not isinstance(start, Mapping):
            raise ArgumentError(f"start must be values by variable or name, got {start!r}")
        return np.asarray(self.model.flatten({**self.model.initial_point(), **unconstrained(self.model, start or {})}), np.float64)

    def _widths(self, start_sigma: Mapping[Any, Any] | None) -> Array | None:
        """Standard deviations to begin with, (d,): 0.1 where some are given and this one is not, as in PyMC."""
        if start_sigma is None:
            return None
        if not isinstance(start_sigma, Mapping):
            raise ArgumentError(f"start_sigma must be standard deviations by variable or name, got {start_sigma!r}")
        found = np.full(self.model.flat_size, 0.1)
        left = {str(getattr(k, "name", k)): v for k, v in start_sigma.items()}
        for rv, (at, shape) in zip(self.model.free_RVs, self.model.flat_slices.values()):
            for name in (str(rv.name), self.model.value_name(rv)):
                if name in left:
                    sd = np.asarray(left.pop(name), np.float64)
                    if not (np.isfinite(sd) & (sd > 0.0)).all():
                        raise SamplingError(f"start_sigma[{name!r}] must be positive, got {sd.tolist()}")
                    found[at] = np.broadcast_to(sd, shape).ravel()
        if left:
            raise ModelError(f"start_sigma: the model has no free variable {', '.join(map(repr, left))}", f"it has {', '.join(str(x.name) for x in self.model.free_RVs)}")
        return found

    # Parameters ----------------------------------------------------------------------------------

    @property
    def values(self) -> list[Array]:
        """Values of the parameters now."""
        return [p.op.value for p in self.params]

    def set_values(self, values: Sequence[Array]) -> None:
        """Replace the values of the parameters."""
        for p, v in zip(self.params, values):
            p.set_value(v)
        self._pareto_k = None

    @property
    def ndim(self) -> int:
        """Length of the flat vector."""
        return int(self.model.flat_size)

    @property
    def names(self) -> list[str]:
        """Names of the elements of the flat vector, in order: ``mu``, ``sigma_log__``, ``a[AITKIN]``."""
        return unconstrained_names(self.model)

    def _moments(self) -> tuple[Tensor, Tensor]:
        inputs = tuple(self.family.parameters())
        found = self.family.moments(inputs)
        if found is None:
            raise ModelError(f"{type(self).__name__} has no closed form for its moments", "take those of draws: approx.sample(1000)")
        mean, cov = replace([pt.as_tensor(x) for x in found], dict(zip(inputs, self.params)))
        return mean, cov

    @property
    def mean(self) -> Tensor:
        """The mean of the flat vector, (d,): ``approx.mean.eval()`` is its value now."""
        return self._moments()[0]

    @property
    def cov(self) -> Tensor:
        """The covariance of the flat vector, (d, d)."""
        return self._moments()[1]

    @property
    def std(self) -> Tensor:
        """The standard deviations of the flat vector, (d,)."""
        return pt.sqrt(pt.diagonal(self.cov))

    # Draws ---------------------------------------------------------------------------------------

    def flat_draws(self, draws: int, random_seed: Any = None) -> tuple[Array, Array]:
        """Return draws of the flat vector, (draws, d), and their log-densities under the approximation, (draws,)."""
        f = compiled_draws(self.backend, self.family)
        z, log_q = f(*self.values, own_key(seed_word(random_seed), DRAWS), np.zeros((draws, self.ndim)), np.zeros(draws))
        return np.array(z), np.array(log_q)

    def sample(self, draws: int = 500, *, random_seed: Any = None, return_inferencedata: bool = True, var_names: Sequence[str] | str | None = None) -> Any:
        """Draw from the approximation.

        Parameters
        ----------
        draws
            How many.
        random_seed
            The same seed gives the same draws.
        return_inferencedata
            Return ArviZ's InferenceData: one chain of independent draws; if not, arrays (draws, *shape) by name.
        var_names
            Variables to keep; all free variables and deterministics by default.

        Returns
        -------
        InferenceData or dict
        """
        z, _ = self.flat_draws(whole("draws", draws, 1), random_seed)
        names = [var_names] if isinstance(var_names, str) else var_names
        unknown = set(names or ()) - {str(x.name) for x in (*self.model.free_RVs, *self.model.deterministics)}
        if unknown:
            raise ModelError(f"var_names: the model has no variable {', '.join(map(repr, sorted(unknown)))}")
        if not return_inferencedata:
            found = constrained_draws(self.model, z, self.backend)
            return {k: v for k, v in found.items() if names is None or k in names}
        about = {"inference_method": type(self).__name__, "steps": len(self.hist), **({"khat": self._pareto_k.value} if self._pareto_k else {})}
        return draws_as_inference_data(self.model, z[None], self.backend, about=about, var_names=names)

    # How good it is ------------------------------------------------------------------------------

    @property
    def pareto_k(self) -> ParetoK:
        """k-hat of the importance weights of draws, what it says in words, and how many draws they are worth.

        Raises
        ------
        ModelError
            If the log-density is only known for minibatches, or the approximation has no density.
        """
        if self._pareto_k is None:
            weighed = through_minibatches(self.model)
            if weighed:
                raise ModelError(
                    f"{weighed[0].name}: its log-density is only estimated, by minibatches, and so are no importance weights",
                    "make the model of all data, and ask approx.judged_by(model)",
                )
            self._pareto_k = self.judged_by(self.model)
        return self._pareto_k

    def judged_by(self, model: Model, draws: int = WEIGHED) -> ParetoK:
        """Return k-hat against the posterior of another model with the same variables: that of all data, after minibatches."""
        if model is not self.model:
            model = with_own_data(model)
        if model.flat_size != self.ndim:
            raise ModelError(f"the model has {model.flat_size} unconstrained values, and the approximation {self.ndim}")
        z, log_q = self.flat_draws(draws, self.seed)
        density = batch_density(model, self.backend)
        lp = np.array([float(density(row, np.uint64(0))[0]) for row in z])
        return smoothed_weights(np.where(np.isnan(lp), -np.inf, lp) - log_q)[1]

    @property
    def khat(self) -> float:
        """k-hat: below 0.7 importance weights can mend the approximation, above it is not to be trusted."""
        return self.pareto_k.value

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.ndim} values, after {len(self.hist)} steps>"


def refuse_discrete(model: Model) -> None:
    """Raise an error, at the line of the variable, if a free variable is discrete.

    Raises
    ------
    ModelError
        If one is.
    """
    discrete = [rv for rv in model.free_RVs if rv.type.kind != "f"]
    if discrete:
        names = ", ".join(str(rv.name) for rv in discrete)
        made = discrete[0].provenance
        raise ModelError(
            f"{names}: a discrete free variable cannot be approximated, which is done by gradients",
            "sum it out, pm.marginalize(model, [name]), or draw with pm.sample, which moves discrete variables too",
            made.location if made else None,
        )


class MeanField(Approximation):
    """Independent normal distributions of the unconstrained values.

    Parameters
    ----------
    model
        The model; that of the surrounding block by default.
    random_seed
        Of which all follows that is random.
    start
        Means at first: values by variable or its name, or unconstrained by value name; the initial point by default.
    start_sigma
        Standard deviations of the unconstrained values at first, by variable or name; 0.69 by default.
    backend
        Where to compute; the model's by default.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     approximation = pm.MeanField()
    >>> type(approximation).__name__
    'MeanField'
    """

    def __init__(self, *, model: Model | None = None, random_seed: Any = None, start: Any = None, start_sigma: Any = None, backend: str | None = None) -> None:
        super().__init__(MeanFieldFamily(), model, random_seed, start, start_sigma, backend)


class FullRank(Approximation):
    """A normal distribution of the unconstrained values, with any covariance; options are those of :class:`MeanField`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     approximation = pm.FullRank()
    >>> type(approximation).__name__
    'FullRank'
    """

    def __init__(self, *, model: Model | None = None, random_seed: Any = None, start: Any = None, start_sigma: Any = None, backend: str | None = None) -> None:
        super().__init__(FullRankFamily(), model, random_seed, start, start_sigma, backend)


class LowRank(Approximation):
    """A normal distribution with a diagonal covariance plus that of `rank` directions; other options are those of :class:`MeanField`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     approximation = pm.LowRank()
    >>> type(approximation).__name__
    'LowRank'
    """

    def __init__(
        self, rank: int = 5, *, model: Model | None = None, random_seed: Any = None, start: Any = None, start_sigma: Any = None, backend: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(LowRankFamily(whole("rank", rank, 1)), model, random_seed, start, start_sigma, backend)


class NormalizingFlow(Approximation):
    """Normal noise bent by the layers of a flow; other options are those of :class:`MeanField`.

    Parameters
    ----------
    flow
        A formula of `loc`, `scale`, `hh` (Householder), `planar`, `radial` and `coupling`, the first one next to the noise.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", shape=2)
    ...     flow = pm.NormalizingFlow("planar*2-scale-loc")
    >>> type(flow).__name__
    'NormalizingFlow'
    """

    def __init__(
        self, flow: str = "coupling*4-scale-loc", *, model: Model | None = None, random_seed: Any = None, start: Any = None, start_sigma: Any = None,
        backend: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(FlowFamily(flow), model, random_seed, start, start_sigma, backend)


class Empirical(Approximation):
    """Particles, each as probable as any other: those of a trace, or of noise around the start.

    Parameters
    ----------
    trace
        InferenceData, whose posterior draws are the particles.
    size
        How many particles there are of noise.
    jitter
        Its standard deviation.
    model, random_seed, start, backend
        As for :class:`MeanField`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     particles = pm.Empirical(size=10, random_seed=1)
    >>> particles.sample(5, random_seed=1).posterior["x"].shape
    (1, 5)
    """

    def __init__(
        self, trace: Any = None, size: int = 100, *, jitter: float = 1.0, model: Model | None = None, random_seed: Any = None, start: Any = None,
        backend: str | None = None,
    ) -> None:  # fmt: skip
        family = Particles(whole("n_particles", size, 1), number(0.0)("jitter", jitter))
        super().__init__(family, model, random_seed, start, None, backend)
        if trace is not None:
            self.params = [pt.data("particles", self._particles(trace))]

    @classmethod
    def from_noise(cls, size: int, *, jitter: float = 0.01, **options: Any) -> Empirical:
        """Return particles around the start."""
        return cls(size=size, jitter=jitter, **options)

    def _particles(self, trace: Any) -> Array:
        posterior = getattr(trace, "posterior", None)
        if posterior is None:
            raise ArgumentError(f"trace must be InferenceData with a posterior, got {type(trace).__name__}")
        missing = [str(rv.name) for rv in self.model.free_RVs if str(rv.name) not in posterior]
        if missing:
            raise ModelError(f"the trace has no draws of {', '.join(missing)}")
        values = {str(rv.name): np.asarray(posterior[str(rv.name)].stack(sample=("chain", "draw")).transpose("sample", ...)) for rv in self.model.free_RVs}
        count = len(next(iter(values.values())))
        return np.stack([self.model.flatten(unconstrained(self.model, {k: v[i] for k, v in values.items()})) for i in range(count)])

    def flat_draws(self, draws: int, random_seed: Any = None) -> tuple[Array, Array]:
        (particles,) = self.values
        rng = np.random.default_rng(int(own_key(seed_word(random_seed), DRAWS)))
        return particles[rng.integers(len(particles), size=draws)], np.full(draws, -np.log(len(particles)))

    @property
    def pareto_k(self) -> ParetoK:
        raise ModelError("particles have no density: there are no importance weights to judge them by", "look at the loss, the Stein discrepancy, in approx.hist")


def sample_approx(approx: Approximation, draws: int = 100, include_transformed: bool = False, **options: Any) -> Any:
    """Draw from an approximation: ``approx.sample(draws)``, under PyMC's older name.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     approximation = pm.MeanField()
    >>> pm.sample_approx(approximation, draws=5, random_seed=1).posterior["x"].shape
    (1, 5)
    """
    if include_transformed:
        raise ArgumentError("sample_approx has no option include_transformed=True", "approx.flat_draws(draws) has the unconstrained draws")
    return approx.sample(draws, **options)
