"""Dims of variables and labels of dims, as xarray's datasets have them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ArgumentError, ModelError, ShapeError
from workbench.inference.arviz_class import version

if TYPE_CHECKING:
    from workbench.model.model import Model


def label_array(labels: Sequence[Any]) -> Any:
    """Return labels of a dim as an array that xarray can look up and files can hold: what is neither number, text nor time as text.

    Examples
    --------
    >>> label_array([1, 2]).tolist(), label_array([("a", 1), ("b", 2)]).tolist()
    ([1, 2], ["('a', 1)", "('b', 2)"])
    """
    if labels and all(isinstance(x, datetime.date) and getattr(x, "tzinfo", None) is None for x in labels):
        return np.array([x.to_datetime64() if hasattr(x, "to_datetime64") else np.datetime64(x) for x in labels])
    plain = not any(isinstance(x, tuple) for x in labels)
    array = np.asarray(labels) if plain else np.empty(0, object)
    if array.dtype != object or all(x is None or isinstance(x, str) for x in labels):
        return array
    return np.array([str(x) for x in labels])


@dataclass(frozen=True)
class Layout:
    """Dims of variables and labels of dims, as results have them.

    Attributes
    ----------
    dims
        Of each variable that has dims with names; ``None`` for an axis without.
    labels
        Of each dim: numbers, if it has none.
    names
        Of dims and variables: axes without a dim have other names.
    """

    dims: Mapping[str, Sequence[str | None]]
    labels: Mapping[str, Any]
    names: frozenset[str]

    @classmethod
    def of(cls, model: Model, dims: Mapping[str, Any] | None = None, coords: Mapping[str, Any] | None = None) -> Layout:
        """Return that of a model now; of further `dims` and `coords`, by the names of variables and dims."""
        further = {name: (own,) if isinstance(own, str) else tuple(own) for name, own in (dims or {}).items()}
        all_dims = {**model.named_vars_to_dims, **further}
        labels = {
            d: np.arange(model.length_of(d)) if own is None else label_array(tuple(own))
            for d, own in {**model.coords, **(coords or {})}.items()
        }
        return cls(all_dims, labels, frozenset([*model.named_vars, *model.coords, *labels, *(d for own in all_dims.values() for d in own if d)]))

    def dims_of(self, name: str, ndim: int, batch: bool = False) -> list[str]:
        """Return the names of a variable's axes; of its first ones, those of its batch, if told so."""
        known = self.dims.get(name) or ()
        known = known[:ndim] if batch else known
        if known and len(known) != ndim:
            raise ShapeError(f"{name}: it has {ndim} axes, but {len(known)} dims: {tuple(known)}")
        found: list[str] = []
        for axis in range(ndim):
            own = known[axis] if known else None
            unnamed = f"{name}_dim_{axis}"
            while own is None and unnamed in self.names:
                unnamed += "_"
            found.append(own or unnamed)
        return found

    def check(self, shapes: Mapping[str, tuple[int, ...]], first: Sequence[str] = (), batch: bool = False) -> None:
        """Raise if variables of some shapes cannot stand together in a group of results.

        Parameters
        ----------
        shapes
            Of the variables.
        first
            Dims in front of their own.
        batch
            Whether the last dims may be missing: log-densities have those of the batch.

        Raises
        ------
        ModelError
            If a dim has the name of a variable, or dims have other lengths than their labels.
        ShapeError
            If a variable has another number of axes than it has dims.
        """
        lengths = dict.fromkeys(first, -1)
        for name, shape in shapes.items():
            for d, n in zip(self.dims_of(name, len(shape), batch), shape):
                if d in first or (d in lengths and lengths[d] != n) or (d in self.labels and len(self.labels[d]) != n):
                    known = f"{len(self.labels[d])} labels" if d in self.labels else "another length elsewhere"
                    raise ModelError(f"{name}: its dim {d!r} has length {n}, and {known}")
                lengths[d] = n
        for name in shapes:
            if name in lengths:
                raise ModelError(
                    f"a group of results would have a variable {name!r} and a dim {name!r}",
                    "give one of them another name, or ask for no InferenceData: return_inferencedata=False",
                )

    def dataset(
        self,
        values: Mapping[str, Any],
        first: Sequence[str] = (),
        labels: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
        batch: bool = False,
    ) -> Any:
        """Return arrays by variable as a Dataset: each with its own dims, and the labels of those alone.

        Parameters
        ----------
        values
            The arrays.
        first, labels
            Dims in front of their own, and labels of these.
        attributes
            Added to what every group says of itself.
        batch
            As in :meth:`check`, which is made.
        """
        import xarray

        known = {**self.labels, **(labels or {})}
        arrays = {name: np.asarray(value) for name, value in values.items()}
        self.check({name: array.shape[len(first) :] for name, array in arrays.items()}, first, batch)
        made: dict[str, Any] = {}
        lengths: dict[str, int] = {}
        for name, array in arrays.items():
            own = [*first, *self.dims_of(name, array.ndim - len(first), batch)]
            made[name] = own, array
            lengths |= zip(own, array.shape)
        coords = {d: known[d] if d in known else np.arange(n) for d, n in lengths.items()}
        return xarray.Dataset(made, coords=coords, attrs={**_about(), **(attributes or {})})


def _about() -> dict[str, str]:
    """What every group of results says of itself, as ArviZ's converters write it."""
    import workbench

    return {
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(), "arviz_version": version(),
        "inference_library": "workbench", "inference_library_version": workbench.__version__,
    }  # fmt: skip


def labels_from(idata_kwargs: Any) -> dict[str, Any]:
    """Return the dims and coords that predictive draws are given beside the model's."""
    options = dict(idata_kwargs or {})
    unknown = set(options) - {"dims", "coords"}
    if unknown:
        raise ArgumentError(f"idata_kwargs: {', '.join(map(repr, sorted(unknown)))} is not there", "it takes dims and coords")
    return options
