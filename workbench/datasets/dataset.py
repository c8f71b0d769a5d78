"""A data set: columns of one length, the labels that some of them number, and where it is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import closest

Array = np.ndarray[Any, Any]


class Dataset(dict[str, Array]):
    """Columns by name, as a dict, with labels.

    Text is numbered: a column such as ``county`` has integers from 0, and ``coords["county"]`` their labels, so that ``a[data["county"]]``
    takes each row's element of what has the dim ``county``.

    Attributes
    ----------
    name
        The data set's name.
    coords
        Labels of each dim, for ``pm.Model(coords=data.coords)``.
    dims
        The dim that a column's numbers belong to, for columns of text.
    title, source, licence
        What the data are, who measured and published them, and under what terms they are here.
    truth
        What simulated data were made with, by the name of the parameter; ``None`` for measured data.

    Examples
    --------
    >>> from workbench import datasets
    >>> data = datasets.rugby()
    >>> data["home_team"][:3], data.coords["team"][:3], data.dims["home_team"]
    (array([5, 1, 2]), array(['England', 'France', 'Ireland'], dtype='<U8'), 'team')
    >>> data
    rugby: 60 rows of year, home_team, away_team, home_score, away_score
    """

    def __init__(
        self, name: str, columns: Mapping[str, Array], coords: Mapping[str, Sequence[Any] | Array] | None = None, dims: Mapping[str, str] | None = None,
        about: Mapping[str, str] | None = None, truth: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(columns)
        self.name = name
        self.coords = {d: np.asarray(labels) for d, labels in (coords or {}).items()}
        self.dims = dict(dims or {})
        self.truth = None if truth is None else dict(truth)
        about = about or {}
        self.title, self.source, self.licence = (about.get(k, "") for k in ("title", "source", "licence"))

    @property
    def rows(self) -> int:
        """How long the columns are."""
        return len(next(iter(self.values())))

    @property
    def columns(self) -> list[str]:
        """The names of the columns: of all that has an element for each row."""
        return [k for k, x in self.items() if np.ndim(x) and len(x) == self.rows]

    @property
    def about(self) -> str:
        """What the data are and where they are from.

        Examples
        --------
        >>> from workbench import datasets
        >>> print(datasets.nile().about)
        Yearly flow of the Nile at Aswan, 1e8 cubic metres, from 1871 to 1970.
        Source: Cobb, The problem of the Nile: conditional solution to a changepoint problem, Biometrika 65 (1978); as in statsmodels 0.15.
        Licence: public domain.
        """
        lines = [f"{self.title}."]
        if self.source:
            lines += [f"Source: {self.source}.", f"Licence: {self.licence}."]
        return "\n".join(lines)

    def labels(self, column: str) -> Array:
        """Return a column's labels in place of its numbers, of shape (rows,).

        Raises
        ------
        KeyError
            If the column has no labels.

        Examples
        --------
        >>> from workbench import datasets
        >>> datasets.eight_schools().labels("school")[:3].tolist()
        ['A', 'B', 'C']
        """
        return np.asarray(self.coords[self.dims[column]][self[column]])

    def frame(self) -> Any:
        """Return the columns as a pandas DataFrame, those of text with their labels as categories: what ``%%model --data`` takes, too.

        Examples
        --------
        >>> from workbench import datasets
        >>> datasets.radon().frame().head(2)
           county  floor  log_radon  log_uranium
        0  Aitkin    0.0   0.095310    -0.689048
        1  Aitkin    0.0   0.832909    -0.689048
        """
        import pandas as pd

        made = {k: pd.Categorical.from_codes(self[k], self.coords[self.dims[k]]) if k in self.dims else self[k] for k in self.columns}
        return pd.DataFrame(made)

    def __missing__(self, key: str) -> Array:
        near = closest(key, self)
        raise KeyError(f"the data set {self.name!r} has no {key!r}: " + (f"did you mean {near!r}?" if near else f"it has {', '.join(self)}"))

    def __repr__(self) -> str:
        return f"{self.name}: {self.rows} rows of {', '.join(self.columns)}" + (" (simulated)" if self.truth is not None else "")
