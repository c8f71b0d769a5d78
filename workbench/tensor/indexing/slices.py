"""Parts with fixed bounds on every axis: `Slice`, and `SetSlice`, its update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor import shape as _s
from workbench.tensor.tensor import Tensor

Spec = tuple[tuple[int, int, int], ...]  # (start, length, step) of every axis


def slices(spec: Spec) -> tuple[slice, ...]:
    """Return Python's slices for a spec."""
    found = []
    for start, length, step in spec:
        stop = start + step * length
        found.append(slice(start, None if step < 0 and stop < 0 else stop, step))
    return tuple(found)


@frozen
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


@frozen
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

        builder.accumulate(node, value.type.shape, body, None, start=x)
