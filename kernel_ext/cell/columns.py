"""The columns of ``%%model --data df``: names in the cell; text becomes numbers of labels, and a dim that has these labels."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench import Model
from workbench.datasets import Dataset
from workbench.errors import ModelError, closest


class Codes(np.ndarray[Any, Any]):
    """The numbers of a column's labels: an index into what has a value for each label.

    Compared with a text, they say where the column has that label.
    """

    labels: tuple[Any, ...]

    @classmethod
    def of(cls, codes: Any, labels: Sequence[Any]) -> Codes:
        made = np.asarray(codes, np.int64).view(cls)
        made.labels = tuple(labels)
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.labels = getattr(other, "labels", ())

    def _with_label(self, other: Any, compare: str) -> Any:
        plain = self.view(np.ndarray)
        if not isinstance(other, str):
            return getattr(plain, compare)(other)
        if other not in self.labels:
            near = closest(other, map(str, self.labels))
            raise ModelError(f"no row has the label {other!r}", f"did you mean {near!r}?" if near else f"the labels are {listed(self.labels)}")
        return getattr(plain, compare)(self.labels.index(other))

    def __eq__(self, other: Any) -> Any:
        return self._with_label(other, "__eq__")

    def __ne__(self, other: Any) -> Any:
        return self._with_label(other, "__ne__")

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Column:
    """A column of data.

    Attributes
    ----------
    source
        What the data are called.
    name
        The column's name.
    values
        Numbers, or text.
    labels
        Text: the labels that it has, in order; ``None`` for numbers.
    dims
        For xarray: the labels of its dims.
    """

    source: str
    name: str
    values: np.ndarray[Any, Any]
    labels: tuple[Any, ...] | None
    dims: Mapping[str, Sequence[Any]]


def columns_of(data: Any, source: str) -> dict[str, Column]:
    """Return the columns of a table, by name: of ``workbench.datasets``, pandas, polars, xarray or a dict, or anything that has ``columns`` or ``keys()``.

    Raises
    ------
    ModelError
        If it has none.
    """
    if isinstance(data, Dataset):
        return {k: _numbered(source, k, data) for k in data.columns}
    if getattr(getattr(data, "dtype", None), "names", None):
        names = list(data.dtype.names)
    elif hasattr(data, "data_vars"):
        names = [*data.data_vars, *data.coords]
    elif hasattr(data, "collect_schema"):
        raise ModelError(f"{source} is not computed yet", f"{source}.collect() is a table")
    elif hasattr(data, "columns"):
        names = list(data.columns)
    elif hasattr(data, "keys"):
        names = list(data.keys())
    else:
        raise ModelError(f"{source} has no columns: its type is {type(data).__name__}", "a DataFrame, a dict of arrays or an xarray Dataset has")
    return {str(k): _column(source, str(k), data[k]) for k in names}


def _numbered(source: str, name: str, data: Dataset) -> Column:
    """A column of a data set of ours: text with its labels, unless several columns share a dim, which then has the labels and they its numbers."""
    dim = data.dims.get(name)
    if dim is None:
        return _column(source, name, data[name])
    labels = tuple(data.coords[dim].tolist())
    if dim == name:
        return Column(source, name, np.array([labels[i] for i in data[name]]), labels, {})
    return Column(source, name, Codes.of(data[name], labels), None, {dim: labels})


def _column(source: str, name: str, given: Any) -> Column:
    dims = {str(d): given[d].values for d in given.dims if d in given.coords} if hasattr(given, "coords") and hasattr(given, "dims") else {}
    categories = getattr(getattr(given, "dtype", None), "categories", None)
    nullable = hasattr(given, "to_numpy") and getattr(getattr(given, "dtype", None), "na_value", None) is not None
    if nullable and getattr(given.dtype, "kind", "O") in "iuf":
        values = given.to_numpy(dtype="float64", na_value=np.nan) if given.isna().any() else given.to_numpy(dtype=given.dtype.numpy_dtype)
    else:
        values = given.to_numpy() if hasattr(given, "to_numpy") else np.asarray(given)
    if categories is not None and hasattr(categories, "to_numpy"):
        return Column(source, name, values, tuple(categories.to_numpy().tolist()), dims)
    if values.dtype.kind in "UST" or (values.dtype.kind == "O" and any(isinstance(x, str) for x in values.flat)):
        each = set(values.ravel().tolist())
        return Column(source, name, values, tuple(sorted((x for x in each if not _is_missing(x)), key=str)), dims)
    return Column(source, name, values, None, dims)


def _is_missing(x: Any) -> bool:
    return x is None or x != x or type(x).__name__ in ("NAType", "NaTType")


def bind(columns: Mapping[str, Column], tree: ast.AST, model: Model) -> dict[str, Any]:
    """Return what the columns that the code of a cell mentions are in it, and give the model dims for those of text.

    Raises
    ------
    ModelError
        If text is missing, or is none of the labels that the model's dim of that name has.
    """
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.value if isinstance(node, ast.Constant) else None
        if not isinstance(name, str) or name not in columns or name in found:
            continue
        column = columns[name]
        try:
            for d, labels in column.dims.items():
                if d not in model.coords:
                    model.add_coord(d, labels)
            found[name] = column.values if column.labels is None else _codes(column, model)
        except ModelError as error:
            error.cell_node = node  # type: ignore[attr-defined]
            raise
    return {name: x for name, x in found.items() if name.isidentifier() and not keyword.iskeyword(name)}


def _codes(column: Column, model: Model) -> Codes:
    flat = column.values.ravel().tolist()
    known = set(column.labels or ())
    missing = [i for i, x in enumerate(flat) if x not in known and _is_missing(x)]
    if missing:
        raise ModelError(
            f"the column {column.name!r} of {column.source} has no label in {_rows(missing)}",
            f'leave these rows out, or give them a label of their own: {column.source}["{column.name}"].fillna("unknown")',
        )
    if model.coords.get(column.name) is None:
        model.add_coord(column.name, column.labels)
    labels = model.coords[column.name]
    assert labels is not None
    numbers = {label: i for i, label in enumerate(labels)}
    codes = [numbers.get(x, -1) for x in flat]
    if -1 in codes:
        row = codes.index(-1)
        near = closest(str(flat[row]), map(str, labels))
        raise ModelError(
            f"row {row} of the column {column.name!r} of {column.source} is {flat[row]!r}, which is no label of the dim {column.name!r}",
            f"did you mean {near!r}?" if near else f"its labels are {listed(labels)}",
        )
    return Codes.of(np.reshape(codes, column.values.shape), labels)


def _rows(at: Sequence[int]) -> str:
    return f"row {at[0]}" if len(at) == 1 else f"{len(at)} rows, the first of which is row {at[0]}"


def listed(labels: Sequence[Any], most: int = 6) -> str:
    """The first of some labels, as text."""
    shown = ", ".join(repr(x) for x in labels[:most])
    return shown + (f" and {len(labels) - most} more" if len(labels) > most else "")
