"""`Tensor`: expressions with NumPy's operators, and how Python values become expressions."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import DTypeError, ShapeError, SymbolicBoolError
from workbench.graph.arrays import fitting, owned
from workbench.graph.expr import Constant, Data, Expr, Input, constant_op, give_name, intern, register_expr_class
from workbench.graph.lengths import Length, Size, fresh, named
from workbench.graph.types import Shape, TensorType, checked_dtype, type_of
from workbench.names import method

floatX = "float64"

if TYPE_CHECKING:
    from workbench.tensor.methods import Methods
else:
    Methods = Expr


class Tensor(Methods):
    """A symbolic array with NumPy's operators, names and broadcasting.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 3)
    >>> (x + 1).type.shape
    (3,)
    >>> float(pt.exp(pt.constant(0.0)).eval())
    1.0
    """

    __slots__ = ()
    __hash__ = Expr.__hash__
    # A column of a table on the left leaves the operation to the expression.
    __pandas_priority__ = 10_000



    @property
    def dtype(self) -> str:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return self.type.ndim

    @property
    def size(self) -> Any:
        """Number of elements: an integer where it is known, a number of the graph where it is not.

        Examples
        --------
        >>> import numpy as np
        >>> import workbench.tensor as pt
        >>> pt.matrix("A", 3, 2).size, int(pt.matrix("A").size.eval({"A": np.ones((2, 5))}))
        (6, 10)
        """
        return self.size_expr()

    def size_expr(self) -> Any:
        """Number of elements: an integer where known, a symbolic one where not."""
        return functools.reduce(operator.mul, self.shape) if self.type.shape else 1

    def __len__(self) -> int:
        if not self.type.shape:
            raise TypeError(f"a scalar expression has no length: {self!r}")
        if not isinstance(self.type.shape[0], int):
            raise TypeError(f"the length of {self!r} is known only at run time; use x.shape[0]")
        return self.type.shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if isinstance(self.op, Constant) and self.op.value.size == 1:
            return bool(self.op.value)
        raise SymbolicBoolError(
            f"the truth value of the symbolic expression {self!r} is not known while the graph is built",
            "use switch(condition, a, b), also called where, to choose elementwise, cond(condition, then, orelse) to branch; "
            "`is` or `any(x is y for y in list)` to ask for identity",
        )

    def _number(self, what: str) -> Any:
        if isinstance(self.op, Constant) and self.op.value.ndim == 0:
            return self.op.value.item()
        raise TypeError(
            f"Python cannot turn the symbolic expression {self!r} into {what}; "
            "use the function of workbench.tensor (pt.exp for math.exp), or x.eval() for its value"
        )

    def __float__(self) -> float:
        return float(self._number("a float"))

    def __int__(self) -> int:
        return int(self._number("an integer"))

    def __index__(self) -> int:
        return operator.index(self._number("an integer"))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"NumPy cannot turn the symbolic expression {self!r} into an array; "
            "use the function of workbench.tensor, or x.eval() for its value; "
            "with a matrix A of scipy.sparse, pt.sparse.dot(A, x)"
        )

    def __pos__(self) -> Tensor:
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(f"the expression {self!r} never changes: x = x[i].set(value) makes another, x[i].inc(value) adds")

    def __getattr__(self, name: str) -> Any:
        found = None if name.startswith("_") else method(self, name)
        if found is not None:
            return found
        if not name.startswith("_") and hasattr(np.ndarray, name):
            raise AttributeError(f"the symbolic expression {self!r} has no {name!r}; its value has: x.eval().{name}")
        raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")

    def __format__(self, spec: str) -> str:
        return format(self._number("a number in text"), spec) if spec else repr(self)

    def get_value(self, borrow: bool = False) -> np.ndarray[Any, Any]:
        """Return the array that `data` holds: a copy of it, unless `borrow`."""
        if not isinstance(self.op, Data):
            raise TypeError(f"{self!r} is not data: its value is computed, with eval()")
        return self.op.value if borrow else self.op.value.copy()

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Replace the array that `data` holds; see :func:`workbench.tensor.set_data`."""
        if not isinstance(self.op, Data):
            raise TypeError(f"{self!r} is not data: its value cannot be set")
        set_data(self, new_value)

    def copy(self) -> Tensor:
        """Return the expression itself: it never changes."""
        return self

    def eval(self, inputs: dict[Any, Any] | None = None) -> Any:
        """Return the value, computed with NumPy op by op; random variables in it are drawn anew each time, together.

        Parameters
        ----------
        inputs
            Values of the inputs it needs, or of other expressions that it is made of, by expression or by
            name.

        Raises
        ------
        ShapeError
            If a value has not the shape of its input.
        MissingInputError
            If a value is missing.

        Examples
        --------
        >>> import workbench as pm
        >>> x = pm.Normal.dist(0.0, 1.0)
        >>> float((x - x).eval()), bool(x.eval() == x.eval())
        (0.0, False)
        """
        from workbench.graph.inner import Graph
        from workbench.graph.traverse import replace, topological
        from workbench.tensor.keys import renewed

        given = inputs or {}
        named = {(k.name if isinstance(k, Expr) else k): v for k, v in given.items()}
        nodes = topological([self]) if given else []
        needed: Any = [x for x in nodes if x in given or (x.name and x.name in named and (x.name in given or isinstance(x.op, Input)))]
        values = [np.asarray(given[x] if x in given else named[x.name], dtype=x.type.dtype) for x in needed]
        for x, value in zip(needed, values):
            if not x.type.accepts(type_of(value)):
                raise ShapeError(f"the input {x!r} is {x.type}; the value given has shape {value.shape}")
        # What is computed otherwise has the value given in its place.
        params = [x if isinstance(x.op, Input) else tensor(x.name, x.dtype, x.type.shape) for x in needed]
        result = replace([self], {x: p for x, p in zip(needed, params) if x is not p})
        result = replace(result, {key: constant(word) for key, word in renewed(result).items()})
        with np.errstate(all="ignore"):
            return np.asarray(Graph(params, result).run("numpy", *values)[0])


register_expr_class(TensorType, Tensor)


def constant(value: Any, dtype: str | None = None) -> Tensor:
    """Return a constant expression of a NumPy value.

    Examples
    --------
    >>> pt.constant([1.0, 2.0]).eval().tolist()
    [1.0, 2.0]
    """
    node: Tensor = intern(constant_op(value, dtype))
    return node


def as_tensor(value: Any, dtype: str | None = None, name: str | None = None) -> Tensor:
    """Return `value` as an expression: itself if it is one, a stack of a list of them, or a constant.

    Raises
    ------
    DTypeError
        If `value` is not numeric.

    Examples
    --------
    >>> pt.as_tensor([1, 2]).eval().tolist()
    [1, 2]
    """
    if isinstance(value, Tensor):
        if dtype is None and name is None:
            return value
        result = value
    elif isinstance(value, Expr):
        raise DTypeError(f"{value!r} has several values; take one of them first")
    elif isinstance(value, (list, tuple)) and _any_expr(value):
        result = Tensor.stacked([as_tensor(v) for v in value])
    elif hasattr(value, "to_numpy"):
        # An xarray array times an expression is an xarray array of an expression.
        inside = getattr(value, "data", None)
        result = inside if isinstance(inside, Tensor) else constant(value.to_numpy())
    else:
        result = constant(value)
    if dtype is not None and result.dtype != dtype:
        result = result.astype(dtype)
    give_name(result, name)
    return result


def _any_expr(values: Sequence[Any]) -> bool:
    pending = list(values)
    while pending:
        v = pending.pop()
        if isinstance(v, Expr):
            return True
        if isinstance(v, (list, tuple)):
            pending.extend(v)
    return False


LETTERS = {1: ("n",), 2: ("m", "n")}
"""What lengths that have no name are printed as, by the number of axes."""


def _length(n: Any, default: str) -> Size:
    """A length of an axis as users give it: a number, a name, or ``None`` for one of its own."""
    if n is None:
        return fresh(default)
    if isinstance(n, Length):
        return n
    if isinstance(n, str) and n:
        return named(n)
    if isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0:
        return int(n)
    raise ShapeError(f"the length of an axis is a number from 0 on, a name, or None where it is not known yet; not {n!r}")


def _lengths(shape: Any) -> Shape:
    given = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    letters = LETTERS.get(len(given), tuple(f"n{i}" for i in range(len(given))))
    return tuple(map(_length, given, letters))


def tensor(name: str | None = None, dtype: str = floatX, shape: Any = ()) -> Tensor:
    """Return an input: a named tensor whose value is given at call time.

    Parameters
    ----------
    name
        What it is called.
    dtype
        Of its elements.
    shape
        Its lengths: a number; a name, which stands for one length wherever it is given; or ``None`` for a length like no other.

    Examples
    --------
    >>> str(tensor("x", "float64", ("county", 3, None)).type)
    'float64[county, 3, n2]'
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"the first argument of an input is its name, not {name!r}: tensor('x', dtype, shape), vector('x', 3)")
    node: Tensor = intern(Input(name, TensorType(checked_dtype(dtype), _lengths(shape))))
    node.name = name
    return node


def scalar(name: str | None = None, dtype: str = floatX) -> Tensor:
    """Return a scalar input.

    Examples
    --------
    >>> pt.scalar("x").ndim
    0
    """
    return tensor(name, dtype, ())


def vector(name: str | None = None, length: int | str | None = None, dtype: str = floatX, *, shape: Any = None) -> Tensor:
    """Return a vector input; its length is a number, a name, or its own.

    Examples
    --------
    >>> pt.vector("x", 3).type.shape
    (3,)
    """
    return tensor(name, dtype, (length,) if shape is None else shape)


def matrix(
    name: str | None = None, rows: int | str | None = None, columns: int | str | None = None, dtype: str = floatX, *, shape: Any = None
) -> Tensor:
    """Return a matrix input; its lengths are numbers, names, or its own: ``matrix("A", "n", "n")`` is square.

    Examples
    --------
    >>> pt.matrix("A", 2, 3).type.shape
    (2, 3)
    """
    return tensor(name, dtype, (rows, columns) if shape is None else shape)


def data(name: str, value: Any, shape: Any = None) -> Tensor:
    """Return a named array that can be replaced between calls without recompiling.

    Its lengths are those of `value`, for ever, unless `shape` says otherwise, as in :func:`tensor`.

    Examples
    --------
    >>> pt.data("x", [1.0, 2.0]).eval().tolist()
    [1.0, 2.0]
    """
    array = owned(value)
    kind = type_of(array)
    if shape is not None:
        kind = kind.with_shape(_lengths(shape))
    node: Tensor = intern(Data(name, [array], kind))
    node.name = name
    return node


def set_data(node: Tensor, value: Any) -> None:
    """Replace the value of a `data` expression.

    Raises
    ------
    ShapeError, DTypeError
        If the new value does not fit the declared type.

    Examples
    --------
    >>> x = pt.data("x", [1.0, 2.0])
    >>> pt.set_data(x, [3.0, 4.0])
    >>> x.eval().tolist()
    [3.0, 4.0]
    """
    assert isinstance(node.op, Data)
    array = fitting(value, node.dtype, f"data {node.op.label!r}")
    if not node.type.accepts(type_of(array)):
        raise ShapeError(
            f"data {node.op.label!r} was declared {node.type}; the new value has shape {array.shape}",
            "declare the dimension as None to let it change",
        )
    node.op.cell[0] = np.array(array, order="C")
