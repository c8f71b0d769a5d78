"""JAX: a graph as a plain function of JAX arrays, and as a compiled one of NumPy arrays."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.compile import phases
from workbench.compile.binding import data_of
from workbench.compile.index_checks import EnteringIndex, entering_indices
from workbench.compile.precision import in_single_precision
from workbench.graph.expr import Constant, Data, Expr, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace, topological
from workbench.graph.types import type_of
from workbench.tensor.cotangents.jax import not_differentiated
from workbench.tensor.linalg.products import FACTORS


def to_jax(inputs: Sequence[Expr], outputs: Any, precision: str = "float64") -> Callable[..., Any]:
    """Return expressions as a plain JAX function of inputs: jittable, differentiable, for use with any JAX library.

    Parameters
    ----------
    inputs
        The function's arguments, in order.
    outputs
        One expression, or several in a sequence; data in them are constants.
    precision
        "float64", or "float32": everything that the graph does in float64 is then done in float32; or "bfloat16": beside that, the
        factors of products of matrices are rounded to bfloat16, and products are summed in float32.

    Returns
    -------
    A function of JAX arrays that returns an array, a tuple of them for a sequence. As always in JAX, an index out of bounds
    is no error: reading takes the nearest element, writing does nothing. JAX's x64 mode is on from here.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 2)
    >>> import jax
    >>> f = to_jax([x], (x * x).sum())
    >>> jax.grad(f)(jax.numpy.array([1.0, 2.0])).tolist()
    [2.0, 4.0]
    """
    config: Any = importlib.import_module("jax").config
    config.update("jax_enable_x64", True)
    graph = Graph(inputs, [outputs] if isinstance(outputs, Expr) else outputs)
    if precision != "float64":
        graph = in_single_precision(graph)
    factors = "bfloat16" if precision == "bfloat16" else None

    def run(*values: Any) -> list[Any]:
        token = FACTORS.set(factors)
        try:
            return graph.run("jax", *values)
        finally:
            FACTORS.reset(token)

    if isinstance(outputs, Expr):
        return lambda *values: run(*values)[0]
    return lambda *values: tuple(run(*values))


class JaxFunction:
    """A graph jitted by JAX, on its default device.

    Data of the graph itself are arguments: new data do not recompile. Data inside loops and
    branches are part of the program, which is made anew when they change.

    JAX clamps an index that is out of bounds. Arguments and data that index something as they are, are
    checked before the call, on the host, and constants when the graph is compiled for its shapes; an index
    that the graph computes is not.
    """

    def __init__(self, graph: Graph, name: str, precision: str = "float64", states: int = 0) -> None:
        self.states = states  # How many of the last results stay on the device.
        self.indices = []
        for index in entering_indices(graph):
            if isinstance(index.leaf.op, Constant):
                index.check(index.leaf.op.value)
            else:
                self.indices.append(index)
        self._checked: dict[EnteringIndex, Any] = {}
        self._position = {p: i for i, p in enumerate(graph.params)}
        if precision != "float64":
            graph = in_single_precision(graph)
        self.graph, self._precision = graph, precision
        self._dtypes = [np.dtype(p.type.dtype) for p in graph.params]
        self.data = [n for n in topological(graph.results) if isinstance(n.op, Data)]
        self.inner_data = data_of(g for n in topological(graph.results) for g in n.op.graphs)
        self.timings: dict[str, float] = {}
        self._compile()

    def _compile(self) -> None:
        phases.begin("lower")
        start = time.perf_counter()
        inputs: list[Expr] = [intern(Input(n.name, type_of(n.op.value))) for n in self.data]
        opened = Graph([*self.graph.params, *inputs], replace(self.graph.results, dict(zip(self.data, inputs))))
        function = to_jax(opened.params, opened.results, self._precision)
        jax: Any = importlib.import_module("jax")
        example = [jax.ShapeDtypeStruct(p.type.static_shape, p.type.dtype) for p in opened.params]
        self._seen = [n.op.value for n in self.inner_data]
        with not_differentiated():
            self._lowered = jax.jit(function).lower(*example)
        self.timings["lower"] = time.perf_counter() - start
        phases.begin("compile")
        start = time.perf_counter()
        self._compiled = self._lowered.compile()
        self.timings["compile"] = time.perf_counter() - start

    @property
    def source(self) -> str:
        """The program in StableHLO, as JAX lowered it."""
        return str(self._lowered.as_text())

    def __call__(self, *values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        if any(n.op.value is not seen for n, seen in zip(self.inner_data, self._seen)):
            self._compile()
        self._check_indices(values)
        given = [*(v if v.dtype == d else v.astype(d) for v, d in zip(values, self._dtypes)), *(n.op.value for n in self.data)]
        results = self._compiled(*given)
        stay = len(results) - self.states
        return [*(np.array(v) for v in results[:stay]), *results[stay:]]  # Copies, since JAX's own cannot be written to.

    def on_device(self, *values: np.ndarray[Any, Any]) -> Callable[[], Any]:
        """Return a call with arguments that are on the device already, which waits for the results and leaves them there."""
        jax: Any = importlib.import_module("jax")
        (device,) = {d for s in jax.tree.leaves(self._compiled.output_shardings) for d in s.device_set}
        given = [v.astype(d, copy=False) for v, d in zip(values, self._dtypes)]
        there = [jax.device_put(v, device) for v in (*given, *(n.op.value for n in self.data))]
        return lambda: jax.block_until_ready(self._compiled(*there))

    def _check_indices(self, values: Sequence[np.ndarray[Any, Any]]) -> None:
        for index in self.indices:
            if index.leaf in self._position:
                index.check(values[self._position[index.leaf]])
            elif self._checked.get(index) is not index.leaf.op.value:  # Data are checked when they change.
                index.check(index.leaf.op.value)
                self._checked[index] = index.leaf.op.value
