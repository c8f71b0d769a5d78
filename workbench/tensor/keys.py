"""Keys of random variables: the identity and the seed of each, and how a loop makes one for every step."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence

import numpy as np

from workbench.graph.expr import Data, Expr
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType
from workbench.tensor.tensor import Tensor, data

LABEL = "key"
_WORD = TensorType("uint64")
_numbers: weakref.WeakKeyDictionary[Data, int] = weakref.WeakKeyDictionary()
_count = itertools.count()
_seeded: weakref.WeakSet[Data] = weakref.WeakSet()


def fresh_key() -> Tensor:
    """Return the key of a new random variable: its identity, and a seed that can be replaced."""
    key = data(LABEL, random_word())
    _numbers[key.op] = next(_count)
    return key


def random_word() -> np.uint64:
    """Return a seed that nobody knows."""
    import secrets

    return np.uint64(secrets.randbits(64))


def seed(key: Tensor, word: int) -> None:
    """Give a key a seed for good: values of its variable are the same each time."""
    assert isinstance(key.op, Data)
    key.op.cell[0] = np.array(word, np.uint64)
    _seeded.add(key.op)


def renewed(roots: Sequence[Expr]) -> dict[Expr, np.uint64]:
    """Return new seeds for the keys below expressions that nobody gave one."""
    return {key: random_word() for key in keys_below(roots) if key.op not in _seeded}


def keys_made() -> int:
    """Return a number that is larger after each new key."""
    return next(_count)


def keys_below(roots: Sequence[Expr], since: int = -1) -> list[Tensor]:
    """Return the keys below expressions, in order, of those made after the count was `since`."""
    found: dict[Expr, None] = {}
    pending = [list(roots)]
    while pending:
        for node in topological(pending.pop()):
            if isinstance(node.op, Data) and node.op.label == LABEL and node.type == _WORD:
                if _numbers.get(node.op, -1) >= since:
                    found[node] = None
            pending += [list(g.results) for g in node.op.graphs]
    return list(found)  # type: ignore[arg-type]
