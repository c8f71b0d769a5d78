"""Densities for the gradient benchmark, each one formula over a library's functions.

A problem takes a namespace `m` of functions (workbench's, PyTensor's or JAX's) and the flat vector
of parameters, and returns its log-density: the same formula for every library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """`density` of `size` parameters, and a point near its bulk."""

    name: str
    size: int
    density: Callable[[Any, Any], Any]
    scale: float = 0.1

    @property
    def point(self) -> np.ndarray[Any, Any]:
        return np.random.default_rng(1).normal(size=self.size) * self.scale


def normal(m: Any, x: Any, mean: Any, sd: Any) -> Any:
    return (-0.5 * ((x - mean) / sd) ** 2 - m.log(sd) - 0.9189385332046727).sum()


def radon(data: dict[str, Any]) -> Problem:
    y, floor, county = data["log_radon"], data["floor"].astype(float), data["county"]
    counties = len(data["names"])

    def density(m: Any, q: Any) -> Any:
        a_raw, b_raw = q[2 : 2 + counties], q[4 + counties : 4 + 2 * counties]
        sigma_a, sigma_b, eps = m.exp(q[1]), m.exp(q[3 + counties]), m.exp(q[4 + 2 * counties])
        a, b = q[0] + sigma_a * a_raw, q[2 + counties] + sigma_b * b_raw
        prior = normal(m, a_raw, 0.0, 1.0) + normal(m, b_raw, 0.0, 1.0) - 0.5 * (q[0] / 10.0) ** 2 - 0.5 * (q[2 + counties] / 2.0) ** 2
        scales = -0.5 * sigma_a**2 - 0.5 * sigma_b**2 - 0.5 * (eps / 1.5) ** 2 + q[1] + q[3 + counties] + q[4 + 2 * counties]
        return prior + scales + normal(m, y, a[county] + b[county] * floor, eps)

    return Problem("radon (919 rows, 85 counties)", 5 + 2 * counties, density)


def logistic(rows: int = 20_000, columns: int = 50) -> Problem:
    x, y = logistic_data(rows, columns)

    def density(m: Any, b: Any) -> Any:
        eta = m.dot(m.array(x), b)
        return (y * eta - m.softplus(eta)).sum() - 0.5 * (b * b).sum()

    return Problem(f"logistic ({rows:,} x {columns})", columns, density)


def logistic_data(rows: int, columns: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns))
    return x, (rng.uniform(size=rows) < 1 / (1 + np.exp(-x @ rng.normal(size=columns) * 0.3))) * 1.0


def eight_schools() -> Problem:
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    sigma = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])

    def density(m: Any, q: Any) -> Any:
        tau, theta = m.exp(q[1]), q[2:]
        prior = -0.5 * (q[0] / 5.0) ** 2 - m.log(1.0 + (tau / 5.0) ** 2) + q[1] - 0.5 * (theta * theta).sum()
        return prior + normal(m, y, q[0] + tau * theta, sigma)

    return Problem("eight schools", 10, density)


def irt(persons: int = 400, items: int = 40) -> Problem:
    rng = np.random.default_rng(2)
    person, item = np.repeat(np.arange(persons), items), np.tile(np.arange(items), persons)
    ability, difficulty, slope = rng.normal(size=persons), rng.normal(size=items), np.exp(rng.normal(size=items) * 0.3)
    p = 1 / (1 + np.exp(-slope[item] * (ability[person] - difficulty[item])))
    y = (rng.uniform(size=len(p)) < p) * 1.0

    def density(m: Any, q: Any) -> Any:
        theta, b, log_a = q[:persons], q[persons : persons + items], q[persons + items :]
        eta = m.exp(log_a)[item] * (theta[person] - b[item])
        prior = -0.5 * (theta * theta).sum() - 0.5 * (b * b).sum() - 0.5 * ((log_a / 0.5) ** 2).sum()
        return prior + (y * eta - m.softplus(eta)).sum()

    return Problem(f"2PL IRT ({persons} x {items})", persons + 2 * items, density)


def gaussian_process(points: int = 500) -> Problem:
    rng = np.random.default_rng(3)
    x = np.sort(rng.uniform(0, 10, points))
    y = np.sin(x) + 0.2 * rng.normal(size=points)
    squared = (x[:, None] - x) ** 2

    def density(m: Any, q: Any) -> Any:
        length, amplitude, noise = m.exp(q[0]), m.exp(q[1]), m.exp(q[2])
        k = amplitude**2 * m.exp(-0.5 * m.array(squared) / length**2) + (noise**2 + 1e-6) * m.array(np.eye(points))
        factor = m.cholesky(k)
        z = m.solve_lower(factor, m.array(y))
        return -0.5 * (z * z).sum() - m.log(m.diagonal(factor)).sum() - 0.5 * (q * q).sum()

    return Problem(f"GP regression ({points} points)", 3, density)


def garch(steps: int = 500) -> Problem:
    rng = np.random.default_rng(4)
    y = rng.normal(size=steps)

    def density(m: Any, q: Any) -> Any:
        mu, omega = q[0], m.exp(q[1])
        alpha = 1.0 / (1.0 + m.exp(-q[2]))
        beta = (1.0 - alpha) / (1.0 + m.exp(-q[3]))
        errors = m.array(y) - mu
        variances = m.recursion(lambda h, e: omega + alpha * e * e + beta * h, omega, errors)
        return (-0.5 * errors**2 / variances - 0.5 * m.log(variances)).sum() - 0.5 * (q * q).sum()

    return Problem(f"GARCH ({steps} steps)", 4, density)


def problems(radon_data: dict[str, Any]) -> list[Problem]:
    return [radon(radon_data), logistic(), eight_schools(), irt(), gaussian_process(), garch()]


# Namespaces --------------------------------------------------------------------------------------


class Workbench:
    def __init__(self) -> None:
        import workbench.tensor as pt

        self.exp, self.log, self.softplus, self.dot, self.array = pt.exp, pt.log, pt.softplus, pt.dot, pt.constant
        self.cholesky, self.diagonal = pt.linalg.cholesky, pt.diagonal
        self.solve_lower = lambda a, b: pt.linalg.solve_triangular(a, b, lower=True)
        self.scan = pt.scan

    def recursion(self, step: Any, first: Any, xs: Any) -> Any:
        """The values before each step."""
        _, (seen,) = self.scan(lambda h, x: ([step(h, x)], [h]), [first], [xs])
        return seen


class PyTensor:
    def __init__(self) -> None:
        import pytensor
        import pytensor.tensor as pt

        self.exp, self.log, self.softplus, self.dot, self.array = pt.exp, pt.log, pt.softplus, pt.dot, pt.as_tensor_variable
        self.cholesky, self.diagonal = pt.linalg.cholesky, pt.diagonal
        self.solve_lower = lambda a, b: pt.linalg.solve_triangular(a, b, lower=True)
        self.pytensor, self.pt = pytensor, pt

    def recursion(self, step: Any, first: Any, xs: Any) -> Any:
        after = self.pytensor.scan(lambda x, h: step(h, x), sequences=[xs[:-1]], outputs_info=[first], return_updates=False)
        return self.pt.concatenate([self.pt.stack([first]), after])


class Jax:
    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp
        import jax.scipy.linalg as jsp

        jax.config.update("jax_enable_x64", True)
        self.exp, self.log, self.softplus, self.dot, self.array = jnp.exp, jnp.log, jax.nn.softplus, jnp.dot, jnp.asarray
        self.cholesky, self.diagonal = jnp.linalg.cholesky, jnp.diagonal
        self.solve_lower = lambda a, b: jsp.solve_triangular(a, b, lower=True)
        self.scan = jax.lax.scan

    def recursion(self, step: Any, first: Any, xs: Any) -> Any:
        return self.scan(lambda h, x: (step(h, x), h), first, xs)[1]
