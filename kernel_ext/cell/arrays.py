"""The arrays that a cell's code speaks of, and what it calls them: ``county``, ``df.floor``, ``data["y"]``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workbench.graph.array_names import call_array
from workbench.tensor import constant


def call_arrays(tree: ast.AST, names: Mapping[str, Any]) -> None:
    """Let formulas call the values that a cell has used by the names that it used."""
    for name, value in _spoken_of(tree, names):
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" or array.ndim == 0:
            continue
        # Integers are computed with as floats, and of text the codes.
        for dtype in dict.fromkeys((array.dtype, *((np.dtype(np.float64), np.dtype(np.int64)) if array.dtype.kind != "f" else ()))):
            call_array(constant(array.astype(dtype)), name)


def _spoken_of(tree: ast.AST, names: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if _is_array(value := names.get(node.id)):
                yield node.id, value
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.value, ast.Name):
            key = node.attr if isinstance(node, ast.Attribute) else node.slice.value if isinstance(node.slice, ast.Constant) else None
            table: Any = names.get(node.value.id)
            # Only what is known to be a look-up: other objects' attributes may do anything.
            if isinstance(key, str) and (isinstance(table, dict) or type(table).__name__ in ("DataFrame", "Dataset")) and key in table:
                if _is_array(value := table[key]):
                    yield key, value


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or type(value).__name__ in ("Series", "DataArray", "Codes") or isinstance(value, list)
