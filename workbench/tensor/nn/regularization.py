"""What is drawn by a key in training and left out in prediction: dropout, stochastic depth, noise; and what else differs there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, DTypeError, ShapeError
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.markers import InTraining
from workbench.tensor.random.random_bits import normal, uniform
from workbench.tensor.reduction.reductions import as_floats
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class Dropout(Op):
    """Each element 0 with a probability, divided by the probability that it is not where it stays.

    Inputs are the tensor, the probability and the key. Elements that differ only in their place along the axes `shared` are one draw.
    The gradient is the dropout of the cotangent, by the same key: no mask is kept.
    """

    shared: tuple[int, ...]
    of_a_branch: bool = False
    """Whether a branch of a network is left out as a whole: stochastic depth."""

    @property
    def name(self) -> str:  # type: ignore[override]
        return "stochastic_depth" if self.of_a_branch else "dropout"

    def written(self, *operands: str) -> str | None:
        return None if self.shared and not self.of_a_branch else f"{self.name}({', '.join(operands)})"

    def infer(self, x: TensorType, p: TensorType, key: TensorType) -> TensorType:
        return x

    def numpy(self, x: Any, p: Any, key: Any) -> Any:
        from workbench.tensor.random import random_bits

        drawn = tuple(1 if a in self.shared else n for a, n in enumerate(x.shape))
        words = random_bits.threefry.numpy(key, np.arange(np.prod(drawn, dtype=np.int64), dtype=np.uint64))
        keep = np.reshape(random_bits.word_to_unit.numpy(words), drawn) >= p
        scale = np.asarray(1.0 / (1.0 - p) if 0.0 <= p < 1.0 else 0.0 if p == 1.0 else np.nan, x.dtype)
        return np.where(keep, x * scale, x.dtype.type(0)) if scale == scale else np.full_like(x, np.nan)

    def jax(self, x: Any, p: Any, key: Any) -> Any:
        import jax.numpy as jnp

        from workbench.tensor.random import random_bits

        drawn = tuple(1 if a in self.shared else n for a, n in enumerate(x.shape))
        words = random_bits.threefry.jax(key, jnp.arange(int(np.prod(drawn, dtype=np.int64)), dtype="uint64"))
        keep = jnp.reshape(random_bits.word_to_unit.jax(words), drawn) >= p
        scale = jnp.where((p >= 0.0) & (p <= 1.0), 1.0 / jnp.where(p == 1.0, 1.0, 1.0 - p), jnp.nan).astype(x.dtype)
        return jnp.where(keep | (scale != scale), x * scale, jnp.zeros((), x.dtype))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, p, key = node.inputs
        return [intern(self, (_s.whole(cotangent, node), p, key)), None, None]

    def loop(self, x: Any, p: Any, key: Any) -> Tensor:
        return chosen(x, p, key, self.shared)


def chosen(x: Tensor, p: Tensor, key: Tensor, shared: Sequence[int]) -> Tensor:
    """Return what dropout is: a choice by random bits."""
    drawn = tuple(1 if a in shared else n for a, n in enumerate(_s.extents(x)))
    keep = uniform(key, drawn) >= p
    share = _e.where(_e.equal(p, 1.0), 1.0, 1.0 - p)
    scale = _e.where(_e.logical_and(p >= 0.0, p <= 1.0), 1.0 / share, np.nan)
    return _e.where(_e.logical_or(keep, _e.isnan(scale)), x * _e.cast(scale, x.dtype), 0.0)


def _probability(what: str, p: Any) -> Tensor:
    p = _e.cast(as_tensor(p), "float64")
    if p.ndim:
        raise ShapeError(f"{what}: the probability is one number, not a tensor of shape {p.type.shape}")
    if isinstance(p.op, Constant) and not 0.0 <= float(p.op.value) <= 1.0:
        raise ArgumentError(f"{what}: a probability is between 0 and 1, not {float(p.op.value)}", "p is the probability that an element is dropped")
    return p


def _key(what: str, key: Any) -> Tensor:
    key = as_tensor(key)
    if key.dtype != "uint64" or key.ndim:
        raise DTypeError(f"{what}: the key is one of pt.random, not {key.type}", "pt.random.key(seed) makes one, split and fold_in more of it; another step of training takes another key")
    return key


def dropout(x: Any, p: Any, key: Any, shared: Sequence[int] = ()) -> Tensor:
    """Return `x` with each element 0 with probability `p`, and divided by ``1 - p`` where it stays.

    Parameters
    ----------
    x
        Tensor, any shape.
    p
        The probability that an element is dropped, a number or a scalar of the graph: with 0 all stay, with 1 none does. (Flax and
        PyTorch mean the same; the derivative in `p` is not known.) A value of the graph outside [0, 1] gives NaN.
    key
        A key of ``pt.random``, a scalar: another one for each layer and step, ``pt.random.fold_in(key, step)``. The same key gives
        the same draws on every backend.
    shared
        Axes along which elements stay or go together: ``(2, 3)`` drops whole channels of images.

    Returns
    -------
    The shape and dtype of `x`; `for_prediction` makes `x` of it.

    Raises
    ------
    ArgumentError
        If `p` is known, and outside [0, 1].
    DTypeError
        If `key` is none.

    Examples
    --------
    >>> pt.nn.dropout(pt.ones(5), 0.5, pt.random.key(1)).eval().tolist()
    [0.0, 0.0, 2.0, 2.0, 0.0]

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014).
    """
    x = as_floats(x)
    return intern(Dropout(tuple(sorted(_s.axes_of("dropout", tuple(shared), x.ndim)))), (x, _probability("dropout", p), _key("dropout", key)))


def stochastic_depth(x: Any, p: Any, key: Any, mode: str = "row") -> Tensor:
    """Return a branch of a residual network that is left out as a whole with probability `p`, and divided by ``1 - p`` where it stays.

    Parameters
    ----------
    x
        The branch, its first axis that of the batch: ``y + stochastic_depth(f(y), p, key)``.
    p, key
        As of :func:`dropout`.
    mode
        "row": each element of the batch is left out or stays by itself; "batch": all together.

    Raises
    ------
    ArgumentError
        If there is no such mode, or `p` is known and outside [0, 1].

    Examples
    --------
    >>> pt.nn.stochastic_depth(pt.ones((3, 2)), 0.5, pt.random.key(2)).eval().tolist()
    [[0.0, 0.0], [0.0, 0.0], [2.0, 2.0]]

    References
    ----------
    Huang et al., "Deep networks with stochastic depth" (2016); the modes are those of torchvision.
    """
    x = as_floats(x)
    if mode not in ("row", "batch"):
        raise ArgumentError(f"stochastic_depth: mode is 'row' or 'batch', not {mode!r}")
    if mode == "row" and not x.ndim:
        raise ShapeError("stochastic_depth of a scalar: there are no rows", "mode='batch' drops it as a whole")
    shared = tuple(range(1 if mode == "row" else 0, x.ndim))
    return intern(Dropout(shared, True), (x, _probability("stochastic_depth", p), _key("stochastic_depth", key)))


def in_training(x: Any, predicted: Any, what: str = "what is done in training") -> Tensor:
    """Return `x`; of which `for_prediction` makes `predicted`.

    For what differs between the two and is no operation here: images that are turned at random, weights that are perturbed. Keras
    has it as ``in_train_phase``.

    Parameters
    ----------
    x
        The value in training; the gradient flows through it alone.
    predicted
        That in prediction, which broadcasts to the shape of `x`.
    what
        What it is, for the reason that the rule gives.

    Raises
    ------
    ShapeError
        If `predicted` does not broadcast to `x`.

    Examples
    --------
    >>> x = pt.vector("x", 3)
    >>> y = pt.nn.in_training(x[::-1], x, "turned images")
    >>> y.eval({"x": [1.0, 2.0, 3.0]}).tolist()
    [3.0, 2.0, 1.0]
    >>> pm.for_prediction(y)
    x
    """
    x = as_tensor(x)
    other = _s.broadcast_like(_e.cast(as_tensor(predicted), x.dtype), x)
    return intern(InTraining(what), (x, other))


def gaussian_noise(x: Any, sd: Any, key: Any) -> Tensor:
    """Return `x` with normal noise of standard deviation `sd` added in training.

    Parameters
    ----------
    x
        Tensor.
    sd
        A number, or what broadcasts with `x`.
    key
        A key of ``pt.random``, another one for each step.

    Examples
    --------
    >>> pt.nn.gaussian_noise(pt.zeros(3), 1.0, pt.random.key(0)).eval().round(3).tolist()
    [-0.206, -0.785, 1.816]
    """
    x = as_floats(x)
    noise = normal(_key("gaussian_noise", key), _s.extents(x)) * sd
    return in_training(x + _e.cast(noise, x.dtype), x, "noise")


__all__ = ["dropout", "gaussian_noise", "in_training", "stochastic_depth"]
