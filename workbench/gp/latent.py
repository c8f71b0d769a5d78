"""Processes whose values are variables of the model: Gaussian, and Student's t."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import workbench.tensor as pt
from workbench.distributions import MvNormal, MvStudentT, Normal, StudentT
from workbench.gp.cov.covariance import points
from workbench.gp.process import Base, Conditioned
from workbench.gp.util import JITTER_DEFAULT, stabilize
from workbench.model import Deterministic
from workbench.tensor.linalg import cholesky, solve_triangular
from workbench.tensor.tensor import Tensor, as_tensor


class Latent(Base):
    """A Gaussian process whose values are variables: for data of any likelihood.

    Parameters
    ----------
    mean_func
        The mean function, zero by default.
    cov_func
        The covariance function.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> X = np.linspace(0.0, 1.0, 5)[:, None]
    >>> with pm.Model() as model:
    ...     gp = pm.gp.Latent(cov_func=pm.gp.cov.ExpQuad(1, ls=0.3))
    ...     f = gp.prior("f", X=X)
    ...     y = pm.Poisson("y", pm.math.exp(f), observed=[1, 2, 2, 0, 1])
    >>> model.free_RVs[0].name, f.type.shape
    ('f_rotated_', (5,))
    """

    f: Any = Conditioned()

    def prior(self, name: str, X: Any, n_outputs: int = 1, reparameterize: bool = True, jitter: Any = JITTER_DEFAULT, **kwargs: Any) -> Tensor:
        """Return the values of the process at inputs, a variable of the model.

        Parameters
        ----------
        name
            What the variable is called.
        X
            Inputs, shape ``(n, d)``.
        n_outputs
            How many functions are drawn; more than one gives shape ``(n_outputs, n)``.
        reparameterize
            Write the values as a Cholesky factor times standard normal variables, `name` + ``_rotated_``; else they are one
            :class:`MvNormal`.
        jitter
            Added to the diagonal of the covariance matrix.
        kwargs
            Passed to the variable: ``dims``, ``shape`` and others.
        """
        x = points(X)
        mu, cov = self.mean_func(x), stabilize(self.cov_func(x), jitter)
        if reparameterize:
            if "dims" not in kwargs:
                kwargs["size"] = (n_outputs, x.shape[0]) if n_outputs > 1 else x.shape[0]
            v = Normal(f"{name}_rotated_", mu=0.0, sigma=1.0, **kwargs)
            f = Deterministic(name, mu + pt.dot(cholesky(cov), v.T).T, dims=kwargs.get("dims"))
        else:
            if n_outputs > 1:
                mu = pt.stack([mu] * n_outputs, axis=0)
            f = MvNormal(name, mu=mu, cov=cov, **kwargs)
        self.X, self.f, self.n_outputs = X, f, n_outputs
        return f

    def conditional(self, name: str, Xnew: Any, given: Mapping[str, Any] | None = None, jitter: Any = JITTER_DEFAULT, **kwargs: Any) -> Tensor:
        """Return the values of the process at new inputs given those at the old ones, a variable of the model.

        Parameters
        ----------
        name
            What the variable is called.
        Xnew
            New inputs, shape ``(m, d)``.
        given
            For a process that is a part of a sum: ``"gp"``, the sum, and ``"X"`` and ``"f"``, its inputs and values.
        jitter
            Added to the diagonal of the covariance matrix at the old inputs.
        kwargs
            Passed to :class:`MvNormal`.
        """
        seen, f, cov_total, mean_total = self._given(given, ("X", "f"))
        mu, cov = self._build_conditional(Xnew, seen, f, cov_total, mean_total, jitter)
        # At an old input the variance is zero: the matrix has no Cholesky factor.
        kwargs.setdefault("method", "svd")
        return MvNormal(name, mu=mu, cov=cov, **kwargs)

    def _build_conditional(self, Xnew: Any, X: Any, f: Any, cov_total: Any, mean_total: Any, jitter: Any) -> tuple[Tensor, Tensor]:
        x, new = points(X), points(Xnew, "Xnew")
        factor = cholesky(stabilize(cov_total(x), jitter))
        a = solve_triangular(factor, self.cov_func(x, new), lower=True, b_ndim=2)
        v = _solved(factor, as_tensor(f) - mean_total(x))
        return self.mean_func(new) + _times(a, v), self.cov_func(new) - pt.dot(a.T, a)


def _solved(factor: Tensor, rows: Tensor) -> Tensor:
    """The inverse of a lower triangle times a vector, or times each row of a matrix."""
    return solve_triangular(factor, rows.T, lower=True)


def _times(a: Tensor, v: Tensor) -> Tensor:
    return pt.dot(a.T, v).T


class TP(Latent):
    """A Student's t process whose values are variables: a Gaussian one with a random scale.

    Parameters
    ----------
    mean_func
        The mean function, zero by default.
    scale_func
        The function of its scale matrices.
    cov_func
        An old name of `scale_func`.
    nu
        Degrees of freedom.

    Notes
    -----
    As in PyMC, `prior` with ``reparameterize=True`` takes independent Student's t variables for what is rotated: each tail is then
    a function's own. The process itself, of which `conditional` is exact, is ``reparameterize=False``. Source: Shah, Wilson and
    Ghahramani, "Student-t processes as alternatives to Gaussian processes" (2014).

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     tails = pm.gp.TP(scale_func=pm.gp.cov.ExpQuad(1, ls=1.0), nu=4.0)
    ...     f = tails.prior("f", np.array([[0.0], [1.0], [2.0]]))
    >>> f.type
    TensorType(dtype='float64', shape=(3,))
    """

    def __init__(self, *, mean_func: Any = None, scale_func: Any = None, cov_func: Any = None, nu: Any = None) -> None:
        if nu is None:
            raise ValueError("Student's T process requires a degrees of freedom parameter, 'nu'")
        if cov_func is not None:
            warnings.warn("Use the scale_func argument to specify the scale function. cov_func will be removed in future versions.", FutureWarning, stacklevel=2)
            scale_func = cov_func
        self.nu = nu
        super().__init__(mean_func=mean_func, cov_func=scale_func)

    def __add__(self, other: Any) -> Any:
        raise TypeError("Student's T processes aren't additive")

    def prior(self, name: str, X: Any, reparameterize: bool = True, jitter: Any = JITTER_DEFAULT, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """Return the values of the process at inputs, a variable of the model; arguments are those of :meth:`Latent.prior`."""
        x = points(X)
        mu, cov = self.mean_func(x), stabilize(self.cov_func(x), jitter)
        if reparameterize:
            v = StudentT(f"{name}_rotated_", mu=0.0, sigma=1.0, nu=self.nu, size=x.shape[0], **kwargs)
            f = Deterministic(name, mu + pt.dot(cholesky(cov), v), dims=kwargs.get("dims"))
        else:
            f = MvStudentT(name, nu=self.nu, mu=mu, scale=cov, **kwargs)
        self.X, self.f = X, f
        return f

    def conditional(self, name: str, Xnew: Any, jitter: Any = JITTER_DEFAULT, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """Return the values of the process at new inputs given those at the old ones, a variable of the model.

        Parameters
        ----------
        name
            What the variable is called.
        Xnew
            New inputs, shape ``(m, d)``.
        jitter
            Added to the diagonal of the scale matrices.
        kwargs
            Passed to :class:`MvStudentT`.
        """
        nu, mu, scale = self._build_conditional(Xnew, self.X, self.f, jitter)
        return MvStudentT(name, nu=nu, mu=mu, scale=scale, **kwargs)

    def _build_conditional(self, Xnew: Any, X: Any, f: Any, jitter: Any) -> Any:  # type: ignore[override]
        x = points(X)
        mu, scale = super()._build_conditional(Xnew, X, f, self.cov_func, self.mean_func, jitter)
        scale = stabilize(scale, jitter)
        v = _solved(cholesky(stabilize(self.cov_func(x), jitter)), as_tensor(f) - self.mean_func(x))
        nu = as_tensor(self.nu) + x.shape[0]
        return nu, mu, (self.nu + pt.sum(pt.square(v))) / nu * scale
