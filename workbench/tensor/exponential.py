"""Exponentials and logarithms, and what statistics makes of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.graph.domain import Interval, inf, positive, real, unit
from workbench.tensor.bits import logical_and
from workbench.tensor.comparison import equal, where
from workbench.tensor.declaration import ScalarOp, elementwise
from workbench.tensor.rounding import isinf

LN2 = repr(math.log(2.0))


def libm(*names: str, arguments: str = "double") -> dict[str, tuple[str, ...]]:
    """Return the C prototypes of functions of C's library."""
    return {"c": tuple(f"double {name}({arguments});" for name in names)}


exp: ScalarOp = elementwise(
    "exp", np.exp, c="exp({x})", domain=Interval(-5.0, 5.0), cost=20, grad=lambda g, x: g * exp(x)
)
exp2: ScalarOp = elementwise(
    "exp2", np.exp2, c="exp2({x})", py="np.exp2({x})", domain=Interval(-5.0, 5.0), cost=20, support=libm("exp2"),
    grad=lambda g, x: g * exp2(x) * math.log(2.0),
)  # fmt: skip
expm1: ScalarOp = elementwise(
    "expm1", np.expm1, c="expm1({x})", domain=Interval(-5.0, 5.0), cost=30, grad=lambda g, x: g * exp(x)
)
log: ScalarOp = elementwise("log", np.log, c="log({x})", domain=positive, cost=20, grad=lambda g, x: g / x, steep=True, of_exp=lambda x: x)
log1p: ScalarOp = elementwise(
    "log1p", np.log1p, c="log1p({x})", domain=Interval(-0.99, inf), cost=30, grad=lambda g, x: g / (1.0 + x), steep=True, of_exp=lambda x: 1.0 + x,
)
log2: ScalarOp = elementwise(
    "log2", np.log2, c="log2({x})", py="math.log2({x})", domain=positive, cost=20, support=libm("log2"),
    grad=lambda g, x: g / (x * math.log(2.0)), steep=True,
)  # fmt: skip
log10: ScalarOp = elementwise(
    "log10", np.log10, c="log10({x})", py="math.log10({x})", domain=positive, cost=20, support=libm("log10"),
    grad=lambda g, x: g / (x * math.log(10.0)), steep=True,
)  # fmt: skip


def _sigmoid(x: Any) -> Any:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-np.asarray(x)))


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _jax_softplus(x: Any) -> Any:
    import jax.numpy as jnp

    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


def _jax_sigmoid(x: Any) -> Any:
    import jax.numpy as jnp

    return 1.0 / (1.0 + jnp.exp(-x))


# In C the exponential is that of softplus, which mostly stands beside its derivative: it is computed once.
SIGMOID = "static WB_INLINE double wb_sigmoid(double x) { const double e = exp(-fabs(x)); return (x >= 0 ? 1.0 : e) / (1.0 + e); }"
SOFTPLUS = "static WB_INLINE double wb_softplus(double x) { return (x > 0 ? x : 0.0) + log1p(exp(-fabs(x))); }"
sigmoid: ScalarOp = elementwise(
    "sigmoid", _sigmoid, c="wb_sigmoid({x})", support={"c": SIGMOID}, py="(1.0 / (1.0 + exp(-{x})))", result="float", cost=25, jax=_jax_sigmoid,
    grad=lambda g, x: g * sigmoid(x) * sigmoid(-x), doc="The logistic function 1 / (1 + exp(-x)).",
)  # fmt: skip
softplus: ScalarOp = elementwise(
    "softplus", _softplus, c="wb_softplus({x})", support={"c": SOFTPLUS},
    py="(select({x} > 0, {x}, 0.0) + log1p(exp(-abs({x}))))", result="float", cost=50, jax=_jax_softplus,
    grad=lambda g, x: g * sigmoid(x), doc="log(1 + exp(x)), without overflow.",
)  # fmt: skip


def _logit(x: Any) -> Any:
    from scipy.special import logit

    return logit(x)


def _jax_logit(x: Any) -> Any:
    import jax.numpy as jnp

    middle = 2.0 * (x - 0.5)
    return jnp.where((x > 0.3) & (x < 0.65), jnp.log1p(middle) - jnp.log1p(-middle), jnp.log(x) - jnp.log1p(-x))


# Around 1/2 the logarithms of x and 1 - x are nearly the same; 2 x - 1 is exact there.
logit: ScalarOp = elementwise(
    "logit", _logit, result="float", jax=_jax_logit, domain=unit, cost=50,
    c="({x} > 0.3 && {x} < 0.65 ? log1p(2 * ({x} - 0.5)) - log1p(-2 * ({x} - 0.5)) : log({x}) - log1p(-{x}))",
    py="(log1p(2 * ({x} - 0.5)) - log1p(-2 * ({x} - 0.5)) if {x} > 0.3 and {x} < 0.65 else log({x}) - log1p(-{x}))",
    grad=lambda g, x: g / (x * (1.0 - x)), steep=True, doc="log(x / (1 - x)), the inverse of the logistic function.",
)  # fmt: skip


def _log1mexp(x: Any) -> Any:
    x = np.asarray(x)
    return np.where(x > -math.log(2.0), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _jax_log1mexp(x: Any) -> Any:
    import jax.numpy as jnp

    return jnp.where(x > -math.log(2.0), jnp.log(-jnp.expm1(x)), jnp.log1p(-jnp.exp(x)))


# Maechler, "Accurately computing log(1 - exp(-|a|))" (2012).
log1mexp: ScalarOp = elementwise(
    "log1mexp", _log1mexp, result="float", jax=_jax_log1mexp, domain=Interval(-inf, 0.0), cost=50,
    c=f"({{x}} > -{LN2} ? log(-expm1({{x}})) : log1p(-exp({{x}})))",
    py=f"(log(-expm1({{x}})) if {{x}} > -{LN2} else log1p(-exp({{x}})))",
    grad=lambda g, x: g * (exp(x) / expm1(x)), steep=True, doc="log(1 - exp(x)) of a negative x, without loss of digits.",
)  # fmt: skip


def _share(x: Any, y: Any, scale: float = 1.0) -> Any:
    """The share of the first of two terms in their sum; a half where both are the same infinity."""
    same = logical_and(equal(x, y), isinf(x))
    difference = where(same, 0.0, x - y)
    return sigmoid(difference if scale == 1.0 else difference * scale)


logaddexp: ScalarOp = elementwise(
    "logaddexp", np.logaddexp, commutative=True, domain=(real, real), cost=50,
    c=f"({{x}} == {{y}} ? {{x}} + {LN2} : {{x}} > {{y}} ? {{x}} + log1p(exp({{y}} - {{x}})) : {{y}} + log1p(exp({{x}} - {{y}})))",
    py=f"({{x}} + {LN2} if {{x}} == {{y}} else ({{x}} + log1p(exp({{y}} - {{x}})) if {{x}} > {{y}} else {{y}} + log1p(exp({{x}} - {{y}}))))",
    grad=(lambda g, x, y: g * _share(x, y), lambda g, x, y: g * _share(y, x)),
    doc="log(exp(x) + exp(y)), without overflow.",
)  # fmt: skip


def _log2_form(c: bool) -> str:
    one, other = (f"{{{a}}} + {1 / math.log(2.0)!r} * log1p(exp2({{{b}}} - {{{a}}}))" for a, b in ("xy", "yx"))
    if c:
        return f"({{x}} == {{y}} ? {{x}} + 1 : {{x}} > {{y}} ? {one} : {other})"
    return f"({{x}} + 1 if {{x}} == {{y}} else ({one} if {{x}} > {{y}} else {other}))".replace("exp2", "np.exp2")


logaddexp2: ScalarOp = elementwise(
    "logaddexp2", np.logaddexp2, commutative=True, domain=(real, real), cost=50, c=_log2_form(True),
    py=_log2_form(False), support=libm("exp2"), doc="log2(2**x + 2**y), without overflow.",
    grad=(lambda g, x, y: g * _share(x, y, math.log(2.0)), lambda g, x, y: g * _share(y, x, math.log(2.0))),
)  # fmt: skip
