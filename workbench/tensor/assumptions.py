"""`assume`: what the user knows of a value and the graph does not tell."""

from __future__ import annotations

from typing import Any

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import one_length
from workbench.graph.properties import MATRIX, PROPERTIES, infers, is_number, names
from workbench.graph.types import TensorType
from workbench.tensor.markers import Annotation
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class Assume(Annotation):
    """The value itself, of which properties are stated; gone before compilation."""

    properties: tuple[str, ...]
    plain = True

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"assume[{', '.join(self.properties)}]"

    @property
    def facts(self) -> int:
        """The properties as bits."""
        known = 0
        for name in self.properties:
            known |= PROPERTIES[name]
        return known

    def read(self, node: Expr, *operands: str) -> str:
        return operands[0]

    def infer(self, x: TensorType) -> TensorType:
        if self.facts & MATRIX and (x.ndim < 2 or one_length(x.shape[-2], x.shape[-1]) is None):
            raise ShapeError(f"a tensor of shape {shape_text(x.shape)} cannot be {' and '.join(self.properties)}: that is for square matrices")
        return x


@infers(Assume)
def what_is_assumed(node: Expr, known: int) -> int:
    """What was known, and what is stated, which NaN has not."""
    assert isinstance(node.op, Assume)
    return known | node.op.facts | is_number


def assume(x: Any, **properties: bool) -> Tensor:
    """Return `x`, of which the rewrite rules may take `properties` for granted.

    Nothing is checked: where a value lacks a property that was stated, results are wrong.

    Parameters
    ----------
    x
        Any tensor; matrices stand on the last two axes.
    **properties
        ``positive``, ``nonnegative``, ``negative``, ``nonpositive``, ``nonzero``, ``integer``,
        ``sorted``, ``one_hot`` (both along the last axis), ``diagonal``, ``lower_triangular``,
        ``upper_triangular``, ``positive_diagonal``, ``orthogonal``, ``symmetric``,
        ``positive_semidefinite``, ``positive_definite``; each ``True`` to state it, ``False`` to say nothing.

    Raises
    ------
    TypeError
        If there is no such property.
    ShapeError
        If a property of square matrices is stated of something else.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = assume(pt.scalar("x"), positive=True)
    >>> from workbench.rewrites import default_mode
    >>> default_mode().run([pt.abs(x)])[0][0]
    x
    """
    unknown = [name for name in properties if name not in PROPERTIES]
    if unknown:
        raise TypeError(f"assume: there is no property {unknown[0]!r}; there are {', '.join(PROPERTIES)}")
    stated = 0
    for name, holds in properties.items():
        if holds:
            stated |= PROPERTIES[name]
    x = as_tensor(x)
    return intern(Assume(tuple(names(stated))), (x,)) if stated else x
