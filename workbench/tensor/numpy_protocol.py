"""NumPy's own functions on expressions: ``np.exp(x)`` is an expression (NEP 13 and NEP 18)."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

import numpy as np

from workbench.tensor.elementwise import OPS

REDUCTIONS: dict[Any, str] = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min",
              np.logical_and: "all", np.logical_or: "any", np.logaddexp: "logsumexp"}  # fmt: skip
ACCUMULATIONS: dict[Any, str] = {np.add: "cumsum", np.multiply: "cumprod"}
OTHER_NAMES = {"a_min": "min", "a_max": "max"}
"""Parameters that NumPy itself has renamed."""
IN_PLACE = {np.fill_diagonal: "fill_diagonal", np.put_along_axis: "put_along_axis"}
"""What changes an array in NumPy; ours returns another tensor."""
WITHOUT_EFFECT = {"casting", "device", "kind", "like", "optimize", "order", "overwrite_input", "rcond", "stable", "subok"}
"""Parameters that say how NumPy is to compute or store, and leave the values as they are by default."""


@functools.cache
def counterparts() -> dict[Any, Any]:
    """Our function for each of NumPy's, by NumPy's function."""
    pt = importlib.import_module("workbench.tensor")
    found: dict[Any, Any] = {op.function: op for op in OPS.values() if isinstance(op.function, np.ufunc)}
    found |= {np.ndim: lambda a: a.ndim, np.size: _size, np.copy: lambda a, **_: a}
    found[np.shape] = lambda a: a.shape
    families = [(pt, np), *((getattr(pt, f), getattr(np, f)) for f in ("linalg", "fft") if f in dir(pt))]
    for ours, theirs in families:
        for name in dir(ours):
            function = getattr(theirs, name, None)
            if callable(function) and callable(getattr(ours, name)) and not isinstance(function, type) and not name.startswith("_"):
                found[function] = getattr(ours, name)
    for function in IN_PLACE:
        del found[function]
    return found


def _size(a: Any, axis: int | None = None) -> Any:
    return a.size_expr() if axis is None else a.shape[axis]


def array_ufunc(ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """What ``__array_ufunc__`` of an expression returns."""
    pt = importlib.import_module("workbench.tensor")
    if options.get("out") is not None:
        raise TypeError(f"np.{ufunc.__name__}(..., out=) cannot write into a symbolic expression; use the value returned")
    options = {k: v for k, v in options.items() if k != "out" and not (k == "where" and v is True)}
    table: dict[Any, str] = {"reduce": REDUCTIONS, "accumulate": ACCUMULATIONS}.get(method, {})
    if method == "__call__":
        function = counterparts().get(ufunc)
    elif method == "outer" and ufunc in counterparts():
        left, right = (pt.as_tensor(x) for x in inputs)
        return counterparts()[ufunc](pt.reshape(left, (*left.shape, *[1] * right.ndim)), right)
    else:
        function = getattr(pt, table[ufunc], None) if ufunc in table else None
        options.setdefault("axis", 0)
    if function is None:
        raise TypeError(f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} has no symbolic counterpart in workbench.tensor")
    if method == "__call__":
        return _elementwise(ufunc, function, inputs, options)
    return _called(ufunc, function, inputs, options)


def _elementwise(ufunc: np.ufunc, function: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """A ufunc's result; `dtype` is that of its loop, to which operands are cast."""
    dtype = options.pop("dtype", None)
    if dtype is not None:
        pt = importlib.import_module("workbench.tensor")
        inputs = [pt.cast(x, dtype) for x in inputs]
    return _called(ufunc, function, inputs, options)


def array_function(function: Any, arguments: Any, options: Any) -> Any:
    """What ``__array_function__`` of an expression returns."""
    if function in IN_PLACE:
        raise TypeError(
            f"np.{function.__name__} changes an array in its place, which an expression does not: "
            f"x = pt.{IN_PLACE[function]}(x, ...) makes another"
        )
    ours = counterparts().get(function)
    if ours is None:
        raise TypeError(
            f"{function.__module__}.{function.__name__} has no symbolic counterpart in workbench.tensor; "
            "build it from other functions, or take the value first with .eval()"
        )
    if options.get("out") is not None:
        raise TypeError(f"np.{function.__name__}(..., out=) cannot write into a symbolic expression; use the value returned")
    return _called(function, ours, arguments, options)


def _called(theirs: Any, ours: Any, arguments: Any, options: dict[str, Any]) -> Any:
    """The result of our function for arguments that are named as NumPy names them."""
    known = _parameters(ours)
    if not options or known is None:
        return ours(*arguments, **options)
    renamed = {OTHER_NAMES.get(k, k): v for k, v in options.items()}
    names = _parameters(theirs) or {}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
    given: dict[str, Any] = {}
    for k, v in renamed.items():
        if k in known or takes_any:
            given[k] = v
        elif k in names and list(names).index(k) == 0 and not arguments:
            given[next(iter(known))] = v
        elif v is not None and not (k in names and v is names[k].default) and not (k in WITHOUT_EFFECT and v in (None, "C", "K", "A", "same_kind", True, False)):
            raise TypeError(f"np.{theirs.__name__} of an expression has no {k}={v!r}; it has {', '.join(known)}")
    return ours(*arguments, **given)


@functools.cache
def _parameters(function: Any) -> Any:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
