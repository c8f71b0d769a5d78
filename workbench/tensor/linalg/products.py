"""Products that sum: of vectors and matrices, over named indices, over several axes."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import Size, one_length
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor import sparse as _sparse
from workbench.tensor.gufunc import Gufunc
from workbench.tensor.linalg.diagonal import diagonal
from workbench.tensor.linalg.matrix_products import factor, matmul_call
from workbench.tensor.native_call import NativeCall
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.tensor import Tensor, as_tensor

FACTORS: ContextVar[str | None] = ContextVar("factors", default=None)
"""To what JAX rounds the factors of products of matrices in single precision, where that was asked for."""
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def matrix_transpose(x: Any) -> Tensor:
    """Return `x` with its last two axes swapped.

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes.

    Examples
    --------
    >>> pt.matrix_transpose([[1, 2], [3, 4]]).eval().tolist()
    [[1, 3], [2, 4]]
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose takes matrices, not a tensor of shape {x.type.shape}")
    return _s.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@frozen
class MatMul(Gufunc):
    """Matrix times matrix, batched over leading axes, which broadcast."""

    name = "matmul"
    cores = (2, 2)

    def infer(self, x: TensorType, y: TensorType) -> TensorType:
        n, m = x.shape[-1], y.shape[-2]
        if one_length(n, m) is None:
            raise ShapeError(f"@ of shapes {shape_text(x.shape)} and {shape_text(y.shape)}: {n} is not {m}", "the axes that are summed over must have one length", page="shapes-do-not-fit")
        return x.with_shape((*self.batch(x, y), x.shape[-2], y.shape[-1]))

    def numpy(self, x: Any, y: Any) -> Any:
        return np.matmul(x, y)

    def jax(self, x: Any, y: Any) -> Any:
        import jax.numpy as jnp

        if FACTORS.get() == "bfloat16" and x.dtype == "float32":
            return jnp.matmul(x.astype("bfloat16"), y.astype("bfloat16"), preferred_element_type="float32")
        # The default on GPUs would round float32 to 10 bits first.
        return jnp.matmul(x, y, precision="highest")

    def native(self, node: Expr) -> NativeCall | None:
        return matmul_call(*node.inputs)

    def reads(self, node: Expr) -> Sequence[Expr]:
        return [factor(x)[0] for x in node.inputs]

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, y = node.inputs
        g = _s.whole(cotangent, node)
        return [
            _s.unbroadcast(matmul(g, matrix_transpose(y)), x),
            _s.unbroadcast(matmul(matrix_transpose(x), g), y),
        ]


def _numbers(what: str, *operands: Any) -> tuple[list[Tensor], str]:
    """Operands in their common dtype, booleans as integers; and the dtype that the result has."""
    parts = _e.promote(what, *operands)
    dtype = parts[0].dtype
    return [_e.cast(p, "int64") for p in parts] if dtype == "bool" else parts, dtype


def matmul(x: Any, y: Any) -> Tensor:
    """Return the product of vectors and matrices, as NumPy's ``@``.

    Parameters
    ----------
    x
        Vector, matrix, or stack of matrices: shape (n,) or (..., m, n).
    y
        The same: shape (n,) or (..., n, k); leading axes broadcast. One may be a sparse matrix (see
        :func:`workbench.tensor.sparse.dot`).

    Raises
    ------
    ShapeError
        If the inner lengths differ, the leading axes do not broadcast, or an operand is a scalar.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.matmul(pt.constant([[1.0, 2.0], [3.0, 4.0]]), [1.0, 1.0]).eval()
    array([3., 7.])
    """
    if _sparse.is_sparse(x) or _sparse.is_sparse(y):
        return _sparse.dot(x, y)
    (x, y), dtype = _numbers("@", x, y)
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError("@ takes vectors and matrices, not scalars", "use * to scale")
    if x.ndim > 1 and y.ndim > 1:
        return _e.cast(intern(MatMul(), (x, y)), dtype)
    x = _meeting("@", x, -1, y, 0 if y.ndim == 1 else -2)
    # With a vector the work is one pass over memory, which a loop that shares it with what stands
    # around does best: a product and a sum, that the compiler fuses.
    if y.ndim == 1:
        return _e.cast(_r.sum(x * y, axis=-1), dtype)
    return _e.cast(_r.sum(_s.expand_dims(x, -1) * y, axis=-2), dtype)


def _meeting(what: str, x: Tensor, axis: int, y: Tensor, other: int) -> Tensor:
    """Return `x`, whose axis and that of `y` are to be multiplied and summed over: not broadcast, where one has length 1."""
    n, m = x.type.shape[axis], y.type.shape[other]
    # The multiplication asks for the rest.
    return _s.paired(what, x, axis, y, other) if 1 in (n, m) or one_length(n, m) is None else x


def dot(x: Any, y: Any) -> Tensor:
    """Return NumPy's ``dot``: the sum over the last axis of `x` and the last but one of `y`.

    For vectors and matrices it is ``@``, also where one is sparse; a scalar scales; for more axes the result has all the
    other axes of `x`, then all those of `y` (``@`` pairs the leading axes instead).

    Raises
    ------
    ShapeError
        If the inner lengths differ.

    Examples
    --------
    >>> pt.dot([[1, 2], [3, 4]], [1, 1]).eval().tolist()
    [3, 7]
    """
    if _sparse.is_sparse(x) or _sparse.is_sparse(y):
        return _sparse.dot(x, y)
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if y.ndim == 1 or (x.ndim <= 2 and y.ndim == 2):
        return matmul(x, y)
    return tensordot(x, y, axes=([-1], [-2]))


def vecdot(x: Any, y: Any, axis: int = -1) -> Tensor:
    """Return the dot products of the vectors along `axis`; the other axes broadcast.

    Raises
    ------
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> pt.vecdot([[1, 2], [3, 4]], [1, 1]).eval().tolist()
    [3, 7]
    """
    (x, y), dtype = _numbers("vecdot", x, y)
    x, y = (_last(t, _axis("vecdot", axis, t)) for t in (x, y))
    x = _meeting("vecdot", x, -1, y, -1)
    return _e.cast(_r.sum(x * y, axis=-1), dtype)


def matvec(x: Any, y: Any) -> Tensor:
    """Return matrices times vectors: shapes (..., m, n) and (..., n); leading axes broadcast.

    Examples
    --------
    >>> pt.matvec([[1, 2], [3, 4]], [1, 1]).eval().tolist()
    [3, 7]
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim < 2 or y.ndim < 1:
        raise ShapeError(f"matvec takes matrices and vectors, not shapes {x.type.shape} and {y.type.shape}")
    return matmul(x, y) if y.ndim == 1 else vecdot(x, _s.expand_dims(y, -2))


def vecmat(x: Any, y: Any) -> Tensor:
    """Return vectors times matrices: shapes (..., m) and (..., m, n); leading axes broadcast.

    Examples
    --------
    >>> pt.vecmat([1, 1], [[1, 2], [3, 4]]).eval().tolist()
    [4, 6]
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim < 1 or y.ndim < 2:
        raise ShapeError(f"vecmat takes vectors and matrices, not shapes {x.type.shape} and {y.type.shape}")
    return matmul(x, y) if x.ndim == 1 else vecdot(_s.expand_dims(x, -1), y, axis=-2)


def outer(x: Any, y: Any) -> Tensor:
    """Return the product of every element of `x` with every element of `y`: shape (x.size, y.size).

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.outer([1, 2], [3, 4]).eval()
    array([[3, 4],
           [6, 8]])
    """
    (x, y), dtype = _numbers("outer", x, y)
    return _e.cast(_s.expand_dims(_flat(x), 1) * _s.expand_dims(_flat(y), 0), dtype)


def inner(x: Any, y: Any) -> Tensor:
    """Return the sum of products over the last axes of both (a product, for scalars).

    Raises
    ------
    ShapeError
        If the last axes differ in length.

    Examples
    --------
    >>> pt.inner([1, 2], [3, 4]).eval().tolist()
    11
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if y.ndim == 1:
        return matmul(x, y)
    return matmul(y, x) if x.ndim == 1 else tensordot(x, y, axes=([-1], [-1]))


def vdot(x: Any, y: Any) -> Tensor:
    """Return the sum of products of all elements, both flattened.

    Raises
    ------
    ShapeError
        If they have different numbers of elements.

    Examples
    --------
    >>> pt.vdot([1, 2], [3, 4]).eval().tolist()
    11
    """
    x, y = as_tensor(x), as_tensor(y)
    return matmul(_flat(x), _flat(y))


def kron(x: Any, y: Any) -> Tensor:
    """Return the Kronecker product: every element of `x` replaced by itself times `y`.

    The operand with fewer axes gets leading axes of length 1, as in NumPy.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.kron([1, 10], [1, 2, 3]).eval()
    array([ 1,  2,  3, 10, 20, 30])
    """
    (x, y), dtype = _numbers("kron", x, y)
    rank = max(x.ndim, y.ndim)
    shapes = [(1,) * (rank - t.ndim) + t.shape for t in (x, y)]
    spread = [
        _s.reshape(x, [n for length in shapes[0] for n in (length, 1)]),
        _s.reshape(y, [n for length in shapes[1] for n in (1, length)]),
    ]
    return _e.cast(_s.reshape(spread[0] * spread[1], [n * m for n, m in zip(*shapes)]), dtype)


def tensordot(x: Any, y: Any, axes: Any = 2) -> Tensor:
    """Return the sum of products over chosen axes.

    Parameters
    ----------
    x, y
        Tensors.
    axes
        How many of the last axes of `x` meet the first of `y`; or two lists of axes, of `x` and of
        `y`.

    Returns
    -------
    The other axes of `x`, then those of `y`.

    Raises
    ------
    ShapeError
        If the axes do not pair up, or have different lengths.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.tensordot(pt.ones((2, 3, 4)), pt.ones((4, 3)), axes=([1, 2], [1, 0])).eval()
    array([12., 12.])
    """
    (x, y), dtype = _numbers("tensordot", x, y)
    if isinstance(axes, (int, np.integer)):
        n = int(axes)
        if not 0 <= n <= min(x.ndim, y.ndim):
            raise ShapeError(f"tensordot over {n} axes of tensors of shapes {x.type.shape} and {y.type.shape}")
        of_x, of_y = list(range(x.ndim - n, x.ndim)), list(range(n))
    else:
        of_x, of_y = (
            [_axis("tensordot", a, t) for a in ([given] if isinstance(given, int) else given)]
            for given, t in zip(axes, (x, y))
        )
    if len(of_x) != len(of_y) or len(set(of_x)) != len(of_x) or len(set(of_y)) != len(of_y):
        raise ShapeError(f"tensordot: the axes {of_x} and {of_y} do not pair up")
    for a, b in zip(of_x, of_y):
        x = _meeting("tensordot", x, a, y, b)
    first: list[Label] = [("x", i) for i in range(x.ndim)]
    second: list[Label] = [first[of_x[of_y.index(i)]] if i in of_y else ("y", i) for i in range(y.ndim)]
    keep = {label for label in (*first, *second) if not (label in first and label in second)}
    return _e.cast(_contract((x, first), (y, second), keep)[0], dtype)


# Einstein summation ----------------------------------------------------------------------------

Label = Any  # A letter, or a number for an axis under the ellipsis.
Named = tuple[Tensor, list[Label]]


def einsum(subscripts: Any, *operands: Any) -> Tensor:
    """Return a sum of products over named indices, as NumPy's ``einsum``.

    It becomes products of matrices, broadcast products and sums, two operands at a time, in an
    order chosen for the least work.

    Parameters
    ----------
    subscripts
        One group of letters for each operand, separated by commas; ``->`` and the letters of the
        result; ``...`` for axes that broadcast. Without ``->`` the result has the letters that occur
        once, in alphabetical order.
    operands
        Tensors with as many axes as their groups have letters. NumPy's other way of writing is understood too:
        ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.

    Raises
    ------
    ShapeError
        If the subscripts do not fit the operands, or a letter stands for different lengths.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> m = pt.constant([[1.0, 2.0], [3.0, 4.0]])
    >>> float(pt.einsum("ij,ij->", m, m).eval())
    30.0
    >>> pt.einsum("ii->i", m).eval()
    array([1., 4.])
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _in_letters((subscripts, *operands))
    tensors, dtype = _numbers("einsum", *operands) if operands else ([], "")
    groups, output = _parse(subscripts, tensors)
    terms = [_diagonals(x, labels, subscripts) for x, labels in zip(tensors, groups)]
    sizes = _sizes(terms, subscripts)
    terms = [_without_units(term, sizes) for term in terms]
    for step in _order(terms, output):
        chosen = [terms[i] for i in step]
        terms = [t for i, t in enumerate(terms) if i not in step]
        while len(chosen) > 1:
            keep = {label for _, labels in (*terms, *chosen[2:]) for label in labels} | set(output)
            chosen[:2] = [_contract(chosen[0], chosen[1], keep)]
        terms.append(chosen[0])
    (term,) = terms
    result, labels = _sum_out(term, set(output))
    return _e.cast(_s.transpose(result, [labels.index(label) for label in output]), dtype)


def _in_letters(given: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """``x, [0, 1], ..., [0]`` as subscripts and operands."""
    operands, lists = tuple(given[: len(given) // 2 * 2 : 2]), given[1::2]
    last = [given[-1]] if len(given) % 2 else []

    def letters(numbers: Any) -> str:
        if not isinstance(numbers, (list, tuple)) or not all(n is Ellipsis or 0 <= operator.index(n) < 52 for n in numbers):
            raise ShapeError(f"einsum takes a text of subscripts, or after each tensor a list of numbers below 52; not {numbers!r}")
        return "".join("..." if n is Ellipsis else LETTERS[n] for n in numbers)

    return "->".join([",".join(map(letters, lists)), *map(letters, last)]), operands


def _parse(subscripts: str, tensors: Sequence[Tensor]) -> tuple[list[list[Label]], list[Label]]:
    """The labels of every operand's axes and of the result's."""
    given, arrow, wanted = subscripts.replace(" ", "").partition("->")
    parts = given.split(",")
    if len(parts) != len(tensors) or not tensors:
        raise ShapeError(f"einsum {subscripts!r} names {len(parts)} operands, and got {len(tensors)}")
    groups = [_labels(part, x, subscripts) for part, x in zip(parts, tensors)]
    dots = max(sum(isinstance(label, int) for label in group) for group in groups)
    under = list(range(dots))[::-1]
    if not arrow:
        letters = [label for group in groups for label in group if isinstance(label, str)]
        return groups, [*under, *sorted({label for label in letters if letters.count(label) == 1})]
    head, ellipsis, tail = wanted.partition("...")
    output = [*head, *(under if ellipsis else []), *tail]
    known = {label for group in groups for label in group}
    if dots and not ellipsis:
        raise ShapeError(f"einsum {subscripts!r}: the operands have axes under '...', the result has no '...'")
    if len(set(output)) != len(output) or not set(output) <= known:
        raise ShapeError(f"einsum {subscripts!r}: every index of the result must occur once there, and in an operand")
    return groups, output


def _labels(part: str, x: Tensor, subscripts: str) -> list[Label]:
    head, ellipsis, tail = part.partition("...")
    count = x.ndim - len(head) - len(tail)
    if (not (head + tail).isalpha() and head + tail) or not (head + tail).isascii():
        raise ShapeError(f"einsum {subscripts!r}: the indices must be letters")
    if count < 0 or (count and not ellipsis):
        raise ShapeError(f"einsum {subscripts!r}: {part!r} does not fit a tensor of shape {x.type.shape}")
    # Numbered from the right, as axes broadcast.
    return [*head, *range(count - 1, -1, -1), *tail]


def _diagonals(x: Tensor, labels: list[Label], subscripts: str) -> Named:
    """Make every label occur once: an index that repeats runs along a diagonal."""
    for label in [k for k in dict.fromkeys(labels) if labels.count(k) > 1]:
        while labels.count(label) > 1:
            a = labels.index(label)
            b = labels.index(label, a + 1)
            n, m = x.type.shape[a], x.type.shape[b]
            if one_length(n, m) is None:
                raise ShapeError(f"einsum {subscripts!r}: index {label!r} stands for lengths {n} and {m} of one operand")
            x = diagonal(_s.paired(f"einsum {subscripts!r}: index {label!r}", x, a, x, b), 0, a, b)
            labels = [k for i, k in enumerate(labels) if i not in (a, b)] + [label]
    return x, labels


def _sizes(terms: Sequence[Named], subscripts: str) -> dict[Label, Size]:
    sizes: dict[Label, Size] = {}
    for x, labels in terms:
        for n, label in zip(x.type.shape, labels):
            known = sizes.get(label, 1)
            one = known if n == 1 else n if known == 1 else one_length(known, n)
            if one is None:
                raise ShapeError(f"einsum {subscripts!r}: index {label!r} stands for lengths {known} and {n}")
            sizes[label] = one
    return sizes


def _without_units(term: Named, sizes: dict[Label, Size]) -> Named:
    """Drop the axes of length 1 that broadcast against longer ones."""
    x, labels = term
    drop = [i for i, (n, label) in enumerate(zip(x.type.shape, labels)) if n == 1 and sizes[label] != 1]
    return (_r.sum(x, axis=drop) if drop else x), [k for i, k in enumerate(labels) if i not in drop]


def _order(terms: Sequence[Named], output: Sequence[Label]) -> list[tuple[int, ...]]:
    """Which operands to multiply, step by step."""
    if len(terms) <= 2:
        return [tuple(range(len(terms)))]
    # An axis of unknown length counts as 32.
    names = dict(zip(dict.fromkeys(k for _, labels in terms for k in labels), LETTERS))
    text = ",".join("".join(names[k] for k in labels) for _, labels in terms)
    text += "->" + "".join(names[k] for k in output)
    stand_ins = [np.broadcast_to(0.0, [n if isinstance(n, int) else 32 for n in x.type.shape]) for x, _ in terms]
    return [tuple(step) for step in np.einsum_path(text, *stand_ins, optimize="greedy")[0][1:]]


def _sum_out(term: Named, keep: set[Label]) -> Named:
    x, labels = term
    axes = [i for i, label in enumerate(labels) if label not in keep]
    return (_r.sum(x, axis=axes) if axes else x), [label for label in labels if label in keep]


def _contract(first: Named, second: Named, keep: set[Label]) -> Named:
    """Multiply two tensors and sum over the labels that are not in `keep`."""
    x, of_x = _sum_out(first, keep | set(second[1]))
    y, of_y = _sum_out(second, keep | set(first[1]))
    batch = [k for k in of_x if k in of_y and k in keep]
    summed = [k for k in of_x if k in of_y and k not in keep]
    left = [k for k in of_x if k not in of_y]
    right = [k for k in of_y if k not in of_x]
    result = [*batch, *left, *right]
    if not (summed and left and right):
        order = [*result, *summed]
        product = _align(x, of_x, order) * _align(y, of_y, order)
        axes = list(range(len(result), len(order)))
        return (_r.sum(product, axis=axes) if axes else product), result
    x = _s.transpose(x, [of_x.index(k) for k in (*batch, *left, *summed)])
    y = _s.transpose(y, [of_y.index(k) for k in (*batch, *summed, *right)])
    b, m, n = len(batch), len(left), len(right)
    product = matmul(_merge(_merge(x, b + m, x.ndim), b, b + m), _merge(_merge(y, y.ndim - n, y.ndim), b, y.ndim - n))
    if m == n == 1:
        return product, result
    shape = (*product.shape[:b], *x.shape[b : b + m], *y.shape[y.ndim - n :])
    return _s.reshape(product, shape), result


def _align(x: Tensor, labels: Sequence[Label], order: Sequence[Label]) -> Tensor:
    """The axes of `x` in `order`, with axes of length 1 for the labels it has not."""
    x = _s.transpose(x, [labels.index(k) for k in order if k in labels])
    # Leading axes of length 1 come by broadcasting.
    lead = next((i for i, k in enumerate(order) if k in labels), len(order))
    for axis in range(lead, len(order)):
        if order[axis] not in labels:
            x = _s.expand_dims(x, axis - lead)
    return x


def _merge(x: Tensor, start: int, stop: int) -> Tensor:
    """Axes `start` to `stop` as one."""
    if stop - start == 1:
        return x
    shape = x.shape
    return _s.reshape(x, (*shape[:start], math.prod(shape[start:stop]), *shape[stop:]))


def _axis(what: str, axis: int, x: Tensor) -> int:
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"{what}: axis {axis} is out of bounds for a tensor of shape {x.type.shape}")
    return int(axis) % x.ndim


def _last(x: Tensor, axis: int) -> Tensor:
    """`x` with `axis` last."""
    return _s.transpose(x, [*(i for i in range(x.ndim) if i != axis), axis])


def _flat(x: Tensor) -> Tensor:
    return x if x.ndim == 1 else _s.reshape(x, (-1,))
