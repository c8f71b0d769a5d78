"""PyTensor's functions of graphs: other parts in them, their inputs, their text; and gradients that are bent or checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, GradientError, user_location
from workbench.graph import traverse
from workbench.graph.expr import Constant, Data, Expr, Input, intern
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.printing import text
from workbench.tensor.black_box import Apply, Op
from workbench.tensor.markers import Annotation
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.derivatives import jacobian

Replacements = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


def clone_replace(output: Any, replace: Replacements | None = None, **options: Any) -> Any:
    """Return expressions with some of their parts replaced: one, or a list.

    Parameters
    ----------
    output
        Expressions.
    replace
        New expressions by old.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.scalars("x y")
    >>> clone_replace(pt.exp(x) + y, {x: 2 * y})
    exp(2.0 * y) + y
    """
    pairs = {old: as_tensor(new) for old, new in dict(replace or {}).items()}
    for old, new in pairs.items():
        if old.ndim != new.ndim:
            raise ArgumentError(f"clone_replace: {old!r} has {old.ndim} axes, and {new!r}, which is to replace it, {new.ndim}")
    return traverse.replace(output if isinstance(output, Expr) else list(output), pairs)


def graph_replace(outputs: Any, replace: Replacements | None = None, strict: bool = True, **options: Any) -> Any:
    """Return expressions with some of their parts replaced, as :func:`clone_replace` does.

    Raises
    ------
    ArgumentError
        If `strict`, and a part that is to be replaced is not there.
    """
    pairs = dict(replace or {})
    if strict:
        there = set(traverse.topological([outputs] if isinstance(outputs, Expr) else list(outputs)))
        missing = [x for x in pairs if x not in there]
        if missing:
            raise ArgumentError(f"graph_replace: {missing[0]!r} is no part of the outputs", "strict=False replaces what is there")
    return clone_replace(outputs, pairs)


def ancestors(graphs: Iterable[Any], blockers: Iterable[Any] | None = None) -> list[Any]:
    """Return everything that expressions are made of, themselves too; not what is behind `blockers`."""
    blocked = set(blockers or ())
    found: dict[Any, None] = {}
    stack = list(graphs)
    while stack:
        x = stack.pop()
        if x not in found:
            found[x] = None
            stack += [] if x in blocked else list(x.inputs)
    return list(found)


def graph_inputs(graphs: Iterable[Any], blockers: Iterable[Any] | None = None) -> list[Any]:
    """Return the inputs, data and constants that expressions are made of.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> graph_inputs([pt.exp(pt.scalar("x") + 1.0)])
    [1.0, x]
    """
    blocked = set(blockers or ())
    return [x for x in ancestors(graphs, blocked) if not x.inputs or x in blocked]


def explicit_graph_inputs(graphs: Any) -> list[Any]:
    """Return the inputs that expressions are made of, for which values are needed."""
    return [x for x in graph_inputs([graphs] if isinstance(graphs, Expr) else graphs) if not isinstance(x.op, (Constant, Data))]


def dprint(graph_like: Any, print_type: bool = False, file: Any = None, **options: Any) -> Any:
    """Print graphs as trees of lines, shared parts once.

    Parameters
    ----------
    graph_like
        An expression, several, or a compiled function, whose graph is that after rewriting.
    print_type
        Whether types are shown.
    file
        Where to; "str" returns the text.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> dprint(pt.exp(x) + x)
    add
      exp
        x
      x
    """
    roots = getattr(getattr(graph_like, "graph", None), "results", graph_like)
    shown = text(roots if isinstance(roots, Expr) else list(roots), types=print_type)
    if file == "str":
        return shown
    print(shown, file=file)
    return None


def pp(x: Any) -> str:
    """Return an expression as a formula."""
    return repr(x)


class OpFromGraph:
    """Expressions as a function of some of their inputs, to be used on others.

    Parameters
    ----------
    inputs, outputs
        Inputs, and expressions of them.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.scalars("x y")
    >>> f = OpFromGraph([x, y], [x * y + 1])
    >>> f(y, 3.0)
    y * 3.0 + 1.0
    """

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any], inline: bool = True, name: str | None = None, **options: Any) -> None:
        unknown = sorted(set(options) - {"lop_overrides", "pullback", "pushforward", "grad_overrides", "rop_overrides", "strict", "destroy_map"})
        if unknown:
            raise ArgumentError(f"OpFromGraph has no option {unknown[0]!r}")
        if any(v is not None for k, v in options.items() if k not in ("strict", "destroy_map")):
            raise ArgumentError("OpFromGraph: a gradient of one's own is said by an operation's class", "see workbench.pytensor.graph.Op, whose pullback it is")
        self.inputs, self.outputs, self.name = list(inputs), list(outputs), name

    def __call__(self, *inputs: Any) -> Any:
        if len(inputs) != len(self.inputs):
            raise ArgumentError(f"OpFromGraph takes {len(self.inputs)} inputs, got {len(inputs)}")
        made = clone_replace(self.outputs, dict(zip(self.inputs, inputs)))
        return made[0] if len(made) == 1 else made


@frozen
class GradientScaled(Annotation):
    """The input itself, whose gradient is multiplied."""

    factor: float
    name = "grad_scale"

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [cotangent * self.factor]


@frozen
class GradientClipped(Annotation):
    """The input itself, whose gradient is kept between bounds."""

    low: float
    high: float
    name = "grad_clip"

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [pt.clip(cotangent, self.low, self.high)]


def grad_scale(x: Any, multiplier: float) -> Tensor:
    """Return `x`, through which a gradient flows multiplied.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> float(pt.grad(grad_scale(x**2, 0.5), x).eval({x: 3.0}))
    3.0
    """
    return intern(GradientScaled(float(multiplier)), (as_tensor(x),))


def grad_clip(x: Any, lower_bound: float, upper_bound: float) -> Tensor:
    """Return `x`, through which a gradient flows that is kept between bounds.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> float(pt.grad(grad_clip(x**2, -1, 1) * 5, x).eval({x: 3.0}))
    6.0
    """
    if lower_bound > upper_bound:
        raise ArgumentError(f"grad_clip: the lower bound {lower_bound} is above the upper bound {upper_bound}")
    return intern(GradientClipped(float(lower_bound), float(upper_bound)), (as_tensor(x),))


class Print(Op):
    """An operation that prints a value when it is computed, and returns it.

    Parameters
    ----------
    message
        What is printed before it.
    attrs
        Names of its attributes and methods, and what they give is printed; "__str__" by default.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 2)
    >>> _ = Print("x is")(x).sum().eval({x: [1.0, 2.0]})
    x is [1. 2.]
    """

    __props__ = ("message", "attrs")

    def __init__(self, message: str = "", attrs: Sequence[str] = ("__str__",), global_fn: Any = None) -> None:
        self.message, self.attrs = message, tuple(attrs)

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        return Apply(self, [x], [x.type])

    def perform(self, node: Any, inputs: list[Any], outputs: list[list[Any]]) -> None:
        for name in self.attrs:
            found = getattr(inputs[0], name)
            print(self.message, *([f"{name} ="] if name != "__str__" else []), found() if callable(found) else found)
        outputs[0][0] = inputs[0]

    def pullback(self, inputs: list[Tensor], outputs: list[Tensor], cotangents: list[Tensor]) -> list[Tensor]:
        return cotangents


def verify_grad(fun: Callable[..., Any], pt_: Sequence[Any], n_tests: int = 2, rng: Any = None, eps: float = 1e-6, rel_tol: float = 1e-5, abs_tol: float = 1e-7, **options: Any) -> None:
    """Check the gradient of a function against differences, at a point.

    Parameters
    ----------
    fun
        From tensors to a tensor.
    pt_
        Values of its arguments, arrays of floats.
    n_tests, rng
        Taken for the sake of PyTensor's code: all elements of all outputs are checked.
    eps
        Step of the central differences, times the size of the argument.
    rel_tol, abs_tol
        What they may differ by.

    Raises
    ------
    GradientError
        If they differ by more.

    Examples
    --------
    >>> import numpy as np, workbench.tensor as pt
    >>> verify_grad(lambda x: pt.sin(x) * x, [np.array([0.5, 1.5])])
    """
    values = [np.asarray(v, float) for v in pt_]
    inputs: list[Tensor] = [intern(Input(f"x{i + 1}", as_tensor(v).type)) for i, v in enumerate(values)]
    output = pt.ravel(as_tensor(fun(*inputs)))
    whole = Graph(inputs, [output, *jacobian(output, inputs)])
    found = whole.run("numpy", *values)[1:]
    for i, v in enumerate(values):
        for at in np.ndindex(v.shape):
            step = eps * max(1.0, abs(float(v[at])))
            ends = []
            for sign in (1, -1):
                moved = [x.copy() for x in values]
                moved[i][at] += sign * step
                ends.append(whole.run("numpy", *moved)[0])
            difference, derivative = (ends[0] - ends[1]) / (2 * step), found[i][(slice(None), *at)]
            if not np.allclose(difference, derivative, rtol=rel_tol, atol=abs_tol):
                raise GradientError(
                    f"the gradient in argument {i + 1}{list(at) if at else ''} is {derivative}, and differences give {difference}", "", user_location()
                )
