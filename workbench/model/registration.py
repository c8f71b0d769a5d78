"""Random variables of a model: how a distribution that is called in its block, and what is observed, become some."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Distribution, Draw, as_length, register_variable
from workbench.errors import ArgumentError, ModelError, ShapeError, closest
from workbench.graph.expr import intern
from workbench.model.context import UNSET, modelcontext
from workbench.model.dims import check_now, labelled, names_of_dims
from workbench.model.minibatch import TotalSize, scaling
from workbench.model.missing import Observed, Part, joined, observed_shape, observed_values, part
from workbench.model.variables import Deterministic
from workbench.tensor.markers import Named
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform, default_transform
from workbench.transforms.constrained_numbers import Chain

if TYPE_CHECKING:
    from workbench.model.model import Model


def register(
    distribution: type[Distribution],
    name: str,
    *args: Any,
    dims: str | Sequence[str | None] | None = None,
    shape: Any = None,
    observed: Any = None,
    initval: Any = None,
    transform: Any = UNSET,
    default_transform: Any = UNSET,
    total_size: TotalSize = None,
    model: Model | None = None,
    **parameters: Any,
) -> Tensor:
    """Make a random variable of the current model.

    Parameters
    ----------
    distribution, name, args, parameters
        What it is called and how it is distributed.
    dims, shape
        Its dims, by name, or its shape; that of the parameters and the data by default. With both, dims that are
        not known yet get the lengths of the shape.
    observed
        Data: the variable is then observed. Missing values (NaN, or masked) become free variables.
    initval
        Where sampling starts: a value in the variable's own space, "support_point" or "prior".
    transform
        To unconstrained space, after the default one; ``None`` for none at all.
    default_transform
        Instead of the one chosen from the support; ``None`` for none.
    total_size
        How many rows there are in all, where the data are a part of them; see :func:`.minibatch.scaling`.
    model
        The model; that of the surrounding block by default.

    Raises
    ------
    ModelError
        If the name is taken, or a dim is unknown.
    ShapeError
        If parameters, dims and data do not fit together.
    """
    m = modelcontext(model)
    m.check_new(name)
    observed, names, labels = labelled(name, observed, names_of_dims(name, dims))
    m.add_coords(labels)
    have = None if observed is None else observed_shape(name, observed)
    wanted = _shape(m, name, names, shape, parameters.get("size"), have)
    with m:
        try:
            rv = distribution.call(distribution.dist, *args, shape=wanted, **parameters)
        except ShapeError as error:
            raise ShapeError(f"{name}: {error.message}" + _where_from(names, have), error.hint, error.location, error.argument, error.page) from None
        except ModelError as error:
            label = _label_of(m, names, error)
            raise ModelError(f"{name}: {error.message}{label}", error.hint, error.location, error.argument, error.page) from None
        except ArgumentError as error:
            raise _with_options(error) from None
    given = None if observed is None else observed_values(name, observed, rv.dtype, distribution.missing_as_nan)
    if given is not None and given.missing is not None and rv.type.is_open:
        # What is missing has its places now.
        with m:
            closed = {k: _of_shape_now(m, name, p) for k, p in parameters.items()}
            rv = distribution.call(distribution.dist, *(_of_shape_now(m, name, p) for p in args), shape=np.shape(observed), **closed)
    _keep_lengths(m, name, names, wanted, rv)
    if shape is not None or parameters.get("size") is not None:
        _declare(m, names, rv)
    if not distribution.chained and transform is not UNSET and default_transform is UNSET:
        default_transform = None
    return register_rv(
        m, name, rv, dims=names, observed=given, initval=initval, transform=transform, default_transform=default_transform,
        total_size=total_size,
    )  # fmt: skip


def _label_of(model: Model, dims: Sequence[str | None], error: ModelError) -> str:
    """What the element that an error is about is called by the labels of the dims."""
    labels = [model.coords.get(d) if d is not None else None for d in dims]
    at = error.at
    if not at or len(at) != len(labels) or not all(labels):
        return ""
    return f" ({', '.join(f'{d} {names[i]!r}' for d, names, i in zip(dims, labels, at) if names)})"


def _with_options(error: ArgumentError) -> ArgumentError:
    """An error of an unknown argument, which may have been meant to be one of those that every distribution takes."""
    near = closest(error.argument or "", OPTIONS) if "did you mean" not in error.hint else None
    return ArgumentError(error.message, f"did you mean {near!r}?", error.location, error.argument, error.page) if near else error


def _declare(model: Model, dims: Sequence[str | None], rv: Tensor) -> None:
    """Give dims that are not known yet the lengths of a variable whose shape was given."""
    if len(dims) != rv.ndim:
        return
    for axis, (d, n) in enumerate(zip(dims, model.shapes.of(rv))):
        if d is not None and d not in model.dim_lengths:
            model.add_coord(d, length=n if isinstance(rv.type.shape[axis], int) else rv.shape[axis])
            model.shape_from_dims([d])


def _keep_lengths(model: Model, name: str, dims: Sequence[str | None], wanted: Any, rv: Tensor) -> None:
    """Let lengths stay as they are that a variable was asked to have and has for good: its parameters, or values, have them."""
    for axis, n in enumerate(_as_tuple(wanted)):
        if isinstance(n, Tensor) and isinstance(rv.type.shape[axis], int):
            if axis < len(dims) and dims[axis] in model.dim_lengths:
                model.fix_dim(str(dims[axis]), name)
            else:
                model.keep_length(n, name)


def _as_tuple(shape: Any) -> tuple[Any, ...]:
    return () if shape is None else shape if isinstance(shape, tuple) else tuple(shape) if getattr(shape, "ndim", 0) else (shape,)


def _of_shape_now(model: Model, name: str, p: Any) -> Any:
    """A parameter whose lengths may change as one of the lengths that it has."""
    if not isinstance(p, Tensor) or not p.type.is_open:
        return p
    now = model.shapes.of(p)
    if not all(isinstance(n, int) for n in now):
        return p
    for axis, n in enumerate(p.type.shape):
        if not isinstance(n, int):
            model.keep_length(p.shape[axis], name)
    return pt.reshape(p, now)


register_variable.append(register)
OPTIONS = tuple(n for n, p in signature(register).parameters.items() if p.kind is p.KEYWORD_ONLY)
"""Arguments that every distribution takes."""


def register_rv(
    model: Model,
    name: str,
    rv: Tensor,
    *,
    dims: Sequence[str | None] = (),
    observed: Observed | None = None,
    initval: Any = None,
    transform: Any = UNSET,
    default_transform: Any = UNSET,
    total_size: TotalSize = None,
) -> Tensor:
    """Make a random expression a random variable of a model."""
    if total_size is not None and (observed is None or observed.missing is not None):
        raise ModelError(f"{name}: total_size is for a variable that is observed, without missing values", "leave total_size out")
    if rv.name is not None and rv.name in model.root.named_vars:
        rv = Named(name)(rv)
    check_now(model, name, rv, dims, observed)
    if observed is not None and observed.missing is not None:
        return _impute(model, name, rv, observed, dims, initval, transform, default_transform)
    model.add_name(name, rv, dims)
    if observed is not None:
        model.add_to("observed_RVs", rv)
        for m in model.lineage:
            m.rvs_to_values[rv] = observed.values
            m.rvs_to_transforms[rv] = None
            if total_size is not None:
                m.rvs_to_scalings[rv] = scaling(name, total_size, rv)
        return rv
    model.add_to("free_RVs", rv)
    model.set_initval(rv, initval)
    model.make_value(rv, chosen_transform(rv, transform, default_transform))
    return rv


def _impute(
    model: Model,
    name: str,
    rv: Tensor,
    observed: Observed,
    dims: Sequence[str | None],
    initval: Any,
    transform: Any,
    default_transform: Any,
) -> Tensor:
    """Make the observed part of a variable observed, the missing part free, and both together a deterministic."""
    missing = observed.missing
    assert missing is not None
    if rv.type.is_open:
        raise ModelError(
            f"{name}: values are missing, and its length may change", "use parameters of fixed lengths, or give all values"
        )
    content = observed.values.eval()
    if isinstance(rv.op, Draw) and rv.op.distribution.event_rank:
        rank = rv.op.distribution.event_rank
        whole = missing.reshape((*missing.shape[: missing.ndim - rank], -1))
        if (whole.any(-1) != whole.all(-1)).any():
            return _impute_inside(model, name, rv, observed, dims, initval, transform, default_transform)
        missing = np.asarray(whole.all(-1))
    seen = register_rv(
        model, f"{name}_observed", part(rv, ~missing), observed=Observed(pt.constant(content[~missing]))
    )
    free = register_rv(
        model, f"{name}_unobserved", part(rv, missing), initval=initval, transform=transform, default_transform=default_transform
    )
    return Deterministic(name, joined(rv, missing, seen, free), model=model, dims=dims or None)


def _impute_inside(
    model: Model, name: str, rv: Tensor, observed: Observed, dims: Sequence[str | None], initval: Any, transform: Any, default: Any
) -> Tensor:
    if transform not in (UNSET, None) or default not in (UNSET, None):
        raise ModelError(f"{name}: missing elements of vectors have no transform")
    missing = observed.missing
    assert missing is not None
    numbers = tuple(int(i) for i in np.flatnonzero(missing))
    content = observed.values.eval()
    free_part: Tensor = intern(Part(numbers, True), (rv,))
    seen_part: Tensor = intern(Part(numbers, False), (rv,))
    free = register_rv(model, f"{name}_unobserved", free_part, initval=initval, transform=None)
    seen = register_rv(model, f"{name}_observed", seen_part, observed=Observed(pt.constant(content[~missing])))
    return Deterministic(name, joined(rv, missing, seen, free), model=model, dims=dims or None)


def chosen_transform(rv: Tensor, transform: Any, instead_of_default: Any) -> Transform | None:
    """The transform of a free variable: that of its support, then the user's."""
    for given in (transform, instead_of_default):
        if given is not UNSET and given is not None and not isinstance(given, Transform):
            raise ModelError(f"{given!r} is no transform", "for example workbench.transforms.log, or ordered", argument="transform")
    chosen = instead_of_default
    if chosen is UNSET:
        chosen = default_transform(rv) if isinstance(rv.op, Draw) else None
    if transform is UNSET:
        return chosen
    if transform is None or chosen is None:
        return transform
    return Chain([chosen, transform])


def _shape(model: Model, name: str, dims: Sequence[str | None], shape: Any, size: Any, data: Any) -> Any:
    """The shape that dims, `shape` and data agree on, if any is given; symbolic where lengths may change."""
    if shape is not None:
        given = _lengths(shape)
        for d, n in zip(dims, given):
            if d in model.dim_lengths and isinstance(n, int) and model.shape_from_dims([str(d)], name) and model.length_of(str(d)) != n:
                known = ", ".join(f"{k!r} has length {model.length_of(str(k))}" for k in dims if k in model.dim_lengths)
                raise ShapeError(f"{name}: shape {given} does not agree with its dims {tuple(dims)}: {known}")
        return given
    if size is not None:
        return None
    if dims:
        if None in dims:
            raise ShapeError(f"{name}: an axis without a dim has no known length", "give shape too")
        return model.shape_from_dims(dims, name)
    return data


def _lengths(shape: Any) -> tuple[Any, ...]:
    if isinstance(shape, Tensor):
        return tuple(shape) if shape.ndim else (shape,)
    given = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
    return tuple(n if isinstance(n, Tensor) else as_length(n) for n in given)


def _where_from(dims: Sequence[str | None], data: Any) -> str:
    if data is not None and not dims:
        return " (the shape of the observed data)"
    return f" (the lengths of its dims {tuple(dims)})" if dims else ""
