"""Elementwise operations: each declared once, with its NumPy, C, Numba and JAX forms and gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.domain import Booleans, Domain, Integers, Interval, Words, inf, positive, real
from workbench.graph.expr import Constant, Expr, Op, constant_op, intern
from workbench.graph.types import KINDS, Shape, TensorType
from workbench.tensor.tensor import Tensor, as_tensor

NAMES = ("x", "y", "z")
Form = str | dict[str, str]


def broadcast_shapes(*shapes: Shape, what: str = "operands") -> Shape:
    """Return the shape that NumPy broadcasting gives, ``None`` where it is known only at run time.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast.
    """
    rank = max((len(s) for s in shapes), default=0)
    result: list[int | None] = []
    for axis in range(rank):
        extents = [s[axis - rank + len(s)] for s in shapes if axis - rank + len(s) >= 0]
        known = {n for n in extents if n is not None and n != 1}
        if len(known) > 1:
            raise ShapeError(
                f"{what} of shapes {' and '.join(map(_show, shapes))} do not broadcast together",
                "two lengths must be equal, or one of them 1; x[:, None] adds an axis",
            )
        if known:
            result.append(known.pop())
        else:
            result.append(None if None in extents else 1)
    return tuple(result)


def _show(shape: Shape) -> str:
    return "(" + ", ".join("?" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"


class Elementwise(Op):
    """A function of scalars applied to every element, with broadcasting."""

    plain = True

    def dtype(self, dtypes: Sequence[str]) -> str:
        raise NotImplementedError

    def infer(self, *types: TensorType) -> TensorType:
        shape = broadcast_shapes(*(t.shape for t in types), what=f"operands of {self.name}")
        return TensorType(self.dtype([t.dtype for t in types]), shape)

    def c(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        """The C expression of one element."""
        raise NotImplementedError

    def py(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        """The Python expression of one element, for Numba."""
        raise NotImplementedError

    support: Mapping[str, str]
    cost: int


@dataclass(frozen=True, eq=False)
class ScalarOp(Elementwise):
    """An elementwise operation declared by :func:`elementwise`."""

    name: str
    function: Callable[..., Any]
    arity: int
    result: str
    c_form: Form
    py_form: Form
    jax_form: str | Callable[..., Any]
    gradients: tuple[Callable[..., Any] | None, ...]
    domains: tuple[Domain, ...]
    commutative: bool
    symbol: str
    support: Mapping[str, str]
    cost: int
    doc: str

    def dtype(self, dtypes: Sequence[str]) -> str:
        return self.result if self.result in ("bool", "float64") else dtypes[-1]

    def numpy(self, *values: Any) -> Any:
        return self.function(*values)

    def jax(self, *values: Any) -> Any:
        if not isinstance(self.jax_form, str):
            return self.jax_form(*values)
        import importlib

        module, _, name = self.jax_form.rpartition(".")
        return getattr(importlib.import_module(module), name)(*values)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        from workbench.tensor.shape import unbroadcast

        found: list[Expr | None] = []
        for gradient, x in zip(self.gradients, node.inputs):
            if gradient is None or x.type.dtype not in ("float64", "float32"):
                found.append(None)
            else:
                found.append(unbroadcast(gradient(cotangent, *node.inputs), x))
        return found

    def c(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        return _fill(self.c_form, arguments, dtypes)

    def py(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        return _fill(self.py_form, arguments, dtypes)

    def __call__(self, *operands: Any) -> Tensor:
        if len(operands) != self.arity:
            raise TypeError(f"{self.name} takes {self.arity} operands, got {len(operands)}")
        if self.result == "where":
            condition = as_tensor(operands[0])
            return intern(self, (cast(condition, "bool"), *promote(self.name, *operands[1:])))
        tensors = promote(self.name, *operands)
        kind = tensors[0].type.kind
        if self.result == "float" and kind != "f":
            tensors = [cast(x, "float64") for x in tensors]
        elif self.result == "logical":
            tensors = [cast(x, "bool") for x in tensors]
        elif self.result == "integer" and kind not in "iub":
            raise DTypeError(f"{self.name} takes integers or booleans, got {tensors[0].dtype}")
        elif self.result == "number" and kind == "b":
            tensors = [cast(x, "int64") for x in tensors]
        return intern(self, tuple(tensors))

    def __repr__(self) -> str:
        return self.name


def _fill(form: Form, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
    if isinstance(form, dict):
        kind = KINDS[dtypes[-1]]
        form = form.get(kind) or form[""]
    return form.format(**dict(zip(NAMES, arguments)))


def promote(what: str, *operands: Any) -> list[Tensor]:
    """Return operands as tensors of NumPy 2's common dtype (Python numbers are weak)."""
    weak = [isinstance(x, (bool, int, float)) and not isinstance(x, np.generic) for x in operands]
    strong = [None if w else as_tensor(x) for x, w in zip(operands, weak)]
    dtypes = [t.dtype for t in strong if t is not None]
    if not dtypes:
        return [cast(as_tensor(x), np.result_type(*operands).name) for x in operands]
    if "float64" in dtypes:
        common = "float64"
    else:
        common = np.result_type(*map(np.dtype, dtypes), *[x for x, w in zip(operands, weak) if w]).name
    if common not in KINDS:
        raise DTypeError(f"{what}: no common dtype of {', '.join(dtypes)}")
    if common == "float64" and all(KINDS[d] in "iub" for d in dtypes) and len(set(dtypes)) > 1:
        raise DTypeError(
            f"{what}: {' and '.join(dtypes)} have no common integer dtype",
            "cast one of them with x.astype(...)",
        )
    return [
        as_tensor(np.asarray(x, common)) if t is None else cast(t, common) for x, t in zip(operands, strong)
    ]


OPS: dict[str, ScalarOp] = {}


def elementwise(
    name: str,
    function: Callable[..., Any],
    *,
    c: Form,
    py: Form | None = None,
    jax: str | Callable[..., Any] | None = None,
    grad: Any = None,
    domain: Domain | tuple[Domain, ...] = real,
    result: str = "number",
    commutative: bool = False,
    symbol: str = "",
    support: dict[str, str] | None = None,
    cost: int = 1,
    doc: str = "",
) -> ScalarOp:
    """Declare an elementwise operation.

    Parameters
    ----------
    name, function
        Its name and its NumPy form.
    c, py
        One element in C and in Python (for Numba; the C form where that is valid Python too), over
        ``{x} {y} {z}``; by dtype kind ("f", "i", "u", "b", "" for the rest) where that differs.
    jax
        Dotted name or function; ``jax.numpy.<name>`` by default.
    grad
        Gradient (one per operand) as a function of the cotangent and the operands.
    domain
        Where tests draw the operands.
    result
        "number" (the common dtype), "float", "float64" (from words), "bool", "logical", "integer", or
        "where".
    support
        Functions that the forms call: ``{"c": ..., "py": ...}``.
    cost
        Rough cost in additions: decides between recomputing and storing.
    """
    domains = domain if isinstance(domain, tuple) else (domain,)
    gradients = grad if isinstance(grad, tuple) else (grad,) * len(domains)
    op = ScalarOp(
        name, function, len(domains), result, c, c if py is None else py, jax or f"jax.numpy.{name}",
        gradients, domains, commutative, symbol, support or {}, cost, doc or (function.__doc__ or name).strip().split("\n")[0],
    )  # fmt: skip
    OPS[name] = op
    return op


@dataclass(frozen=True)
class Cast(Elementwise):
    """Change of dtype."""

    to: str
    name = "cast"
    support = MappingProxyType({})
    cost = 1

    def dtype(self, dtypes: Sequence[str]) -> str:
        return self.to

    def numpy(self, value: Any) -> Any:
        return np.asarray(value).astype(self.to)

    def jax(self, value: Any) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(value).astype(self.to)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        source = node.inputs[0].type.dtype
        return [cast(cotangent, source) if KINDS[source] == "f" else None]

    def c(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        if self.to == "bool":
            return f"({arguments[0]} != 0)"
        return f"(({C_TYPES[self.to]}){arguments[0]})"

    def py(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        if self.to == "bool":
            return f"({arguments[0]} != 0)"
        return f"np.{self.to}({arguments[0]})"


C_TYPES = {
    "bool": "uint8_t", "float32": "float", "float64": "double",
    **{f"{s}int{n}": f"{s}int{n}_t" for s in ("", "u") for n in (8, 16, 32, 64)},
}  # fmt: skip


def cast(x: Any, dtype: str) -> Tensor:
    """Return `x` with another dtype."""
    x = as_tensor(x)
    dtype = dtype if dtype in KINDS else np.dtype(dtype).name
    if x.dtype == dtype:
        return x
    if isinstance(x.op, Constant):
        return intern(constant_op(x.op.value, dtype))
    return intern(Cast(dtype), (x,))


# Arithmetic -----------------------------------------------------------------------------------

add: ScalarOp = elementwise(
    "add", np.add, c="({x} + {y})", symbol="+", commutative=True, domain=(real, real),
    grad=(lambda g, x, y: g, lambda g, x, y: g),
)  # fmt: skip
subtract: ScalarOp = elementwise(
    "subtract", np.subtract, c="({x} - {y})", symbol="-", domain=(real, real),
    grad=(lambda g, x, y: g, lambda g, x, y: -g),
)  # fmt: skip
multiply: ScalarOp = elementwise(
    "multiply", np.multiply, c="({x} * {y})", symbol="*", commutative=True, domain=(real, real),
    grad=(lambda g, x, y: g * y, lambda g, x, y: g * x),
)  # fmt: skip
divide: ScalarOp = elementwise(
    "divide", np.divide, c="({x} / {y})", symbol="/", result="float", domain=(real, positive), cost=4,
    grad=(lambda g, x, y: g / y, lambda g, x, y: -g * x / square(y)),
)  # fmt: skip
negative: ScalarOp = elementwise("negative", np.negative, c="(-{x})", symbol="-", grad=lambda g, x: -g)
abs: ScalarOp = elementwise(
    "abs", np.abs, c={"f": "fabs({x})", "u": "{x}", "": "({x} < 0 ? -{x} : {x})"}, py="abs({x})",
    grad=lambda g, x: g * sign(x),
)  # fmt: skip
sign: ScalarOp = elementwise(
    "sign", np.sign, c={"f": "({x} != {x} ? {x} : (double)(({x} > 0) - ({x} < 0)))", "": "(({x} > 0) - ({x} < 0))"},
    py={"f": "({x} if {x} != {x} else (1.0 if {x} > 0 else (-1.0 if {x} < 0 else 0.0)))",
        "": "(1 if {x} > 0 else (-1 if {x} < 0 else 0))"}, cost=3,
)  # fmt: skip
square: ScalarOp = elementwise(
    "square", np.square, c="({x} * {x})", grad=lambda g, x: 2.0 * g * x
)
reciprocal: ScalarOp = elementwise(
    "reciprocal", np.reciprocal, c="(1.0 / {x})", result="float", domain=positive, cost=4,
    grad=lambda g, x: -g * square(reciprocal(x)),
)  # fmt: skip
sqrt: ScalarOp = elementwise(
    "sqrt", np.sqrt, c="sqrt({x})", result="float", domain=positive, cost=5, grad=lambda g, x: g / (2.0 * sqrt(x))
)
power: ScalarOp = elementwise(
    "power", np.power, c="pow({x}, {y})", result="float", symbol="**", domain=(positive, real), cost=40,
    grad=(
        lambda g, x, y: g * y * power(x, y - 1.0),
        lambda g, x, y: g * power(x, y) * where(x > 0.0, log(where(x > 0.0, x, 1.0)), 0.0),
    ),
)  # fmt: skip
floor: ScalarOp = elementwise("floor", np.floor, c="floor({x})", py="np.floor({x})", result="float")
rint: ScalarOp = elementwise("rint", np.rint, c="rint({x})", py="np.rint({x})", result="float")

_NAN_MIN = "({x} < {y} || {x} != {x} ? {x} : {y})"
_NAN_MAX = "({x} > {y} || {x} != {x} ? {x} : {y})"
minimum: ScalarOp = elementwise(
    "minimum", np.minimum, c=_NAN_MIN, py="({x} if {x} < {y} or {x} != {x} else {y})", commutative=True,
    domain=(real, real), cost=2,
    grad=(lambda g, x, y: where(x <= y, g, 0.0), lambda g, x, y: where(x <= y, 0.0, g)),
)  # fmt: skip
maximum: ScalarOp = elementwise(
    "maximum", np.maximum, c=_NAN_MAX, py="({x} if {x} > {y} or {x} != {x} else {y})", commutative=True,
    domain=(real, real), cost=2,
    grad=(lambda g, x, y: where(x >= y, g, 0.0), lambda g, x, y: where(x >= y, 0.0, g)),
)  # fmt: skip

# Exponentials and logarithms ------------------------------------------------------------------

exp: ScalarOp = elementwise(
    "exp", np.exp, c="exp({x})", result="float", domain=Interval(-5.0, 5.0), cost=20, grad=lambda g, x: g * exp(x)
)
expm1: ScalarOp = elementwise(
    "expm1", np.expm1, c="expm1({x})", result="float", domain=Interval(-5.0, 5.0), cost=30,
    grad=lambda g, x: g * exp(x),
)  # fmt: skip
log: ScalarOp = elementwise(
    "log", np.log, c="log({x})", result="float", domain=positive, cost=20, grad=lambda g, x: g / x
)
log1p: ScalarOp = elementwise(
    "log1p", np.log1p, c="log1p({x})", result="float", domain=Interval(-0.99, inf), cost=30,
    grad=lambda g, x: g / (1.0 + x),
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


sigmoid: ScalarOp = elementwise(
    "sigmoid", _sigmoid, c="(1.0 / (1.0 + exp(-{x})))", result="float", cost=25, jax=_jax_sigmoid,
    grad=lambda g, x: g * sigmoid(x) * sigmoid(-x), doc="The logistic function 1 / (1 + exp(-x)).",
)  # fmt: skip
softplus: ScalarOp = elementwise(
    "softplus", _softplus, c="(({x} > 0 ? {x} : 0.0) + log1p(exp(-fabs({x}))))",
    py="(({x} if {x} > 0 else 0.0) + log1p(exp(-abs({x}))))", result="float", cost=50, jax=_jax_softplus,
    grad=lambda g, x: g * sigmoid(x), doc="log(1 + exp(x)), without overflow.",
)  # fmt: skip

# Comparison and logic -------------------------------------------------------------------------

_pair: Any = (real, real)
less: ScalarOp = elementwise("less", np.less, c="({x} < {y})", symbol="<", result="bool", domain=_pair)
less_equal: ScalarOp = elementwise("less_equal", np.less_equal, c="({x} <= {y})", symbol="<=", result="bool", domain=_pair)
greater: ScalarOp = elementwise("greater", np.greater, c="({x} > {y})", symbol=">", result="bool", domain=_pair)
greater_equal: ScalarOp = elementwise(
    "greater_equal", np.greater_equal, c="({x} >= {y})", symbol=">=", result="bool", domain=_pair
)
equal: ScalarOp = elementwise(
    "equal", np.equal, c="({x} == {y})", symbol="==", result="bool", commutative=True,
    domain=(Integers(-2, 2), Integers(-2, 2)),
)  # fmt: skip
not_equal: ScalarOp = elementwise(
    "not_equal", np.not_equal, c="({x} != {y})", symbol="!=", result="bool", commutative=True,
    domain=(Integers(-2, 2), Integers(-2, 2)),
)  # fmt: skip
_bools: Any = (Booleans(), Booleans())
logical_and: ScalarOp = elementwise(
    "logical_and", np.logical_and, c="({x} && {y})", py="({x} and {y})", result="logical", commutative=True, domain=_bools
)
logical_or: ScalarOp = elementwise(
    "logical_or", np.logical_or, c="({x} || {y})", py="({x} or {y})", result="logical", commutative=True, domain=_bools
)
logical_not: ScalarOp = elementwise("logical_not", np.logical_not, c="(!{x})", py="(not {x})", result="logical", domain=Booleans())
isnan: ScalarOp = elementwise("isnan", np.isnan, c="({x} != {x})", result="bool")
isfinite: ScalarOp = elementwise(
    "isfinite", np.isfinite, c="({x} - {x} == 0)", result="bool", doc="Neither infinite nor NaN."
)
where: ScalarOp = elementwise(
    "where", np.where, c="({x} ? {y} : {z})", py="({y} if {x} else {z})", result="where",
    domain=(Booleans(), real, real),
    grad=(None, lambda g, x, y, z: where(x, g, 0.0), lambda g, x, y, z: where(x, 0.0, g)),
)  # fmt: skip
switch = where

# Bits -----------------------------------------------------------------------------------------

_words: Any = (Words(), Words())
bitwise_and: ScalarOp = elementwise(
    "bitwise_and", np.bitwise_and, c="({x} & {y})", symbol="&", result="integer", commutative=True, domain=_words
)
bitwise_or: ScalarOp = elementwise(
    "bitwise_or", np.bitwise_or, c="({x} | {y})", symbol="|", result="integer", commutative=True, domain=_words
)
bitwise_xor: ScalarOp = elementwise(
    "bitwise_xor", np.bitwise_xor, c="({x} ^ {y})", symbol="^", result="integer", commutative=True, domain=_words
)
invert: ScalarOp = elementwise(
    "invert", np.invert, c={"b": "(!{x})", "": "(~{x})"}, py={"b": "(not {x})", "": "(~{x})"}, symbol="~",
    result="integer", domain=Words(),
)  # fmt: skip
_shift: Any = (Integers(0, 2**20), Integers(0, 40))
left_shift: ScalarOp = elementwise(
    "left_shift", np.left_shift, c="((uint64_t){y} < 8 * sizeof({y}) ? {x} << {y} : 0)", py="({x} << {y} if {y} < 64 else {x} ^ {x})",
    symbol="<<", result="integer", domain=_shift,
)  # fmt: skip
right_shift: ScalarOp = elementwise(
    "right_shift", np.right_shift, c="((uint64_t){y} < 8 * sizeof({y}) ? {x} >> {y} : 0)",
    py="({x} >> {y} if {y} < 64 else {x} ^ {x})", symbol=">>", result="integer", domain=_shift,
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


def clip(x: Any, low: Any, high: Any) -> Tensor:
    """Return `x` limited to [`low`, `high`]."""
    return minimum(maximum(x, low), high)


def logit(x: Any) -> Tensor:
    """Return log(x / (1 - x))."""
    return log(x) - log1p(-as_tensor(x))

