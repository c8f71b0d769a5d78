"""What a function is asked for, checked: options of backends, updates of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import CompileError, ShapeError, warn_user
from workbench.graph.expr import Data, Expr
from workbench.graph.large import SECONDS, duration, most_from
from workbench.graph.traverse import topological
from workbench.tensor.tensor import as_tensor

Givens = Mapping[Expr, Any] | Sequence[tuple[Expr, Any]]
Updates = Givens


def pairs(given: Givens | None) -> list[tuple[Expr, Any]]:
    pairs = given.items() if isinstance(given, Mapping) else given or ()
    return [(x, as_tensor(new)) for x, new in pairs]


def options(backend: str, keep_values: bool, threads: int, precision: str) -> dict[str, Any]:
    """What a backend is asked for beyond the graph."""
    options: dict[str, Any] = {}
    if keep_values:
        if backend != "numpy":
            raise CompileError(
                f"the {backend} backend does not keep the values of all nodes", "use backend='numpy' with keep_values"
            )
        options["keep_values"] = True
    if threads != 1:
        if backend != "c":
            raise CompileError(f"the {backend} backend has no threads of ours", "use backend='c' with threads")
        if not 1 <= int(threads) <= 256:
            raise CompileError(f"a function runs on 1 to 256 threads, not {threads}")
        options["threads"] = int(threads)
    if precision != "float64":
        if precision not in ("float32", "bfloat16"):
            raise CompileError(f"there is no precision {precision!r}", "choose float64, float32, or bfloat16 on JAX")
        if precision == "bfloat16" and backend != "jax":
            raise CompileError(f"the {backend} backend has no bfloat16", "use backend='jax', or precision='float32'")
        if backend == "jax":
            options["precision"] = precision
    return options


def checked_update(x: Expr, new: Any) -> tuple[Any, Any]:
    if not isinstance(x.op, Data):
        raise CompileError(f"{x!r} cannot be updated: it is not data", "make it with data(name, value)")
    if new.type.dtype != x.type.dtype or new.type.ndim != x.type.ndim:
        raise ShapeError(f"the update of {x!r} has type {new.type}, it must have {x.type}")
    return x, new


MANY = 200_000
"""Graphs of more operations are warned about."""


def warn_of_size(results: Sequence[Expr], name: str) -> None:
    """Warn before a very large graph is compiled, with the lines that most of it comes from."""
    nodes = topological(results)
    if len(nodes) < MANY:
        return
    most = most_from(nodes)
    warn_user(
        f"{name} is a graph of {len(nodes):,} operations{f', most of them from {most}' if most else ''}. Compiling takes about {duration(len(nodes) * SECONDS)}, much less where "
        "terms repeat. Write them on whole arrays, or as steps of pt.scan, which are compiled once."
    )
