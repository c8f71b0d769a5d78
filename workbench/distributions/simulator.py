"""`Simulator`: data by a program instead of a density, for approximate Bayesian computation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.custom import as_lengths, ranks_of, whole_axes
from workbench.distributions.distances import DISTANCES, STATISTICS, as_graph, failed, statistic
from workbench.distributions.distances import distance as distance_of
from workbench.distributions.distribution import REAL, Distribution, cast_real
from workbench.distributions.draws import draw_rules
from workbench.errors import Location, ModelError, SamplingError, ShapeError, user_location
from workbench.graph.expr import Input, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.rewrite import Pass
from workbench.graph.traverse import replace
from workbench.graph.types import Shape, TensorType
from workbench.tensor.keys import keys_below
from workbench.tensor.tensor import Tensor, as_tensor

EPSILON = "epsilon"


class NoGenerator:
    """In the place of NumPy's generator where a simulator is tried with tensors: one that uses it is called with arrays."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"tensors are drawn by pm.Normal.dist(...) and others, not by rng.{name}")


@frozen
class Simulate(Op):
    """A call of a simulator in NumPy; inputs are a key, from which its generator starts, and parameters."""

    function: Callable[..., Any]
    size: tuple[int, ...]
    shape: tuple[int, ...]
    to: str
    location: Location | None
    name = "simulate"
    plain = True

    @property
    def what(self) -> str:
        return f"the simulator {getattr(self.function, '__name__', repr(self.function))}"

    def infer(self, key: TensorType, *parameters: TensorType) -> TensorType:
        return TensorType(self.to, self.shape)

    def numpy(self, key: Any, *parameters: Any) -> Any:
        given = [np.array(p) for p in parameters]
        try:
            value = np.asarray(self.function(np.random.default_rng(int(key)), *given, size=self.size))
        except Exception as error:
            raise failed(f"{self.what}, called with {self._values(given)},", error, self.location) from error
        if value.dtype.kind not in "bifu":
            raise SamplingError(f"{self.what} returned no numbers, but {value!r}", location=self.location)
        if value.shape != self.shape:
            raise ShapeError(
                f"{self.what} returned shape {value.shape}, and the variable has shape {self.shape}",
                "it is called with size=, the shape of what it is to return; give shape=, or ndim_supp=, if one draw has axes of its own", self.location,
            )  # fmt: skip
        if value.dtype.kind == "f" and np.isnan(value).any():
            raise SamplingError(
                f"{self.what} returned NaN, called with {self._values(given)}",
                "where it can compute nothing let it return np.inf: the distance from that is infinite, and no such particle is kept", self.location,
            )  # fmt: skip
        return value.astype(self.to)

    def _values(self, given: Sequence[Any]) -> str:
        return ", ".join(np.array2string(p, precision=6, threshold=6) for p in given) or "no parameters"

    def jax(self, key: Any, *parameters: Any) -> Any:
        import jax

        return jax.pure_callback(self.numpy, jax.ShapeDtypeStruct(self.shape, self.to), key, *parameters)


class _Simulated(Distribution):
    """What simulators share; each has a class of its own."""

    support = REAL
    simulated = True
    repeated = None
    function: ClassVar[Callable[..., Any]]
    own: ClassVar[int] = 0
    """How many parameters the simulator gets; one more is epsilon."""
    said: ClassVar[Any] = None
    """Its distance, its statistic, and the line where it was made."""

    @classmethod
    def simulate(cls, key: Tensor, shape: Shape, parameters: Sequence[Tensor]) -> Tensor:
        """Return data of a shape that a key makes: as a graph, if the simulator makes one of tensors, else by a call of it."""
        location = cls.said[2]
        if not all(isinstance(n, int) for n in shape):
            raise ModelError("a simulator makes data of known lengths", location=location)
        whole: tuple[Any, ...] = tuple(shape)
        size = whole[: len(shape) - cls.event_rank]
        given = list(parameters[: cls.own])
        # Parameters are random in a model: what the simulator draws itself is told from them.
        inputs: list[Tensor] = [intern(Input(f"parameter {i + 1}", p.type)) for i, p in enumerate(given)]
        made = as_graph(lambda *values: cls.function(NoGenerator(), *values, size=size), *inputs)
        if made is None:
            return intern(Simulate(cls.function, size, whole, cls.dtype, location), (key, *given))
        if made.type.shape != whole:
            raise ShapeError(
                f"the simulator {cls.function.__name__} makes tensors of shape {made.type.shape}, and the variable has shape {whole}",
                "make its variables with size=size", location,
            )  # fmt: skip
        keys: dict[Any, Any] = {k: pt.random.fold_in(key, i) for i, k in enumerate(keys_below([made]))}
        (written,), _ = Pass("draw", draw_rules).run(replace([made], keys), record=False)
        return replace([pt.cast(as_tensor(written), cls.dtype)], dict[Any, Any](zip(inputs, given)))[0]  # type: ignore[no-any-return]

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return cls.simulate(key, shape, parameters)

    @classmethod
    def density_rank(cls, x: Tensor) -> int:
        return x.ndim

    @classmethod
    def density_of(cls, x: Tensor, value: Tensor) -> Tensor:
        key, *parameters = x.inputs
        far, summary, location = cls.said
        observed, simulated = (pt.cast(v, "float64") for v in (value, cls.simulate(key, value.type.shape, parameters)))
        return distance_of(far, parameters[-1], statistic(summary, observed, location), statistic(summary, simulated, location), location)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        raise ModelError("a simulator has no point to start from: observe it", location=cls.said[2])


class Simulator(Distribution):
    """A program that makes data, for approximate Bayesian computation (ABC) by :func:`workbench.sample_smc`.

    In the place of a likelihood stands a distance of simulated data from those that were observed, computed anew, from new data, for
    each value of the parameters that is looked at. What is sampled is the posterior given data that a program would make, and a
    kernel of width `epsilon` about their summary statistics: for ``distance="gaussian"`` as if normal noise of that standard
    deviation were added to each of them.

    Parameters
    ----------
    fn
        ``fn(rng, *params, size)`` returns data of shape `size`. With arrays and NumPy's generator it is called back from compiled code, once
        for each value that is looked at. Written with tensors and random variables of this package
        (``pm.Normal.dist(mu, sigma, size=size)``), it is compiled with the rest, and much faster: it is tried with tensors when the
        model is derived, and if it then returns one, that is it. It then must not use `rng`.
    unnamed_params, params
        Its parameters, one by one or as a sequence.
    distance
        "gaussian", ``-((o - s) / epsilon)**2 / 2``; "laplace", ``-abs(o - s) / epsilon``; "kullback_leibler", of the distributions that both
        are samples from; or ``distance(epsilon, observed, simulated)``, of tensors or of arrays. Terms are added up.
        "gaussian" with ``sum_stat="sort"`` is the 2-Wasserstein distance of samples, "laplace" the 1-Wasserstein distance.
    sum_stat
        "identity", "sort", "mean" or "median", or a function of the data, of tensors or of arrays.
    epsilon
        Width of the distance: a number, or one for each statistic. The smaller, the nearer to the posterior, and the fewer particles
        are accepted.
    signature, ndim_supp, ndims_params
        How many of the last axes are one draw together, and belong to each parameter, as for :class:`workbench.CustomDist`.
    dtype
        Of the data.

    Raises
    ------
    ModelError
        If there is no such distance or statistic, epsilon is not positive, or parameters are given twice.

    Examples
    --------
    >>> import workbench as pm
    >>> def simulate(rng, mu, size):
    ...     return rng.normal(mu, 1.0, size=size)
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Simulator("y", simulate, mu, epsilon=0.5, observed=[1.0, 2.0])
    >>> pm.draw(y, random_seed=1).shape
    (2,)
    """

    chained = False

    @classmethod
    def dist(  # type: ignore[override]
        cls,
        fn: Callable[..., Any],
        *unnamed_params: Any,
        params: Sequence[Any] | None = None,
        distance: Any = "gaussian",
        sum_stat: Any = "identity",
        epsilon: Any = 1.0,
        signature: str | None = None,
        ndim_supp: int | None = None,
        ndims_params: Sequence[int] | None = None,
        dtype: str = "floatX",
        class_name: str = "Simulator",
        shape: Any = None,
        size: Any = None,
    ) -> Tensor:
        if not callable(fn):
            raise ModelError(f"Simulator: the first argument is the function that simulates, not {fn!r}", "Simulator(name, fn, *params)", argument="fn")
        if params is not None and unnamed_params:
            raise ModelError("Simulator: parameters are given one by one, and as params=", "give them once", argument="params")
        given = [cast_real(p) for p in (unnamed_params if params is None else params)]
        width = cast_real(epsilon)
        for known, option, names in ((distance, "distance", DISTANCES), (sum_stat, "sum_stat", STATISTICS)):
            if not callable(known) and not (isinstance(known, str) and known in names):
                raise ModelError(f"Simulator: there is no {option} {known!r}", f"it is one of {', '.join(map(repr, names))}, or a function", argument=option)
        if distance == "kullback_leibler":
            sum_stat = "identity"
        ranks, event = ranks_of(signature, ndim_supp, ndims_params, len(given))
        if signature is None and ndims_params is None:
            ranks = whole_axes(given, size if shape is None else shape)
        fields: dict[str, Any] = {
            "function": staticmethod(fn), "own": len(given), "said": (distance, sum_stat, user_location()), "event_rank": event,
            "parameters": (*(f"parameter {i + 1}" for i in range(len(given))), EPSILON), "ranks": (*ranks, width.ndim),
            "domains": {EPSILON: positive}, "dtype": "float64" if dtype == "floatX" else np.dtype(dtype).name, "__doc__": Simulator.__doc__,
        }  # fmt: skip
        one = as_lengths(shape)[-event:] if event and shape is not None else ()
        if event and not one:
            raise ShapeError("Simulator: the shape of one draw is not known", "give shape=, or observe it")
        fields["event_shape"] = classmethod(lambda made, *parameters: one)
        made: type[_Simulated] = type(class_name, (_Simulated,), fields)
        return made.variable([*given, width], shape, size)
