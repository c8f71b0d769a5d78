"""Parts by any key that NumPy takes: `Index` reads them, `SetIndex` replaces them, `AddIndex` adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import CompileError, IndexBoundsError
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.indexing.layout import Key, Layout, layout_of
from workbench.tensor.indexing.rows import check_value, of_the_last
from workbench.tensor.tensor import Tensor


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


def _source(builder: Any, key: Key, x: Expr, others: Sequence[Expr], index: Sequence[Any], part: Any) -> list[Any]:
    """The index into `x` of an element of ``x[key]``, which has the shape of `part`; index arrays are checked."""
    layout = _layout(key, x, others)
    slices = [e for e in key if e[0] not in ("new", "flag", "rest")]
    rank = len(layout.together)
    block = index[layout.start : layout.start + rank]
    found: list[Any] = []
    for axis, (kind, at, resolved) in enumerate(layout.axes):
        if kind == "slice" and resolved is not None and builder.knows(resolved[0]):
            found += builder.slice_index([index[at]], [resolved])
        elif kind == "slice":
            rows = _rows(slices[axis], x, others, axis, _s.arange(_s.extent(part, at)))
            found.append(builder.row(builder.element(rows, [index[at]]), x, rows, axis))
        elif kind == "int":
            found.append(at)
        else:
            array = others[at]
            value = builder.element(array, block[rank - array.type.ndim :])
            found.append(builder.row(value, x, array, axis))
    return found


def _layout(key: Key, x: Expr, others: Sequence[Expr]) -> Layout:
    # Of what is an index array the value is not asked for.
    values = [_s.length_of(o) if not o.type.shape else 0 for o in others]
    counts = [n for o, n in zip(others, values) if not o.type.shape and _s.is_count(o)]
    return layout_of(key, x.type, [o.type for o in others], values, counts)


def _rows(entry: Any, x: Expr, others: Sequence[Expr], axis: int, numbers: Tensor) -> Tensor:
    """The rows of an axis that are those numbers of a slice whose bounds the run tells."""
    start, _, by = (others[b[1]] if isinstance(b, tuple) else b for b in entry[1:])
    n: Any = _s.extent(x, axis)  # type: ignore[arg-type]
    step: Any = 1 if by is None else by
    if start is None:
        first: Any = _e.where(_e.greater(step, 0), 0, n - 1)
    else:
        backwards = _e.cast(_e.less(step, 0), "int64")
        first = _e.minimum(_e.maximum(_e.where(_e.less(start, 0), start + n, start), -backwards), n - backwards)
    return first + numbers * step  # type: ignore[no-any-return]


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


def _entry_read(entry: Any, others: Sequence[str]) -> str:
    """An entry of a key, as Python writes it."""
    kind, *rest = entry
    if kind in ("new", "rest"):
        return "None" if kind == "new" else "..."
    if kind == "slice":
        start, stop, step = ("" if b is None else others[b[1]] if isinstance(b, tuple) else str(b) for b in rest)
        return f"{start}:{stop}" + (f":{step}" if step not in ("", "1") else "")
    return others[rest[0]] if kind == "array" else str(rest[0])


def _constant_or(x: Expr) -> Any:
    return x.op.value if isinstance(x.op, Constant) else x


@frozen
class Index(_Keyed):
    """``x[key]`` for any key. Inputs: the tensor, then the index arrays and bounds that the key names."""

    key: Key
    name = "index"

    def read(self, node: Expr, *operands: str) -> str:
        return f"{operands[0]}[{', '.join(_entry_read(e, operands[1:]) for e in self.key if e[0] != 'flag')}]"

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        x, *others = inputs
        return x.type.with_shape(tuple(_layout(self.key, x, others).shape))  # type: ignore[no-any-return]

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
        return builder.element(x, _source(builder, self.key, x, others, index, node))


class _Update(_Keyed):
    """What `SetIndex` and `AddIndex` share. Inputs: the tensor, arrays and bounds, the value."""

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        x, *others, value = inputs
        check_value("x[key].set(value)", x.type, tuple(_layout(self.key, x, others).shape), value.type)
        return x.type  # type: ignore[no-any-return]

    def infer(self, x: TensorType, *rest: TensorType) -> TensorType:
        *others, value = rest
        check_value("x[key].set(value)", x, tuple(layout_of(self.key, x, others).shape), value)
        return x

    def _accumulate(self, builder: Any, node: Expr, combine: Any) -> None:
        x, *others, value = node.inputs

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            return _source(builder, self.key, x, others, index, value), builder.element(value, index)

        builder.accumulate(node, value.type.shape, body, combine, start=x)



@frozen
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
        return [kept, *[None] * len(others), of_the_last(node, Index(self.key), g)]

    def accumulate(self, builder: Any, node: Expr) -> None:
        self._accumulate(builder, node, None)


@frozen
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
