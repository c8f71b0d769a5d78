"""Operations of one's own, in Python: PyTensor's `Op` and `Apply`, `as_op` and `wrap_py`, and `wrap_jax`.

Compiled code calls them back. What they are is known to no rule, so that nothing is rewritten across them.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, GradientError, Location, ShapeError, user_location
from workbench.graph import expr as _g
from workbench.graph.expr import Expr, Input, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.length_names import shapes_text
from workbench.graph.lengths import Size, Symbol, fresh, single, substitute, symbols
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType, TupleType
from workbench.tensor.elementwise import cast
from workbench.tensor.shape import zeros_like
from workbench.tensor.tensor import Tensor, as_tensor

NO_GRADIENT_HINT = "define pullback(self, inputs, outputs, cotangents) in its class; or sample what it depends on with pm.Slice or pm.DEMetropolisZ"


class Apply:
    """What an operation of one's own says of a call: its inputs, and outputs of the types that it will give.

    Parameters
    ----------
    op
        The operation.
    inputs
        Tensors.
    outputs
        Tensors of the outputs' types, as ``x.type()`` or ``pt.dscalar()`` make them, or the types.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.dvector("x")
    >>> Apply(None, [x], [x.type(), pt.dscalar()])
    Apply([float64(n,)] -> [float64(n,), float64])
    """

    def __init__(self, op: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.op = op
        self.inputs: list[Tensor] = [_stand_in(x) for x in inputs]
        self.outputs: list[Tensor] = [_stand_in(x) for x in outputs]

    def __repr__(self) -> str:
        every = [*self.inputs, *self.outputs]
        named = [f"{x.dtype}{text if x.ndim else ''}" for x, text in zip(every, shapes_text(*(x.type.shape for x in every)))]
        n = len(self.inputs)
        return f"Apply([{', '.join(named[:n])}] -> [{', '.join(named[n:])}])"


class Op:
    """An operation of one's own: a subclass says its types, and computes values from arrays.

    In PyTensor's form, so that its operations run here: `make_node` with :class:`Apply`, or `itypes` and `otypes`; `perform`; a gradient by
    ``pullback(inputs, outputs, cotangents)``, ``L_op`` of the same arguments, or ``grad(inputs, cotangents)``.

    Outputs have lengths that are numbers, or those of inputs (``x.type()`` has those of `x`). Others depend on values: then
    `perform` is called before compiled code is entered. In a model the lengths are those that it gives, once, at the point where the
    model starts.

    Attributes
    ----------
    itypes, otypes
        Types of the inputs and outputs, if there is no `make_node`: ``[pt.dvector, pt.dscalar]``.
    __props__
        Names of attributes; operations of a class that agree in them are equal. Each is itself alone without.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> class Cube(Op):
    ...     itypes, otypes = [pt.dvector], [pt.dvector]
    ...     def make_node(self, x):
    ...         x = pt.as_tensor(x)
    ...         return Apply(self, [x], [x.type()])
    ...     def perform(self, node, inputs, outputs):
    ...         outputs[0][0] = inputs[0] ** 3
    ...     def pullback(self, inputs, outputs, cotangents):
    ...         return [3 * inputs[0] ** 2 * cotangents[0]]
    >>> x = pt.dvector("x")
    >>> pt.grad(Cube()(x).sum(), x).eval({x: [1.0, 2.0]})
    array([ 3., 12.])
    """

    itypes: Sequence[Any] | None = None
    otypes: Sequence[Any] | None = None
    default_output: int | None = None
    __props__: tuple[str, ...] = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Return the inputs as tensors, and outputs of the types that there will be.

        Raises
        ------
        ArgumentError
            If the class says no types, or inputs are not of them.
        """
        if self.itypes is None or self.otypes is None:
            raise ArgumentError(f"{_name(self)} says neither make_node nor itypes and otypes", "define make_node(self, ...): it returns Apply(self, inputs, outputs)")
        if len(inputs) != len(self.itypes):
            raise ArgumentError(f"{_name(self)} takes {len(self.itypes)} inputs, got {len(inputs)}")
        made, kinds = [as_tensor(x) for x in inputs], [_type(t) for t in self.itypes]
        for i, (x, kind) in enumerate(zip(made, kinds)):
            if x.dtype != kind.dtype and not np.can_cast(x.dtype, kind.dtype, "safe"):
                raise ArgumentError(f"{_name(self)}: input {i + 1} is {x.dtype}, and itypes say {kind.dtype}", f"cast it: pt.cast(x, {kind.dtype!r})")
            if x.ndim != kind.ndim:
                raise ArgumentError(f"{_name(self)}: input {i + 1} has {x.ndim} axes, and itypes say {kind.ndim}")
        return Apply(self, [cast(x, kind.dtype) for x, kind in zip(made, kinds)], [_type(t) for t in self.otypes])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Any]]) -> None:
        """Compute the outputs from arrays: ``outputs[i][0] = ...``."""
        raise NotImplementedError(f"{_name(self)} defines no perform(self, node, inputs, outputs)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Return the output, or a list of them, as tensors."""
        name, return_list = options.pop("name", None), options.pop("return_list", False)
        node = self.make_node(*inputs, **options)
        if not isinstance(node, Apply):
            raise ArgumentError(f"{_name(self)}: make_node returned {node!r}", "it returns Apply(self, inputs, outputs)")
        again = not options and len(inputs) == len(node.inputs)
        called = Called(self, tuple(x.type for x in node.inputs), tuple(x.type for x in node.outputs), again, user_location())
        made: Any = of_lengths_at_start(intern(called, tuple(node.inputs)))
        found: list[Tensor] = list(results_of(made)) if isinstance(made.type, TupleType) else [made]
        if name is not None and found[0].name is None:
            found[0].name = name
        if return_list:
            return found
        return found[self.default_output or 0] if len(found) == 1 or self.default_output is not None else found

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and bool(self.__props__) and self._props() == other._props())  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self._props())) if self.__props__ else object.__hash__(self)

    def _props(self) -> tuple[Any, ...]:
        return tuple(getattr(self, n) for n in self.__props__)

    def __repr__(self) -> str:
        return f"{_name(self)}{{{', '.join(f'{n}={getattr(self, n)!r}' for n in self.__props__)}}}" if self.__props__ else _name(self)


def _name(op: Any) -> str:
    return str(op.__dict__.get("__name__") or type(op).__name__)


def _type(given: Any) -> TensorType:
    """The type that PyTensor's code names by a type, or by what makes a variable of it."""
    made = given if isinstance(given, TensorType) else getattr(given() if callable(given) else given, "type", None)
    if not isinstance(made, TensorType):
        raise ArgumentError(f"{given!r} is no type of a tensor", "for example pt.dvector, or x.type")
    return made


def _stand_in(x: Any) -> Tensor:
    return intern(Input(None, x)) if isinstance(x, TensorType) else as_tensor(x)


@frozen
class Called(_g.Op):
    """A call of an operation of one's own: what it is, the types that were said, whether `make_node` takes the inputs, and the line."""

    by: Op
    given: tuple[TensorType, ...]
    said: tuple[TensorType, ...]
    again: bool
    location: Location | None
    plain = True

    @property
    def name(self) -> str:  # type: ignore[override]
        return _name(self.by)

    def infer(self, *types: TensorType) -> TensorType | TupleType:
        said = self.said
        if self.again and any(isinstance(n, int) and n != m for t, now in zip(self.given, types) for n, m in zip(t.shape, now.shape)):
            said = tuple(x.type for x in self.by.make_node(*(intern(Input(None, t)) for t in types)).outputs)
        known: dict[Symbol, Size] = {}
        for declared, now in zip(self.given, types):
            for n, m in zip(declared.shape, now.shape):
                atom = None if isinstance(n, int) else single(n)
                if isinstance(atom, Symbol):
                    known[atom] = m
        # A length that no input has depends on values: it is another for each call.
        for kind in said:
            for n in kind.shape:
                for s in symbols(n):
                    if s not in known:
                        known[s] = fresh(s.name)
        made = tuple(t.with_shape(tuple(substitute(n, known) for n in t.shape)) for t in said)
        return made[0] if len(made) == 1 else TupleType(made)

    @property
    def has_length_of_values(self) -> bool:
        """Whether outputs have lengths that no input has."""
        known = {s for t in self.given for n in t.shape for s in symbols(n)}
        return any(s not in known for t in self.said for n in t.shape for s in symbols(n))

    def of_shapes(self, shapes: Sequence[tuple[int, ...]]) -> Called:
        """Return the same call with outputs of known shapes."""
        return Called(self.by, self.given, tuple(t.with_shape(s) for t, s in zip(self.said, shapes)), False, self.location)

    def numpy(self, *values: Any) -> Any:
        node = _said_of(self)
        outputs: list[list[Any]] = [[None] for _ in self.said]
        try:
            self.by.perform(node, [np.array(v) for v in values], outputs)
        except Exception as error:
            shown = ", ".join(np.array2string(np.asarray(v), precision=6, threshold=6) for v in values)
            error.add_note(f"in {self.name}, called with {shown}" + (f" ({self.location})" if self.location else ""))
            raise
        made = tuple(map(self._checked, range(len(self.said)), (x[0] for x in outputs)))
        return made[0] if len(made) == 1 else made

    def _checked(self, which: int, value: Any) -> Any:
        kind = self.said[which]
        where = f"output {which + 1} of {self.name}" if len(self.said) > 1 else f"{self.name}"
        if value is None:
            raise ArgumentError(f"{where} was not computed", f"perform stores it: outputs[{which}][0] = ...", self.location)
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" or (array.dtype.kind == "f" and kind.kind in "iub"):
            raise ArgumentError(f"{where} is {array.dtype}, and its type says {kind.dtype}", "", self.location)
        if array.ndim != kind.ndim or any(isinstance(n, int) and n != m for n, m in zip(kind.shape, array.shape)):
            raise ShapeError(f"{where} has shape {array.shape}, and its type is {kind}", "outputs have the types that make_node says, and lengths that it leaves open those of the first call", self.location)
        return array.astype(kind.dtype)

    def jax(self, *values: Any) -> Any:
        jax: Any = importlib.import_module("jax")
        if isinstance(self.by, JaxOp):
            return self.by.call(*values)
        types = self.infer(*(TensorType(str(v.dtype), tuple(v.shape)) for v in values))
        items = types.items if isinstance(types, TupleType) else (types,)
        if any(t.is_open for t in items if isinstance(t, TensorType)):
            raise ShapeError(f"{self.name}: lengths of its output depend on values", "say them where make_node makes the output", self.location)
        wanted = [jax.ShapeDtypeStruct(t.static_shape, t.dtype) for t in items if isinstance(t, TensorType)]
        return jax.pure_callback(self.numpy, wanted[0] if len(wanted) == 1 else tuple(wanted), *values, vmap_method="sequential")

    @property
    def differentiable(self) -> bool:
        """Whether the class says a gradient."""
        return any(hasattr(self.by, n) for n in ("pullback", "L_op", "grad"))

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        if not self.differentiable:
            raise GradientError(f"{self.name} has no gradient: its class defines none", NO_GRADIENT_HINT, self.location)
        several = isinstance(node.type, TupleType)
        outputs = results_of(node) if several else [node]
        given = cotangent if several else [cotangent]
        cotangents = [zeros_like(y) if g is None else g for y, g in zip(outputs, given)]
        inputs = list(node.inputs)
        if hasattr(self.by, "pullback"):
            found = self.by.pullback(inputs, outputs, cotangents)
        elif hasattr(self.by, "L_op"):
            found = self.by.L_op(inputs, outputs, cotangents)
        else:
            found = self.by.grad(inputs, cotangents)  # type: ignore[attr-defined]
        found = list(found) if isinstance(found, (list, tuple)) else [found]
        if len(found) != len(inputs):
            raise GradientError(f"the gradient of {self.name} has {len(found)} parts for {len(inputs)} inputs", "one for each input; pytensor.gradient.disconnected_type() for none", self.location)
        return [self._part(i, x, g) for i, (x, g) in enumerate(zip(inputs, found))]

    def _part(self, i: int, x: Tensor, g: Any) -> Any:
        if g is None or isinstance(g, Disconnected):
            return None
        if isinstance(g, GradientError):
            return g
        g = as_tensor(g)
        if g.ndim != x.ndim:
            raise GradientError(f"the gradient of {self.name} in input {i + 1} has {g.ndim} axes, and the input {x.ndim}", "", self.location)
        return g


@functools.lru_cache(maxsize=64)
def _said_of(called: Called) -> Apply:
    """What `make_node` said of a call, as `perform` gets it at every evaluation."""
    return Apply(called.by, called.given, called.said)


START: list[Callable[[Sequence[Tensor]], list[Tensor]]] = []
"""What returns expressions at the point where models start: put here by the layer of distributions."""


def of_lengths_at_start(node: Expr) -> Expr:
    """Return a call whose outputs have lengths that depend on values with those that they have where a model starts.

    They are what `perform` gives there, once; another length later is an error. A call on inputs that have no values yet stays as it is.
    """
    op = node.op
    if not op.has_length_of_values or not START or any(isinstance(x.op, Input) or x.type.is_open for x in topological(node.inputs) if isinstance(x.type, TensorType)):
        return node
    values = Graph([], START[0](list(node.inputs))).run("numpy")
    made = op.numpy(*values)
    return intern(op.of_shapes([np.shape(v) for v in (made if isinstance(node.type, TupleType) else [made])]), tuple(node.inputs))  # type: ignore[no-any-return]


class Disconnected:
    """In the place of a gradient: the outputs do not depend on that input."""

    def __call__(self) -> Disconnected:
        return self


def disconnected_type() -> Disconnected:
    """Return what `pullback` gives for an input that outputs do not depend on."""
    return Disconnected()


def grad_undefined(op: Any, position: int, x: Any, comment: str = "") -> GradientError:
    """Return what `pullback` gives for an input in which there is no derivative: asking for it is an error."""
    return GradientError(f"{_name(op)} has no derivative in its input {position + 1}{f': {comment}' if comment else ''}", "stop_gradient, or consider_constant=[...], holds it fixed")


grad_not_implemented = grad_undefined


class FromFunction(Op):
    """A Python function of arrays, as an operation."""

    def __init__(self, function: Callable[..., Any], itypes: Sequence[Any], otypes: Sequence[Any], infer_shape: Any = None) -> None:
        self.function, self.itypes, self.otypes = function, [_type(t) for t in itypes], [_type(t) for t in otypes]
        self.__name__ = getattr(function, "__name__", "function")
        self.__doc__ = function.__doc__

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Any]]) -> None:
        made = self.function(*inputs)
        several = made if isinstance(made, (list, tuple)) and len(outputs) > 1 else [made]
        if len(several) != len(outputs):
            raise ArgumentError(f"{self.__name__} returned {len(several)} values, and otypes are {len(outputs)}")
        for place, value in zip(outputs, several):
            place[0] = value

    def __reduce__(self) -> Any:
        return FromFunction, (self.function, self.itypes, self.otypes)


def wrap_py(itypes: Any, otypes: Any, infer_shape: Any = None) -> Callable[[Callable[..., Any]], FromFunction]:
    """Make a Python function of arrays an operation on tensors; it has no gradient. PyTensor's other name of it is `as_op`.

    Parameters
    ----------
    itypes, otypes
        Types of what it takes and returns, one or a list: ``pt.dvector``, ``pt.dscalar``, ``x.type``.
    infer_shape
        Taken for the sake of PyTensor's code: lengths are those of what the function returns.

    Returns
    -------
    A decorator.

    Examples
    --------
    >>> import numpy as np, workbench.tensor as pt
    >>> @wrap_py(itypes=[pt.dvector], otypes=[pt.dscalar])
    ... def peak(x):
    ...     return np.max(x) - np.median(x)
    >>> peak(pt.constant([1.0, 2.0, 5.0])).eval()
    array(3.)
    """
    listed = [list(t) if isinstance(t, (list, tuple)) else [t] for t in (itypes, otypes)]
    return lambda function: FromFunction(function, *listed)


as_op = wrap_py


class JaxOp(Op):
    """A function of JAX arrays, as an operation with a gradient, on every backend."""

    def __init__(self, function: Callable[..., Any], static: Mapping[str, Any] | None = None) -> None:
        self.function, self.static = function, dict(static or {})
        self.__name__ = getattr(function, "__name__", "function")
        self.__doc__ = function.__doc__
        self._pullbacks: dict[tuple[int, ...], JaxOp] = {}

    def call(self, *values: Any) -> Any:
        """Return what the function gives for JAX's arrays: an array, or a tuple of several."""
        made = self.function(*values, **self.static)
        several = list(made) if isinstance(made, (list, tuple)) else [made]
        return several[0] if len(several) == 1 else tuple(several)

    @functools.cached_property
    def compiled(self) -> Any:
        return _jax().jit(self.call)

    def make_node(self, *inputs: Any) -> Apply:
        jax = _jax()
        given = [as_tensor(x) for x in inputs]
        if any(x.type.is_open for x in given):
            raise ShapeError(f"{self.__name__}: JAX needs inputs of known lengths, got {', '.join(str(x.type) for x in given)}", "declare them: pt.vector('x', 3), or give data of fixed length")
        shaped = jax.eval_shape(self.call, *(jax.ShapeDtypeStruct(x.type.static_shape, x.dtype) for x in given))
        several = shaped if isinstance(shaped, tuple) else (shaped,)
        return Apply(self, given, [TensorType(str(s.dtype), tuple(s.shape)) for s in several])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Any]]) -> None:
        made = self.compiled(*inputs)
        for place, value in zip(outputs, made if isinstance(made, tuple) else (made,)):
            place[0] = np.asarray(value)

    def pullback(self, inputs: list[Tensor], outputs: list[Tensor], cotangents: list[Tensor]) -> list[Any]:
        floats = [i for i, x in enumerate(inputs) if x.type.kind == "f"]
        if not floats:
            return [None] * len(inputs)
        back = self._pullbacks.get(tuple(floats))
        if back is None:
            back = JaxOp(functools.partial(_pull, self.call, len(inputs), tuple(floats)))
            back.__name__ = f"{self.__name__}_pullback"
            self._pullbacks[tuple(floats)] = back
        by_place = dict(zip(floats, back(*inputs, *cotangents, return_list=True)))
        return [by_place.get(i) for i in range(len(inputs))]


def _pull(call: Callable[..., Any], n: int, floats: tuple[int, ...], *values: Any) -> Any:
    jax = _jax()
    fixed = list(values[:n])

    def of_floats(*moved: Any) -> Any:
        given = list(fixed)
        for i, x in zip(floats, moved):
            given[i] = x
        return call(*given)

    _, back = jax.vjp(of_floats, *(fixed[i] for i in floats))
    cotangents = values[n:]
    return back(cotangents[0] if len(cotangents) == 1 else tuple(cotangents))


def _jax() -> Any:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def wrap_jax(function: Callable[..., Any] | None = None, *, allow_eval: bool = True, **static: Any) -> Any:
    """Make a function of JAX arrays an operation on tensors, with its gradient by JAX.

    The JAX backend runs it as a part of the graph; other backends call its compiled form back.

    Parameters
    ----------
    function
        Takes arrays, returns an array or a tuple of some.
    allow_eval
        Taken for the sake of PyTensor's code.
    static
        Arguments that it gets by name, as they are.

    Raises
    ------
    ShapeError
        When it is called, if lengths of inputs are not known.

    Examples
    --------
    >>> import jax.numpy as jnp, workbench.tensor as pt
    >>> @wrap_jax
    ... def energy(x):
    ...     return jnp.sum(x**2) / 2
    >>> x = pt.vector("x", 3)
    >>> pt.grad(energy(x), x).eval({x: [1.0, 2.0, 3.0]})
    array([1., 2., 3.])
    """
    if function is None:
        return functools.partial(wrap_jax, allow_eval=allow_eval, **static)
    return JaxOp(function, static)
