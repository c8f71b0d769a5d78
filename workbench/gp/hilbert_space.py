"""Gaussian processes of many points in a basis of eigenfunctions: as linear models.

Sources: Solin and Särkkä, "Hilbert space methods for reduced-rank Gaussian process regression" (2019); Riutort-Mayol, Bürkner,
Andersen, Solin and Vehtari, "Practical Hilbert space approximate Bayesian Gaussian processes for probabilistic programming" (2022).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions import Normal
from workbench.errors import ShapeError
from workbench.gp.cov.covariance import Covariance, points
from workbench.gp.cov.stationary import Periodic
from workbench.gp.process import Base
from workbench.model import Deterministic
from workbench.tensor.tensor import Tensor, as_tensor


def set_boundary(X: Any, c: Any) -> np.ndarray[Any, Any]:
    """Return `c` times half the range of each column of inputs: numbers, that do not change with the inputs later."""
    x = points(X)
    return np.asarray((as_tensor(c) * (pt.max(x, axis=0) - pt.min(x, axis=0)) / 2.0).eval())


def calc_eigenvalues(L: Any, m: Sequence[int]) -> Tensor:
    """Return the eigenvalues of the Laplacian on a box of half widths `L`, by column, shape ``(prod(m), len(m))``."""
    grids = np.meshgrid(*[np.arange(1, 1 + n) for n in m])
    orders = np.vstack([g.ravel() for g in grids]).T
    return pt.square(np.pi * orders / (2.0 * as_tensor(L)))


def calc_eigenvectors(Xs: Any, L: Any, eigvals: Any, m: Sequence[int]) -> Tensor:
    """Return the eigenfunctions of the Laplacian at inputs, shape ``(n, prod(m))``."""
    x, widths, roots = points(Xs), as_tensor(L), pt.sqrt(as_tensor(eigvals))
    phi: Any = 1.0
    for d in range(len(m)):
        phi = phi * (pt.sin(roots[:, d] * (x[:, d][:, None] + widths[d])) / pt.sqrt(widths[d]))
    return as_tensor(phi)


def calc_basis_periodic(Xs: Any, period: Any, m: int, tl: Any = None) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines of the first `m` multiples of a frequency at inputs ``(n, 1)``, each ``(n, m)``."""
    angle = (2.0 * np.pi / as_tensor(period)) * points(Xs) * np.arange(m)
    return pt.cos(angle), pt.sin(angle)


def approx_hsgp_hyperparams(x_range: Sequence[float], lengthscale_range: Sequence[float], cov_func: str) -> tuple[int, float]:
    """Return how many basis functions, and how wide a box, are enough for a process of one column.

    Parameters
    ----------
    x_range
        Least and greatest input that there is or that is asked for.
    lengthscale_range
        Least and greatest length that is to be expected.
    cov_func
        "expquad", "matern52" or "matern32".

    Returns
    -------
    m, c
        Number of basis functions, and the box's half width over that of the inputs.

    Raises
    ------
    ValueError
        If a range is out of order, or the covariance function is another.

    Examples
    --------
    >>> m, c = approx_hsgp_hyperparams([0.0, 10.0], [1.0, 3.0], "matern52")
    >>> m, round(c, 6)
    (32, 2.46)
    """
    if lengthscale_range[0] >= lengthscale_range[1]:
        raise ValueError("One of the `lengthscale_range` boundaries is out of order.")
    if x_range[0] >= x_range[1]:
        raise ValueError("One of the `x_range` boundaries is out of order.")
    known = {"expquad": (3.2, 1.75), "matern52": (4.1, 2.65), "matern32": (4.5, 3.42)}
    if cov_func.lower() not in known:
        raise ValueError("Unsupported covariance function. Supported options are 'expquad', 'matern52', and 'matern32'.")
    a1, a2 = known[cov_func.lower()]
    half = (x_range[1] - x_range[0]) / 2.0
    c = max(a1 * (lengthscale_range[1] / half), 1.2)
    return int(a2 * c / (lengthscale_range[0] / half)), c


class _InBasis(Base):
    """A process that is a sum of basis functions, whose place is fixed by the first inputs."""

    _X_center: Any = None
    _beta: Any = None

    def _centred(self, X: Any) -> Tensor:
        """Active columns of inputs, less the middle of the first that there were: so data may change later."""
        x = points(X)
        if self._X_center is None:
            self._X_center = np.asarray((pt.max(x, axis=0) + pt.min(x, axis=0)).eval()) / 2
        return self.cov_func._slice(x - self._X_center)[0]

    def _require_prior(self) -> None:
        if self._beta is None:
            raise ValueError("Prior is not set, can't create a conditional.  Call `.prior(name, X)` first.")

    def _build_conditional(self, Xnew: Any) -> Tensor:
        raise NotImplementedError

    def conditional(self, name: str, Xnew: Any, dims: Any = None) -> Tensor:  # type: ignore[override]
        """Return the values of the process at new inputs, a deterministic of the model.

        Parameters
        ----------
        name
            What it is called.
        Xnew
            New inputs, shape ``(m, d)``.
        dims
            Its dims.

        Raises
        ------
        ValueError
            If no `prior` has been written.
        """
        return Deterministic(name, self._build_conditional(Xnew), dims=dims)


class HSGP(_InBasis):
    """A Gaussian process of a stationary covariance function in a basis of sines: ``n`` points with ``m`` functions cost ``n m``.

    Parameters
    ----------
    m
        Number of basis functions for each active column.
    L
        Half width of the box for each active column: inputs, those to come too, must lie in it around the middle of the first.
    c
        Half width of the box over that of the inputs: an alternative to `L`. See :func:`approx_hsgp_hyperparams`.
    drop_first
        Leave the first basis function out, which is much like an intercept.
    parametrization
        "noncentered" (standard normal coefficients) or "centered".
    mean_func
        The mean function, zero by default.
    cov_func
        The covariance function: one with a spectral density, or a sum of such, or scaled.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> X = np.linspace(0.0, 10.0, 100)[:, None]
    >>> with pm.Model() as model:
    ...     eta, ell = pm.Exponential("eta", 1.0), pm.InverseGamma("ell", mu=5.0, sigma=5.0)
    ...     gp = pm.gp.HSGP(m=[20], c=1.5, cov_func=eta**2 * pm.gp.cov.ExpQuad(1, ls=ell))
    ...     f = gp.prior("f", X=X)
    >>> f.type.shape, model["f_hsgp_coeffs"].type.shape
    ((100,), (20,))
    """

    def __init__(
        self, m: Sequence[int], L: Any = None, c: Any = None, drop_first: bool = False, parametrization: str | None = "noncentered",
        *, mean_func: Any = None, cov_func: Covariance,
    ) -> None:  # fmt: skip
        wrong = "`m` and `L`, if provided, must be sequences with one element per active dimension of the kernel or covariance function."
        if not isinstance(m, Sequence) or len(m) != cov_func.n_dims:
            raise ValueError(wrong)
        if (L is None) == (c is None):
            raise ValueError("Provide one of `c` or `L`")
        if L is not None and (not isinstance(L, Sequence) or len(L) != cov_func.n_dims):
            raise ValueError(wrong)
        if L is None and np.ndim(c) == 0 and not isinstance(c, Tensor) and c < 1.2:
            warnings.warn("For an adequate approximation `c >= 1.2` is recommended.", stacklevel=2)
        self._parametrization = (parametrization or "").lower().replace("-", "").replace("_", "")
        if self._parametrization not in ("centered", "noncentered"):
            raise ValueError("`parametrization` must be either 'centered' or 'noncentered'.")
        if drop_first:
            warnings.warn(
                "The drop_first argument will be deprecated in future versions. See https://github.com/pymc-devs/pymc/pull/6877", DeprecationWarning, stacklevel=2
            )
        self._drop_first = drop_first
        self._m = tuple(m)
        self._m_star = self.n_basis_vectors = int(np.prod(self._m))
        self._L: Any = None if L is None else np.asarray(as_tensor(L).eval())
        self._c = c
        self._X_center = None
        super().__init__(mean_func=mean_func, cov_func=cov_func)

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError("Additive HSGPs aren't supported.")

    @property
    def L(self) -> Any:
        """Half widths of the box, by active column."""
        if self._L is None:
            raise RuntimeError("Boundaries `L` required but still unset.")
        return self._L

    @L.setter
    def L(self, value: Any) -> None:
        self._L = as_tensor(value)

    def prior_linearized(self, X: Any) -> tuple[Tensor, Tensor]:
        """Return the basis functions at inputs, and the standard deviations of their coefficients.

        The process is ``phi @ (beta * sqrt_psd)`` with standard normal ``beta``. Where `X` is data of the model, `set_data` gives the
        process at others.

        Parameters
        ----------
        X
            Inputs, shape ``(n, d)``.

        Returns
        -------
        phi, sqrt_psd
            Shapes ``(n, prod(m))`` and ``(prod(m),)``.
        """
        x = self._centred(X)
        if self._L is None:
            self.L = set_boundary(x, self._c)
        _require_inside(x, self._L)
        values = calc_eigenvalues(self.L, self._m)
        psd = self.cov_func.power_spectral_density(pt.sqrt(values))
        first = int(self._drop_first is True)
        return calc_eigenvectors(x, self.L, values, self._m)[:, first:], pt.sqrt(psd[first:])

    def prior(self, name: str, X: Any, dims: Any = None, hsgp_coeffs_dims: Any = None, *args: Any, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """Return the values of the process at inputs, a deterministic of the model.

        Parameters
        ----------
        name
            What it is called; its coefficients are `name` + ``_hsgp_coeffs``.
        X
            Inputs, shape ``(n, d)``.
        dims, hsgp_coeffs_dims
            Dims of the values, and of the coefficients.
        """
        phi, sqrt_psd = self.prior_linearized(X)
        self._sqrt_psd = sqrt_psd
        scale = {"sigma": sqrt_psd} if self._parametrization == "centered" else {}
        self._beta = Normal(f"{name}_hsgp_coeffs", **scale, size=self.n_basis_vectors - int(self._drop_first), dims=hsgp_coeffs_dims)
        self.f = Deterministic(name, self.mean_func(X) + pt.dot(phi, self._weights()), dims=dims)
        return self.f

    def _weights(self) -> Tensor:
        return self._beta if self._parametrization == "centered" else self._beta * self._sqrt_psd

    def _build_conditional(self, Xnew: Any) -> Tensor:
        self._require_prior()
        phi = calc_eigenvectors(self._centred(Xnew), self.L, calc_eigenvalues(self.L, self._m), self._m)
        return self.mean_func(Xnew) + pt.dot(phi[:, int(self._drop_first is True) :], self._weights())


def _require_inside(x: Tensor, L: Any) -> None:
    """Raise an error where the box has no width, or the first inputs lie outside of it."""
    widths = np.asarray(as_tensor(L).eval())
    if not (widths > 0.0).all():
        raise ShapeError(f"HSGP: the half widths L of the box are {widths.tolist()}", "with one point, or equal ones, c gives no width: give L")


class HSGPPeriodic(_InBasis):
    """A Gaussian process of the :class:`~workbench.gp.cov.Periodic` covariance function of one column in a basis of cosines and sines.

    Parameters
    ----------
    m
        Number of cosines.
    scale
        Standard deviation of the process.
    mean_func
        The mean function, zero by default.
    cov_func
        The periodic covariance function.

    Notes
    -----
    As in PyMC the coefficients of the covariance function's series, which are variances, are taken for standard deviations, and those of
    ``exp((cos(2 pi r / period) - 1) / ls**2)``: the process is like the periodic one, not equal to it.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     gp = pm.gp.HSGPPeriodic(m=5, scale=2.0, cov_func=pm.gp.cov.Periodic(1, period=1.0, ls=0.5))
    ...     f = gp.prior("f", X=np.linspace(0.0, 3.0, 20)[:, None])
    >>> model["f_hsgp_coeffs_"].type.shape
    (9,)
    """

    def __init__(self, m: int, scale: Any = 1.0, *, mean_func: Any = None, cov_func: Periodic) -> None:
        if not isinstance(m, int) or m <= 0:
            raise ValueError("`m` must be a positive integer as the `Periodic` kernel approximation is only implemented for 1-dimensional case.")
        if not isinstance(cov_func, Periodic):
            raise ValueError("`cov_func` must be an instance of a `Periodic` kernel only. Use the `scale` parameter to control the variance.")
        if cov_func.n_dims > 1:
            raise ValueError("HSGP approximation for `Periodic` kernel only implemented for 1-dimensional case.")
        self._m = m
        self.scale = scale
        self._X_center = None
        super().__init__(mean_func=mean_func, cov_func=cov_func)

    def prior_linearized(self, X: Any) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Return cosines and sines at inputs, and the coefficients of the covariance function's series.

        The process is ``phi_cos @ (psd * beta[:m]) + phi_sin[:, 1:] @ (psd[1:] * beta[m:])`` with standard normal ``beta``, of which
        there are ``2 * m - 1``. The middle of the first inputs is subtracted from these and all to come.

        Parameters
        ----------
        X
            Inputs, shape ``(n, d)``.

        Returns
        -------
        (phi_cos, phi_sin), psd
            Shapes ``(n, m)``, ``(n, m)``, ``(m,)``.
        """
        waves = calc_basis_periodic(self._centred(X), self.cov_func.period, self._m)
        return waves, self.scale * self.cov_func.power_spectral_density_approx(np.arange(self._m))

    def prior(self, name: str, X: Any, dims: Any = None, hsgp_coeffs_dims: Any = None) -> Tensor:  # type: ignore[override]
        """Return the values of the process at inputs, a deterministic of the model; arguments are those of :meth:`HSGP.prior`.

        The coefficients are called `name` + ``_hsgp_coeffs_``.
        """
        self._centred(X)
        self._beta = Normal(f"{name}_hsgp_coeffs_", size=self._m * 2 - 1, dims=hsgp_coeffs_dims)
        self.f = Deterministic(name, self._build_conditional(X), dims=dims)
        return self.f

    def _build_conditional(self, Xnew: Any) -> Tensor:
        self._require_prior()
        (cosines, sines), psd = self.prior_linearized(Xnew)
        # The first sine is zero.
        return self.mean_func(Xnew) + pt.dot(cosines, psd * self._beta[: self._m]) + pt.dot(sines[:, 1:], psd[1:] * self._beta[self._m :])
