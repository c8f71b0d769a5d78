"""Families of distributions that are one standard distribution, moved and stretched."""

from __future__ import annotations

from workbench.graph.frozen import frozen


@frozen
class Family:
    """How a draw follows from one with location 0 and scale 1: ``x = location + scale**power * z``.

    Attributes
    ----------
    location, scale
        The parameters' names; ``None`` for one that there is not.
    power
        1 for a scale, -1 for a rate, -1/2 for a precision.
    of_normal
        Whether it is a normal variable `x` that is made so, and the draw a function of it: its logarithm or its log-odds is `x`.
    """

    location: str | None = None
    scale: str | None = None
    power: float = 1.0
    of_normal: bool = False


LOCATION_SCALE = Family("mu", "sigma")


def family_of(distribution: type) -> Family | None:
    """Return the family that a distribution says it belongs to; ``None`` where its density is not that which was said to."""
    said: Family | None = getattr(distribution, "family", None)
    if said is None:
        return None
    classes = distribution.__mro__
    density, family = (next(c for c in classes if name in vars(c)) for name in ("logp", "family"))
    # A class below may have a density of its own.
    return said if issubclass(family, density) else None
