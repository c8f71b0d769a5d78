"""`DifferentialEquation`: PyMC's form of equations that are solved at fixed times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, ShapeError
from workbench.graph.length_names import shape_text
from workbench.ode.solving import ode_solve
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.derivatives import jacobian

TOLERANCE = 1.49012e-8
"""That of SciPy's `odeint`, which PyMC's form solves with."""


class DifferentialEquation:
    """Differential equations of `n_states` numbers with `n_theta` parameters, solved at the times given: called with y0 and theta.

    Parameters
    ----------
    func
        Takes the state y (n_states,), the time t and the parameters p (n_theta,), in this order; returns dy/dt: a tensor, or a list of scalars.
    times
        When the states are asked for: in order, none before `t0`; or backwards in time, none after it.
    n_states, n_theta
        How many states and parameters there are.
    t0
        The time of the state y0.
    method, rtol, atol, max_steps
        As for :func:`ode_solve`; the tolerances are those of SciPy's `odeint` by default, as PyMC's.

    Raises
    ------
    ValueError
        If `func` is no function, or a number is below 1, as in PyMC.

    Examples
    --------
    >>> import workbench as pm
    >>> logistic = pm.ode.DifferentialEquation(lambda y, t, p: p[0] * y[0] * (1 - y[0]), times=[0.5, 1.0], n_states=1, n_theta=1, t0=0)
    >>> logistic(y0=[0.1], theta=[2.0]).eval().round(5).tolist()
    [[0.23197], [0.45085]]
    """

    def __init__(
        self, func: Callable[..., Any], times: Sequence[float], *, n_states: int, n_theta: int, t0: float = 0,
        method: str = "Tsit5", rtol: float = TOLERANCE, atol: float = TOLERANCE, max_steps: int = 4096,
    ) -> None:  # fmt: skip
        if not callable(func):
            raise ArgumentError("func must be a function of y, t and p", argument="func")
        if n_states < 1:
            raise ArgumentError(f"n_states={n_states}: there must be at least one state", argument="n_states")
        if n_theta < 1:
            raise ArgumentError(f"n_theta={n_theta}: there must be at least one parameter", "give one that plays no part, if there is none", argument="n_theta")
        self.func, self.n_states, self.n_theta, self.t0 = func, n_states, n_theta, t0
        self.times = tuple(float(t) for t in times)
        self.n_times, self.n_p = len(self.times), n_states + n_theta
        self._options: dict[str, Any] = {"method": method, "rtol": rtol, "atol": atol, "max_steps": max_steps, "t0": float(t0)}

    def __call__(self, y0: Any, theta: Any, return_sens: bool = False) -> Any:
        """Return the states (n_times, n_states).

        Parameters
        ----------
        y0, theta
            The state at t0 (n_states,) and the parameters (n_theta,): tensors, or lists of scalars.
        return_sens
            Return the sensitivities too, (n_times, n_states, n_states + n_theta): how each state moves with each element of y0 and then of theta.

        Raises
        ------
        ShapeError
            If there are not `n_states` first states or `n_theta` parameters.
        """
        y, p = _vector(y0, self.n_states, "y0"), _vector(theta, self.n_theta, "theta")
        times = np.array(self.times)
        if not return_sens:
            return ode_solve(lambda t, y, p: self._slopes(t, y, p), y, times, args=(p,), **self._options)
        n, m = self.n_states, self.n_p
        start = pt.concatenate([y, pt.ravel(pt.eye(n, m))])
        whole = ode_solve(self._augmented, start, times, args=(p,), **self._options)
        return whole[:, :n], pt.reshape(whole[:, n:], (self.n_times, n, m))

    def _slopes(self, t: Tensor, y: Tensor, p: Tensor) -> Tensor:
        made = self.func(y, t, p)
        if not isinstance(made, (list, tuple)):
            return pt.atleast_1d(as_tensor(made))
        return pt.stack([pt.squeeze(as_tensor(x)) if as_tensor(x).ndim else as_tensor(x) for x in made])

    def _augmented(self, t: Tensor, whole: Tensor, p: Tensor) -> Tensor:
        """The equations with those of the sensitivities S: ``dS/dt = df/dy S + df/dp``."""
        n, m = self.n_states, self.n_p
        y = whole[:n]
        slopes = self._slopes(t, y, p)
        if slopes.type.shape != (n,):
            raise ShapeError(f"func returned slopes of shape {shape_text(slopes.type.shape)} for {n} states", argument="func")
        by_state, by_parameters = (jacobian(slopes, x, disconnected_inputs="ignore") for x in (y, p))
        moving = pt.concatenate([pt.zeros((n, n)), by_parameters], axis=1)
        return pt.concatenate([slopes, pt.ravel(by_state @ pt.reshape(whole[n:], (n, m)) + moving)])


def _vector(given: Any, length: int, argument: str) -> Tensor:
    if isinstance(given, (list, tuple)):
        if len(given) != length:
            raise ShapeError(f"{argument} has {len(given)} elements, it must have {length}", argument=argument)
        x = pt.stack([pt.reshape(as_tensor(v), ()) for v in given])
    else:
        x = as_tensor(given)
    x = pt.cast(x, "float64") if x.type.kind != "f" else x
    if x.ndim != 1 or (isinstance(x.type.shape[0], int) and x.type.shape[0] != length):
        raise ShapeError(f"{argument} has shape {shape_text(x.type.shape)}, it must have ({length},)", argument=argument)
    return x
