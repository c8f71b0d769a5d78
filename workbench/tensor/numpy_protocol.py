"""NumPy's own functions on expressions: ``np.exp(x)`` is an expression (NEP 13 and NEP 18)."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np

from workbench.tensor.elementwise import OPS

REDUCTIONS: dict[Any, str] = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min",
              np.logical_and: "all", np.logical_or: "any"}  # fmt: skip
OTHER_NAMES = {"a_min": "min", "a_max": "max"}
"""Parameters that NumPy itself has renamed."""
ACCUMULATIONS: dict[Any, str] = {np.add: "cumsum", np.multiply: "cumprod"}


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
            if callable(function) and not isinstance(function, type) and not name.startswith("_"):
                found[function] = getattr(ours, name)
    return found


def _size(a: Any, axis: int | None = None) -> Any:
    return a.size_expr() if axis is None else a.shape[axis]


def array_ufunc(ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """What ``__array_ufunc__`` of an expression returns."""
    pt = importlib.import_module("workbench.tensor")
    if options.get("out") is not None:
        raise TypeError(f"np.{ufunc.__name__}(..., out=) cannot write into a symbolic expression; use the value returned")
    options = {k: v for k, v in options.items() if v is not None and not (k == "where" and v is True)}
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
    return function(*inputs, **options)


def array_function(function: Any, arguments: Any, options: Any) -> Any:
    """What ``__array_function__`` of an expression returns."""
    ours = counterparts().get(function)
    if ours is None:
        raise TypeError(
            f"{function.__module__}.{function.__name__} has no symbolic counterpart in workbench.tensor; "
            "build it from other functions, or take the value first with .eval()"
        )
    return ours(*arguments, **{OTHER_NAMES.get(k, k): v for k, v in options.items()})
