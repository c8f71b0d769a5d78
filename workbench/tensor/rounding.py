"""To whole numbers, and the parts of a floating-point number: sign, finiteness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.graph.types import KINDS
from workbench.tensor.declaration import ScalarOp, cast, elementwise
from workbench.tensor.tensor import Tensor, as_tensor


def floats_alone(name: str) -> Callable[[Any], Any]:
    """Return JAX's function of that name, which leaves integers as they are."""

    def call(x: Any) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, name)(x) if jnp.issubdtype(x.dtype, jnp.floating) else x

    return call


def _whole(name: str, function: np.ufunc) -> ScalarOp:
    return elementwise(
        name, function, c={"f": f"{name}({{x}})", "": "{x}"}, py={"f": f"np.{name}({{x}})", "": "{x}"},
        jax=floats_alone(name), support={"c": f"double {name}(double);"},
    )  # fmt: skip


floor: ScalarOp = _whole("floor", np.floor)
ceil: ScalarOp = _whole("ceil", np.ceil)
trunc: ScalarOp = _whole("trunc", np.trunc)
rint: ScalarOp = elementwise(
    "rint", np.rint, c="rint({x})", py="np.rint({x})", doc="The nearest whole number, the even one of two."
)

isnan: ScalarOp = elementwise("isnan", np.isnan, c="({x} != {x})")
isfinite: ScalarOp = elementwise("isfinite", np.isfinite, c="({x} - {x} == 0)", doc="Neither infinite nor NaN.")
isinf: ScalarOp = elementwise("isinf", np.isinf, c="({x} - {x} != 0 && {x} == {x})", py="({x} - {x} != 0 and {x} == {x})")
signbit: ScalarOp = elementwise(
    "signbit", np.signbit, c={"f": "(__builtin_signbit({x}) != 0)", "i": "({x} < 0)", "": "0"},
    py={"f": "(math.copysign(1.0, {x}) < 0)", "i": "({x} < 0)", "": "False"},
)  # fmt: skip


def round(x: Any, decimals: int = 0) -> Tensor:
    """Return `x` rounded to `decimals` places, halves to the even neighbour.

    Parameters
    ----------
    decimals
        Places after the point; before it, when negative.

    Examples
    --------
    >>> round([0.5, 1.5, 2.345], 0).eval().tolist()
    [0.0, 2.0, 2.0]
    >>> round([15, 25], -1).eval().tolist()
    [20, 20]
    """
    x = as_tensor(x)
    if KINDS[x.dtype] != "f":
        return x if decimals >= 0 else cast(round(cast(x, "float64"), decimals), x.dtype)
    if decimals == 0:
        return rint(x)
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    return rint(x * scale) / scale if decimals > 0 else rint(x / scale) * scale
