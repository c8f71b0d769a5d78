"""How an elementwise operation is declared: its forms on every backend, gradient, domain, in one place."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from workbench.errors import DTypeError, GradientError, ShapeError
from workbench.graph.domain import Domain, real
from workbench.graph.expr import Constant, Expr, Op, constant_op, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shapes_text
from workbench.graph.lengths import Size, one_length
from workbench.graph.types import KINDS, Shape, TensorType, checked_dtype
from workbench.tensor.cotangents import jax as jax_derivatives
from workbench.tensor.examples import EXAMPLES
from workbench.tensor.tensor import Tensor, as_tensor

NAMES = ("x", "y", "z")
Form = str | dict[str, str]
Support = Mapping[str, "str | tuple[str, ...]"]

C_TYPES = {
    "bool": "uint8_t", "float32": "float", "float64": "double",
    **{f"{s}int{n}": f"{s}int{n}_t" for s in ("", "u") for n in (8, 16, 32, 64)},
}  # fmt: skip
BITS = {"bool": 8, "float32": 32, "float64": 64, **{f"{s}int{n}": n for s in ("", "u") for n in (8, 16, 32, 64)}}


def broadcast_shapes(*shapes: Shape, what: str = "operands") -> Shape:
    """Return the shape that broadcasting gives, by type: an axis is repeated only if its length is known to be 1.

    Raises
    ------
    ShapeError
        If the shapes surely do not broadcast.
    """
    different = {s for s in shapes if s}
    if len(different) < 2:
        return different.pop() if different else ()
    rank = max(len(s) for s in shapes)
    result: list[Size] = []
    for axis in range(rank):
        common: Size = 1
        for s in shapes:
            n = s[axis - rank + len(s)] if axis - rank + len(s) >= 0 else 1
            one = common if n == 1 else n if common == 1 else one_length(common, n)
            if one is None:
                raise ShapeError(
                    f"{what} of shapes {' and '.join(shapes_text(*shapes))} do not broadcast together",
                    "two lengths must be equal, or one of them 1; x[:, None] adds an axis",
                    page="shapes-do-not-fit",
                )
            common = one
        result.append(common)
    return tuple(result)


class Elementwise(Op):
    """A function of scalars applied to every element, with broadcasting."""

    plain = True
    broadcasts = batches = True

    @property
    def fusable(self) -> bool:
        """Whether it has a form for one element, which a compiled loop can hold."""
        return True

    def dtype(self, dtypes: Sequence[str]) -> str:
        raise NotImplementedError

    def infer(self, *types: TensorType) -> TensorType:
        if not any(t.shape for t in types):
            return TensorType(self.dtype([t.dtype for t in types]), ())
        shape = broadcast_shapes(*(t.shape for t in types), what=f"operands of {self.name}")
        return TensorType(self.dtype([t.dtype for t in types]), shape)

    def c(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        """The C expression of one element."""
        raise NotImplementedError

    def c_once(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        """The C expression of one element outside of vector loops."""
        return self.c(arguments, dtypes)

    def py(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        """The Python expression of one element, for Numba."""
        raise NotImplementedError

    support: Mapping[str, tuple[str, ...]]
    cost: int


@frozen
class NoForm:
    """Stands for a derivative that has no formula here: asking for it is an error that says so."""

    parameter: str

    def error(self, node: Expr) -> GradientError:
        return GradientError(
            f"the derivative of {node.op.name} in its parameter {self.parameter!r} is not known",
            f"differentiate in the others only, or hold it fixed: consider_constant=[...] or stop_gradient({self.parameter})",
            node.provenance.location if node.provenance else None,
        )


@frozen(eq=False)
class ScalarOp(Elementwise):
    """An elementwise operation declared by :func:`elementwise`."""

    name: str
    function: Callable[..., Any]
    arity: int
    result: str
    like: np.ufunc
    c_form: Form | None
    once_form: Form | None
    py_form: Form | None
    jax_form: str | Callable[..., Any]
    gradients: tuple[Callable[..., Any] | NoForm | None, ...]
    domains: tuple[Domain, ...]
    commutative: bool
    symbol: str
    support: Mapping[str, tuple[str, ...]]
    cost: int
    doc: str
    before: Callable[..., Any] | None
    steep: bool
    tame: bool
    of_exp: Callable[..., Any] | None

    @property
    def fusable(self) -> bool:
        return self.c_form is not None

    def signature(self, dtype: str) -> tuple[str, str]:
        """The dtype that operands of a common dtype are cast to, and that of the result.

        Raises
        ------
        DTypeError
            If the operation does not take that dtype.
        """
        return _signature(self, dtype)

    def dtype(self, dtypes: Sequence[str]) -> str:
        return _signature(self, dtypes[-1])[1]

    def numpy(self, *values: Any) -> Any:
        return self.function(*values)

    def jax(self, *values: Any) -> Any:
        if jax_derivatives.wanted() and any(self.gradients) and self.name not in jax_derivatives.LINEAR:
            return jax_derivatives.with_declared_derivatives(self)(*values)
        return self.jax_value(*values)

    def jax_value(self, *values: Any) -> Any:
        """The JAX form itself, whose derivative is whatever JAX makes of it."""
        if not isinstance(self.jax_form, str):
            return self.jax_form(*values)
        module, _, name = self.jax_form.rpartition(".")
        return getattr(importlib.import_module(module), name)(*values)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Any]:
        from workbench.tensor.cotangents.cancelling import without_factor
        from workbench.tensor.cotangents.masks import narrowed, not_counting, unmasked

        mask, cotangent = unmasked(cotangent)
        if self.of_exp is not None and (made := without_factor(cotangent, node, self.of_exp(*node.inputs))) is not None:
            return [narrowed(mask, made, node.inputs[0])]
        if not self.tame or any(getattr(x.op, "steep", False) for x in node.inputs):
            # A logarithm may be infinite itself, as a factor.
            mask += not_counting(cotangent, self.steep)
        found: list[Any] = []
        for gradient, x in zip(self.gradients, node.inputs):
            if gradient is None or x.type.kind != "f":
                found.append(None)
            elif isinstance(gradient, NoForm):
                found.append(gradient.error(node))
            else:
                found.append(narrowed(mask, gradient(cotangent, *node.inputs), x))
        return found

    def c(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        return _fill(self.c_form, arguments, dtypes, C_TYPES)

    def c_once(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        return _fill(self.once_form, arguments, dtypes, C_TYPES)

    def py(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        return _fill(self.py_form, arguments, dtypes, {"bool": "bool_"})

    def __call__(self, *operands: Any) -> Tensor:
        if self.result == "where" and len(operands) == 1:
            return as_tensor(operands[0]).nonzero()  # type: ignore[return-value]
        if len(operands) != self.arity:
            raise TypeError(f"{self.name} takes {self.arity} operands, got {len(operands)}")
        if self.result == "where":
            condition = as_tensor(operands[0])
            return intern(self, (cast(condition, "bool"), *promote(self.name, *operands[1:])))
        if self.before is not None and (made := self.before(self, *operands)) is not None:
            return made
        tensors = promote(self.name, *operands)
        wanted = _signature(self, tensors[0].dtype)[0]
        return intern(self, tuple(x if x.dtype == wanted else cast(x, wanted) for x in tensors))

    def __repr__(self) -> str:
        return self.name


@functools.cache
def _signature(op: ScalarOp, dtype: str) -> tuple[str, str]:
    if op.result == "where":
        return dtype, dtype
    if op.result == "logical":
        return "bool", "bool"
    try:
        # NumPy itself says which of its loops it would run.
        types = op.like.resolve_dtypes((np.dtype(dtype),) * op.like.nin + (None,) * op.like.nout)  # type: ignore[arg-type]
    except TypeError:
        raise DTypeError(f"{op.name} does not take operands of dtype {dtype}", _hint(op, dtype)) from None
    # There is no float16 here; the next larger dtype holds all its numbers.
    operand, result = ("float32" if t == np.float16 else t.name for t in (types[0], types[-1]))
    return operand, op.result or result


def _hint(op: ScalarOp, dtype: str) -> str:
    if dtype == "bool":
        return "^ is their difference and ~ their negation; x.astype('int64') counts them"
    return "cast first, with x.astype('int64')"


def _fill(form: Form | None, arguments: Sequence[str], dtypes: Sequence[str], types: Mapping[str, str]) -> str:
    assert form is not None
    dtype = dtypes[-1]
    if isinstance(form, dict):
        kind = KINDS[dtype]
        form = form.get(kind) or form[""]
    return form.format(T=types.get(dtype, dtype), bits=BITS[dtype], **dict(zip(NAMES, arguments)))


def promote(what: str, *operands: Any) -> list[Tensor]:
    """Return operands as tensors of NumPy 2's common dtype (Python numbers are weak).

    Raises
    ------
    DTypeError
        If there is none, or a Python integer is out of its range.
    """
    dtype = None
    for x in operands:
        if not isinstance(x, Tensor) or x.type.dtype != (dtype or x.type.dtype):
            break
        dtype = x.type.dtype
    else:
        return list(operands)
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
    return [_weak(what, x, common) if t is None else cast(t, common) for x, t in zip(operands, strong)]


def _weak(what: str, number: Any, dtype: str) -> Tensor:
    try:
        return as_tensor(np.asarray(number, dtype))
    except OverflowError:
        raise DTypeError(
            f"{what}: the number {number} is out of the range of {dtype}", "cast the other operand to a wider dtype"
        ) from None


OPS: dict[str, ScalarOp] = {}
_LIKE = {"": np.absolute, "float": np.exp, "integer": np.bitwise_and}
"""Whose dtypes an operation has that is not one of NumPy's."""


def elementwise(
    name: str,
    function: Callable[..., Any],
    *,
    c: Form | None,
    c_once: Form | None = None,
    py: Form | None = None,
    jax: str | Callable[..., Any] | None = None,
    grad: Any = None,
    domain: Domain | tuple[Domain, ...] = real,
    result: str = "",
    like: np.ufunc | None = None,
    commutative: bool = False,
    symbol: str = "",
    support: Support = MappingProxyType({}),
    cost: int = 1,
    doc: str = "",
    before: Callable[..., Any] | None = None,
    steep: bool = False,
    tame: bool = False,
    of_exp: Callable[..., Any] | None = None,
) -> ScalarOp:
    """Declare an elementwise operation.

    Parameters
    ----------
    name, function
        Its name and its NumPy form.
    c, py
        One element in C and in Python (for Numba; the C form where that is valid Python too), over
        ``{x} {y} {z}``; by dtype kind ("f", "i", "u", "b", "" for the rest) where that differs. ``{T}`` is
        the dtype's type, ``{bits}`` its size. Without a C form, compiled code calls `function` back.
    c_once
        The C form outside of vector loops, which need what they call within them, and in code that is called seldom: a call, where `c` is long.
    jax
        Dotted name or function; ``jax.numpy.<name>`` by default; "callback" calls `function` back.
    grad
        Gradient (one per operand) as a function of the cotangent and the operands; ``None`` where it is
        zero, ``NoForm(parameter)`` where it is not known.
    domain
        Where tests draw the operands.
    result, like
        The dtypes: those of NumPy's ufunc `function`, or of another, `like`. Else `result` says them:
        "float", "float64" (from words), "logical", "integer", or "where".
    support
        Functions that the forms call: ``{"c": ..., "py": ...}``, one text or several.
    cost
        Rough cost in additions: decides between recomputing and storing.
    before
        Called with the operation and the operands as given; may raise, or return the result.
    steep, tame
        Whether a derivative is infinite at an edge of the domain, where 0 times it is to be 0; whether it is
        finite for all finite operands.
    of_exp
        Of a logarithm: what it is one of, the exponential of its result, as an expression of the operand.
    """
    domains = domain if isinstance(domain, tuple) else (domain,)
    gradients = grad if isinstance(grad, tuple) else (grad,) * len(domains)
    if like is None:
        like = function if isinstance(function, np.ufunc) else _LIKE.get(result, np.absolute)
    texts = {k: (v,) if isinstance(v, str) else v for k, v in support.items()}
    op = ScalarOp(
        name, function, len(domains), result if result in ("float64", "logical", "where") else "", like,
        c, c if c_once is None else c_once, c if py is None else py, callback(function) if jax == "callback" else jax or f"jax.numpy.{name}",
        gradients, domains, commutative, symbol, texts, cost, doc or _sentence(name, function), before,
        steep, tame, of_exp,
    )  # fmt: skip
    # For help and editors, which show a value by these.
    example = "\n\nExamples\n--------\n>>> {}\n{}\n".format(*EXAMPLES[name]) if name in EXAMPLES else ""
    vars(op).update(__doc__=op.doc + example, __signature__=_operands(("condition", "x", "y") if result == "where" else tuple("xyz"[: len(domains)])))
    OPS[name] = op
    return op


def _sentence(name: str, function: Callable[..., Any]) -> str:
    """What a function does: the first line of its docstring, after the signature that NumPy's begin with."""
    lines = [line.strip() for line in (function.__doc__ or name).strip().split("\n")]
    return next((line for line in lines if line and not line.startswith(f"{getattr(function, '__name__', name)}(")), name)


@functools.cache
def _operands(names: tuple[str, ...]) -> inspect.Signature:
    return inspect.Signature([inspect.Parameter(n, inspect.Parameter.POSITIONAL_ONLY) for n in names])


def callback(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a NumPy function as one of JAX arrays, which calls it back on the host."""

    def call(*values: Any) -> Any:
        import jax.numpy as jnp

        jax: Any = importlib.import_module("jax")

        def host(*arrays: Any) -> Any:
            with np.errstate(all="ignore"):
                return np.asarray(function(*map(np.asarray, arrays)), dtype)

        dtype = jnp.result_type(*values)
        shape = jnp.broadcast_shapes(*(jnp.shape(v) for v in values))
        result = jax.ShapeDtypeStruct(shape, dtype)
        return jax.pure_callback(host, result, *values, vmap_method="broadcast_all")

    return call


@frozen
class Cast(Elementwise):
    """Change of dtype.

    A float becomes an integer by way of int64: its whole part, or -2**63 for NaN and what int64 cannot
    hold; narrower integers wrap around, uint64 keeps all that it holds. NumPy and C leave this to the
    processor; -2**63 as an index is out of bounds, so NaN does not pass unseen.
    """

    to: str
    name = "cast"
    support = MappingProxyType({})
    cost = 1

    def dtype(self, dtypes: Sequence[str]) -> str:
        return self.to

    def read(self, node: Expr, *operands: str) -> str:
        """A number that is counted with is still that number, and truth counts as 1; one of another precision may be another."""
        given = node.inputs[0].type.kind
        return operands[0] if given == "b" or KINDS[self.to] == "f" != given else f"{self.to}({operands[0]})"

    def numpy(self, value: Any) -> Any:
        value = np.asarray(value)
        return _whole(np, value, self.to) if self._to_whole(value) else value.astype(self.to)

    def jax(self, value: Any) -> Any:
        import jax.numpy as jnp

        value = jnp.asarray(value)
        return _whole(jnp, value, self.to) if self._to_whole(value) else value.astype(self.to)

    def _to_whole(self, value: Any) -> bool:
        return value.dtype.kind == "f" and KINDS[self.to] in "iu"

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        from workbench.tensor.cotangents.masks import masked, unmasked

        source = node.inputs[0].type.dtype
        mask, cotangent = unmasked(cotangent)
        return [masked(mask, cast(cotangent, source)) if KINDS[source] == "f" else None]

    def c(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        (x,) = arguments
        if self.to == "bool":
            return f"({x} != 0)"
        kind = C_TYPES[self.to]
        if KINDS[dtypes[0]] != "f" or KINDS[self.to] == "f":
            return f"(({kind}){x})"
        whole = f"({kind})({x} >= -0x1p63 && {x} < 0x1p63 ? (int64_t){x} : INT64_MIN)"
        return f"({x} >= 0x1p63 && {x} < 0x1p64 ? (uint64_t){x} : {whole})" if self.to == "uint64" else f"({whole})"

    def py(self, arguments: Sequence[str], dtypes: Sequence[str]) -> str:
        (x,) = arguments
        if self.to == "bool":
            return f"({x} != 0)"
        if KINDS[dtypes[0]] != "f" or KINDS[self.to] == "f":
            return f"np.{self.to}({x})"
        whole = f"np.{self.to}(np.int64({x}) if {x} >= -{2.0**63!r} and {x} < {2.0**63!r} else np.int64({-(2**63)}))"
        return f"(np.uint64({x}) if {x} >= {2.0**63!r} and {x} < {2.0**64!r} else {whole})" if self.to == "uint64" else whole


def _whole(xp: Any, value: Any, to: str) -> Any:
    """Floats as integers, by way of int64, in NumPy or JAX; see `Cast`."""
    inside = (value >= -(2.0**63)) & (value < 2.0**63)
    whole = xp.where(inside, xp.where(inside, value, 0.0).astype("int64"), np.int64(-(2**63))).astype(to)
    if to != "uint64":
        return whole
    high = (value >= 2.0**63) & (value < 2.0**64)
    return xp.where(high, xp.where(high, value, 0.0).astype(to), whole)


def cast(x: Any, dtype: str) -> Tensor:
    """Return `x` with another dtype.

    Examples
    --------
    >>> cast([0.0, 1.5], "int64").eval().tolist()
    [0, 1]

    Raises
    ------
    DTypeError
        If tensors do not have that dtype.
    """
    x = as_tensor(x)
    dtype = checked_dtype(dtype)
    if x.dtype == dtype:
        return x
    if isinstance(x.op, Constant):
        return intern(constant_op(Cast(dtype).numpy(x.op.value)))
    return intern(Cast(dtype), (x,))
