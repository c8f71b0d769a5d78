"""Data sets to learn and test with: measured ones, which are part of the package, and simulated ones of the same structure.

Each function returns a :class:`Dataset`: columns by name, labels in ``coords``, and where the data are from (``print(data.about)``).
``simulate(name, seed)`` returns data of the same columns, made by a model with parameters that are known (``data.truth``).

>>> from workbench import datasets
>>> data = datasets.radon()
>>> data["county"][:5], data.coords["county"][:2]
(array([0, 0, 0, 0, 1]), array(['Aitkin', 'Anoka'], dtype='<U17'))
>>> datasets.names()[:4]
['airline', 'anaesthetists', 'baseball', 'co2']
"""

from __future__ import annotations

from workbench.datasets.dataset import Dataset
from workbench.datasets.groups import anaesthetists, baseball, eight_schools, kidiq, penguins, radon, rugby, wells
from workbench.datasets.reading import sources as _sources
from workbench.datasets.series import airline, co2, coal_disasters, lynx_hare, nile, sunspots
from workbench.datasets.simulation import simulate, simulate_radon


def names() -> list[str]:
    """Return the names of all data sets: each is a function here, and what ``simulate`` takes.

    Examples
    --------
    >>> "radon" in names()
    True
    """
    return sorted(_sources())


__all__ = [
    "Dataset", "airline", "anaesthetists", "baseball", "co2", "coal_disasters", "eight_schools", "kidiq", "lynx_hare", "names", "nile", "penguins",
    "radon", "rugby", "simulate", "simulate_radon", "sunspots", "wells",
]  # fmt: skip
