"""`CustomDist`: a distribution of one's own, by its density, or by how it is drawn."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.batch_shapes import fits
from workbench.distributions.distribution import LENGTHS, REAL, Distribution, Draw, as_wide, cast_real, event_rank
from workbench.distributions.support_points import support_point
from workbench.errors import LogProbError, ModelError, ShapeError
from workbench.graph.expr import Input, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.lengths import differ
from workbench.graph.traverse import replace
from workbench.graph.types import Shape, TensorType
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.keys import keys_below
from workbench.tensor.shape import extents
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
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


QUESTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}
"""How "logp" and "logcdf" of a random expression are asked for; put here by the layer that derives them."""


class _ByDensity(Distribution):
    """What custom distributions given by functions share; each has a class of its own.

    A log-density of one's own may be a number for each draw, or a sum: over the last axes, as for the rows of a
    table, or over all. Axes that it sums are those of one draw to what counts with the density
    (:meth:`density_rank`), though the draws themselves may be numbers (`event_rank`).
    """

    support = REAL
    of_density: ClassVar[Callable[..., Any] | None] = None
    of_logcdf: ClassVar[Callable[..., Any] | None] = None
    of_random: ClassVar[Callable[..., Any] | None] = None
    of_dist: ClassVar[Callable[..., Any] | None] = None
    of_support_point: ClassVar[Callable[..., Any] | None] = None
    counted: ClassVar[tuple[int, ...] | None] = None
    """How many of the last axes of each parameter are its own, where functions get them beside the draws' axes."""
    own: ClassVar[int] = 0
    """How many parameters functions get: one more may carry lengths that are known only at the call."""

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        # The last axes of what has the most of them: a vector's distribution has a parameter of its length.
        widest = max(zip(cls.ranks, parameters), key=lambda pair: pair[0], default=(0, None))
        if cls.event_rank and (widest[1] is None or widest[0] < cls.event_rank):
            raise ShapeError("the shape of one draw is not known from the parameters", "give shape=, or ndims_params=")
        return tuple(widest[1].type.shape[-cls.event_rank :]) if cls.event_rank and widest[1] is not None else ()

    @classmethod
    def density_of(cls, x: Tensor, value: Tensor) -> Tensor:
        found = cls._density(x, value)
        expected = max(x.ndim, value.ndim) - cls.density_rank(x)
        if found.ndim != expected:
            raise ShapeError(
                f"the logp of {cls.__name__} sums over values of shape {value.type.shape}, but the variable has shape {x.type.shape}",
                f"give it that shape: CustomDist.dist(..., shape={value.type.shape})",
            )
        return found

    @classmethod
    def density_rank(cls, x: Tensor) -> int:
        if cls.of_density is None and cls.of_dist is None:
            return cls.event_rank
        return x.ndim - cls._density(x, intern(Input(None, x.type))).ndim

    @classmethod
    def _density(cls, x: Tensor, value: Tensor) -> Tensor:
        """The log-density along the first axes of the draws: as many of them as the user's function leaves."""
        parameters = x.inputs[1:]
        found = cls._own("logp", cls.of_density, value, cls._beside(x.ndim, parameters))
        full = cls._full(value, parameters)
        if not _is_start(found.type.shape, full):
            # Of parameters, which have the axes of draws, or kept where others were summed.
            found = pt.squeeze(found, tuple(i for i, n in enumerate(found.type.shape) if n == 1))
        if _is_start(found.type.shape, full):
            found = pt.sum(found, axis=tuple(range(len(full) - cls.event_rank, found.ndim)))
        else:
            # No axes of the draws: a sum over others, or over the first, or of terms of another kind.
            found = pt.sum(found)
        if value.type.kind == "f" and np.dtype(cls.dtype).kind in "iu":
            between = value - pt.floor(value) > 0
            found = pt.where(pt.any(between, axis=tuple(range(found.ndim, value.ndim))), -np.inf, found)
        return found

    @classmethod
    def _beside(cls, ndim: int, parameters: Sequence[Tensor]) -> Sequence[Tensor]:
        """Parameters with as many axes before their own as draws of `ndim` axes have, as in PyMC."""
        if cls.counted is None:
            return parameters
        batch = ndim - cls.event_rank
        return [pt.expand_dims(p, tuple(range(batch - (p.ndim - rank)))) for p, rank in zip(parameters, cls.counted)]

    @classmethod
    def as_wide_as(cls, x: Tensor, value: Tensor) -> Tensor:
        return x if value.ndim <= x.ndim else intern(Draw(cls, cls._full(value, x.inputs[1:])), x.inputs)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return cls._each("logp", cls._own("logp", cls.of_density, value, parameters), value, parameters)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        if cls.of_logcdf is None and cls.of_dist is None:
            raise NotImplementedError("CustomDist.logcdf")
        return cls._each("logcdf", cls._own("logcdf", cls.of_logcdf, value, parameters), value, parameters)

    @classmethod
    def _own(cls, what: str, function: Callable[..., Any] | None, value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """What the user's function returns; derived from `dist`, where there is none."""
        parameters = parameters[: cls.own]
        if function is None and cls.of_dist is not None:
            full = cls._full(value, parameters)
            drawn = _called(cls.of_dist, parameters, full[: len(full) - cls.event_rank])
            return QUESTIONS[what](drawn, value)
        if function is None:
            raise LogProbError(f"this custom distribution has no {what}", f"give {what}=, or dist=")
        found = function(value, *parameters)
        if found is None:
            raise ModelError(f"the function given as {what}= returned nothing", "end it with return")
        return cast_real(found)

    @classmethod
    def _full(cls, value: Tensor, parameters: Sequence[Tensor]) -> Shape:
        """The shape of the draws that a value stands for."""
        wide = value.type.shape[: max(value.ndim - cls.event_rank, 0)]
        batch = broadcast_shapes(wide, cls.batch_shape(*parameters), what=f"a value and parameters of {cls.__name__}")
        return (*batch, *value.type.shape[len(wide) :])

    @classmethod
    def _each(cls, what: str, found: Tensor, value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """A number for each draw, as a part of another distribution needs it."""
        full = cls._full(value, parameters)
        batch = full[: len(full) - cls.event_rank]
        if not fits(found.type.shape, batch) or found.ndim != len(batch):
            raise ShapeError(
                f"the {what} of {cls.__name__} returned shape {found.type.shape} for values of shape {value.type.shape}: "
                f"here it must be a number for each draw, shape {batch}",
                "return it without a sum",
            )
        return found

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        size = shape[: len(shape) - cls.event_rank]
        if cls.of_dist is not None:
            made = _called(cls.of_dist, parameters[: cls.own], size)
            own = {k: pt.random.fold_in(key, i) for i, k in enumerate(keys_below([made]))}
            return replace([made], own)[0]  # type: ignore[no-any-return,arg-type]
        if cls.of_random is None:
            raise ModelError(
                f"{cls.__name__} cannot be drawn: its logp says only how likely a value is", "give random=, a NumPy function, or dist="
            )
        return intern(CallRandom(cls.of_random, size, shape, cls.dtype), (key, *cls._beside(len(shape), parameters)[: cls.own]))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return cls.support_point_of(cls.variable(parameters))

    @classmethod
    def support_point_of(cls, x: Tensor) -> Tensor:
        size = tuple(x.shape)[: x.ndim - cls.event_rank]
        parameters = cls._beside(x.ndim, x.inputs[1:])[: cls.own]
        if cls.of_support_point is not None:
            return as_tensor(cls.of_support_point(x, size, *parameters))
        if cls.of_dist is not None:
            return support_point(_called(cls.of_dist, parameters, size))
        return pt.zeros((), cls.dtype)


def _is_start(shape: Shape, full: Shape) -> bool:
    """Whether a shape is that of the first axes of another."""
    return len(shape) <= len(full) and all(n == m or (n != 1 and not differ(n, m)) for n, m in zip(shape, full))


class CustomDist(Distribution):
    """A distribution of one's own: by its density, or as an expression of other random variables.

    Parameters
    ----------
    dist_params
        Its parameters.
    dist
        ``dist(*dist_params, size)`` returns a random expression, made of ``.dist()`` variables; its
        density is derived, unless `logp` is given. Nothing else is needed then.
    logp, logcdf
        ``logp(value, *dist_params)`` returns the log-density of each draw, or a sum: of each row, or of all. The
        parameters have as many axes as `value`; those whose axes do not fit its shape are given as they are.
    random
        ``random(*dist_params, rng=, size=)`` returns a draw, with NumPy: for predictive sampling.
    support_point
        ``support_point(rv, size, *dist_params)`` returns where sampling starts; 0 by default. `size` is the shape
        without the axes of one draw, a tuple.
    ndim_supp, ndims_params, signature
        How many of the last axes are one draw together, and belong to each parameter: numbers, or as
        text: ``"(n),(n,n)->(n)"``.
    dtype
        Of the draws.
    class_name
        What it is called.

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

    chained = False

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
        class_name: str = "CustomDist",
        shape: Any = None,
        size: Any = None,
    ) -> Tensor:
        if dist_params and callable(dist_params[0]) and not isinstance(dist_params[0], Tensor):
            raise ModelError("CustomDist: the first parameter is a function", "the density goes by name: CustomDist(name, *parameters, logp=...)")
        if dist is not None and random is not None:
            raise ModelError("CustomDist: give dist or random, not both", "dist also says how it is drawn")
        given = [cast_real(p) if dist is None else _as_computed_with(p) for p in dist_params]
        rest = {"of_density": logp, "of_logcdf": logcdf, "of_random": random, "of_dist": dist, "of_support_point": support_point or moment}
        fields: dict[str, Any] = {n: staticmethod(f) for n, f in rest.items() if f is not None}
        fields |= {"parameters": _names(logp, len(given)), "own": len(given), "__doc__": CustomDist.__doc__}
        if dist is not None:
            drawn = _by_expression(dist, given, shape, size)
            if fields.keys() & {"of_density", "of_logcdf", "of_support_point"}:
                return _with_functions(class_name, fields, drawn, given)
            if not isinstance(drawn.op, Draw):
                key = id(drawn)
                _made_by[key] = (class_name, fields, given), weakref.ref(drawn, lambda _: _made_by.pop(key, None))
            return drawn
        ranks, event = ranks_of(signature, ndim_supp, ndims_params, len(given))
        if signature is None and ndims_params is None:
            ranks = whole_axes(given, size if shape is None else shape)
        fields |= {"ranks": ranks, "event_rank": event, "dtype": "float64" if dtype == "floatX" else np.dtype(dtype).name}
        one = as_lengths(shape)[-event:] if event and shape is not None else ()
        if one and any(isinstance(n, Tensor) for n in one):
            fields["event_shape"] = classmethod(lambda made, *parameters: parameters[-1].type.shape[-event:])
        elif one:
            fields["event_shape"] = classmethod(lambda made, *parameters: tuple(int(n) for n in one))
        # Without a signature PyMC takes all axes of parameters as those of the draws.
        fields["counted"] = (0,) * len(given) if signature is None and not event else ranks
        lengths = as_lengths(size if shape is None else shape)
        if any(isinstance(n, Tensor) for n in lengths):
            given.append(pt.zeros(lengths))
            fields |= {"parameters": (*fields["parameters"], LENGTHS), "ranks": (*ranks, len(one)), "counted": (*fields["counted"], len(one))}
        made: type[_ByDensity] = type(class_name, (_ByDensity,), fields)
        return made.variable(given, shape, size)


DensityDist = CustomDist
"""The older name of `CustomDist`."""

_made_by: dict[int, tuple[tuple[str, dict[str, Any], list[Tensor]], Any]] = {}
"""How expressions were made that `dist` returned, by id, with what forgets them."""


def as_draw(x: Any) -> Any:
    """Return what `dist` of a custom distribution returned as one draw: to be a part of another distribution."""
    found = _made_by.get(id(x))
    if found is None or found[1]() is not x:
        return x
    name, fields, given = found[0]
    return _with_functions(name, fields, x, given)


def _with_functions(name: str, fields: dict[str, Any], made: Tensor, given: Sequence[Tensor]) -> Tensor:
    """A draw by an expression, with a density, distribution function or start of one's own."""
    rank = event_rank(made)
    lengths = extents(made)
    ranks = whole_axes(given, made.type.shape[: made.ndim - rank])
    fields = fields | {"ranks": ranks, "event_rank": rank, "dtype": made.dtype}
    if made.type.is_open:
        given = [*given, pt.zeros(lengths)]
        fields |= {"parameters": (*fields["parameters"], LENGTHS), "ranks": (*ranks, rank)}
        fields["event_shape"] = classmethod(lambda made, *parameters: parameters[-1].type.shape[parameters[-1].ndim - rank :])
    else:
        event = lengths[made.ndim - rank :]
        fields["event_shape"] = classmethod(lambda made, *parameters: event)
    of_functions: type[_ByDensity] = type(name, (_ByDensity,), fields)
    return of_functions.variable(given, lengths)


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


def whole_axes(given: Sequence[Tensor], shape: Any) -> tuple[int, ...]:
    """Axes of each parameter that belong to it: all of one that cannot be along the draws, as weights are not."""
    if shape is None:
        return (0,) * len(given)
    wanted = tuple(int(n) if isinstance(n, (int, np.integer)) else None for n in as_lengths(shape))
    return tuple(0 if fits(p.type.shape, wanted) else p.ndim for p in given)


def ranks_of(signature: str | None, event: int | None, ranks: Sequence[int] | None, count: int) -> tuple[tuple[int, ...], int]:
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


def _as_computed_with(parameter: Any) -> Tensor:
    """A parameter in 64 bits, a mask as it is."""
    x = as_tensor(parameter)
    return x if x.dtype == "bool" else as_wide(x)


def _by_expression(dist: Callable[..., Any], parameters: Sequence[Tensor], shape: Any, size: Any) -> Tensor:
    """The random expression that `dist` makes, in the shape asked for."""
    wanted = as_lengths(shape)
    made = _called(dist, parameters, size if shape is None else wanted)
    rank = event_rank(made)
    if shape is not None and rank and made.ndim != len(wanted):
        made = _called(dist, parameters, wanted[: len(wanted) - rank])
    if shape is not None and made.ndim != len(wanted):
        raise ShapeError(f"CustomDist: dist returned shape {made.type.shape}, not {wanted}", "make its variables with size=size")
    return made


def as_lengths(shape: Any) -> tuple[Any, ...]:
    if shape is None:
        return ()
    return (shape,) if isinstance(shape, (int, np.integer)) or getattr(shape, "ndim", 1) == 0 else tuple(shape)


def _called(dist: Callable[..., Any], parameters: Sequence[Tensor], size: Any) -> Tensor:
    return as_tensor(dist(*parameters, size=size) if _takes_size_by_name(dist) else dist(*parameters, size))


def _takes_size_by_name(dist: Callable[..., Any]) -> bool:
    try:
        return "size" in inspect.signature(dist).parameters
    except (TypeError, ValueError):
        return False
