"""``x[key]``: from Python's key to the simplest operation that reads it."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from workbench.errors import DTypeError, IndexBoundsError, ShapeError
from workbench.graph.expr import Constant, intern
from workbench.graph.lengths import Size, one_length
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.layout import Entry, Key, resolve_int
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice, everything, fixed, resolved
from workbench.tensor.shape.lengths import extent, paired
from workbench.tensor.tensor import Tensor, as_tensor


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``, as in NumPy.

    Parameters
    ----------
    x
        Tensor.
    key
        Integers, slices, ``None``, ``...``, integer and boolean arrays, any of them symbolic, in any
        mixture. Where the length of the result depends on values (symbolic slice bounds or booleans)
        it is known only at run time.

    Raises
    ------
    IndexBoundsError
        If an index that is known now is outside its axis, or there are too many.
    DTypeError
        If an index is not an integer or a boolean.
    """
    parsed = _Parsed(x, list(key) if isinstance(key, tuple) else [key])
    entries, others = tuple(parsed.entries), parsed.others
    if not others:
        return _basic(x, entries)
    rest = [("slice", None, None, None)] * (x.ndim - 1)
    if len(others) == 1 and entries == (("array", 0), *rest):
        return intern(Take(), (x, others[0]))
    return intern(Index(entries), (x, *others))


def _basic(x: Tensor, entries: Key) -> Tensor:
    entries = tuple(e for e in entries if e[0] != "rest")
    of_axes = [e for e in entries if e[0] != "new"]
    bounds = fixed(tuple((e[1], None, 0) if e[0] == "int" else (*e[1:3], e[3] or 1) for e in of_axes), x.type.shape)
    whole = resolved(bounds, x.type.shape) == everything(x.type.shape) and all(e[0] == "slice" for e in of_axes)
    # A key that takes everything leaves a trace only where x[key].set(value) needs one.
    if whole and len(entries) > x.ndim and not isinstance(x.op, (Slice, Take, Index, _s.Reshape)):
        sliced = x
    else:
        sliced = intern(Slice(bounds), (x,))
    lengths = iter(_s.extents(sliced))
    kept = [1 if e[0] == "new" else next(lengths) for e in entries if e[0] != "int" or next(lengths) is None]
    return _s.reshape(sliced, kept)


class _Parsed:
    """A key as entries that name inputs."""

    def __init__(self, x: Tensor, keys: list[Any]) -> None:
        self.x = x
        self.entries: list[Entry] = []
        self.others: list[Tensor] = []
        self.axis = 0
        parts = [k if k is None or k is Ellipsis or isinstance(k, slice) else one_index(k) for k in keys]
        used = sum(_consumes(k) for k in parts)
        if used > x.ndim:
            raise IndexBoundsError(f"too many indices: {used} for a tensor of shape {x.type.shape}")
        if sum(k is Ellipsis for k in parts) > 1:
            raise IndexBoundsError("an index can have only one ellipsis (...)")
        if not any(k is Ellipsis for k in parts):
            parts.append(Ellipsis)
        for k in parts:
            if k is None:
                self.entries.append(("new",))
            elif k is Ellipsis:
                self.entries += [("slice", None, None, None)] * (x.ndim - used) or [("rest",)]
                self.axis += x.ndim - used
            elif isinstance(k, slice):
                self.slice(k)
            elif isinstance(k, int):
                resolve_int(k, x.type, self.axis)
                self.entries.append(("int", k))
                self.axis += 1
            elif k.dtype == "bool":
                self.mask(k)
            else:
                self.array(k)
        kinds = [e[0] for e in self.entries]
        if "rest" in kinds:
            at = kinds.index("rest")
            if not all(set(side) & {"array", "flag", "int"} for side in (kinds[:at], kinds[at:])):
                del self.entries[at]

    def input(self, x: Tensor) -> int:
        self.others.append(x)
        return len(self.others) - 1

    def slice(self, k: slice) -> None:
        bounds = [self.bound(b) for b in (k.start, k.stop, k.step)]
        if bounds[2] == 0:
            raise ShapeError("a slice cannot have step 0")
        if bounds[2] == 1:
            bounds[2] = None
        n = self.x.type.shape[self.axis]
        if bounds[2] is None:
            if bounds[0] == 0:
                bounds[0] = None
            if isinstance(n, int) and isinstance(bounds[1], int) and bounds[1] >= n:
                bounds[1] = None
        self.entries.append(("slice", *bounds))
        self.axis += 1

    def bound(self, b: Any) -> Any:
        if b is None:
            return None
        if isinstance(b, Tensor) and isinstance(b.op, Constant) and b.ndim == 0 and b.type.kind in "iu":
            return int(b.op.value)
        if isinstance(b, Tensor):
            if b.ndim or b.type.kind not in "iu":
                raise DTypeError(f"the bound of a slice must be a scalar integer, got {b.type}")
            return ("input", self.input(b))
        try:
            return operator.index(b)
        except TypeError:
            raise DTypeError(f"the bound of a slice must be an integer, got {b!r}") from None

    def array(self, index: Tensor) -> None:
        index = check_constant_index(index, self.x.type.shape[self.axis], self.axis)
        self.entries.append(("array", self.input(index)))
        self.axis += 1

    def mask(self, mask: Tensor) -> None:
        for i, n in enumerate(mask.type.shape):
            have = self.x.type.shape[self.axis + i]
            if one_length(n, have) is None:
                raise IndexBoundsError(
                    f"a boolean index of shape {mask.type.shape} does not fit axis {self.axis + i} of length {have}",
                    "a boolean index has the shape of the axes that it chooses from",
                )
            # Of the length alone, so that how many are chosen does not wait for what they are chosen from.
            mask = paired("a boolean index, and what it chooses from,", mask, i, _s.zeros(extent(self.x, self.axis + i)), 0)
        constant = isinstance(mask.op, Constant)
        found = as_tensor(np.atleast_1d(mask.op.value) if constant else _s.atleast_1d(mask)).nonzero()
        if mask.ndim == 0:
            self.entries.append(("flag", self.input(found[0])))
            return
        for rows in found:
            self.entries.append(("array", self.input(rows)))
            self.axis += 1


def one_index(k: Any) -> Any:
    """Return one index as a Python integer, or a tensor of integers or booleans."""
    if isinstance(k, (bool, np.bool_)):
        return as_tensor(bool(k))
    if isinstance(k, (int, np.integer)):
        return int(k)
    if isinstance(k, (list, tuple)) and not isinstance(k, Tensor) and not _any_symbol(k) and np.size(k) == 0:
        k = np.asarray(k, dtype="int64")
    if isinstance(k, (str, bytes, float)):
        raise DTypeError(f"an index must be an integer, a slice, None, ... or an array, got {k!r}")
    index = as_tensor(k)
    if index.type.kind not in "iub":
        raise DTypeError(
            f"an index must be an integer or a boolean, got {index.type}", "cast it: x[index.astype('int64')]"
        )
    if isinstance(index.op, Constant) and index.ndim == 0 and index.dtype != "bool":
        return int(index.op.value)
    return index


def _any_symbol(values: Any) -> bool:
    return any(isinstance(v, Tensor) or (isinstance(v, (list, tuple)) and _any_symbol(v)) for v in values)


def _consumes(k: Any) -> int:
    if k is None or k is Ellipsis:
        return 0
    return k.ndim if isinstance(k, Tensor) and k.dtype == "bool" else 1


def check_constant_index(index: Tensor, n: Size, axis: int) -> Tensor:
    """Return an integer index for an axis of length `n`; a constant one checked and counted from 0.

    Raises
    ------
    IndexBoundsError
        If a constant index is out of bounds.
    """
    if not isinstance(index.op, Constant):
        # What does not fit 64 bits with a sign is out of any bounds, and must stay so.
        return _e.cast(_e.minimum(index, np.uint64(2**63 - 1)), "int64") if index.dtype == "uint64" else index
    value = index.op.value
    if not isinstance(n, int) or not value.size:
        return index
    if int(value.min()) < -n or int(value.max()) >= n:
        position = np.argwhere((value >= n) | (value < -n))[0]
        where = f" (position {', '.join(map(str, position))} of the index)" if value.ndim else ""
        raise IndexBoundsError(
            f"index {value[tuple(position)]} is out of bounds for axis {axis} of length {n}{where}",
            f"valid indices run from 0 to {n - 1}; data counted from 1 needs `index - 1`" if n else "the axis is empty",
        )
    if int(value.min()) < 0:
        value = value.astype("int64")
        return as_tensor(np.where(value < 0, value + n, value))
    return index
