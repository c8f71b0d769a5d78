"""Gaussian processes on grids: the covariance is a Kronecker product of small matrices."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions import KroneckerNormal, MvNormal, Normal
from workbench.gp.cov.covariance import Constant, Kron, points
from workbench.gp.process import Base, Conditioned
from workbench.gp.util import JITTER_DEFAULT, replace_with_values, stabilize
from workbench.math import cartesian, kron_diag, kron_dot, kron_solve_lower, kron_solve_upper
from workbench.model import Deterministic
from workbench.tensor.linalg import cholesky, eigh
from workbench.tensor.tensor import Tensor, as_tensor


class _OnGrid(Base):
    """A process on the grid of several sets of inputs.

    Parameters
    ----------
    mean_func
        The mean function of the whole inputs, zero by default.
    cov_funcs
        A covariance function for each set of inputs; that of the process is their product.
    """

    Xs: Any = Conditioned()

    def __init__(self, *, mean_func: Any = None, cov_funcs: Any = None) -> None:
        given = Constant(0.0) if cov_funcs is None else cov_funcs
        self.cov_funcs: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
        super().__init__(mean_func=mean_func, cov_func=Kron(self.cov_funcs))

    def __add__(self, other: Any) -> Any:
        raise TypeError("Additive, Kronecker-structured processes not implemented")

    def _check(self, Xs: Sequence[Any]) -> int:
        """The number of points of the grid."""
        if len(Xs) != len(self.cov_funcs):
            raise ValueError("Must provide a covariance function for each X")
        return int(np.prod([len(X) for X in Xs]))


class LatentKron(_OnGrid):
    """A Gaussian process on a grid, whose values are variables: for data of any likelihood.

    Parameters
    ----------
    mean_func
        The mean function of the whole inputs, zero by default.
    cov_funcs
        A covariance function for each set of inputs; that of the process is their product.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> Xs = [np.linspace(0.0, 1.0, 4)[:, None], np.linspace(0.0, 2.0, 3)[:, None]]
    >>> with pm.Model() as model:
    ...     gp = pm.gp.LatentKron(cov_funcs=[pm.gp.cov.ExpQuad(1, ls=0.5), pm.gp.cov.Matern52(1, ls=1.0)])
    ...     f = gp.prior("f", Xs=Xs)
    >>> f.type.shape
    (12,)
    """

    f: Any = Conditioned()

    def prior(self, name: str, Xs: Sequence[Any], jitter: Any = JITTER_DEFAULT, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """Return the values of the process on the grid of several sets of inputs, a variable of the model.

        Parameters
        ----------
        name
            What the variable is called.
        Xs
            Sets of inputs, each ``(n_i, d_i)``; the grid is ``pm.math.cartesian(*Xs)``.
        jitter
            Added to the diagonals of the covariance matrices.
        kwargs
            Passed to the standard normal variables that the values are made of.
        """
        self.N = self._check(Xs)
        factors = [cholesky(stabilize(cov(X), jitter)) for cov, X in zip(self.cov_funcs, Xs)]
        v = Normal(f"{name}_rotated_", mu=0.0, sigma=1.0, size=self.N, **kwargs)
        self.Xs, self.f = Xs, Deterministic(name, self.mean_func(cartesian(*Xs)) + pt.flatten(kron_dot(factors, v)))
        return self.f

    def conditional(self, name: str, Xnew: Any, jitter: Any = JITTER_DEFAULT, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """Return the values of the process at new inputs given those on the grid, a variable of the model.

        Parameters
        ----------
        name
            What the variable is called.
        Xnew
            New inputs, shape ``(m, d)``, of the columns of all sets; they need be no grid.
        jitter
            Added to the diagonals of covariance matrices.
        kwargs
            Passed to :class:`MvNormal`.
        """
        x, new = cartesian(*self.Xs), points(Xnew, "Xnew")
        factors = [cholesky(stabilize(cov(X), jitter)) for cov, X in zip(self.cov_funcs, self.Xs)]
        across = self.cov_func(x, new)
        alpha = kron_solve_upper([f.T for f in factors], kron_solve_lower(factors, self.f - self.mean_func(x)))
        a = kron_solve_lower(factors, across)
        mu = pt.flatten(pt.dot(across.T, alpha)) + self.mean_func(new)
        return MvNormal(name, mu=mu, cov=stabilize(self.cov_func(new) - pt.dot(a.T, a), jitter), **kwargs)


class MarginalKron(_OnGrid):
    """A Gaussian process on a grid that is seen with Gaussian noise: its values are integrated out.

    Parameters
    ----------
    mean_func
        The mean function of the whole inputs, zero by default.
    cov_funcs
        A covariance function for each set of inputs; that of the process is their product.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> Xs = [np.linspace(0.0, 1.0, 4)[:, None], np.linspace(0.0, 2.0, 3)[:, None]]
    >>> with pm.Model() as model:
    ...     gp = pm.gp.MarginalKron(cov_funcs=[pm.gp.cov.ExpQuad(1, ls=0.5), pm.gp.cov.Matern52(1, ls=1.0)])
    ...     y = gp.marginal_likelihood("y", Xs=Xs, y=np.arange(12.0), sigma=0.5)
    >>> round(float(model.compile_logp(backend="numpy")({})), 2)
    -87.66
    """

    y: Any = Conditioned()
    sigma: Any = Conditioned()

    def marginal_likelihood(self, name: str, Xs: Sequence[Any], y: Any, sigma: Any, is_observed: bool = True, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """Return the observed values, a variable of the model.

        Parameters
        ----------
        name
            What it is called.
        Xs
            Sets of inputs, each ``(n_i, d_i)``; the grid is ``pm.math.cartesian(*Xs)``.
        y
            The values on the grid, as one vector.
        sigma
            Standard deviation of the noise.
        is_observed
            Whether `y` is observed; of old, if not :class:`LatentKron` is meant.
        kwargs
            Passed to :class:`KroneckerNormal`.

        Raises
        ------
        ValueError
            If there is not one value for each point of the grid.
        """
        n = self._check(Xs)
        if n != len(y):
            raise ValueError(f"Length of y ({len(y)}) must match length of cartesian product of Xs ({n})")
        self.X, self.Xs, self.y, self.sigma = cartesian(*Xs), Xs, y, sigma
        given = {"mu": self.mean_func(self.X), "covs": [cov(X) for cov, X in zip(self.cov_funcs, Xs)], "sigma": 0.0 if sigma is None else sigma}
        if is_observed:
            return KroneckerNormal(name, **given, observed=y, **kwargs)
        warnings.warn("The 'is_observed' argument has been deprecated.  If the GP is unobserved use gp.LatentKron instead.", FutureWarning, stacklevel=2)
        return KroneckerNormal(name, **given, **kwargs)

    def conditional(self, name: str, Xnew: Any, pred_noise: bool = False, diag: bool = False, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """Return the values of the process at new inputs given what was observed, a variable of the model.

        Parameters
        ----------
        name
            What the variable is called.
        Xnew
            New inputs, shape ``(m, d)``, of the columns of all sets; they need be no grid.
        pred_noise
            Whether the values are with noise.
        diag
            Whether they are drawn independently, each with its own variance.
        kwargs
            Passed to :class:`MvNormal`.
        """
        mu, cov = self._predict_at(Xnew, diag, pred_noise)
        return MvNormal(name, mu=mu, cov=pt.diag(cov) if diag else cov, **kwargs)

    def predict(self, Xnew: Any, point: Mapping[str, Any] | None = None, diag: bool = False, pred_noise: bool = False, model: Any = None) -> Any:  # type: ignore[override]
        """Return mean and covariance of the values at new inputs, as arrays; arguments are those of :meth:`Marginal.predict`."""
        return replace_with_values(self._predict_at(Xnew, diag, pred_noise), point, model)

    def predictt(self, Xnew: Any, diag: bool = False, pred_noise: bool = False) -> tuple[Tensor, Tensor]:
        """Return mean and covariance of the values at new inputs, as expressions; PyMC's old name of them."""
        return self._predict_at(Xnew, diag, pred_noise)

    def _predict_at(self, Xnew: Any, diag: bool = False, pred_noise: bool = False) -> tuple[Tensor, Tensor]:
        x, new = cartesian(*self.Xs), points(Xnew, "Xnew")
        variance = 0.0 if self.sigma is None else pt.square(as_tensor(self.sigma))
        values, vectors = zip(*(eigh(cov(X)) for cov, X in zip(self.cov_funcs, self.Xs)))
        along = (kron_diag(*values) + variance)[:, None]
        turned = [q.T for q in vectors]
        across = self.cov_func(x, new)
        alpha = kron_dot(list(vectors), kron_dot(turned, as_tensor(self.y) - self.mean_func(x)) / along)
        mu = pt.flatten(pt.dot(across.T, alpha)) + self.mean_func(new)
        a = kron_dot(turned, across) / pt.sqrt(along)
        if diag:
            var = self.cov_func(new, diag=True) - pt.sum(pt.square(a), axis=0)
            return mu, var + variance if pred_noise else var
        cov = self.cov_func(new) - pt.dot(a.T, a)
        return mu, stabilize(cov, variance) if pred_noise else cov
