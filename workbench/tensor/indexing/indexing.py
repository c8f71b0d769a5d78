"""Indexing as in NumPy, and updates of what is indexed.

Three families, from the simplest: `Slice` and `SetSlice` have fixed bounds on every axis; `Take`,
`SetAt` and `AddAt` an integer array along the first axis; `Index`, `SetIndex` and `AddIndex` any
key that NumPy takes.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.errors import CompileError, DTypeError, IndexBoundsError, ShapeError
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.types import Shape, TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor.shape import reshaping as _s
from workbench.tensor.tensor import Tensor, as_tensor

Spec = tuple[tuple[int, int, int], ...]  # (start, length, step) of every axis


def slices(spec: Spec) -> tuple[slice, ...]:
    """Return Python's slices for a spec."""
    found = []
    for start, length, step in spec:
        stop = start + step * length
        found.append(slice(start, None if step < 0 and stop < 0 else stop, step))
    return tuple(found)


@dataclass(frozen=True)
class Slice(Op):
    """Every `step`-th element from `start`, on every axis."""

    spec: Spec
    name = "slice"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(tuple(length for _, length, _ in self.spec))

    def numpy(self, x: Any) -> Any:
        return x[slices(self.spec)]

    def jax(self, x: Any) -> Any:
        return x[slices(self.spec)]

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [intern(SetSlice(self.spec), (_s.zeros_like(node.inputs[0]), _s.whole(cotangent, node)))]

    def written(self, *operands: str) -> str:
        parts = [f"{s.start}:{'' if s.stop is None else s.stop}" + (f":{s.step}" if s.step != 1 else "") for s in slices(self.spec)]
        return f"{operands[0]}[{', '.join(parts)}]"

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], builder.slice_index(index, self.spec))


@dataclass(frozen=True)
class SetSlice(Op):
    """A tensor with a slice of it replaced."""

    spec: Spec
    name = "set_slice"

    def infer(self, x: TensorType, value: TensorType) -> TensorType:
        return x

    def numpy(self, x: Any, value: Any) -> Any:
        result = np.array(x)
        result[slices(self.spec)] = value
        return result

    def jax(self, x: Any, value: Any) -> Any:
        return x.at[slices(self.spec)].set(value)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        g = _s.whole(cotangent, node)
        kept = intern(SetSlice(self.spec), (g, _s.zeros_like(node.inputs[1])))
        return [kept, intern(Slice(self.spec), (g,))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        x, value = node.inputs

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            return builder.slice_index(index, self.spec), builder.element(value, index)

        builder.accumulate(node, value.type.static_shape, body, None, start=x)


def _check_index(op: str, x: TensorType, index: TensorType) -> None:
    if index.kind not in "iu":
        raise DTypeError(f"{op}: an index must be an integer, got {index.dtype}")
    if x.ndim == 0:
        raise ShapeError(f"{op}: a scalar cannot be indexed")


@dataclass(frozen=True)
class Take(Op):
    """``x[index]`` along the first axis, for an integer index of any rank.

    Negative indices count from the end. An index out of bounds is an ``IndexError`` at run time.
    """

    name = "take"

    def infer(self, x: TensorType, index: TensorType) -> TensorType:
        _check_index("x[index]", x, index)
        return x.with_shape((*index.shape, *x.shape[1:]))

    def numpy(self, x: Any, index: Any) -> Any:
        _check_bounds(x, index)
        return np.asarray(x)[index]

    def jax(self, x: Any, index: Any) -> Any:
        return x[index]

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, index = node.inputs
        return [intern(AddAt(), (_s.zeros_like(x), index, _s.whole(cotangent, node))), None]

    def written(self, *operands: str) -> str:
        return f"{operands[0]}[{operands[1]}]"

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        x, at = node.inputs
        rank = at.type.ndim
        row = builder.row(builder.element(at, index[:rank]), x, at)
        return builder.element(x, [row, *index[rank:]])


@dataclass(frozen=True)
class SetAt(Op):
    """``x`` with ``x[index]`` replaced along the first axis; the last wins where an index repeats."""

    name = "set_at"

    def infer(self, x: TensorType, index: TensorType, value: TensorType) -> TensorType:
        return _infer_update("x[index].set(value)", x, index, value)

    def numpy(self, x: Any, index: Any, value: Any) -> Any:
        _check_bounds(x, index)
        result = np.array(x)
        result[index] = value
        return result

    def jax(self, x: Any, index: Any, value: Any) -> Any:
        return x.at[index].set(value)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        _, index, value = node.inputs
        g = _s.whole(cotangent, node)
        kept = intern(SetAt(), (g, index, _s.zeros_like(value)))
        return [kept, None, _of_the_last(node, intern(Take(), (g, index)))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        _accumulate_at(builder, node, None)


@dataclass(frozen=True)
class AddAt(Op):
    """``x`` with `value` added to ``x[index]`` along the first axis; repeated indices add up."""

    name = "add_at"

    def infer(self, x: TensorType, index: TensorType, value: TensorType) -> TensorType:
        return _infer_update("x[index].inc(value)", x, index, value)

    def numpy(self, x: Any, index: Any, value: Any) -> Any:
        _check_bounds(x, index)
        result = np.array(x)
        np.add.at(result, index, value)
        return result

    def jax(self, x: Any, index: Any, value: Any) -> Any:
        return x.at[index].add(value)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        g = _s.whole(cotangent, node)
        return [g, None, intern(Take(), (g, node.inputs[1]))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        _accumulate_at(builder, node, _e.add)


def _infer_update(what: str, x: TensorType, index: TensorType, value: TensorType) -> TensorType:
    _check_index(what, x, index)
    _check_value(what, x, (*index.shape, *x.shape[1:]), value)
    return x


def _check_value(what: str, x: TensorType, wanted: Shape, value: TensorType) -> None:
    differs = any(None not in (n, m) and n != m for n, m in zip(wanted, value.shape))
    if value.dtype != x.dtype or value.ndim != len(wanted) or differs:
        raise ShapeError(f"{what}: the value is {value}, it must be {x.with_shape(wanted)}")


def _of_the_last(node: Expr, gradient: Tensor) -> Tensor:
    """The gradient of the values of an update: zero for those that a later one replaced."""
    arrays = [i for i in node.inputs[1:-1] if i.type.ndim]
    if not any(_may_repeat(i) for i in arrays):
        return gradient
    x, *_, value = node.inputs
    # Write every value's number where the value goes; it counts if it is still there.
    numbers = _s.reshape_like(_s.arange(as_tensor(value).size_expr()), value)
    written = intern(node.op, (_s.zeros_like(x, "int64"), *node.inputs[1:-1], numbers))
    take = Take() if isinstance(node.op, SetAt) else Index(node.op.key)
    found = intern(take, (written, *node.inputs[1:-1]))
    return _e.where(_e.equal(found, numbers), gradient, _s.zeros_like(gradient))


def _may_repeat(index: Expr) -> bool:
    if isinstance(index.op, Constant):
        at = index.op.value
        return bool(np.unique(at).size != at.size or (at < 0).any())
    return not isinstance(index.op, _s.Arange) and index.type.shape != (1,) * index.type.ndim


def _accumulate_at(builder: Any, node: Expr, combine: Any) -> None:
    x, at, value = node.inputs
    rank = at.type.ndim

    def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        row = builder.row(builder.element(at, index[:rank]), x, at)
        return [row, *index[rank:]], builder.element(value, index)

    builder.accumulate(node, value.type.static_shape, body, combine, start=x)


def _check_bounds(x: Any, index: Any) -> None:
    n = np.shape(x)[0]
    at = np.asarray(index)
    if at.size and (int(at.max()) >= n or int(at.min()) < -n):
        bad = at[(at >= n) | (at < -n)].reshape(-1)[0]
        raise IndexBoundsError(f"index {bad} is out of bounds for axis 0 of length {n}")


# Any key --------------------------------------------------------------------------------------

Entry = tuple[Any, ...]
"""One part of a key: ("new",), ("int", i), ("slice", start, stop, step), ("array", k): input k after
the tensor, or ("flag", k): an array that indexes no axis, from a boolean without axes; or ("rest",): an
ellipsis that stands for no axis, between index arrays, which are then not side by side. A bound of a slice
is an integer, ``None``, or ("input", k)."""
Key = tuple[Entry, ...]


@dataclass
class Layout:
    """How the axes of ``x[key]`` come from those of ``x``."""

    shape: list[int | None] = field(default_factory=list)
    axes: list[tuple[str, Any, Any]] = field(default_factory=list)
    """For each axis of `x`: ("slice", axis of the result, (start, length, step) or ``None``), ("int",
    row, ``None``) or ("array", input, ``None``)."""
    start: int = 0
    """Where the axes of the index arrays begin in the result."""
    together: Shape = ()
    """The shape to which the index arrays broadcast."""


def layout_of(key: Key, x: TensorType, others: Sequence[TensorType]) -> Layout:
    """Return how the axes of ``x[key]`` come from those of `x`.

    Raises
    ------
    IndexBoundsError, ShapeError, DTypeError
        If the key does not fit.
    """
    made = Layout()
    chosen = [others[e[1]] for e in key if e[0] in ("array", "flag")]
    for t in chosen:
        if t.kind not in "iu":
            raise DTypeError(f"an index must be an integer or a boolean, got {t.dtype}")
    made.together = _e.broadcast_shapes(*(t.shape for t in chosen), what="index arrays")
    advanced = [i for i, e in enumerate(key) if e[0] in ("array", "flag", "int")] if chosen else []
    adjacent = advanced == list(range(advanced[0], advanced[-1] + 1)) if advanced else False
    for i, entry in enumerate(key):
        if advanced and i == advanced[0] and adjacent:
            made.start = len(made.shape)
            made.shape += made.together
        kind = entry[0]
        if kind == "new":
            made.shape.append(1)
        elif kind == "slice":
            n = x.shape[len(made.axes)]
            resolved = _resolve_slice(entry, n)
            made.axes.append(("slice", len(made.shape), resolved))
            made.shape.append(None if resolved is None else resolved[1])
        elif kind == "int":
            made.axes.append(("int", _resolve_int(entry[1], x, len(made.axes)), None))
        elif kind == "array":
            made.axes.append(("array", entry[1], None))
    if advanced and not adjacent:
        rank = len(made.together)
        made.shape[:0] = made.together
        made.axes = [(k, at + rank if k == "slice" else at, r) for k, at, r in made.axes]
    return made


def _resolve_slice(entry: Entry, n: int | None) -> tuple[int, int, int] | None:
    bounds = entry[1:]
    if n is None or any(isinstance(b, tuple) for b in bounds):
        return None
    start, stop, step = slice(*bounds).indices(n)
    length = len(range(start, stop, step))
    return (start if length else 0, length, step)


def _resolve_int(i: int, x: TensorType, axis: int) -> int:
    n = x.shape[axis]
    if n is None:
        return i
    if not -n <= i < n:
        raise IndexBoundsError(
            f"index {i} is out of bounds for axis {axis} of length {n}",
            f"valid indices: {-n} to {n - 1}" if n else "the axis is empty",
        )
    return i % n


def _live(key: Key, x: Any, others: Sequence[Any], number: Any) -> tuple[Any, Any]:
    """The key as Python values, and where to insert axes into `x` for it."""
    found: list[Any] = []
    flags: list[int] = []
    axis = 0
    for e in key:
        if e[0] in ("new", "rest"):
            found.append(None if e[0] == "new" else Ellipsis)
            continue
        if e[0] == "slice":
            found.append(slice(*(number(others[b[1]]) if isinstance(b, tuple) else b for b in e[1:])))
        elif e[0] == "int":
            found.append(e[1])
        else:
            found.append(others[e[1]])
            if e[0] == "flag":
                flags.append(axis)
        axis += 1
    return tuple(found), tuple(flags)


def _source(builder: Any, key: Key, x: Expr, others: Sequence[Expr], index: Sequence[Any]) -> list[Any]:
    """The index into `x` of an element of ``x[key]``, index arrays checked."""
    layout = layout_of(key, x.type, [o.type for o in others])
    rank = len(layout.together)
    block = index[layout.start : layout.start + rank]
    found: list[Any] = []
    for axis, (kind, at, resolved) in enumerate(layout.axes):
        if kind == "slice":
            found += builder.slice_index([index[at]], [resolved])
        elif kind == "int":
            found.append(at)
        else:
            array = others[at]
            value = builder.element(array, block[rank - array.type.ndim :])
            found.append(builder.row(value, x, array, axis))
    return found


def _concrete(bound: Any) -> int:
    try:
        return int(bound)
    except TypeError:
        raise CompileError(
            "the length of a slice depends on values, which JAX cannot compile",
            "use backend='numpy', or index with an array of fixed length: x[start + arange(n)]",
        ) from None


def _indexed(x: Any, key: Any) -> Any:
    """``x[key]`` in NumPy, with our error."""
    try:
        return x[key]
    except IndexError as error:
        raise IndexBoundsError(str(error)) from None


class _Keyed(Op):
    """What the operations with a key share."""

    key: Key

    def rebuilt(self, node: Expr) -> tuple[Any, ...] | None:
        """The key as a user would write it."""
        if any(e[0] == "flag" for e in self.key):
            return None
        return _live(self.key, None, [_constant_or(o) for o in node.inputs[1:]], lambda b: b)[0]


def _constant_or(x: Expr) -> Any:
    return x.op.value if isinstance(x.op, Constant) else x


@dataclass(frozen=True)
class Index(_Keyed):
    """``x[key]`` for any key. Inputs: the tensor, then the index arrays and bounds that the key names."""

    key: Key
    name = "index"

    def infer(self, x: TensorType, *others: TensorType) -> TensorType:
        return x.with_shape(tuple(layout_of(self.key, x, others).shape))

    def numpy(self, x: Any, *others: Any) -> Any:
        key, flags = _live(self.key, x, [np.asarray(o) for o in others], int)
        return np.asarray(_indexed(np.expand_dims(x, flags), key))

    def jax(self, x: Any, *others: Any) -> Any:
        import jax.numpy as jnp

        key, flags = _live(self.key, x, others, _concrete)
        return jnp.expand_dims(x, flags)[key]

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, *others = node.inputs
        back = intern(AddIndex(self.key), (_s.zeros_like(x), *others, _s.whole(cotangent, node)))
        return [back, *[None] * len(others)]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        x, *others = node.inputs
        return builder.element(x, _source(builder, self.key, x, others, index))

    def known(self, node: Expr) -> Expr | None:
        """The same by simpler operations, where shapes and bounds are known now."""
        key = self.rebuilt(node)
        made = None if key is None else getitem(node.inputs[0], key)
        return None if made is None or (isinstance(made.op, Index) and made.op.key == self.key) else made


class _Update(_Keyed):
    """What `SetIndex` and `AddIndex` share. Inputs: the tensor, arrays and bounds, the value."""

    def infer(self, x: TensorType, *rest: TensorType) -> TensorType:
        *others, value = rest
        _check_value("x[key].set(value)", x, tuple(layout_of(self.key, x, others).shape), value)
        return x

    def _accumulate(self, builder: Any, node: Expr, combine: Any) -> None:
        x, *others, value = node.inputs

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            return _source(builder, self.key, x, others, index), builder.element(value, index)

        builder.accumulate(node, value.type.static_shape, body, combine, start=x)

    def known(self, node: Expr) -> Expr | None:
        """The same by simpler operations, where shapes and bounds are known now."""
        key = self.rebuilt(node)
        if key is None or None in node.type.shape:
            return None
        part = getitem(node.inputs[0], key)
        if isinstance(part.op, Index) and part.op.key == self.key:
            return None
        return _update(part, node.inputs[-1], "set" if isinstance(self, SetIndex) else "inc")


@dataclass(frozen=True)
class SetIndex(_Update):
    """``x`` with ``x[key]`` replaced; the last wins where an element is named twice."""

    key: Key
    name = "set_index"

    def numpy(self, x: Any, *rest: Any) -> Any:
        *others, value = rest
        result = np.array(x)
        key, flags = _live(self.key, x, [np.asarray(o) for o in others], int)
        view = np.expand_dims(result, flags)
        _indexed(view, key)
        view[key] = value
        return result

    def jax(self, x: Any, *rest: Any) -> Any:
        import jax.numpy as jnp

        *others, value = rest
        key, flags = _live(self.key, x, others, _concrete)
        return jnp.expand_dims(x, flags).at[key].set(value).reshape(x.shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        _, *others, value = node.inputs
        g = _s.whole(cotangent, node)
        kept = intern(SetIndex(self.key), (g, *others, _s.zeros_like(value)))
        return [kept, *[None] * len(others), _of_the_last(node, intern(Index(self.key), (g, *others)))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        self._accumulate(builder, node, None)


@dataclass(frozen=True)
class AddIndex(_Update):
    """``x`` with a value added to ``x[key]``; elements named twice get both."""

    key: Key
    name = "add_index"

    def numpy(self, x: Any, *rest: Any) -> Any:
        *others, value = rest
        result = np.array(x)
        key, flags = _live(self.key, x, [np.asarray(o) for o in others], int)
        view = np.expand_dims(result, flags)
        _indexed(view, key)
        np.add.at(view, key, value)
        return result

    def jax(self, x: Any, *rest: Any) -> Any:
        import jax.numpy as jnp

        *others, value = rest
        key, flags = _live(self.key, x, others, _concrete)
        return jnp.expand_dims(x, flags).at[key].add(value).reshape(x.shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        _, *others, _ = node.inputs
        g = _s.whole(cotangent, node)
        return [g, *[None] * len(others), intern(Index(self.key), (g, *others))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        self._accumulate(builder, node, _e.add)


# x[key] ---------------------------------------------------------------------------------------


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
    if not others and None not in x.type.shape and not any(e[0] == "flag" for e in entries):
        return _basic(x, entries)
    rest = [("slice", None, None, None)] * (x.ndim - 1)
    if len(others) == 1 and entries == (("array", 0), *rest):
        return intern(Take(), (x, others[0]))
    return intern(Index(entries), (x, *others))


def _basic(x: Tensor, entries: Key) -> Tensor:
    layout = layout_of(entries, x.type, [])
    spec = tuple((at, 1, 1) if kind == "int" else resolved for kind, at, resolved in layout.axes)
    whole = spec == tuple((0, n, 1) for n in x.type.shape)
    # A key that takes everything leaves a trace only where x[key].set(value) needs one.
    if whole and len(layout.shape) > x.ndim and not isinstance(x.op, (Slice, Take, Index, _s.Reshape)):
        sliced = x
    else:
        sliced = intern(Slice(spec), (x,))
    return _s.reshape(sliced, layout.shape)


class _Parsed:
    """A key as entries that name inputs."""

    def __init__(self, x: Tensor, keys: list[Any]) -> None:
        self.x = x
        self.entries: list[Entry] = []
        self.others: list[Tensor] = []
        self.axis = 0
        parts = [k if k is None or k is Ellipsis or isinstance(k, slice) else _part(k) for k in keys]
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
                _resolve_int(k, x.type, self.axis)
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
            if n is not None and isinstance(bounds[1], int) and bounds[1] >= n:
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
        from workbench.tensor.sorting.sorting import nonzero

        for i, n in enumerate(mask.type.shape):
            have = self.x.type.shape[self.axis + i]
            if None not in (n, have) and n != have:
                raise IndexBoundsError(
                    f"a boolean index of shape {mask.type.shape} does not fit axis {self.axis + i} of length {have}",
                    "a boolean index has the shape of the axes that it chooses from",
                )
        constant = isinstance(mask.op, Constant)
        found = nonzero(np.atleast_1d(mask.op.value) if constant else _s.atleast_1d(mask))
        if mask.ndim == 0:
            self.entries.append(("flag", self.input(found[0])))
            return
        for rows in found:
            self.entries.append(("array", self.input(rows)))
            self.axis += 1


def _part(k: Any) -> Any:
    """One index as a Python integer, or a tensor of integers or booleans."""
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


def check_constant_index(index: Tensor, n: int | None, axis: int) -> Tensor:
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
    if n is None or not value.size:
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


# Updates --------------------------------------------------------------------------------------


def set_subtensor(part: Tensor, value: Any) -> Tensor:
    """Return `x` with ``x[i]`` replaced: ``set_subtensor(x[i], v)``.

    Parameters
    ----------
    part
        An indexing ``x[i]``.
    value
        Broadcasts to its shape. Where an element is named twice the last value wins.

    Raises
    ------
    ShapeError, DTypeError
        If `part` is not an indexing, or the value does not fit it.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> set_subtensor(pt.arange(4)[1:3], 9).eval()
    array([0, 9, 9, 3])
    """
    return _update(part, value, "set")


def inc_subtensor(part: Tensor, value: Any) -> Tensor:
    """Return `x` with a value added to ``x[i]``: ``inc_subtensor(x[i], v)``.

    Parameters
    ----------
    part
        An indexing ``x[i]``.
    value
        Broadcasts to its shape. Elements named twice get both.

    Raises
    ------
    ShapeError, DTypeError
        If `part` is not an indexing, or the value does not fit it.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> inc_subtensor(pt.arange(3)[[0, 0, 2]], 10).eval()
    array([20,  1, 12])
    """
    return _update(part, value, "inc")


def _update(part: Tensor, value: Any, how: str) -> Tensor:
    reshaped = isinstance(part.op, _s.Reshape)
    inner = part.inputs[0] if reshaped else part
    if not isinstance(inner.op, (Slice, Take, Index)) and not (reshaped and _only_units(part, inner)):
        raise ShapeError(f"{part!r} is not an indexing x[i], so it cannot be {how}", f"write x[i].{how}(value)")
    value = _fitting(value, part, how)
    if isinstance(inner.op, (Take, Index)) and not reshaped:
        x, *others = inner.inputs
        chosen = _where_chosen(inner, value, how)
        if chosen is not None:
            return chosen
        if isinstance(inner.op, Take):
            return intern(SetAt() if how == "set" else AddAt(), (x, *others, value))
        return intern((SetIndex if how == "set" else AddIndex)(inner.op.key), (x, *others, value))
    value = _s.reshape(value, inner.type.shape)
    if how == "inc":
        value = inner + value
    return intern(SetSlice(inner.op.spec), (inner.inputs[0], value)) if isinstance(inner.op, Slice) else value


def _only_units(part: Expr, inner: Expr) -> bool:
    return [n for n in part.type.shape if n != 1] == [n for n in inner.type.shape if n != 1]


def _fitting(value: Any, part: Tensor, how: str) -> Tensor:
    """The value in the dtype and shape of the part that it updates."""
    if isinstance(value, (bool, int, float)) and not isinstance(value, np.generic):
        kind = np.result_type(np.dtype(part.dtype), value).name
        given = as_tensor(value, kind)
    else:
        given = as_tensor(value)
    if given.dtype != part.dtype and not np.can_cast(given.dtype, part.dtype, "same_kind"):
        raise DTypeError(
            f"a part of a tensor of {part.dtype} cannot be {how} to values of {given.dtype}",
            f"cast the tensor first, or the value: value.astype({part.dtype!r})",
        )
    given = _e.cast(given, part.dtype)
    if given.ndim > part.ndim:
        # NumPy drops leading axes of length 1 when it assigns.
        extra = given.ndim - part.ndim
        if any(n != 1 for n in given.type.shape[:extra]):
            raise ShapeError(f"a value of shape {given.type.shape} cannot be {how} in a part of shape {part.type.shape}")
        given = _s.squeeze(given, tuple(range(extra)))
    return _s.broadcast_like(given, part)


def _where_chosen(part: Tensor, value: Tensor, how: str) -> Tensor | None:
    """An update under a symbolic boolean index, by a value that does not depend on how many are chosen."""
    if None not in part.type.shape:
        return None
    from workbench.tensor.sorting.sorting import mask_of

    x, *others = part.inputs
    mask = mask_of(others)
    rank = 0 if mask is None else mask.ndim
    wanted = (*(("array", i) for i in range(rank)), *[("slice", None, None, None)] * (x.ndim - rank))
    key = part.op.key if isinstance(part.op, Index) else wanted
    if mask is None or key != wanted or not isinstance(value.op, _s.BroadcastLike):
        return None
    narrow = value.inputs[0]
    if narrow.ndim > x.ndim - rank:
        if narrow.type.shape[0] != 1 or narrow.ndim != x.ndim - rank + 1:
            return None
        narrow = _s.squeeze(narrow, 0)
    wide = _s.expand_dims(mask, tuple(range(rank, x.ndim)))
    return _e.where(wide, x + narrow if how == "inc" else narrow, x)


def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
    """Return the elements of `x` at `indices` along `axis` (flattened, for ``None``).

    Parameters
    ----------
    x
        Tensor.
    indices
        Integers of any shape.
    axis
        Along which.
    mode
        What an index out of bounds does: "raise" an error, "wrap" around, or be "clip"ped to the ends
        (negative ones to the first).

    Raises
    ------
    IndexBoundsError
        If a constant index is out of bounds.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> take([10, 20, 30], [4, -1], mode="wrap").eval()
    array([20, 30])
    """
    x, index = as_tensor(x), _part(indices)
    if axis is None:
        x, axis = _s.ravel(x), 0
    at = _s.axis_of("take", axis, x.ndim)
    if mode not in ("raise", "wrap", "clip"):
        raise ShapeError(f"take: there is no mode {mode!r}", "the modes are 'raise', 'wrap', 'clip'")
    if mode != "raise":
        n = x.type.shape[at]
        if n and (isinstance(index, int) or isinstance(index.op, Constant)):
            value = index if isinstance(index, int) else index.op.value
            index = as_tensor(np.mod(value, n) if mode == "wrap" else np.clip(value, 0, n - 1))
        else:
            length = as_tensor(_s.extent(x, at))
            index = _e.cast(as_tensor(index), "int64")
            index = _e.mod(index, length) if mode == "wrap" else _e.clip(index, 0, length - 1)
    return getitem(x, (*(slice(None),) * at, index))


def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Tensor:
    """Return the elements of `x` at `indices` along `axis`, matched with `x` on the other axes.

    Parameters
    ----------
    x
        Tensor.
    indices
        Integers, with as many axes as `x`; the other axes broadcast.
    axis
        Along which; the flattened tensor, for ``None``.

    Raises
    ------
    ShapeError
        If the numbers of axes differ.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.constant([[3, 1, 2], [4, 6, 5]])
    >>> take_along_axis(x, pt.argsort(x, axis=1), axis=1).eval()
    array([[1, 2, 3],
           [4, 5, 6]])
    """
    x, key = _along(x, indices, axis)
    return getitem(x, key)


def put_along_axis(x: Any, indices: Any, values: Any, axis: int | None = -1) -> Tensor:
    """Return `x` with `values` at `indices` along `axis`, matched with `x` on the other axes.

    NumPy's function writes into its argument; an expression does not change, so this returns the new
    one.
    """
    given = as_tensor(x)
    x, key = _along(given, indices, axis)
    return _s.reshape_like(set_subtensor(getitem(x, key), values), given)


def _along(x: Any, indices: Any, axis: int | None) -> tuple[Tensor, tuple[Any, ...]]:
    x, index = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, axis = _s.ravel(x), 0
    at = _s.axis_of("take_along_axis", axis, x.ndim)
    if index.ndim != x.ndim:
        raise ShapeError(f"the indices have {index.ndim} axes, the tensor {x.ndim}: they must be as many")
    if index.type.kind not in "iu":
        raise DTypeError(f"an index must be an integer, got {index.type}")
    key: list[Any] = []
    for a in range(x.ndim):
        rows = _s.arange(_s.extent(x, a)) if a != at else index
        key.append(rows if a == at else _s.reshape(rows, [-1 if b == a else 1 for b in range(x.ndim)]))
    return x, tuple(key)
