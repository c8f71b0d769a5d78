"""Trees of expressions: dictionaries, lists and tuples that have them inside, as parameters of a network come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def leaves(tree: Any) -> list[Any]:
    """Return what is in a tree that is no dictionary, list or tuple, in order.

    Examples
    --------
    >>> leaves({"layers": [(1, 2), (3, 4)], "scale": 5})
    [1, 2, 3, 4, 5]
    """
    if isinstance(tree, Mapping):
        return [x for part in tree.values() for x in leaves(part)]
    if isinstance(tree, (list, tuple)):
        return [x for part in tree for x in leaves(part)]
    return [tree]


def like(tree: Any, values: Iterable[Any]) -> Any:
    """Return a tree of the same form, with other leaves, in order.

    Examples
    --------
    >>> like({"layers": [(1, 2), (3, 4)], "scale": 5}, "abcde")
    {'layers': [('a', 'b'), ('c', 'd')], 'scale': 'e'}
    """
    return _filled(tree, iter(values))


def _filled(tree: Any, values: Iterator[Any]) -> Any:
    if isinstance(tree, Mapping):
        return {key: _filled(part, values) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [_filled(part, values) for part in tree]
        return parts if isinstance(tree, list) else type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return next(values)
