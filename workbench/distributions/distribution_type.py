"""The type of distributions: how their classes are pickled."""

from __future__ import annotations

import copyreg
import pickle
import sys
from collections.abc import Mapping
from typing import Any


class DistributionType(type):
    """The type of distributions.

    A class with something fixed in it (``with_fields``) has no name to be found by: pickle writes what it was made of.

    Examples
    --------
    >>> import pickle
    >>> from workbench.distributions import Normal, Truncated
    >>> kind = type(Truncated.dist(Normal.dist(), lower=0.0).op.distribution)
    >>> kind.__name__, pickle.loads(pickle.dumps(Normal)) is Normal
    ('DistributionType', True)
    """

    made_from: tuple[Any, Mapping[str, Any]] | None


def _written(cls: DistributionType) -> Any:
    """What pickle writes: a name, or how the class is made anew."""
    if cls.made_from is not None and "made_from" in vars(cls):
        made_from, fields = cls.made_from
        return _made_again, (made_from, dict(fields))
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not cls:
        raise pickle.PicklingError(f"{cls.__name__} has functions of its own, and is no class of a module: cloudpickle writes it, pickle does not")
    return cls.__qualname__


def _made_again(cls: Any, fields: Mapping[str, Any]) -> Any:
    return cls.with_fields(**fields)


copyreg.pickle(DistributionType, _written)
