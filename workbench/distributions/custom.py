"""`CustomDist`: a distribution of one's own, by its density, or by how it is drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import REAL, Distribution, cast_real
from workbench.errors import LogProbError, ModelError, ShapeError
from workbench.graph.expr import Op, intern
from workbench.graph.types import TensorType
from workbench.tensor.tensor import Tensor, as_tensor


@dataclass(frozen=True)
class CallRandom(Op):
    """A draw by a NumPy function of one's own; inputs are a key, from which its generator starts, and parameters."""

    function: Callable[..., Any]
    size: tuple[int, ...]
    shape: tuple[int, ...]
    to: str
    name = "call_random"
    plain = True

    def infer(self, key: TensorType, *parameters: TensorType) -> TensorType:
        return TensorType(self.to, self.shape)

    def numpy(self, key: Any, *parameters: Any) -> Any:
        rng = np.random.default_rng(int(key))
        value = np.asarray(self.function(*map(np.asarray, parameters), rng=rng, size=self.size), dtype=self.to)
        try:
            return np.broadcast_to(value, self.shape)
        except ValueError:
            raise ShapeError(f"the function given as random= returned shape {value.shape}, not {self.shape}") from None

    def jax(self, key: Any, *parameters: Any) -> Any:
        import jax

        return jax.pure_callback(self.numpy, jax.ShapeDtypeStruct(self.shape, self.to), key, *parameters)


class _ByDensity(Distribution):
    """What custom distributions given by functions share; each has a class of its own."""

    support = REAL
    of_density: ClassVar[Callable[..., Any] | None] = None
    of_logcdf: ClassVar[Callable[..., Any] | None] = None
    of_random: ClassVar[Callable[..., Any] | None] = None
    of_support_point: ClassVar[Callable[..., Any] | None] = None

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> tuple[int, ...]:
        # The last axes of what has the most of them: a vector's distribution has a parameter of its length.
        widest = max(zip(cls.ranks, parameters), key=lambda pair: pair[0], default=(0, None))
        if cls.event_rank and (widest[1] is None or widest[0] < cls.event_rank):
            raise ShapeError("the shape of one draw is not known from the parameters", "give shape=, or ndims_params=")
        return tuple(widest[1].type.static_shape[-cls.event_rank :]) if cls.event_rank and widest[1] is not None else ()

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        if cls.of_density is None:
            raise LogProbError("this custom distribution has no density", "give logp=, or dist=")
        return as_tensor(cls.of_density(value, *parameters))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        if cls.of_logcdf is None:
            raise NotImplementedError("CustomDist.logcdf")
        return as_tensor(cls.of_logcdf(value, *parameters))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        if cls.of_random is None:
            raise ModelError("this custom distribution cannot be drawn", "give random=, a NumPy function, or dist=")
        size = shape[: len(shape) - cls.event_rank]
        return intern(CallRandom(cls.of_random, size, shape, cls.dtype), (key, *parameters))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        if cls.of_support_point is None:
            return pt.zeros((), cls.dtype)
        return as_tensor(cls.of_support_point(None, None, *parameters))


class CustomDist(Distribution):
    """A distribution of one's own: by its density, or as an expression of other random variables.

    Parameters
    ----------
    dist_params
        Its parameters.
    dist
        ``dist(*dist_params, size)`` returns a random expression, made of ``.dist()`` variables; its
        density is derived. Nothing else is needed then.
    logp, logcdf
        ``logp(value, *dist_params)`` returns the log-density of each draw.
    random
        ``random(*dist_params, rng=, size=)`` returns a draw, with NumPy: for predictive sampling.
    support_point
        ``support_point(rv, size, *dist_params)`` returns where sampling starts; 0 by default.
    ndim_supp, ndims_params, signature
        How many of the last axes are one draw together, and belong to each parameter: numbers, or as
        text: ``"(n),(n,n)->(n)"``.
    dtype
        Of the draws.

    Raises
    ------
    ModelError
        If both a way to draw and an expression are given.

    Examples
    --------
    >>> import workbench as pm
    >>> x = CustomDist.dist(2.0, dist=lambda mu, size: pt.exp(pm.Normal.dist(mu, 1.0, size=size)))
    >>> round(float(pm.logp(x, 1.0).eval()), 4)
    -2.9189
    >>> y = CustomDist.dist(2.0, logp=lambda value, rate: pt.log(rate) - rate * value)
    >>> round(float(pm.logp(y, 1.0).eval()), 4)
    -1.3069
    """

    @classmethod
    def dist(  # type: ignore[override]
        cls,
        *dist_params: Any,
        dist: Callable[..., Any] | None = None,
        random: Callable[..., Any] | None = None,
        logp: Callable[..., Any] | None = None,
        logcdf: Callable[..., Any] | None = None,
        support_point: Callable[..., Any] | None = None,
        moment: Callable[..., Any] | None = None,
        ndim_supp: int | None = None,
        ndims_params: Sequence[int] | None = None,
        signature: str | None = None,
        dtype: str = "floatX",
        shape: Any = None,
        size: Any = None,
        **options: Any,
    ) -> Tensor:
        if dist is not None:
            if random is not None or logp is not None:
                raise ModelError("CustomDist: give dist, or random and logp, not both", "the density of dist is derived")
            return _by_expression(dist, dist_params, shape, size)
        if options.get("class_name"):
            options.pop("class_name")
        if options:
            raise TypeError(f"CustomDist.dist() got unexpected arguments: {', '.join(options)}")
        ranks, event = _ranks(signature, ndim_supp, ndims_params, len(dist_params))
        kind = "float64" if dtype == "floatX" else np.dtype(dtype).name
        names = _names(logp, len(dist_params))
        fields = {
            "parameters": names, "ranks": ranks, "event_rank": event, "dtype": kind,
            "of_density": _kept(logp), "of_logcdf": _kept(logcdf), "of_random": _kept(random),
            "of_support_point": _kept(support_point or moment), "__doc__": CustomDist.__doc__,
        }  # fmt: skip
        if event and shape is not None:
            lengths = tuple(int(n) for n in shape)[-event:]
            fields["event_shape"] = classmethod(lambda made, *parameters: lengths)
        made: type[_ByDensity] = type("CustomDist", (_ByDensity,), fields)
        return made.variable([cast_real(p) for p in dist_params], shape, size)


DensityDist = CustomDist
"""The older name of `CustomDist`."""


def _kept(function: Callable[..., Any] | None) -> Any:
    # A function as it is would be taken for a method of the class.
    return None if function is None else staticmethod(function)


def _names(logp: Callable[..., Any] | None, count: int) -> tuple[str, ...]:
    """Names of the parameters, as the density calls them."""
    if logp is not None:
        try:
            found = [p.name for p in inspect.signature(logp).parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        except (TypeError, ValueError):
            found = []
        if len(found) == count + 1:
            return tuple(found[1:])
    return tuple(f"parameter {i + 1}" for i in range(count))


def _ranks(signature: str | None, event: int | None, ranks: Sequence[int] | None, count: int) -> tuple[tuple[int, ...], int]:
    """Axes of each parameter, and of one draw."""
    if signature is None:
        return tuple(ranks) if ranks is not None else (0,) * count, event or 0
    left, arrow, right = signature.replace(" ", "").partition("->")
    if not arrow:
        raise ModelError(f"CustomDist: the signature {signature!r} has no '->'", "write it as '(n),(n,n)->(n)'")
    parts = left.strip("()").split("),(") if left else []
    axes = tuple(p.count(",") + 1 if p else 0 for p in parts if not p.startswith("["))
    inside = right.strip("()")
    return axes, inside.count(",") + 1 if inside else 0


def _by_expression(dist: Callable[..., Any], given: Sequence[Any], shape: Any, size: Any) -> Tensor:
    """The random expression that `dist` makes, in the shape asked for."""
    from workbench.distributions.distribution import event_rank

    parameters = [as_tensor(p) for p in given]
    wanted = (shape,) if isinstance(shape, (int, np.integer)) or getattr(shape, "ndim", 1) == 0 else shape
    batch = size if wanted is None else tuple(wanted)
    made = as_tensor(dist(*parameters, size=batch) if _takes_size_by_name(dist) else dist(*parameters, batch))
    rank = event_rank(made)
    if wanted is not None and rank and made.ndim != len(tuple(wanted)):
        batch = tuple(wanted)[: len(tuple(wanted)) - rank]
        made = as_tensor(dist(*parameters, size=batch) if _takes_size_by_name(dist) else dist(*parameters, batch))
    if wanted is not None and made.ndim != len(tuple(wanted)):
        raise ShapeError(f"CustomDist: dist returned shape {made.type.shape}, not {tuple(wanted)}", "make its variables with size=size")
    return made


def _takes_size_by_name(dist: Callable[..., Any]) -> bool:
    try:
        return "size" in inspect.signature(dist).parameters
    except (TypeError, ValueError):
        return False
