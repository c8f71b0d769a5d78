"""What a covariance function is, and how several are put together: sums, products, powers, Kronecker products."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import reduce
from numbers import Real
from operator import add, mul
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ShapeError
from workbench.graph.expr import Expr
from workbench.tensor.tensor import Tensor, as_tensor


def points(X: Any, what: str = "X") -> Tensor:
    """Return inputs of a Gaussian process as a matrix of real numbers, one row a point.

    Raises
    ------
    ShapeError
        If they are no matrix.
    """
    x = as_tensor(X.to_numpy() if hasattr(X, "to_numpy") and not isinstance(X, Expr) else X)
    if x.ndim != 2:
        hint = "give a column vector, X[:, None]" if x.ndim == 1 else "one row is a point, one column a dimension"
        raise ShapeError(f"{what} has shape {x.type.shape}: inputs of a Gaussian process are a matrix", hint)
    return x if x.type.kind == "f" else pt.cast(x, "float64")


class BaseCovariance:
    """Base of all covariance functions: called with inputs, one returns a matrix, as a graph.

    ``cov(X)`` is the covariance of the values at `X`, ``cov(X, Xs)`` that of those at `X` with those at `Xs`,
    ``cov(X, diag=True)`` the variances at `X`. Two covariance functions can be added and multiplied, with one another, with
    scalars, and with matrices.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> k = 3.0 * pm.gp.cov.ExpQuad(1, ls=1.0)
    >>> isinstance(k, BaseCovariance), k(np.array([[0.0], [1.0]]), diag=True).eval().tolist()
    (True, [3.0, 3.0])
    """

    # So that an array on the left leaves sums and products to us.
    __array_ufunc__ = None

    def __call__(self, X: Any, Xs: Any = None, diag: bool = False) -> Tensor:
        """Return the covariance matrix of the values at inputs.

        Parameters
        ----------
        X
            Inputs, shape ``(n, d)``.
        Xs
            Other inputs, shape ``(m, d)``; `X` by default.
        diag
            Return the variances at `X` alone, shape ``(n,)``.
        """
        return self.diag(X) if diag else self.full(X, Xs)

    def diag(self, X: Any) -> Tensor:
        """Return the variances at inputs, shape ``(n,)``."""
        raise NotImplementedError

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        """Return the covariances of the values at `X` with those at `Xs` (at `X` by default), shape ``(n, m)``."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Add:
        # A number is a covariance function, so that the sum has a spectral density.
        return Add([self, Constant(c=other) if isinstance(other, Real) else other])

    def __mul__(self, other: Any) -> Prod:
        return Prod([self, other])

    def __radd__(self, other: Any) -> Add:
        return self.__add__(other)

    def __rmul__(self, other: Any) -> Prod:
        return self.__mul__(other)

    def __pow__(self, other: Any) -> Exponentiated:
        power = pt.squeeze(as_tensor(other))
        if power.ndim:
            raise ValueError("A covariance function can only be exponentiated by a scalar value")
        if not isinstance(self, Covariance):
            raise TypeError("Can only exponentiate covariance functions which inherit from `Covariance`")
        return Exponentiated(self, power)

    @staticmethod
    def _alloc(X: Any, *shape: Any) -> Tensor:
        return pt.alloc(as_tensor(X), *shape)


class Covariance(BaseCovariance):
    """Base of covariance functions that look at their inputs, or at some columns of them.

    Parameters
    ----------
    input_dim
        How many columns the inputs have.
    active_dims
        The numbers of the columns that the function looks at; all by default.

    Examples
    --------
    >>> import workbench as pm
    >>> pm.gp.cov.ExpQuad(3, ls=1.0, active_dims=[0, 2]).active_dims
    array([0, 2])
    """

    is_stationary = False

    def __init__(self, input_dim: int, active_dims: Any = None) -> None:
        self.input_dim = input_dim
        self.active_dims = np.arange(input_dim) if active_dims is None else np.atleast_1d(np.asarray(active_dims, int))
        if self.active_dims.max() > self.input_dim:
            raise ValueError("Values in `active_dims` can't be larger than `input_dim`.")

    @property
    def n_dims(self) -> int:
        """How many columns the function looks at."""
        return len(self.active_dims)

    def _slice(self, X: Any, Xs: Any = None) -> tuple[Tensor, Any]:
        """The columns that the function looks at."""
        x = points(X)
        width = x.type.shape[-1]
        if isinstance(width, int):
            if int(self.active_dims.max()) >= width:
                raise ShapeError(f"{type(self).__name__} looks at column {int(self.active_dims.max())} of X, which has shape {x.type.shape}", "check input_dim and active_dims")
            if width != self.input_dim:
                warnings.warn(
                    f"Only {self.input_dim} column(s) out of {width} are being used to compute the covariance function. If this is not intended, "
                    "increase 'input_dim' parameter to the number of columns to use. Ignore otherwise.",
                    UserWarning,
                    stacklevel=4,
                )
        return self._columns(x), None if Xs is None else self._columns(points(Xs, "Xs"))

    def _columns(self, x: Tensor) -> Tensor:
        width = x.type.shape[-1]
        return x if width == self.n_dims and np.array_equal(self.active_dims, np.arange(width)) else x[:, self.active_dims]

    def power_spectral_density(self, omega: Any) -> Tensor:
        """Return the power spectral density of a stationary function at frequencies, shape ``(m, d)`` to ``(m,)``."""
        raise NotImplementedError


class Combination(Covariance):
    """Several covariance functions, scalars and matrices put together; `input_dim` and `active_dims` are theirs.

    Examples
    --------
    >>> import workbench as pm
    >>> total = pm.gp.cov.ExpQuad(2, ls=1.0) + WhiteNoise(0.5)
    >>> isinstance(total, Combination), total.input_dim
    (True, 2)
    """

    join: Callable[[Any, Any], Any]

    def __init__(self, factor_list: Sequence[Any]) -> None:
        functions = [f for f in factor_list if isinstance(f, Covariance)]
        if len({f.input_dim for f in functions}) != 1:
            raise ValueError("All covariances must have the same `input_dim`.")
        super().__init__(functions[0].input_dim, sorted({int(i) for f in functions for i in f.active_dims}))
        # A sum of sums is one sum.
        self._factor_list: list[Any] = [x for f in factor_list for x in (f._factor_list if isinstance(f, type(self)) else [f])]

    def __call__(self, X: Any, Xs: Any = None, diag: bool = False) -> Tensor:
        return reduce(type(self).join, [self._of(factor, X, Xs, diag) for factor in self._factor_list])

    @staticmethod
    def _of(factor: Any, X: Any, Xs: Any, diag: bool) -> Any:
        if isinstance(factor, BaseCovariance):
            return factor(X, Xs, diag)
        given = as_tensor(factor)
        return pt.diagonal(given) if given.ndim == 2 and diag else given

    def _densities(self, omega: Any) -> list[Any]:
        """The spectral densities of the functions, and scalars as they are."""
        found: list[Any] = []
        for factor in self._factor_list:
            if not isinstance(factor, Covariance):
                found.append(factor.c if isinstance(factor, Constant) else factor)
                continue
            if set(self.active_dims) != set(factor.active_dims):
                raise ValueError("For power spectral density calculations `active_dims` must be the same for all covariances in the sum.")
            try:
                found.append(factor.power_spectral_density(omega))
            except (AttributeError, NotImplementedError) as error:
                if factor.is_stationary:
                    raise NotImplementedError(f"No power spectral density method has been implemented for {factor}.") from error
                raise ValueError(
                    "Power spectral densities, `.power_spectral_density(omega)`, can only be calculated for `Stationary` covariance functions."
                    f"  {factor} is non-stationary."
                ) from error
        return found


class Add(Combination):
    """The sum of covariance functions: the covariance of a sum of independent processes.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> (pm.gp.cov.ExpQuad(1, ls=1.0) + WhiteNoise(0.5))(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.25  , 0.6065],
           [0.6065, 1.25  ]])
    """

    join = staticmethod(add)

    def power_spectral_density(self, omega: Any) -> Tensor:
        """Return the sum of the spectral densities."""
        return as_tensor(reduce(add, self._densities(omega)))


class Prod(Combination):
    """The product of covariance functions, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> (pm.gp.cov.ExpQuad(1, ls=1.0) * Constant(2.0))(np.array([[0.0], [1.0]])).eval().round(4)
    array([[2.    , 1.2131],
           [1.2131, 2.    ]])
    """

    join = staticmethod(mul)

    def power_spectral_density(self, omega: Any) -> Tensor:
        """Return the spectral density of one function, scaled.

        Raises
        ------
        NotImplementedError
            If there are several functions: it would be the convolution of theirs.
        """
        if sum(isinstance(f, Covariance) for f in self._factor_list) > 1:
            raise NotImplementedError("The power spectral density of products of covariance functions is not implemented.")
        return as_tensor(reduce(mul, self._densities(omega)))


class Exponentiated(Covariance):
    """A covariance function to a power.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> (pm.gp.cov.ExpQuad(1, ls=1.0) ** 2)(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.    , 0.3679],
           [0.3679, 1.    ]])
    """

    def __init__(self, kernel: Covariance, power: Any) -> None:
        self.kernel = kernel
        self.power = power
        super().__init__(kernel.input_dim, kernel.active_dims)

    def __call__(self, X: Any, Xs: Any = None, diag: bool = False) -> Tensor:
        return self.kernel(X, Xs, diag=diag) ** self.power


class Kron(Covariance):
    """The product of covariance functions, each of columns of its own: their Kronecker product, where the inputs are a grid.

    Parameters
    ----------
    factor_list
        Covariance functions; the first looks at the first columns, as many as its `input_dim`, the second at the next.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> k = Kron([pm.gp.cov.ExpQuad(1, ls=1.0), pm.gp.cov.Matern12(1, ls=2.0)])
    >>> k(np.array([[0.0, 0.0], [1.0, 2.0]])).eval().round(4)
    array([[1.    , 0.2231],
           [0.2231, 1.    ]])
    """

    def __init__(self, factor_list: Sequence[Covariance]) -> None:
        self.input_dims = [getattr(factor, "input_dim", 1) for factor in factor_list]
        super().__init__(sum(self.input_dims))
        self._factor_list = list(factor_list)

    def _split(self, X: Any) -> list[Any]:
        if X is None:
            return [None] * len(self.input_dims)
        x = points(X)
        ends = np.cumsum(self.input_dims)
        if isinstance(x.type.shape[-1], int) and x.type.shape[-1] < ends[-1]:
            raise ShapeError(f"Kron: X has shape {x.type.shape}, and the functions look at {int(ends[-1])} columns")
        return [x[:, end - width : end] for width, end in zip(self.input_dims, map(int, ends))]

    def __call__(self, X: Any, Xs: Any = None, diag: bool = False) -> Tensor:
        return reduce(mul, [cov(x, xs, diag) for cov, x, xs in zip(self._factor_list, self._split(X), self._split(Xs))])


class Constant(BaseCovariance):
    """``k(x, x') = c``: a level that all values share.

    Parameters
    ----------
    c
        Its variance.

    Examples
    --------
    >>> import numpy as np
    >>> Constant(2.0)(np.array([[0.0], [1.0]])).eval()
    array([[2., 2.],
           [2., 2.]])
    """

    def __init__(self, c: Any) -> None:
        self.c = c

    def diag(self, X: Any) -> Tensor:
        return self._alloc(self.c, points(X).shape[0])

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        return self._alloc(self.c, points(X).shape[0], points(X if Xs is None else Xs).shape[0])


class WhiteNoise(BaseCovariance):
    """``k(x, x') = sigma**2`` for the same value, else 0: noise of each value alone.

    Parameters
    ----------
    sigma
        Its standard deviation: one for all values, or one for each.

    Examples
    --------
    >>> import numpy as np
    >>> WhiteNoise(0.5)(np.array([[0.0], [1.0]])).eval()
    array([[0.25, 0.  ],
           [0.  , 0.25]])
    """

    def __init__(self, sigma: Any) -> None:
        self.sigma = sigma

    def diag(self, X: Any) -> Tensor:
        return self._alloc(pt.square(as_tensor(self.sigma)), points(X).shape[0])

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        if Xs is None:
            return pt.diag(self.diag(X))
        return self._alloc(0.0, points(X).shape[0], points(Xs).shape[0])
