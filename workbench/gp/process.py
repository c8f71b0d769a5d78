"""What all Gaussian processes have: a mean function and a covariance function, and that they add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import ShapeError
from workbench.gp.cov.covariance import BaseCovariance, Constant, WhiteNoise, points
from workbench.gp.mean import Zero
from workbench.graph.lengths import differ
from workbench.tensor.tensor import Tensor, as_tensor


class Conditioned:
    """An attribute of a process that is set when its prior or its likelihood is written: what it is conditioned on."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, process: Any, owner: type) -> Any:
        if process is None:
            return self
        try:
            return process.__dict__[self.name]
        except KeyError:
            raise AttributeError(f"'{self.name}' not set.  Provide as argument to condition, or call 'prior' first") from None

    def __set__(self, process: Any, value: Any) -> None:
        process.__dict__[self.name] = value


class Base:
    """Base of Gaussian processes.

    Parameters
    ----------
    mean_func
        The mean function, zero by default.
    cov_func
        The covariance function.
    """

    X: Any = Conditioned()

    def __init__(self, *, mean_func: Any = None, cov_func: Any = None) -> None:
        self.mean_func = Zero() if mean_func is None else mean_func
        self.cov_func: Any = Constant(0.0) if cov_func is None else cov_func

    def __add__(self, other: Any) -> Any:
        """Return the sum of two independent processes: one whose means and covariances are the sums of theirs."""
        if not isinstance(other, Base) or not isinstance(self, type(other)) or set(self.__dict__) != set(other.__dict__):
            raise TypeError("Cannot add different GP types")
        return type(self)(mean_func=self.mean_func + other.mean_func, cov_func=self.cov_func + other.cov_func)

    def prior(self, name: str, X: Any, *args: Any, **kwargs: Any) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no prior: write its marginal_likelihood")

    def marginal_likelihood(self, name: str, X: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no marginal_likelihood: write its prior, and a likelihood of that")

    def conditional(self, name: str, Xnew: Any, *args: Any, **kwargs: Any) -> Tensor:
        raise NotImplementedError

    def predict(self, Xnew: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def _given(self, given: Mapping[str, Any] | None, names: tuple[str, ...]) -> Any:
        """What a process is conditioned on, and the covariance and mean functions of all that was observed together."""
        given = given or {}
        total = given.get("gp", self)
        source = given if all(name in given for name in names) else {name: getattr(self, name) for name in names}
        return (*(source[name] for name in names), total.cov_func, total.mean_func)


def noise_function(sigma: Any) -> Any:
    """Return the covariance function of noise that is given by one, or by its standard deviation."""
    return sigma if isinstance(sigma, BaseCovariance) else WhiteNoise(sigma)


def one_value_each(X: Any, y: Any) -> Tensor:
    """Return observed values, of which there must be one for each row of the inputs.

    Raises
    ------
    ShapeError
        If there are more, or fewer.
    """
    x, values = points(X), as_tensor(y)
    if values.ndim == 0 or differ(values.type.shape[-1], x.type.shape[0]):
        raise ShapeError(f"y has shape {values.type.shape}, and X has {x.type.shape[0]} rows", "give one value of y for each row of X")
    return values
