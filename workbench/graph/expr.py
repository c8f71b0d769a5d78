"""Expressions: immutable, interned nodes. Equal pure expressions are one object."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from operator import is_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.graph.arrays import owned
from workbench.graph.frozen import frozen
from workbench.graph.provenance import Provenance, current_provenance, inherited
from workbench.graph.types import MAKE_INPUT, TensorType, TupleType, Type, dtype_name, type_of

if TYPE_CHECKING:
    from workbench.graph.inner import Graph


class Op:
    """What a node does. A frozen value: its fields are its static parameters.

    A subclass states its whole meaning in one place:

    ``infer``
        the type rule: types of the inputs to the type of the result;
    ``numpy``, ``jax``
        the value, on those backends;
    ``grad``
        the vector-Jacobian product;
    ``lower``
        its loops, told to the compiler's builder (C and Numba).
    """

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...

    plain = False
    """Whether the name says it all, and text leaves the parameters out."""

    of_values: int | None = None
    """How many of the first inputs the elements are made of, where the others are lengths; all, if ``None``."""

    broadcasts = False
    """Whether the result has the shape that all inputs have together."""

    batches = False
    """Whether with an axis more in front of its inputs, those without it repeated along it, it has one more in front of its result."""

    def infer(self, *types: Any) -> Type:
        raise NotImplementedError(f"{type(self).__name__}.infer")

    def infer_from(self, inputs: tuple[Expr, ...]) -> Type:
        """The type rule where values of inputs are lengths of the result; else types of the inputs say it."""
        return self.infer(*(x.type for x in inputs))

    def numpy(self, *values: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.numpy")

    def jax(self, *values: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.jax")

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        """Cotangents of ``node.inputs`` given that of `node`; ``None`` where it does not flow.

        For an operation with several results, `cotangent` is a list, ``None`` for a result that is
        not used.
        """
        return [None] * len(node.inputs)

    def lower(self, builder: Any, node: Expr) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no loop form")

    def written(self, *operands: str) -> str | None:
        """How text writes the operation, from the texts of its operands; as a call, if ``None``."""
        return None

    def read(self, node: Expr, *operands: str) -> str | None:
        """How formulas for readers write `node`: the first operand alone, where that is all it says; as text does, if ``None``."""
        return None

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """Inner graphs (loop bodies, branches)."""
        return ()

    def with_graphs(self, graphs: tuple[Graph, ...]) -> Op:
        """Return the same operation around other inner graphs."""
        return self

    def for_types(self, *types: Any) -> Op:
        """Return the same operation with its inner graphs over inputs of other types: of lengths known now."""
        return self

    def __call__(self, *inputs: Expr) -> Any:
        return intern(self.for_types(*(x.type for x in inputs)) if self.graphs else self, inputs)


class Expr:
    """A node: an operation applied to expressions.

    Compare with ``is``: equal pure expressions are the same object. ``==`` is elementwise on
    tensors, as in NumPy. Hashing is by identity, so dictionaries and sets work. How they are written,
    as text and as pickles, `formulas` and `pickling` say.

    Attributes
    ----------
    op, inputs, type
        What the node is: its identity.
    name
        A label given by a model or a user; not part of its identity. Constants have none.
    provenance
        The user's line and the rule that made the node; not part of its identity. Constants have none.
    """

    __slots__ = ("__weakref__", "inputs", "name", "op", "provenance", "type")

    def __init__(self, op: Op, inputs: tuple[Expr, ...], type: Type) -> None:
        self.op: Any = op
        self.inputs: tuple[Any, ...] = inputs
        self.type: Any = type
        self.name: str | None = None
        # A constant belongs to every graph, whoever wrote it first.
        self.provenance: Provenance | None = current_provenance() if op.__class__ is not Constant else None

    __hash__ = object.__hash__

    def fit(self, like: Expr) -> Expr | None:
        """Return this value in the type of another, if that changes nothing but broadcasting; else ``None``."""
        return self if self.type == like.type else None

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: object) -> Expr:
        return self


EXPR_CLASSES: dict[type[Type], type[Expr]] = {}
_table: weakref.WeakValueDictionary[tuple[Any, ...], Expr] = weakref.WeakValueDictionary()
_lock = threading.RLock()


def register_expr_class(type_class: type[Type], expr_class: type[Expr]) -> None:
    """Make nodes of types `type_class` instances of `expr_class` (which brings the operators)."""
    EXPR_CLASSES[type_class] = expr_class


def intern(op: Op, inputs: tuple[Expr, ...] = (), type: Type | None = None) -> Any:
    """Return the one node of `op` applied to `inputs`, making it if there is none yet."""
    # Identities, not the inputs themselves: `==` on expressions builds graphs. An id stays valid
    # as long as the entry does, since the entry's node holds its inputs.
    key = (op, *map(id, inputs))
    with _lock:
        found = _table.get(key)
        if found is not None:
            return found
        result_type = type if type is not None else op.infer_from(inputs)
        node = EXPR_CLASSES.get(result_type.__class__, Expr)(op, inputs, result_type)
        _table[key] = node
        return node


def rebuild(node: Expr, inputs: tuple[Expr, ...]) -> Expr:
    """Return `node`'s operation applied to other inputs; `node` itself when they are the same."""
    if all(map(is_, inputs, node.inputs)):
        return node
    op = node.op.for_types(*(x.type for x in inputs)) if node.op.graphs else node.op
    return give_name(inherited(node.provenance, intern, op, inputs), node.name)


def give_name(node: Any, name: str | None) -> Any:
    """Name a node that has no name yet, and return it; a constant, and an operation on constants, belong to every graph and have none."""
    if name is not None and node.name is None and not isinstance(node.op, Constant) and not (node.inputs and all(isinstance(i.op, Constant) for i in node.inputs)):
        node.name = name
    return node


# Leaves ---------------------------------------------------------------------------------------


@frozen(eq=False)
class Input(Op):
    """A value given at call time. Every input is distinct."""

    label: str | None
    type: Type

    name = "input"

    def infer(self) -> Type:
        return self.type


def _new_input(name: str | None, type: TensorType) -> Any:
    return give_name(intern(Input(name, type)), name)


MAKE_INPUT.append(_new_input)


def input_like(x: Expr, type: Type) -> Any:
    """Return a new input with the name of `x`, of another type."""
    return give_name(intern(Input(x.name, type)), x.name)


@frozen(eq=False)
class Constant(Op):
    """A value fixed in the graph, interned by dtype, shape and bytes (NaN and -0.0 stay themselves)."""

    value: np.ndarray[Any, Any]
    key: tuple[str, tuple[int, ...], bytes]

    name = "constant"

    def infer(self) -> Type:
        return type_of(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def numpy(self) -> Any:
        return self.value

    def jax(self) -> Any:
        import jax.numpy as jnp

        given = ENTERED.get().get(self)
        return jnp.asarray(self.value) if given is None else given


ENTERED: ContextVar[Mapping[Op, Any]] = ContextVar("ENTERED", default=MappingProxyType({}))
"""What constants and data are while JAX traces a graph, if they are arguments of the program and not a part of it."""


@frozen(eq=False)
class Data(Op):
    """A named array that can be replaced between calls without recompiling."""

    label: str
    cell: list[Any]
    type: TensorType

    name = "data"

    def infer(self) -> Type:
        return self.type

    @property
    def value(self) -> np.ndarray[Any, Any]:
        held = self.cell[0]
        if not isinstance(held, np.ndarray):  # On a device since it was updated there.
            held = self.cell[0] = np.array(held, self.type.dtype)
        return held

    def numpy(self) -> Any:
        return self.value

    def jax(self) -> Any:
        import jax.numpy as jnp

        given = ENTERED.get().get(self)
        return jnp.asarray(self.cell[0], self.type.dtype) if given is None else given


def constant_op(value: object, dtype: str | None = None) -> Constant:
    """Return the constant operation of a NumPy value (copied, read-only)."""
    array = owned(value, dtype)
    array.flags.writeable = False
    if array.nbytes > 64:
        import hashlib

        # Hashed where it lies: a large array is copied once only.
        content = hashlib.blake2b(array.data, digest_size=32).digest()
    else:
        content = array.tobytes()
    return Constant(array, (dtype_name(array.dtype), array.shape, content))


# Several results ------------------------------------------------------------------------------


@frozen
class Get(Op):
    """One of the values of an operation with several."""

    index: int

    name = "get"

    def infer(self, items: TupleType) -> Type:
        return items.items[self.index]

    def read(self, node: Expr, *operands: str) -> str:
        return f"{operands[0]}[{self.index}]"

    def numpy(self, values: Any) -> Any:
        return values[self.index]

    def jax(self, values: Any) -> Any:
        return values[self.index]


def results_of(node: Expr) -> list[Any]:
    """Return the projections of a node of tuple type."""
    assert isinstance(node.type, TupleType)
    return [intern(Get(i), (node,)) for i in range(len(node.type.items))]


Evaluator = Callable[..., Any]
