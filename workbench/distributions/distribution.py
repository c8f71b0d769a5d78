"""What a distribution is, and `Draw`: a random variable is a tensor drawn from one under a key."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from workbench.errors import ModelError, ShapeError
from workbench.graph.expr import Constant, Data, Expr, Input, Op, intern
from workbench.graph.inner import Graph
from workbench.graph.rewrite import rule
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType
from workbench.tensor.elementwise import broadcast_shapes, cast
from workbench.tensor.shape import broadcast_to
from workbench.tensor.tensor import Tensor, as_tensor, data


@dataclass(frozen=True)
class Support:
    """Where a distribution puts its mass.

    `kind` is "real", "positive", "interval" (between the distribution's bounds) or "discrete": the
    model chooses the transform to unconstrained space from it.
    """

    kind: str


REAL, POSITIVE, INTERVAL, DISCRETE = (Support(k) for k in ("real", "positive", "interval", "discrete"))

register_variable: list[Callable[..., Tensor]] = []
"""How a model registers a named variable; put here by the model layer."""


class Distribution:
    """Base of all distributions. Subclasses are declarations and are never instantiated.

    ``Normal("x", 0, 1)`` makes a variable in the current model, ``Normal.dist(0, 1)`` one outside.

    Attributes
    ----------
    parameters
        Names of the parameters of the formulas, in order.
    positive_parameters
        Those that must be positive.
    support, dtype
        Where the mass lies, and the dtype of draws.
    """

    parameters: ClassVar[tuple[str, ...]] = ()
    positive_parameters: ClassVar[tuple[str, ...]] = ()
    support: ClassVar[Support] = REAL
    dtype: ClassVar[str] = "float64"

    def __new__(cls, name: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(name, str):
            raise ModelError(
                f"{cls.__name__} needs a name as its first argument",
                f'write {cls.__name__}("name", ...); in a %%model cell a call assigned straight to a name '
                f"takes that name; {cls.__name__}.dist(...) makes a variable outside of models",
            )
        if not register_variable:
            raise ModelError("no model layer is loaded", "import workbench as pm")
        return register_variable[0](cls, name, *args, **kwargs)

    @classmethod
    def arguments(cls, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The call's parameters in the order of `parameters` (alternative ones converted)."""
        raise NotImplementedError

    @classmethod
    def dist(cls, *args: Any, shape: Any = None, **kwargs: Any) -> Tensor:
        """Return a random variable outside of any model.

        Parameters
        ----------
        args, kwargs
            The distribution's parameters.
        shape
            Shape of the variable; that of the parameters by default.

        Raises
        ------
        ModelError
            If a constant parameter is outside its domain.
        ShapeError
            If the parameters do not broadcast to `shape`.
        """
        try:
            given = [cast_real(p) for p in cls.arguments(*args, **kwargs)]
        except TypeError as error:
            if "arguments()" in str(error):
                raise TypeError(str(error).replace(f"{cls.__name__}.arguments", cls.__name__)) from None
            raise
        for name, p in zip(cls.parameters, given):
            _check_parameter(cls, name, p)
        wanted = (shape,) if isinstance(shape, (int, np.integer)) else shape
        natural = broadcast_shapes(*(p.type.shape for p in given), what=f"parameters of {cls.__name__}")
        full: tuple[int, ...] = tuple(int(n or 0) for n in (natural if wanted is None else wanted))
        if broadcast_shapes(natural, full) != full:
            raise ShapeError(
                f"the parameters of {cls.__name__} have shape {natural}, which does not broadcast to {full}"
            )
        node: Tensor = intern(Draw(cls, full), (fresh_key(), *given))
        return node

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Log-density (or log-mass) of each element."""
        raise NotImplementedError

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Logarithm of the cumulative distribution function of each element."""
        raise NotImplementedError(f"{cls.__name__}.logcdf")

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        """A draw under `key`: the same on every backend."""
        raise NotImplementedError

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """A finite point of the support, where sampling starts."""
        raise NotImplementedError

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Lower and upper bound, for an "interval" support."""
        raise NotImplementedError


def cast_real(parameter: Any) -> Tensor:
    """A parameter as a real tensor."""
    x = as_tensor(parameter)
    return x if x.dtype == "float64" else cast(x, "float64")


def _check_parameter(cls: type[Distribution], name: str, p: Tensor) -> None:
    if not isinstance(p.op, Constant):
        return
    value = p.op.value
    if np.isnan(value).any():
        raise ModelError(f"{cls.__name__}: the parameter {name} is NaN", "check the data it comes from")
    if name in cls.positive_parameters and not (value > 0).all():
        bad = float(value.reshape(-1)[int(np.argmin(value.reshape(-1)))])
        raise ModelError(f"{cls.__name__}: the parameter {name} must be positive, got {bad}")


def fresh_key() -> Tensor:
    """The key of a new random variable: its identity, and a seed that can be replaced."""
    return data("key", np.uint64(secrets.randbits(64)))


def key_of(rv: Tensor) -> Tensor:
    """Return the key of a random variable."""
    assert isinstance(rv.op, Draw)
    return rv.inputs[0]


def set_key(rv: Tensor, word: int) -> None:
    """Replace the seed of a random variable."""
    op = key_of(rv).op
    assert isinstance(op, Data)
    op.cell[0] = np.array(word, np.uint64)


@dataclass(frozen=True)
class Draw(Op):
    """A draw from a distribution: inputs are a key and the parameters."""

    distribution: type[Distribution]
    shape: tuple[int, ...]

    plain = True

    @property
    def name(self) -> str:
        return self.distribution.__name__

    def infer(self, key: TensorType, *parameters: TensorType) -> TensorType:
        return TensorType(self.distribution.dtype, self.shape)

    def formula(self, key: Any, *parameters: Any) -> Tensor:
        """The draw as a graph over the key's bits."""
        drawn = self.distribution.draw(key, self.shape, *parameters)
        return broadcast_to(drawn, self.shape)

    def _run(self, form: str, values: Sequence[Any]) -> Any:
        params = [
            intern(Input(None, TensorType(np.dtype(v.dtype).name, tuple(v.shape)))) for v in map(as_array, values)
        ]
        return Graph(params, [self.formula(*params)]).run(form, *values)[0]

    def numpy(self, *values: Any) -> Any:
        return self._run("numpy", values)

    def jax(self, *values: Any) -> Any:
        return self._run("jax", values)


def as_array(value: Any) -> Any:
    return value if hasattr(value, "dtype") and hasattr(value, "shape") else np.asarray(value)


def has_draw(x: Expr) -> bool:
    """Whether an expression is random: some random variable lies below it."""
    return any(isinstance(n.op, Draw) for n in topological([x]))


def _example() -> list[Expr]:
    from workbench.distributions.continuous import Normal

    return [Normal.dist(1.0, 2.0, shape=(3,))]


@rule("draw", ops=(Draw,), examples=_example)
def draw_from_bits(expr: Expr) -> Expr | None:
    """A draw is a formula over the random bits of its key."""
    assert isinstance(expr.op, Draw)
    return expr.op.formula(*expr.inputs)


draw_rules = (draw_from_bits,)
