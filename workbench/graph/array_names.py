"""What people call arrays: a formula says ``a[county]``, not which numbers these are.

A constant belongs to every graph that has these values, so this is no name of it: a cell says by what name it used them, and
what is written for readers says the same, as long as some graph has them.
"""

from __future__ import annotations

import weakref
from typing import Any

_called: dict[int, tuple[weakref.ref[Any], str]] = {}


def call_array(constant: Any, name: str) -> None:
    """Say what an array is called in what is written for readers.

    Examples
    --------
    >>> import numpy as np, workbench.tensor as pt
    >>> from workbench.graph import formula
    >>> county, a = pt.constant(np.arange(20)), pt.vector("a", 20)
    >>> call_array(county, "county")
    >>> formula(a[county] + 1.0)
    'a[county] + 1'
    """
    at = id(constant)
    _called[at] = weakref.ref(constant, lambda _: _called.pop(at, None)), name


def array_name(constant: Any) -> str | None:
    """Return what an array was called last, if anyone called it something."""
    found = _called.get(id(constant))
    return found[1] if found is not None and found[0]() is constant else None
