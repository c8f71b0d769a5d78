"""Operations on the bits of integers, and on truth values."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.graph.domain import Booleans, Integers, Words
from workbench.tensor.declaration import ScalarOp, cast, elementwise
from workbench.tensor.tensor import Tensor, as_tensor

_words: Any = (Words(), Words())
bitwise_and: ScalarOp = elementwise(
    "bitwise_and", np.bitwise_and, c="({x} & {y})", symbol="&", commutative=True, domain=_words
)
bitwise_or: ScalarOp = elementwise(
    "bitwise_or", np.bitwise_or, c="({x} | {y})", symbol="|", commutative=True, domain=_words
)
bitwise_xor: ScalarOp = elementwise(
    "bitwise_xor", np.bitwise_xor, c="({x} ^ {y})", symbol="^", commutative=True, domain=_words
)
invert: ScalarOp = elementwise(
    "invert", np.invert, c={"b": "(!{x})", "": "(~{x})"}, py={"b": "(not {x})", "": "(~{x})"}, symbol="~",
    domain=Words(),
)  # fmt: skip

# NumPy: a shift by the width or more, or by a negative number, leaves nothing but the sign.
_shift: Any = (Integers(0, 2**20), Integers(0, 70))


def _jax_left_shift(x: Any, y: Any) -> Any:
    import jax.numpy as jnp

    fits = (y >= 0) & (y < 8 * x.dtype.itemsize)
    return jnp.where(fits, jnp.left_shift(x, jnp.where(fits, y, 0)), jnp.zeros_like(x))


def _jax_right_shift(x: Any, y: Any) -> Any:
    import jax.numpy as jnp

    fits = (y >= 0) & (y < 8 * x.dtype.itemsize)
    rest = jnp.where(x < 0, ~jnp.zeros_like(x), jnp.zeros_like(x))
    return jnp.where(fits, jnp.right_shift(x, jnp.where(fits, y, 0)), rest)


left_shift: ScalarOp = elementwise(
    "left_shift", np.left_shift, c="((uint64_t){y} < {bits} ? {x} << {y} : 0)",
    py={"i": "select(({y} >= 0) & ({y} < {bits}), {x} << {y}, {x} ^ {x})", "": "select({y} < {bits}, {x} << {y}, {x} ^ {x})"},
    jax=_jax_left_shift, symbol="<<", domain=_shift,
)  # fmt: skip
right_shift: ScalarOp = elementwise(
    "right_shift", np.right_shift,
    c={"i": "((uint64_t){y} < {bits} ? {x} >> {y} : -({x} < 0))", "": "({y} < {bits} ? {x} >> {y} : 0)"},
    py={"i": "select(({y} >= 0) & ({y} < {bits}), {x} >> {y}, {x} >> 63)", "": "select({y} < {bits}, {x} >> {y}, {x} ^ {x})"},
    jax=_jax_right_shift, symbol=">>", domain=_shift,
)  # fmt: skip

POPCOUNT = """
def wb_popcount(x):
    x = np.uint64(x)
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
"""


def _jax_popcount(x: Any) -> Any:
    import jax

    return jax.lax.population_count(x)


popcount: ScalarOp = elementwise(
    "popcount", lambda x: np.bitwise_count(x).astype(np.asarray(x).dtype), c="__builtin_popcountll((uint64_t){x})",
    py="wb_popcount({x})", jax=_jax_popcount, result="integer", domain=Integers(0, 2**40), support={"py": POPCOUNT},
    doc="Number of ones among the bits (of a value that is not negative).",
)  # fmt: skip


def bitwise_count(x: Any) -> Tensor:
    """Return the number of ones among the bits of the absolute value.

    Examples
    --------
    >>> bitwise_count([7, -8]).eval().tolist()
    [3, 1]
    """
    x = as_tensor(x)
    return cast(popcount(abs(x)), "uint8")


def _logical(name: str, c: str, py: str, arity: int = 2) -> ScalarOp:
    return elementwise(
        name, getattr(np, name), c=c, py=py, result="logical", commutative=arity == 2, domain=(Booleans(),) * arity
    )


# Both sides are 0 or 1, and known: && would be a branch, which keeps gcc from making a vector loop.
logical_and: ScalarOp = _logical("logical_and", "({x} & {y})", "({x} & {y})")
logical_or: ScalarOp = _logical("logical_or", "({x} | {y})", "({x} | {y})")
logical_xor: ScalarOp = _logical("logical_xor", "({x} != {y})", "({x} != {y})")
logical_not: ScalarOp = _logical("logical_not", "(!{x})", "(not {x})", 1)
