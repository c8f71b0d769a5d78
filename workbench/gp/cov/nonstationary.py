"""Covariance functions of where points are, not of their distance alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import workbench.tensor as pt
from workbench.distributions.distance_kernels import squared_distances
from workbench.gp.cov.covariance import Covariance, points
from workbench.tensor.tensor import Tensor, as_tensor


class Linear(Covariance):
    """``k(x, x') = (x - c) @ (x' - c)``: straight lines through `c`.

    Parameters
    ----------
    input_dim
        How many columns the inputs have.
    c
        Where the lines are zero: a scalar, or one for each active column.
    active_dims
        The columns that it looks at; all by default.

    Examples
    --------
    >>> import numpy as np
    >>> Linear(1, c=0.0)(np.array([[1.0], [2.0]])).eval()
    array([[1., 2.],
           [2., 4.]])
    """

    def __init__(self, input_dim: int, c: Any, active_dims: Any = None) -> None:
        super().__init__(input_dim, active_dims)
        self.c = c

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        x, xs = self._slice(X, Xs)
        centred = x - as_tensor(self.c)
        other = centred if xs is None else xs - as_tensor(self.c)
        return pt.dot(centred, other.T)

    def diag(self, X: Any) -> Tensor:
        x, _ = self._slice(X)
        return pt.sum(pt.square(x - as_tensor(self.c)), axis=1)


class Polynomial(Linear):
    """``k(x, x') = ((x - c) @ (x' - c) + offset)**d``: polynomials of degree `d`.

    Parameters
    ----------
    d, offset
        The degree, and what is added.
    input_dim, c, active_dims
        As of :class:`Linear`.

    Examples
    --------
    >>> import numpy as np
    >>> Polynomial(1, c=0.0, d=2, offset=1.0)(np.array([[1.0], [2.0]])).eval()
    array([[ 4.,  9.],
           [ 9., 25.]])
    """

    def __init__(self, input_dim: int, c: Any, d: Any, offset: Any, active_dims: Any = None) -> None:
        super().__init__(input_dim, c, active_dims)
        self.d = d
        self.offset = offset

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        return pt.power(super().full(X, Xs) + self.offset, self.d)

    def diag(self, X: Any) -> Tensor:
        return pt.power(super().diag(X) + self.offset, self.d)


class WarpedInput(Covariance):
    """``k(x, x') = k(w(x), w(x'))``: a covariance function of inputs that a function has warped.

    Parameters
    ----------
    input_dim
        How many columns the inputs have.
    cov_func
        The covariance function of what is warped.
    warp_func
        A function of inputs ``(n, d)``, and of `args`, to others.
    args
        What it takes beside the inputs: one, or a tuple.
    active_dims
        The columns that it looks at; all by default.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> k = WarpedInput(1, pm.gp.cov.ExpQuad(1, ls=1.0), lambda x: pm.math.log(x))
    >>> k(np.array([[1.0], [np.e]])).eval().round(4)
    array([[1.    , 0.6065],
           [0.6065, 1.    ]])
    """

    def __init__(self, input_dim: int, cov_func: Covariance, warp_func: Callable[..., Any], args: Any = None, active_dims: Any = None) -> None:
        super().__init__(input_dim, active_dims)
        self.w = handle_args(_callable("warp_func", warp_func))
        self.args = args
        self.cov_func = _function(cov_func)

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        x, xs = self._slice(X, Xs)
        return self.cov_func(self.w(x, self.args), None if xs is None else self.w(xs, self.args))

    def diag(self, X: Any) -> Tensor:
        x, _ = self._slice(X)
        return self.cov_func(self.w(x, self.args), diag=True)


class Gibbs(Covariance):
    """A squared exponential whose length l(x) varies: ``sqrt(2 l l' / (l**2 + l'**2)) * exp(-(x - x')**2 / (l**2 + l'**2))``.

    Parameters
    ----------
    input_dim
        How many columns the inputs have.
    lengthscale_func
        The length, a function of inputs ``(n, 1)`` and of `args`.
    args
        What it takes beside the inputs: one, or a tuple.
    active_dims
        The one column that it looks at.

    Notes
    -----
    Source: Rasmussen and Williams, "Gaussian processes for machine learning" (2006), equation 4.32.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> k = Gibbs(1, lambda x: 1.0 + x)
    >>> k(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.    , 0.7323],
           [0.7323, 1.    ]])
    """

    def __init__(self, input_dim: int, lengthscale_func: Callable[..., Any], args: Any = None, active_dims: Any = None) -> None:
        super().__init__(input_dim, active_dims)
        if (input_dim if active_dims is None else len(active_dims)) > 1:
            raise NotImplementedError("Higher dimensional inputs are untested")
        self.lfunc = handle_args(_callable("lengthscale_func", lengthscale_func))
        self.args = args

    def square_dist(self, X: Any, Xs: Any = None) -> Tensor:
        """Return the squared distances of two sets of points."""
        x = points(X)
        return squared_distances(x, x if Xs is None else points(Xs, "Xs"))

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        x, xs = self._slice(X, Xs)
        other = x if xs is None else xs
        rx, rz = (pt.ravel(as_tensor(self.lfunc(z, self.args))) for z in (x, other))
        total = pt.square(rx)[:, None] + pt.square(rz)[None, :]
        return pt.sqrt(2.0 * pt.outer(rx, rz) / total) * pt.exp(-1.0 * self.square_dist(x, other) / total)

    def diag(self, X: Any) -> Tensor:
        return self._alloc(1.0, points(X).shape[0])


class ScaledCov(Covariance):
    """``k(x, x') = s(x) * k(x, x') * s(x')``: a covariance function whose standard deviation varies.

    Parameters
    ----------
    input_dim
        How many columns the inputs have.
    cov_func
        The covariance function.
    scaling_func
        What it is scaled by: a function of inputs and of `args`.
    args
        What it takes beside the inputs: one, or a tuple.
    active_dims
        The columns that both look at; all by default.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> k = ScaledCov(1, pm.gp.cov.ExpQuad(1, ls=1.0), lambda x, a: a * x, args=2.0)
    >>> k(np.array([[1.0], [2.0]])).eval().round(4)
    array([[ 4.    ,  4.8522],
           [ 4.8522, 16.    ]])
    """

    def __init__(self, input_dim: int, cov_func: Covariance, scaling_func: Callable[..., Any], args: Any = None, active_dims: Any = None) -> None:
        super().__init__(input_dim, active_dims)
        self.scaling_func = handle_args(_callable("scaling_func", scaling_func))
        self.cov_func = _function(cov_func)
        self.args = args

    def _scale(self, x: Tensor) -> Tensor:
        return pt.ravel(as_tensor(self.scaling_func(x, self.args)))

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        x, xs = self._slice(X, Xs)
        own = self._scale(x)
        return pt.outer(own, own if xs is None else self._scale(xs)) * self.cov_func(x, xs)

    def diag(self, X: Any) -> Tensor:
        x, _ = self._slice(X)
        return self.cov_func(x, diag=True) * pt.square(self._scale(x))


class Coregion(Covariance):
    """``k(i, j) = B[i, j]``: of outputs by their number, with ``B = W @ W.T + diag(kappa)``.

    Parameters
    ----------
    input_dim
        How many columns the inputs have; the active one holds the numbers of outputs.
    W
        What they have in common, shape ``(outputs, rank)``.
    kappa
        The variance of each alone, shape ``(outputs,)``.
    B
        The whole matrix: an alternative to both.
    active_dims
        The one column that it looks at.

    Examples
    --------
    >>> import numpy as np
    >>> Coregion(1, W=np.array([[1.0], [2.0]]), kappa=np.array([0.5, 0.5]))(np.array([[0], [1], [1]])).eval()
    array([[1.5, 2. , 2. ],
           [2. , 4.5, 4.5],
           [2. , 4.5, 4.5]])
    """

    def __init__(self, input_dim: int, W: Any = None, kappa: Any = None, B: Any = None, active_dims: Any = None) -> None:
        super().__init__(input_dim, active_dims)
        if len(self.active_dims) != 1:
            raise ValueError("Coregion requires exactly one dimension to be active")
        if (W is not None or kappa is not None) == (B is not None):
            raise ValueError("Exactly one of (W, kappa) and B must be provided to Coregion")
        if B is not None:
            self.B = as_tensor(B)
        elif W is None or kappa is None:
            raise ValueError("Coregion needs both W and kappa")
        else:
            self.W, self.kappa = as_tensor(W), as_tensor(kappa)
            self.B = pt.dot(self.W, self.W.T) + pt.diag(self.kappa)

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        x, xs = self._slice(X, Xs)
        rows = pt.cast(x, "int64")
        return self.B[rows, rows.T if xs is None else pt.cast(xs, "int64").T]

    def diag(self, X: Any) -> Tensor:
        x, _ = self._slice(X)
        return pt.diag(self.B)[pt.ravel(pt.cast(x, "int64"))]


def handle_args(func: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """Return a function of inputs, and of what it takes beside these: nothing, one thing, or a tuple.

    Examples
    --------
    >>> handle_args(lambda x, a, b: x * a + b)(2.0, (3.0, 1.0))
    7.0
    """

    def called(x: Any, args: Any) -> Any:
        if args is None:
            return func(x)
        return func(x, *args) if isinstance(args, tuple) else func(x, args)

    return called


def _callable(name: str, given: Any) -> Any:
    if not callable(given):
        raise TypeError(f"{name} must be callable")
    return given


def _function(given: Any) -> Any:
    if not isinstance(given, Covariance):
        raise TypeError("Must be or inherit from the Covariance class")
    return given
