"""A product and a sum rounded once, as processors do it: in every loop or in none, so that a formula has one value.

A compiler that is free to join them does so where it happens to see both, and a formula that two loops
compute then has two values. So the lowering joins them, by the graph alone: a product that has no storage
is part of each sum that it stands in, wherever that is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from workbench.graph.expr import Expr
from workbench.graph.frozen import frozen
from workbench.tensor.elementwise import Elementwise, add, multiply, subtract

FUSED = """\
#ifdef __FMA__
#define wb_multiply_add __builtin_fma
#else
#define wb_multiply_add(x, y, z) ((x) * (y) + (z))
#endif"""


@frozen
class MultiplyAdd(Elementwise):
    """``x * y + z``, with another sign of the product or of `z`."""

    minus_product: bool = False
    minus_z: bool = False
    name = "multiply_add"
    support = MappingProxyType({"c": (FUSED,)})
    cost = 2

    def dtype(self, dtypes: Sequence[str]) -> str:
        return dtypes[-1]

    def numpy(self, x: Any, y: Any, z: Any) -> Any:
        return (-x if self.minus_product else x) * y + (-z if self.minus_z else z)

    def c(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        x, y, z = arguments
        return f"wb_multiply_add({'-' * self.minus_product}{x}, {y}, {'-' * self.minus_z}{z})"

    def py(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        x, y, z = arguments
        return f"({x} * {y} - {z})" if self.minus_z else f"({z} - {x} * {y})" if self.minus_product else f"({x} * {y} + {z})"


def parts(x: Expr, stored: Any) -> tuple[MultiplyAdd, Expr, Expr] | None:
    """Return the operation that a sum or difference is, its product and what is added, if it has a product that is not `stored`."""
    if x.op not in (add, subtract) or x.type.dtype != "float64":
        return None
    for k, product in enumerate(x.inputs):
        if product.op is multiply and product not in stored:
            minus = x.op is subtract
            return MultiplyAdd(minus and k == 1, minus and k == 0), product, x.inputs[1 - k]
    return None
