"""Gaussian processes of many points that are seen with noise, by way of a few inducing points."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.gp.cov.covariance import points
from workbench.gp.marginal import Marginal
from workbench.gp.process import Conditioned, one_value_each
from workbench.gp.util import JITTER_DEFAULT, stabilize
from workbench.model import Potential
from workbench.tensor.linalg import cholesky, solve_triangular
from workbench.tensor.tensor import Tensor, as_tensor


class _Reduced(NamedTuple):
    """What is observed, seen from the inducing points."""

    factor: Tensor
    """Cholesky factor of the covariance of the values at the inducing points."""
    a: Tensor
    """Its inverse times the covariance of these with the values at the inputs."""
    noise: Tensor
    """The variance that each value has for itself."""
    inner: Tensor
    """Cholesky factor of ``I + A diag(1 / noise) A'``."""
    r: Tensor
    """Observed values less their means."""
    c: Tensor
    """``inner**-1 A (r / noise)``."""


class MarginalApprox(Marginal):
    """A Gaussian process that is seen with Gaussian noise, approximately: by its values at a few inducing points.

    ``n`` points with ``m`` inducing ones cost ``n m**2``, and no matrix of ``n`` rows and columns.

    Parameters
    ----------
    approx
        "VFE", the variational free energy; "FITC", the fully independent training conditional; or "DTC", the deterministic
        training conditional.
    mean_func, cov_func
        As of :class:`Marginal`.

    Notes
    -----
    Sources: Quiñonero-Candela and Rasmussen, "A unifying view of sparse approximate Gaussian process regression" (2005); Titsias,
    "Variational learning of inducing variables in sparse Gaussian processes" (2009).

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> X = np.linspace(0.0, 1.0, 50)[:, None]
    >>> with pm.Model() as model:
    ...     gp = pm.gp.MarginalApprox(cov_func=pm.gp.cov.ExpQuad(1, ls=0.3), approx="VFE")
    ...     gp.marginal_likelihood("y", X=X, Xu=X[::10], y=np.sin(6.0 * X[:, 0]), sigma=0.1)
    >>> [p.name for p in model.potentials]
    ['marginalapprox_loglik_y']
    """

    Xu: Any = Conditioned()
    _available_approx = ("FITC", "VFE", "DTC")

    def __init__(self, approx: str = "VFE", *, mean_func: Any = None, cov_func: Any = None) -> None:
        if approx not in self._available_approx:
            raise NotImplementedError(f"approx={approx!r}: known are {', '.join(self._available_approx)}")
        self.approx = approx
        super().__init__(mean_func=mean_func, cov_func=cov_func)

    def __add__(self, other: Any) -> Any:
        total = super().__add__(other)
        if self.approx != other.approx:
            raise TypeError("Cannot add GPs with different approximations")
        total.approx = self.approx
        return total

    def marginal_likelihood(self, name: str, X: Any, Xu: Any, y: Any, sigma: Any, jitter: Any = JITTER_DEFAULT, **kwargs: Any) -> None:  # type: ignore[override]
        """Add the log-density of the observed values to the model: a potential, `marginalapprox_loglik_` + `name`.

        Parameters
        ----------
        name
            What it is called.
        X, y
            Inputs ``(n, d)`` and values ``(n,)``.
        Xu
            Inducing points, ``(m, d)``.
        sigma
            Standard deviation of the noise.
        jitter
            Added to the diagonal of the covariance matrix at the inducing points.
        kwargs
            Passed to :func:`Potential`.
        """
        self.X, self.Xu, self.y, self.sigma = X, Xu, one_value_each(X, y), sigma
        Potential(f"marginalapprox_loglik_{name}", self._build_marginal_likelihood_loglik(self.y, X, Xu, sigma, jitter), **kwargs)

    def _reduced(self, X: Any, Xu: Any, y: Any, sigma: Any, cov: Any, mean: Any, jitter: Any) -> _Reduced:
        x, inducing, variance = points(X), points(Xu, "Xu"), pt.square(as_tensor(sigma))
        factor = cholesky(stabilize(cov(inducing), jitter))
        a = solve_triangular(factor, cov(inducing, x), lower=True, b_ndim=2)
        explained = pt.sum(pt.square(a), axis=0)
        noise = variance + (pt.clip(cov(x, diag=True) - explained, 0.0, np.inf) if self.approx == "FITC" else pt.zeros_like(explained))
        inner = cholesky(pt.eye(inducing.shape[0]) + pt.dot(a / noise, a.T))
        r = as_tensor(y) - mean(x)
        return _Reduced(factor, a, noise, inner, r, solve_triangular(inner, pt.dot(a, r / noise), lower=True))

    def _build_marginal_likelihood_loglik(self, y: Any, X: Any, Xu: Any, sigma: Any, jitter: Any) -> Tensor:
        s = self._reduced(X, Xu, y, sigma, self.cov_func, self.mean_func, jitter)
        x = points(X)
        constant = 0.5 * math.log(2.0 * math.pi) * x.shape[0]
        logdet = 0.5 * pt.sum(pt.log(s.noise)) + pt.sum(pt.log(pt.diagonal(s.inner)))
        quadratic = 0.5 * (pt.sum(s.r * s.r / s.noise) - pt.sum(pt.square(s.c)))
        total = -(constant + logdet + quadratic)
        if self.approx != "VFE":
            return total
        # What the inducing points leave unexplained.
        return total - (pt.sum(self.cov_func(x, diag=True)) - pt.sum(pt.square(s.a))) / (2.0 * pt.square(as_tensor(sigma)))

    def _predict_at(
        self, Xnew: Any, diag: bool = False, pred_noise: bool = False, given: Mapping[str, Any] | None = None, jitter: Any = JITTER_DEFAULT
    ) -> tuple[Tensor, Tensor]:
        X, Xu, y, sigma, cov_total, mean_total = self._given(given, ("X", "Xu", "y", "sigma"))
        s = self._reduced(X, Xu, y, sigma, cov_total, mean_total, jitter)
        new = points(Xnew, "Xnew")
        a = solve_triangular(s.factor, self.cov_func(points(Xu), new), lower=True, b_ndim=2)
        mu = self.mean_func(new) + pt.dot(a.T, solve_triangular(s.inner, s.c, lower=True, trans=1))
        c = solve_triangular(s.inner, a, lower=True, b_ndim=2)
        variance = pt.square(as_tensor(sigma))
        if diag:
            var = self.cov_func(new, diag=True) - pt.sum(pt.square(a), axis=0) + pt.sum(pt.square(c), axis=0)
            return mu, var + variance if pred_noise else var
        cov = self.cov_func(new) - pt.dot(a.T, a) + pt.dot(c.T, c)
        return mu, stabilize(cov, variance if pred_noise else jitter)


class MarginalSparse(MarginalApprox):
    """The old name of :class:`MarginalApprox`.

    Examples
    --------
    >>> import workbench as pm
    >>> isinstance(MarginalSparse("FITC", cov_func=pm.gp.cov.ExpQuad(1, ls=1.0)), pm.gp.MarginalApprox)
    True
    """

    def __init__(self, approx: str = "VFE", *, mean_func: Any = None, cov_func: Any = None) -> None:
        warnings.warn("gp.MarginalSparse has been renamed to gp.MarginalApprox.", FutureWarning, stacklevel=2)
        super().__init__(approx, mean_func=mean_func, cov_func=cov_func)
