"""What a covariance matrix is made of: terms that are kernels of distances on a line, and a diagonal; and the rules that use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions import distance_kernels as kernels
from workbench.distributions.constraints import checked
from workbench.distributions.distribution import Draw
from workbench.distributions.normals import MvNormal, SemidefiniteMvNormal
from workbench.graph.expr import Constant, Data, Expr
from workbench.graph.pattern import match, variable
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.linalg.diagonal import DiagonalMatrix, Eye
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape, extent
from workbench.transforms.logprob import GROUP, LogProb, logp_node
from workbench.transforms.matern_filter import CHAINS, Part, innovations

MOST_STATES = 6
"""So many states a chain may have: the work of a step grows with their cube."""

_SQUARED = variable("squared", ndim=2)
_FORMS = [(chain, chain.kernel(kernels.distance(_SQUARED))) for chain in CHAINS]


class Structure(NamedTuple):
    """A covariance matrix as a sum of chains on one line, and a diagonal.

    Attributes
    ----------
    column
        Where the points are, ``(n, 1)``.
    parts
        The chains.
    noise
        The diagonal, ``(n,)`` or a scalar.
    """

    column: Any
    parts: list[Part]
    noise: Any


def chains_on_a_line(cov: Expr) -> Structure | None:
    """Return a covariance matrix as chains on a line and a diagonal, if it is that."""
    parts: list[Part] = []
    columns: list[Any] = []
    noise: Any = None
    for scalars, term in _terms(cov):
        factor = _product(scalars)
        diagonal = _diagonal(term)
        if diagonal is not None:
            here = diagonal * factor
            noise = here if noise is None else noise + here
            continue
        found = _chain(term)
        if found is None:
            return None
        chain, column, scale = found
        parts.append(Part(chain, factor, scale))
        columns.append(column)
    states = sum(len(p.chain.stationary) for p in parts)
    if not parts or states > MOST_STATES or any(c is not columns[0] for c in columns):
        return None
    lost = pt.as_tensor(sum(p.variance * p.chain.rounded for p in parts))
    return Structure(columns[0], parts, (0.0 if noise is None else noise) - lost)


def _terms(x: Expr) -> Iterator[tuple[list[Any], Expr]]:
    """The terms of a sum, each with the scalars that it is multiplied by."""
    pending: list[tuple[list[Any], Expr]] = [([], x)]
    while pending:
        scalars, node = pending.pop()
        if node.op is e.add and all(i.type.shape == node.type.shape for i in node.inputs):
            pending += [(scalars, i) for i in reversed(node.inputs)]
            continue
        if node.op is e.multiply:
            for i in (0, 1):
                other, rest = node.inputs[i], node.inputs[1 - i]
                if _is_scalar(other) and rest.type.shape == node.type.shape:
                    pending.append(([*scalars, _scalar(other)], rest))
                    break
            else:
                yield scalars, node
            continue
        yield scalars, node


def _is_scalar(x: Expr) -> bool:
    return all(n == 1 for n in x.type.shape)


def _scalar(x: Any) -> Any:
    return pt.reshape(x, ()) if x.type.ndim else x


def _product(scalars: list[Any]) -> Any:
    total: Any = pt.constant(1.0)
    for i, x in enumerate(scalars):
        total = x if i == 0 else total * x
    return total


def _diagonal(x: Expr) -> Any:
    """The diagonal of a diagonal matrix."""
    if isinstance(x.op, Eye) and x.op.offset == 0:
        return pt.constant(1.0)
    if isinstance(x.op, DiagonalMatrix) and x.op.offset == 0 and x.type.ndim == 2:
        return x.inputs[0]
    return None


def _chain(term: Expr) -> tuple[Any, Any, Any] | None:
    """The kernel that a term is, the column of its points, and what they are multiplied by."""
    for chain, form in _FORMS:
        found = match(form, term)
        if found is not None:
            points = _points(found["squared"])
            return None if points is None else (chain, *points)
    return None


def _points(squared: Expr) -> tuple[Any, Any] | None:
    """The points, one column, whose squared distances from one another a matrix is; and the scalar that they are multiplied by."""
    if not isinstance(squared.op, Reduce) or not squared.inputs or squared.inputs[0].op is not e.square:
        return None
    apart = squared.inputs[0].inputs[0]
    if apart.op is not e.subtract or not all(isinstance(i.op, Reshape) for i in apart.inputs):
        return None
    x, other = (i.inputs[0] for i in apart.inputs)
    if x is not other or x.type.ndim != 2 or x.type.shape[1] != 1 or kernels.squared_distances(x, x) is not squared:  # type: ignore[arg-type]
        return None
    if x.op is e.multiply:
        for i in (0, 1):
            if _is_scalar(x.inputs[i]) and x.inputs[1 - i].type.ndim == 2:
                return x.inputs[1 - i], _scalar(x.inputs[i])
    return x, pt.constant(1.0)


def _in_order(column: Any) -> Any:
    """Which points come one after the other; ``None`` if they are in order for certain."""
    if isinstance(column.op, Constant):
        at = column.op.value[:, 0]
        return None if (np.diff(at) >= 0.0).all() else np.argsort(at, kind="stable")
    at = column[:, 0]
    return pt.argsort(at if isinstance(column.op, Data) else pt.stop_gradient(at))


def _examples() -> list[Expr]:
    x, ls, eta, s = np.array([[0.3], [0.1], [0.8], [1.0]]), pt.exp(pt.scalar("log_ls")), pt.scalar("eta"), pt.exp(pt.scalar("log_s"))
    found: list[Expr] = []
    for chain in CHAINS:
        z = pt.as_tensor(x) * (1.0 / ls)
        cov = eta**2 * chain.kernel(kernels.distance(kernels.squared_distances(z, z))) + pt.diag(pt.alloc(pt.square(s), 4)) + 1e-6 * pt.eye(4)
        found.append(logp_node(MvNormal.dist(mu=pt.scalar("mu"), cov=cov), pt.vector("value", 4)))
    return found


@rule(GROUP, ops=(LogProb,), over=(Draw,), examples=_examples)
def matern_process_is_a_markov_chain(expr: Expr) -> Expr | None:
    """A Matérn process on a line is a Markov chain of its value and derivatives, so the density of n noisy values is a Kalman filter's:
    n steps in the order of the points, and no matrix of n rows."""
    x, value = expr.inputs
    if not isinstance(x.op, Draw) or x.op.distribution not in (MvNormal, SemidefiniteMvNormal) or value.type.ndim != 1 or x.type.ndim != 1:
        return None
    mu, cov = x.inputs[1:]
    found = chains_on_a_line(cov) if cov.type.ndim == 2 else None
    if found is None or mu.type.ndim != 1:
        return None
    value = x.op.distribution._of_lengths(value, [mu, cov])
    apart: Any = value - mu
    noise: Any = pt.broadcast_to(found.noise, (extent(apart, 0),))
    at, order = found.column[:, 0], _in_order(found.column)
    if order is not None:
        at, apart, noise = at[order], apart[order], noise[order]
    gaps = pt.concatenate([pt.zeros(1), at[1:] - at[:-1]])
    terms, variances = innovations(found.parts, gaps, apart, noise)
    # They are the squared diagonal of the Cholesky factor.
    certain = pt.all(variances > 0.0)
    return checked("MvNormal", pt.sum(terms), [(certain, "cov must be positive definite")], ("mu",), (mu,))  # type: ignore[arg-type]
