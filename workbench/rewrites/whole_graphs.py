"""The pass that spares work. Before its own rules, it asks those whose condition is about a whole graph: who reads what, which factors there are."""

from __future__ import annotations

import time
from collections.abc import Sequence

import workbench.tensor as pt
from workbench.graph.expr import Expr, intern, rebuild
from workbench.graph.frozen import frozen
from workbench.graph.properties import is_positive_definite
from workbench.graph.rewrite import Firing, Pass, PassRecord, Rule, Settled, rule
from workbench.graph.traverse import topological
from workbench.rewrites import read_once
from workbench.rewrites.linear_algebra import square_matrix, stack_of_matrices
from workbench.rewrites.matrix_properties import diagonal
from workbench.tensor import linalg
from workbench.tensor.assumptions import Assume
from workbench.tensor.linalg.decompositions import Cholesky, InverseFromFactor
from workbench.tensor.linalg.determinants import Det
from workbench.tensor.linalg.linear_systems import Inv

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
    """Return expressions in which determinants and inverses take the Cholesky factors that there are, and the steps."""
    nodes = topological(roots)
    factored = {_bare(n.inputs[0]) for n in nodes if isinstance(n.op, Cholesky)}
    if not factored or not rules:
        return roots, []
    memo: dict[Expr, Expr] = {}
    steps: list[Firing] = []
    for n in nodes:
        made = rebuild(n, tuple(memo[x] for x in n.inputs)) if n.inputs else n
        if isinstance(n.op, (Det, Inv)) and _bare(n.inputs[0]) in factored:
            for used in rules:
                after = used.apply(made) if isinstance(n.op, used.roots) else None
                if after is not None:
                    steps.append(Firing(used, made, after, 0.0))
                    made = after
                    break
        memo[n] = made
    return ([memo[r] for r in roots], steps) if steps else (roots, [])


def _bare(x: Expr) -> Expr:
    """An expression without what is assumed of it."""
    while isinstance(x.op, Assume):
        x = x.inputs[0]
    return x


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
