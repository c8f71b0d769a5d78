"""Covariance functions of the distance of two points alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions import distance_kernels as kernels
from workbench.distributions.distance_kernels import squared_distances
from workbench.gp.cov.covariance import Covariance, points
from workbench.tensor.tensor import Tensor, as_tensor


class Stationary(Covariance):
    """Base of covariance functions of the distance alone, in units of a length.

    Parameters
    ----------
    input_dim
        How many columns the inputs have.
    ls
        The length over which values are correlated: a scalar, or one for each of the active columns.
    ls_inv
        Its inverse: an alternative.
    active_dims
        The columns that the function looks at; all by default.

    Examples
    --------
    >>> import numpy as np
    >>> ExpQuad(2, ls=[1.0, 10.0])(np.array([[0.0, 0.0], [1.0, 1.0]])).eval().round(4)
    array([[1.    , 0.6035],
           [0.6035, 1.    ]])
    """

    is_stationary = True

    def __init__(self, input_dim: int, ls: Any = None, ls_inv: Any = None, active_dims: Any = None) -> None:
        super().__init__(input_dim, active_dims)
        if (ls is None) == (ls_inv is None):
            raise ValueError("Only one of 'ls' or 'ls_inv' must be provided")
        self.ls = 1.0 / as_tensor(ls_inv) if ls is None else as_tensor(ls)

    def square_dist(self, X: Any, Xs: Any = None) -> Tensor:
        """Return the squared distances of two sets of points, in units of `ls`."""
        scale = 1.0 / self.ls
        x = points(X) * scale
        return squared_distances(x, x if Xs is None else points(Xs, "Xs") * scale)

    def euclidean_dist(self, X: Any, Xs: Any = None) -> Tensor:
        """Return the distances of two sets of points, in units of `ls`."""
        return self._sqrt(self.square_dist(X, Xs))

    def _sqrt(self, r2: Any) -> Tensor:
        return kernels.distance(r2)

    def diag(self, X: Any) -> Tensor:
        return self._alloc(1.0, points(X).shape[0])

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        x, xs = self._slice(X, Xs)
        return self.full_from_distance(self.square_dist(x, xs), squared=True)

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        """Return the covariances of points at distances, or at their squares if `squared`."""
        raise NotImplementedError

    def power_spectral_density(self, omega: Any) -> Tensor:
        raise NotImplementedError

    def _distance(self, dist: Any, squared: bool) -> Tensor:
        return self._sqrt(dist) if squared else as_tensor(dist)

    def _squared(self, dist: Any, squared: bool) -> Tensor:
        return as_tensor(dist) if squared else pt.square(as_tensor(dist))

    def _lengths(self) -> Tensor:
        """The length of each active column."""
        return pt.ones(self.n_dims) * self.ls

    def _by_length(self, omega: Any, lengths: Tensor) -> Tensor:
        """The squared frequencies, in units of the inverse lengths."""
        return pt.dot(pt.square(as_tensor(omega)), pt.square(lengths))


class ExpQuad(Stationary):
    """``k(x, x') = exp(-(x - x')**2 / (2 * ls**2))``: very smooth functions. Also called squared exponential, RBF, Gaussian.

    Examples
    --------
    >>> import numpy as np
    >>> ExpQuad(1, ls=1.0)(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.    , 0.6065],
           [0.6065, 1.    ]])
    """

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return pt.exp(-0.5 * self._squared(dist, squared))

    def power_spectral_density(self, omega: Any) -> Tensor:
        """``(2 * pi)**(D / 2) * prod(ls) * exp(-sum(ls**2 * omega**2) / 2)``."""
        ls = self._lengths()
        return (2.0 * math.pi) ** (self.n_dims / 2) * pt.prod(ls) * pt.exp(-0.5 * self._by_length(omega, ls))


class RatQuad(Stationary):
    """``k(x, x') = (1 + (x - x')**2 / (2 * alpha * ls**2))**-alpha``: functions that vary over many lengths at once.

    Parameters
    ----------
    alpha
        How alike the lengths are; for a large one the function is :class:`ExpQuad`.
    input_dim, ls, ls_inv, active_dims
        As of :class:`Stationary`.

    Examples
    --------
    >>> import numpy as np
    >>> RatQuad(1, alpha=1.0, ls=1.0)(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.    , 0.6667],
           [0.6667, 1.    ]])
    """

    def __init__(self, input_dim: int, alpha: Any, ls: Any = None, ls_inv: Any = None, active_dims: Any = None) -> None:
        super().__init__(input_dim, ls, ls_inv, active_dims)
        self.alpha = alpha

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        alpha = as_tensor(self.alpha)
        return pt.power(1.0 + 0.5 * self._squared(dist, squared) * (1.0 / alpha), -1.0 * alpha)

    def power_spectral_density(self, omega: Any) -> Tensor:
        """``2 * (2 * pi * alpha)**(D / 2) * prod(ls) / Gamma(alpha) * (z / 2)**nu * K_nu(z)``, ``z**2 = 2 * alpha * sum(ls**2 * omega**2)``, ``nu = alpha - D / 2``."""
        ls, alpha = self._lengths(), as_tensor(self.alpha)
        nu = alpha - self.n_dims / 2.0
        z = pt.sqrt(2.0 * alpha) * pt.sqrt(self._by_length(omega, ls))
        scale = 2.0 * pt.power(2.0 * math.pi * alpha, self.n_dims / 2.0) * pt.prod(ls) / pt.gamma(alpha)
        at_zero = pt.equal(z, 0.0)
        apart = pt.where(at_zero, 1.0, z)
        return scale * pt.where(at_zero, 0.5 * pt.gamma(nu), pt.power(0.5 * apart, nu) * pt.kv(nu, apart))


class Matern52(Stationary):
    """``k(x, x') = (1 + sqrt(5) * r + 5 / 3 * r**2) * exp(-sqrt(5) * r)``, ``r = |x - x'| / ls``: functions with two derivatives.

    Examples
    --------
    >>> import numpy as np
    >>> Matern52(1, ls=1.0)(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.   , 0.524],
           [0.524, 1.   ]])
    """

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return kernels.matern52(self._distance(dist, squared))

    def power_spectral_density(self, omega: Any) -> Tensor:
        """``2**D * pi**(D / 2) * Gamma((D + 5) / 2) * 5**(5 / 2) / (3 / 4 * sqrt(pi)) * prod(ls) * (5 + sum(ls**2 * omega**2))**-((D + 5) / 2)``."""
        return self._matern_density(omega, 5.0, 0.75)

    def _matern_density(self, omega: Any, twice: float, divisor: float) -> Tensor:
        ls, power = self._lengths(), (self.n_dims + twice) / 2
        scale = 2.0**self.n_dims * math.pi ** (self.n_dims / 2) * math.gamma(power) * twice ** (twice / 2) / (divisor * math.sqrt(math.pi))
        return scale * pt.prod(ls) * pt.power(twice + self._by_length(omega, ls), -power)


class Matern32(Matern52):
    """``k(x, x') = (1 + sqrt(3) * r) * exp(-sqrt(3) * r)``, ``r = |x - x'| / ls``: functions with one derivative.

    Examples
    --------
    >>> import numpy as np
    >>> Matern32(1, ls=1.0)(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.    , 0.4834],
           [0.4834, 1.    ]])
    """

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return kernels.matern32(self._distance(dist, squared))

    def power_spectral_density(self, omega: Any) -> Tensor:
        """``2**D * pi**(D / 2) * Gamma((D + 3) / 2) * 3**(3 / 2) / (1 / 2 * sqrt(pi)) * prod(ls) * (3 + sum(ls**2 * omega**2))**-((D + 3) / 2)``."""
        return self._matern_density(omega, 3.0, 0.5)


class Matern12(Stationary):
    """``k(x, x') = exp(-|x - x'| / ls)``: continuous functions without a derivative, the Ornstein-Uhlenbeck process.

    Examples
    --------
    >>> import numpy as np
    >>> Matern12(1, ls=1.0)(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.    , 0.3679],
           [0.3679, 1.    ]])
    """

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return kernels.matern12(self._distance(dist, squared))


class Exponential(Stationary):
    """``k(x, x') = exp(-|x - x'| / (2 * ls))``: as :class:`Matern12`, with half the length.

    Examples
    --------
    >>> import numpy as np
    >>> Exponential(1, ls=1.0)(np.array([[0.0], [1.0]])).eval().round(4)
    array([[1.    , 0.6065],
           [0.6065, 1.    ]])
    """

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return kernels.exponential(self._distance(dist, squared))


class Cosine(Stationary):
    """``k(x, x') = cos(2 * pi * |x - x'| / ls)``: sines of period `ls`.

    Examples
    --------
    >>> import numpy as np
    >>> Cosine(1, ls=2.0)(np.array([[0.0], [1.0]])).eval()
    array([[ 1., -1.],
           [-1.,  1.]])
    """

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return pt.cos(2.0 * math.pi * self._distance(dist, squared))


def periodic_distances(x: Tensor, xs: Tensor, period: Any, ls: Any) -> Tensor:
    """Return the squared chords of two sets of points on circles, in units of `ls`."""
    turn = np.pi * (pt.expand_dims(x, 1) - pt.expand_dims(xs, 0)) / as_tensor(period)
    return pt.sum(pt.square(pt.sin(turn) / ls), axis=2)


class Periodic(Stationary):
    """``k(x, x') = exp(-sin(pi * |x - x'| / period)**2 / (2 * ls**2))``: functions that repeat.

    Parameters
    ----------
    period
        After which they repeat.
    input_dim, ls, ls_inv, active_dims
        As of :class:`Stationary`.

    Notes
    -----
    As in PyMC the exponent has 1/2 where other texts have 2: their length is twice this one.

    Examples
    --------
    >>> import numpy as np
    >>> Periodic(1, period=2.0, ls=1.0)(np.array([[0.0], [1.0], [2.0]])).eval().round(4)
    array([[1.    , 0.6065, 1.    ],
           [0.6065, 1.    , 0.6065],
           [1.    , 0.6065, 1.    ]])
    """

    def __init__(self, input_dim: int, period: Any, ls: Any = None, ls_inv: Any = None, active_dims: Any = None) -> None:
        super().__init__(input_dim, ls, ls_inv, active_dims)
        self.period = period

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        x, xs = self._slice(X, Xs)
        return self.full_from_distance(periodic_distances(x, x if xs is None else xs, self.period, self.ls), squared=True)

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return pt.exp(-0.5 * self._squared(dist, squared))

    def power_spectral_density_approx(self, J: Any) -> Tensor:
        """Return the coefficients of the function's cosine series at orders `J`: ``2 * I_j(1 / ls**2) / exp(1 / ls**2)``, half of that for 0."""
        orders = as_tensor(J)
        # The scaled Bessel function has the exponential in it.
        return pt.where(orders > 0, 2, 1) * pt.ive(orders, 1.0 / pt.square(self.ls))


class WrappedPeriodic(Covariance):
    """A periodic covariance function of any stationary one: of the chord of two points on a circle.

    Parameters
    ----------
    cov_func
        The stationary function.
    period
        After which functions repeat.

    Notes
    -----
    Of :class:`ExpQuad` it is :class:`Periodic`. Source: MacKay, "Introduction to Gaussian processes" (1998).

    Examples
    --------
    >>> import numpy as np
    >>> at = np.array([[0.0], [0.5], [2.0]])
    >>> bool(np.allclose(WrappedPeriodic(ExpQuad(1, ls=1.0), 2.0)(at).eval(), Periodic(1, period=2.0, ls=1.0)(at).eval()))
    True
    """

    def __init__(self, cov_func: Stationary, period: Any) -> None:
        if not isinstance(cov_func, Stationary):
            raise TypeError("Must inherit from the Stationary class")
        super().__init__(cov_func.input_dim, cov_func.active_dims)
        self.cov_func = cov_func
        self.period = period

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        x, xs = self._slice(X, Xs)
        r2 = periodic_distances(x, x if xs is None else xs, self.period, self.cov_func.ls)
        return self.cov_func.full_from_distance(r2, squared=True)

    def diag(self, X: Any) -> Tensor:
        return self._alloc(1.0, points(X).shape[0])


class Circular(Covariance):
    """A covariance function of the distance t along a circle: ``(1 + tau * t / c) * max(1 - t / c, 0)**tau``, c half the period.

    Parameters
    ----------
    input_dim
        How many columns the inputs have.
    period
        Length of the circle.
    tau
        How fast it falls, >= 4.
    active_dims
        The column that it looks at.

    Notes
    -----
    Source: Padonou and Roustant, "Polar Gaussian processes for predicting on circular domains" (2016).

    Examples
    --------
    >>> import numpy as np
    >>> Circular(1, period=24.0)(np.array([[23.0], [1.0], [12.0]])).eval().round(3)
    array([[1.   , 0.804, 0.   ],
           [0.804, 1.   , 0.   ],
           [0.   , 0.   , 1.   ]])
    """

    def __init__(self, input_dim: int, period: Any, tau: Any = 4, active_dims: Any = None) -> None:
        super().__init__(input_dim, active_dims)
        self.c = as_tensor(period / 2)
        self.tau = tau

    def dist(self, X: Any, Xs: Any = None) -> Tensor:
        """Return the distances along the circle."""
        x = points(X)
        other = x if Xs is None else points(Xs, "Xs")
        return pt.abs((x - other.T + self.c) % (self.c * 2) - self.c)

    def weinland(self, t: Any) -> Tensor:
        """Return the covariance at distances."""
        return (1 + self.tau * t / self.c) * pt.clip(1 - t / self.c, 0, np.inf) ** self.tau

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        return self.weinland(self.dist(*self._slice(X, Xs)))

    def diag(self, X: Any) -> Tensor:
        return self._alloc(1.0, points(X).shape[0])
