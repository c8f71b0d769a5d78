"""The pass that spares work. Before its own rules, it asks those whose condition is about a whole graph: who reads what, which factors there are."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import workbench.tensor as pt
from workbench.graph.expr import Expr, Get, intern, rebuild
from workbench.graph.frozen import frozen
from workbench.graph.properties import is_positive_definite
from workbench.graph.rewrite import Firing, Pass, PassRecord, Rule, Settled, rule
from workbench.graph.traverse import topological
from workbench.rewrites import read_once
from workbench.rewrites.linear_algebra import square_matrix, stack_of_matrices, wide_matrix
from workbench.rewrites.matrix_properties import diagonal, untransposed
from workbench.tensor import linalg
from workbench.tensor.assumptions import Assume
from workbench.tensor.linalg.decompositions import SVD, Cholesky, InverseFromFactor, SingularValues
from workbench.tensor.linalg.determinants import Det, SlogDet
from workbench.tensor.linalg.linear_systems import Inv, Solve
from workbench.tensor.linalg.shared_factors import Eliminate, EliminatedDeterminant, SolveEliminated

GROUP = "factor at hand"


@frozen
class OfWholeGraphs(Pass):
    """The pass."""

    def run(self, roots: Sequence[Expr], record: bool = True, settled: Settled | None = None) -> tuple[tuple[Expr, ...], PassRecord]:
        start = time.perf_counter()
        read, steps = read_once.lifted(roots, [r for r in self.rules if r.group == read_once.GROUP])
        made, more = from_factors(read, [r for r in self.rules if r.group == GROUP])
        local = tuple(r for r in self.rules if r.group not in (read_once.GROUP, GROUP))
        after, done = Pass(self.name, local, self.doc).run(made, record, settled)
        firings = (*steps, *more, *done.firings) if record else ()
        return after, PassRecord(self.name, self.doc, tuple(roots), after, firings, time.perf_counter() - start)


def from_factors(roots: Sequence[Expr], rules: Sequence[Rule]) -> tuple[Sequence[Expr], list[Firing]]:
    """Return expressions in which determinants and inverses take the Cholesky factors that there are, all that is asked of one matrix one factor, and the steps."""
    nodes = topological(roots)
    factored = {_upright(n.inputs[0]) for n in nodes if isinstance(n.op, Cholesky)}
    asked = Counter(_upright(n.inputs[0]) for n in nodes if isinstance(n.op, (Solve, Inv, Det, SlogDet)))
    several = {x for x, n in asked.items() if n > 1}
    read: dict[Expr, set[int]] = {}
    for n in nodes:
        if isinstance(n.op, Get) and isinstance(n.inputs[0].op, SVD):
            read.setdefault(n.inputs[0], set()).add(n.op.index)
    alone = {x for x, indices in read.items() if indices == {1}}
    if not (factored or several or alone) or not rules:
        return roots, []
    memo: dict[Expr, Expr] = {}
    steps: list[Firing] = []
    for n in nodes:
        made = rebuild(n, tuple(memo[x] for x in n.inputs)) if n.inputs else n
        for used in _fitting(n, rules, factored, several, alone):
            after = used.apply(made)
            if after is not None:
                steps.append(Firing(used, made, after, 0.0))
                made = after
                break
        memo[n] = made
    return ([memo[r] for r in roots], steps) if steps else (roots, [])


def _fitting(n: Expr, rules: Sequence[Rule], factored: set[Expr], several: set[Expr], alone: set[Expr]) -> list[Rule]:
    """The rules for a node whose condition about the whole graph holds: those first that take a Cholesky factor."""
    if not n.inputs:
        return []
    x = n.inputs[0]
    if isinstance(n.op, Get) and x in alone:
        wanted: tuple[Rule, ...] = (singular_values_alone,)
    else:
        matrix = _upright(x.inputs[0] if isinstance(n.op, Get) and isinstance(x.op, SlogDet) else x)
        wanted = (*(OF_CHOLESKY if matrix in factored else ()), *(OF_ELIMINATION if matrix in several else ()))
    return [r for r in wanted if r in rules and isinstance(n.op, r.roots)]


def _bare(x: Expr) -> Expr:
    """An expression without what is assumed of it."""
    while isinstance(x.op, Assume):
        x = x.inputs[0]
    return x


def _upright(x: Expr) -> Expr:
    """Of matrices and their transposes, always the same."""
    source = untransposed(_bare(x))
    return _bare(x) if source is None else _bare(source)


@rule(GROUP, ops=(Det,), examples=lambda: [linalg.det(square_matrix(positive_definite=True)), linalg.det(stack_of_matrices(positive_definite=True))])
def determinant_from_factor(expr: Expr) -> Expr | None:
    """Where a matrix has its Cholesky factor computed, its determinant is the square of the product of the factor's diagonal."""
    (x,) = expr.inputs
    return pt.square(pt.prod(diagonal(linalg.cholesky(x)), axis=-1)) if is_positive_definite(x) else None


@rule(GROUP, ops=(Inv,), examples=lambda: [linalg.inv(square_matrix(positive_definite=True)), linalg.inv(stack_of_matrices(positive_definite=True))])
def inverse_from_factor(expr: Expr) -> Expr | None:
    """Where a matrix has its Cholesky factor computed, its inverse is found from that."""
    (x,) = expr.inputs
    return intern(InverseFromFactor(), (linalg.cholesky(x),)) if is_positive_definite(x) else None


@rule(GROUP, ops=(Solve,), examples=lambda: [linalg.solve(square_matrix(), wide_matrix()), linalg.solve(stack_of_matrices(), wide_matrix()), intern(Solve(), (square_matrix().T, wide_matrix()))])
def solve_by_shared_factor(expr: Expr) -> Expr | None:
    """Where several systems have one matrix, or its transpose (as the gradient of a solution has), it is factored once."""
    a, b = expr.inputs
    source = untransposed(_bare(a))
    return intern(SolveEliminated(source is not None), (intern(Eliminate(), (_upright(a),)), b))


def _eliminated(a: Expr) -> Expr:
    return intern(Eliminate(), (_upright(a),))


@rule(GROUP, ops=(Inv,), examples=lambda: [linalg.inv(square_matrix()), linalg.inv(stack_of_matrices()), intern(Inv(), (square_matrix().T,))])
def inverse_by_shared_factor(expr: Expr) -> Expr | None:
    """Where a matrix is inverted and more is asked of it, as by the gradient of its determinant, it is factored once."""
    (a,) = expr.inputs
    unit = pt.broadcast_to(pt.eye(a.shape[-1], dtype=a.type.dtype), a.shape)
    return intern(SolveEliminated(untransposed(_bare(a)) is not None), (_eliminated(a), unit))


@rule(GROUP, ops=(Det,), examples=lambda: [linalg.det(square_matrix()), linalg.det(stack_of_matrices())])
def determinant_by_shared_factor(expr: Expr) -> Expr | None:
    """Where more is asked of a matrix than its determinant, this is found from the factor of all."""
    return intern(EliminatedDeterminant("det"), (_eliminated(expr.inputs[0]),))


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(square_matrix())[0], linalg.slogdet(stack_of_matrices())[1]])
def slogdet_by_shared_factor(expr: Expr) -> Expr | None:
    """Where more is asked of a matrix, so are the sign and the logarithm of its determinant."""
    made = expr.inputs[0]
    return intern(EliminatedDeterminant(("sign", "log")[expr.op.index]), (_eliminated(made.inputs[0]),)) if isinstance(made.op, SlogDet) else None


@rule(GROUP, ops=(Get,), over=(SVD,), examples=lambda: [linalg.svd(square_matrix())[1], linalg.svd(stack_of_matrices(), compute_uv=False), linalg.svd(wide_matrix())[1]])
def singular_values_alone(expr: Expr) -> Expr | None:
    """Where nobody reads the singular vectors, they are not computed."""
    made = expr.inputs[0]
    return intern(SingularValues(), made.inputs) if isinstance(made.op, SVD) and expr.op.index == 1 else None


OF_CHOLESKY = (determinant_from_factor, inverse_from_factor)
OF_ELIMINATION = (solve_by_shared_factor, inverse_by_shared_factor, determinant_by_shared_factor, slogdet_by_shared_factor)
