"""Elementwise operations in JAX with the derivatives declared here, of any order, in place of those JAX finds in their forms.

A form with branches, as ``maximum(x, 0) + log1p(exp(-abs(x)))``, has the right value at 0 and the wrong derivative.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import operator
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from workbench.graph.expr import Input, intern
from workbench.graph.inner import Graph
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType
from workbench.tensor.tensor import constant

if TYPE_CHECKING:
    from workbench.tensor.declaration import ScalarOp

LINEAR = {"add", "subtract", "negative", "where", "deg2rad", "rad2deg"}
"""Operations of whose derivative JAX makes the same."""
_declared = ContextVar("declared", default=True)


@contextlib.contextmanager
def not_differentiated() -> Iterator[None]:
    """Trace for JAX what nobody differentiates in JAX: its own derivatives do no harm there, and trace faster."""
    token = _declared.set(False)
    try:
        yield
    finally:
        _declared.reset(token)


def wanted() -> bool:
    """Whether what is traced now may be differentiated in JAX."""
    return _declared.get()


@functools.cache
def with_declared_derivatives(op: ScalarOp) -> Callable[..., Any]:
    """Return an operation's JAX form whose derivative is the declared one, applied to the same operands."""
    import jax
    import jax.numpy as jnp
    from jax.custom_derivatives import SymbolicZero

    from workbench.tensor.declaration import NoForm

    call = jax.custom_jvp(op.jax_value)

    def forward(operands: Any, tangents: Any) -> Any:
        value = call(*operands)
        parts = []
        for i, (gradient, move) in enumerate(zip(op.gradients, tangents, strict=True)):
            if gradient is None or isinstance(move, SymbolicZero) or operands[i].dtype.kind != "f":
                continue
            if isinstance(gradient, NoForm):
                raise gradient.error(intern(op, tuple(_inputs([str(x.dtype) for x in operands]))))
            slope = _evaluated(_slope(op, i, tuple(str(x.dtype) for x in operands)), operands)
            parts.append(_product(*(x if x.shape == value.shape else jnp.broadcast_to(x, value.shape) for x in (move, slope))))
        return value, functools.reduce(operator.add, parts) if parts else jnp.zeros_like(value)

    call.defjvp(forward, symbolic_zeros=True)
    return call


def _inputs(dtypes: Any) -> list[Any]:
    return [intern(Input(None, TensorType(dtype, ()))) for dtype in dtypes]


@functools.cache
def _slope(op: ScalarOp, which: int, dtypes: tuple[str, ...]) -> Graph:
    """The derivative of an operation in one operand; of scalars, which in JAX are arrays as well."""
    operands = _inputs(dtypes)
    gradient: Any = op.gradients[which]
    return Graph(operands, [gradient(constant(1.0, op.dtype(dtypes)), *operands)])


def _evaluated(slope: Graph, operands: Any) -> Any:
    from workbench.tensor.declaration import Elementwise

    if all(isinstance(n.op, Elementwise) or not n.inputs for n in topological(slope.results)):
        return slope.run("jax", *operands)[0]
    # An integral, say: one element after another.
    import jax
    import jax.numpy as jnp

    whole = jnp.broadcast_arrays(*operands)
    flat = jax.vmap(lambda *scalars: slope.run("jax", *scalars)[0])(*(x.ravel() for x in whole))
    return flat.reshape(whole[0].shape)


def _product(move: Any, slope: Any) -> Any:
    """Return their product, linear in `move`; zero where one of them is, whatever the other is.

    Reverse mode gives what a choice did not take a cotangent of zero, which may meet an infinite derivative on its way
    back: see decisions 8 and 19.
    """
    return _product_primitive().bind(move, slope)


@functools.cache
def _product_primitive() -> Any:
    import jax
    import jax.numpy as jnp
    from jax.interpreters import batching, mlir

    ad: Any = importlib.import_module("jax.interpreters.ad")
    product: Any = importlib.import_module("jax.extend.core").Primitive("product_of_derivatives")

    def value(move: Any, slope: Any) -> Any:
        return jnp.where((move == 0) | (slope == 0), jnp.zeros_like(move), move * slope)

    def forward(operands: Any, tangents: Any) -> Any:
        (move, slope), moves = operands, [None if isinstance(t, ad.Zero) else t for t in tangents]
        parts = [product.bind(t, other) for t, other in zip(moves, (slope, move)) if t is not None]
        return product.bind(move, slope), functools.reduce(ad.add_tangents, parts)

    def transposed(cotangent: Any, move: Any, slope: Any) -> Any:
        assert ad.is_undefined_primal(move)
        return [cotangent if isinstance(cotangent, ad.Zero) else product.bind(cotangent, slope), None]

    def batched(operands: Any, axes: Any) -> Any:
        (size,) = {x.shape[axis] for x, axis in zip(operands, axes) if axis is not None}
        whole = [
            jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0) for x, axis in zip(operands, axes)
        ]
        return product.bind(*whole), 0

    product.def_impl(jax.jit(value))
    product.def_abstract_eval(lambda move, slope: jax.core.ShapedArray(move.shape, move.dtype))
    ad.primitive_jvps[product] = forward
    ad.primitive_transposes[product] = transposed
    batching.primitive_batchers[product] = batched
    mlir.register_lowering(product, mlir.lower_fun(value, multiple_results=False))
    return product
