"""Reads the tables of workbench/datasets/data, and what sources.toml says of them."""

from __future__ import annotations

import csv
import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np

from workbench.datasets.dataset import Array, Dataset


@functools.cache
def sources() -> dict[str, dict[str, str]]:
    """Return title, source and licence of every data set."""
    return tomllib.loads((files(__package__) / "data" / "sources.toml").read_text(encoding="utf-8"))


def table(name: str) -> dict[str, list[str]]:
    """Return the columns of a table, as text."""
    text = (files(__package__) / "data" / f"{name}.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    return {h: [r[i] for r in rows] for i, h in enumerate(header)}


def column(values: list[str]) -> Array:
    """Return integers, numbers (nothing is NaN), or text."""
    for kind in (int, float):
        try:
            return np.array([kind(v) if v or kind is int else np.nan for v in values])
        except ValueError:
            continue
    return np.array(values)


def read(name: str, dims: Mapping[str, str] | None = None, sort: bool = True) -> Dataset:
    """Return a data set as its table has it.

    Parameters
    ----------
    dims
        The dim that each column of text numbers; one of its own name where it is not given. Columns of one dim share its labels.
    sort
        Whether labels are in their order, or that of the table.
    """
    return number(name, {k: column(v) for k, v in table(name).items()}, dims, sort)


def number(name: str, columns: Mapping[str, Array], dims: Mapping[str, str] | None = None, sort: bool = True) -> Dataset:
    """Return a data set in which columns of text are numbered."""
    columns = dict(columns)
    texts = {k: (dims or {}).get(k, k) for k, x in columns.items() if x.dtype.kind == "U"}
    coords: dict[str, Any] = {}
    for dim in dict.fromkeys(texts.values()):
        found = list(dict.fromkeys(v for k, d in texts.items() if d == dim for v in columns[k].tolist()))
        coords[dim] = np.array(sorted(found) if sort else found)
        codes = {label: i for i, label in enumerate(coords[dim].tolist())}
        for k in (k for k, d in texts.items() if d == dim):
            columns[k] = np.array([codes[v] for v in columns[k].tolist()])
    return Dataset(name, columns, coords, texts, sources()[name])
