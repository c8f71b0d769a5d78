"""Marginals with a skewness: a monotone map of standard normal variables, exact in mean, variance and skewness.

The map is that of a shifted log-normal, ``w = (exp(s z - s^2 / 2) - 1) / sqrt(exp(s^2) - 1)``, with s such that the skewness is what is
asked for: a normal draw keeps its dependence on others (its copula), as in R-INLA's joint draws with corrected skewness.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LEAST = 1e-4
"""Skewness below which the map is the identity, whose error is less than its own rounding."""
MOST = 2.0


class SkewedMap:
    """The map from standard normal variables to variables of mean 0, variance 1 and given skewness, element by element.

    Parameters
    ----------
    skewness
        Of each element, (n,); beyond ``-2`` and ``2``, and where it is no number, it is taken to be at that end, and 0.

    Examples
    --------
    >>> z = np.random.default_rng(1).normal(size=(1_000_000, 1))
    >>> w, slope = SkewedMap(np.array([0.5]))(z)
    >>> [round(float(np.mean(w**k)), 1) + 0.0 for k in (1, 2, 3)]
    [0.0, 1.0, 0.5]
    """

    def __init__(self, skewness: Array) -> None:
        g = np.clip(np.nan_to_num(skewness, posinf=0.0, neginf=0.0), -MOST, MOST)
        self.sign = np.where(g < 0.0, -1.0, 1.0)
        g = np.abs(g)
        self.flat = g < LEAST
        g = np.where(self.flat, 1.0, g)
        # The skewness of a log-normal is (w + 2) sqrt(w - 1), w = exp(s^2): a cubic equation in w.
        half = g * np.sqrt(1.0 + 0.25 * g * g)
        w = np.cbrt(1.0 + 0.5 * g * g + half) + np.cbrt(1.0 + 0.5 * g * g - half) - 1.0
        self.s = np.sqrt(np.log(w))
        self.spread = np.sqrt(w - 1.0)

    def __call__(self, z: Array) -> tuple[Array, Array]:
        """Return the mapped variables, and the logarithm of the map's slope, both (..., n)."""
        inner = self.s * self.sign * z - 0.5 * self.s * self.s
        w = np.where(self.flat, z, self.sign * np.expm1(inner) / self.spread)
        return w, np.where(self.flat, 0.0, inner + np.log(self.s / self.spread))
