"""Gaussian processes that are seen with Gaussian noise: their values are integrated out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import workbench.tensor as pt
from workbench.distributions import MvNormal
from workbench.gp.cov.covariance import points
from workbench.gp.process import Base, Conditioned, noise_function, one_value_each
from workbench.gp.util import JITTER_DEFAULT, replace_with_values, stabilize
from workbench.tensor.linalg import cholesky, solve_triangular
from workbench.tensor.tensor import Tensor, as_tensor


class Marginal(Base):
    """A Gaussian process that is seen with Gaussian noise: its values are integrated out.

    Parameters
    ----------
    mean_func
        The mean function, zero by default.
    cov_func
        The covariance function.

    Notes
    -----
    With a Matérn covariance function of one column the density is that of a Kalman filter, linear in the number of points: the rule
    ``matern_process_is_a_markov_chain``. ``model.density().trace`` shows it.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> X = np.linspace(0.0, 1.0, 5)[:, None]
    >>> with pm.Model() as model:
    ...     ls = pm.Gamma("ls", 2.0, 4.0)
    ...     gp = pm.gp.Marginal(cov_func=pm.gp.cov.ExpQuad(1, ls=ls))
    ...     y = gp.marginal_likelihood("y", X=X, y=[0.1, 0.5, 0.9, 0.7, 0.2], sigma=0.1)
    >>> mean, variance = gp.predict(np.array([[0.5], [9.0]]), point={"ls": 0.3}, diag=True, model=model)
    >>> mean.round(2), variance.round(2)
    (array([ 0.89, -0.  ]), array([0.01, 1.  ]))
    """

    y: Any = Conditioned()
    sigma: Any = Conditioned()

    def marginal_likelihood(
        self, name: str, X: Any, y: Any, sigma: Any, jitter: Any = JITTER_DEFAULT, is_observed: bool = True, **kwargs: Any
    ) -> Tensor:
        """Return the observed values, a variable of the model.

        Parameters
        ----------
        name
            What it is called.
        X
            Inputs, shape ``(n, d)``.
        y
            The values, shape ``(n,)``.
        sigma
            Standard deviation of the noise, or its covariance function.
        jitter
            Added to the diagonal of the covariance matrix.
        is_observed
            Whether `y` is observed; of old, if not :class:`Latent` is meant.
        kwargs
            Passed to :class:`MvNormal`.

        Raises
        ------
        ShapeError
            If there is not one value of `y` for each row of `X`.
        """
        x, noise = points(X), noise_function(sigma)
        values = one_value_each(x, y)
        mu, cov = self.mean_func(x), stabilize(self.cov_func(x) + noise(x), jitter)
        self.X, self.y, self.sigma = X, values, noise
        if is_observed:
            return MvNormal(name, mu=mu, cov=cov, observed=y, **kwargs)
        warnings.warn("The 'is_observed' argument has been deprecated.  If the GP is unobserved use gp.Latent instead.", FutureWarning, stacklevel=2)
        return MvNormal(name, mu=mu, cov=cov, **kwargs)

    def conditional(
        self, name: str, Xnew: Any, pred_noise: bool = False, given: Mapping[str, Any] | None = None, jitter: Any = JITTER_DEFAULT, **kwargs: Any
    ) -> Tensor:
        """Return the values of the process at new inputs given what was observed, a variable of the model.

        Parameters
        ----------
        name
            What the variable is called.
        Xnew
            New inputs, shape ``(m, d)``; data that `set_data` changes may be among what they are made of.
        pred_noise
            Whether the values are with noise.
        given
            For a process that is a part of a sum: ``"gp"``, the sum, and ``"X"``, ``"y"`` and ``"sigma"``, what was observed of it.
        jitter
            Added to the diagonals of covariance matrices.
        kwargs
            Passed to :class:`MvNormal`.
        """
        mu, cov = self._predict_at(Xnew, False, pred_noise, given, jitter)
        return MvNormal(name, mu=mu, cov=cov, **kwargs)

    def predict(
        self, Xnew: Any, point: Mapping[str, Any] | None = None, diag: bool = False, pred_noise: bool = False,
        given: Mapping[str, Any] | None = None, jitter: Any = JITTER_DEFAULT, model: Any = None,
    ) -> Any:  # fmt: skip
        """Return mean and covariance of the values at new inputs, as arrays.

        Parameters
        ----------
        Xnew
            New inputs, shape ``(m, d)``.
        point
            Values of the model's variables by name, in their own space, as :func:`find_MAP` returns or a draw of a posterior.
        diag
            Return variances, not the covariance matrix.
        pred_noise, given, jitter
            As of :meth:`conditional`.
        model
            The model; that of the ``with`` block by default.

        Raises
        ------
        ValueError
            If the value of a variable that is needed is missing.
        """
        return replace_with_values(self._predict_at(Xnew, diag, pred_noise, given, jitter), point, model)

    def predictt(
        self, Xnew: Any, diag: bool = False, pred_noise: bool = False, given: Mapping[str, Any] | None = None, jitter: Any = JITTER_DEFAULT
    ) -> tuple[Tensor, Tensor]:
        """Return mean and covariance of the values at new inputs, as expressions; PyMC's old name of them."""
        return self._predict_at(Xnew, diag, pred_noise, given, jitter)

    def _predict_at(
        self, Xnew: Any, diag: bool = False, pred_noise: bool = False, given: Mapping[str, Any] | None = None, jitter: Any = JITTER_DEFAULT
    ) -> tuple[Tensor, Tensor]:
        X, y, sigma, cov_total, mean_total = self._given(given, ("X", "y", "sigma"))
        x, new, noise = points(X), points(Xnew, "Xnew"), noise_function(sigma)
        factor = cholesky(stabilize(cov_total(x), jitter) + noise(x))
        a = solve_triangular(factor, self.cov_func(x, new), lower=True, b_ndim=2)
        v = solve_triangular(factor, (as_tensor(y) - mean_total(x)).T, lower=True)
        mu = self.mean_func(new) + pt.dot(a.T, v).T
        if diag:
            var = self.cov_func(new, diag=True) - pt.sum(pt.square(a), axis=0)
            return mu, var + noise(new, diag=True) if pred_noise else var
        cov = self.cov_func(new) - pt.dot(a.T, a)
        return mu, cov + noise(new) if pred_noise else stabilize(cov, jitter)
