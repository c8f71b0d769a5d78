"""Summary statistics of data, and distances between them, as log-densities: what takes the place of a likelihood for simulators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import Location, ModelError, SamplingError, ShapeError
from workbench.graph.expr import Expr, Input, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType
from workbench.tensor.tensor import Tensor, as_tensor


def gaussian(epsilon: Tensor, observed: Tensor, simulated: Tensor) -> Tensor:
    """A normal kernel: minus half the square of each difference by epsilon."""
    return -0.5 * pt.square((observed - simulated) / epsilon)


def laplace(epsilon: Tensor, observed: Tensor, simulated: Tensor) -> Tensor:
    """A Laplace kernel: minus the size of each difference by epsilon."""
    return -pt.abs((observed - simulated) / epsilon)


def kullback_leibler(epsilon: Tensor, observed: Tensor, simulated: Tensor) -> Tensor:
    """Minus an estimate of the Kullback-Leibler divergence of the simulated from the observed distribution, by epsilon.

    From distances of each observation, a row, to the nearest other one and to the nearest simulated one. Source: Pérez-Cruz,
    "Kullback-Leibler divergence estimation of continuous distributions" (2008), equation 14.
    """
    x, y = (z[:, None] if z.ndim == 1 else z for z in (observed, simulated))
    if x.ndim != 2:
        raise ShapeError(f"distance='kullback_leibler' is for vectors, and tables whose rows are draws, not for data of shape {observed.type.shape}")
    n, m, d = (pt.cast(k, "float64") for k in (x.shape[0], y.shape[0], x.shape[1]))

    def nearest(others: Tensor, apart: bool) -> Tensor:
        far = pt.sum(pt.square(x[:, None, :] - others[None, :, :]), axis=2)
        return pt.min(far + pt.where(pt.eye(x.shape[0], dtype="bool"), np.inf, 0.0) if apart else far, axis=1)

    ratio = 0.5 * (pt.log(nearest(y, False)) - pt.log(nearest(x, True)))
    return -(d / n * pt.sum(ratio) + pt.log(m / (n - 1.0))) / epsilon


DISTANCES: dict[str, Callable[..., Tensor]] = {"gaussian": gaussian, "laplace": laplace, "kullback_leibler": kullback_leibler}
STATISTICS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x, "sort": lambda x: pt.sort(x), "mean": lambda x: pt.mean(x), "median": lambda x: pt.median(x),
}  # fmt: skip


@frozen
class CallFunction(Op):
    """A NumPy function of one's own, of which a result of some shape is expected; called back from compiled code."""

    function: Callable[..., Any]
    what: str
    shape: tuple[int, ...]
    location: Location | None
    name = "call_function"
    plain = True

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType("float64", self.shape)

    def numpy(self, *values: Any) -> Any:
        found = called(self.function, self.what, self.location, *map(np.asarray, values))
        if found.shape != self.shape:
            raise ShapeError(f"{self.what} returned shape {found.shape}, and shape {self.shape} before", location=self.location)
        return found

    def jax(self, *values: Any) -> Any:
        import jax

        return jax.pure_callback(self.numpy, jax.ShapeDtypeStruct(self.shape, "float64"), *values)


def called(function: Callable[..., Any], what: str, location: Location | None, *values: Any) -> Any:
    """Return what a user's function returns, as an array of real numbers.

    Raises
    ------
    SamplingError
        If it raises, or returns no numbers.
    """
    try:
        return np.asarray(function(*values), np.float64)
    except Exception as error:
        raise failed(what, error, location) from error


def failed(what: str, error: Exception, location: Location | None) -> SamplingError:
    """The error of a user's function that raised one: with its last line in the user's code."""
    import traceback

    frames = [f for f in traceback.extract_tb(error.__traceback__) if "workbench" not in f.filename]
    where = f" in {frames[-1].name}, line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    return SamplingError(f"{what} raised {type(error).__name__}: {error}{where}", location=location)


def statistic(given: Any, x: Tensor, location: Location | None) -> Tensor:
    """Return a summary statistic of data: by name, by a function of tensors, or by one of arrays, which is called back.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    function = _named("sum_stat", given, STATISTICS)
    found = as_graph(function, x)
    if found is not None:
        return found
    what = f"the function given as sum_stat= ({getattr(given, '__name__', given)})"
    known = all(not isinstance(node.op, Input) for node in topological([x]))
    example = np.asarray(x.eval()) if known else np.arange(x.size, dtype=np.float64).reshape(x.type.static_shape)
    shape = called(function, what, location, example).shape
    return intern(CallFunction(function, what, shape, location), (x,))


def distance(given: Any, epsilon: Tensor, observed: Tensor, simulated: Tensor, location: Location | None) -> Tensor:
    """Return the sum of a distance's terms: by name, or by a function as in :func:`statistic`.

    Raises
    ------
    ModelError
        If there is none of that name.
    ShapeError
        If statistics, or epsilon, have other lengths than one another.
    """
    function = _named("distance", given, DISTANCES)
    if function in DISTANCES.values():
        if function is not kullback_leibler and observed.type.shape != simulated.type.shape:
            raise ShapeError(f"the statistics of what is observed and simulated have shapes {observed.type.shape} and {simulated.type.shape}", location=location)
        return pt.sum(function(epsilon, observed, simulated))
    found = as_graph(function, epsilon, observed, simulated)
    if found is not None:
        return pt.sum(found)
    what = f"the function given as distance= ({getattr(given, '__name__', given)})"
    return intern(CallFunction(_Summed(function), what, (), location), (epsilon, observed, simulated))


@frozen
class _Summed:
    """A function of one's own, its terms added up."""

    function: Callable[..., Any]

    def __call__(self, *values: Any) -> Any:
        return np.sum(self.function(*values))


def _named(option: str, given: Any, known: dict[str, Any]) -> Any:
    if isinstance(given, str) and given in known:
        return known[given]
    if callable(given):
        return given
    raise ModelError(f"Simulator: there is no {option} {given!r}", f"it is one of {', '.join(map(repr, known))}, or a function", argument=option)


def as_graph(function: Callable[..., Any], *inputs: Any) -> Tensor | None:
    """Return what a function makes of tensors, if it makes a tensor of them; ``None`` if it takes arrays alone."""
    try:
        found = function(*inputs)
    except Exception:  # It is someone's own, and may fail in any way where it is not meant for expressions.
        return None
    return as_tensor(found) if isinstance(found, Expr) else None
