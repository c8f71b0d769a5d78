"""Repeated structure becomes a loop: n terms, or elements, of one form are one expression over n lanes. A pass over whole graphs.

A model that is written term by term, in a loop of Python, is thousands of nodes where the vectorised model is ten. Compilers call what
turns the one into the other rerolling. It runs before anything else, and before derivatives are taken: what follows has ten nodes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import workbench.tensor as pt
from workbench.config import most_operations
from workbench.graph.expr import Expr, intern, rebuild
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.large import refuse_if_large
from workbench.graph.provenance import derived, inherited
from workbench.graph.rewrite import Firing, Pass, PassRecord, Rule, Settled
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType
from workbench.rewrites.lanes import Lanes, TooLarge, for_all, taken_rows
from workbench.tensor import elementwise as e
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape
from workbench.tensor.shape.joining import Concatenate

LEAST = 16
"""So many terms or elements of one form are a loop; fewer stay as they are written."""

DOC = """Repeated structure becomes a loop: terms of one form that are added, elements of one form that are stacked.

Terms are added in another order than they are written in: results may differ in the last digits.
"""

SIGNS = (e.add, e.subtract, e.negative)


@frozen
class Reroll(Pass):
    """The pass. `held` are expressions that stay as they are: what derivatives are asked for."""

    name: str = "reroll"
    rules: tuple[Rule, ...] = ()
    doc: str = DOC
    held: tuple[Expr, ...] = ()

    def run(self, roots: Sequence[Expr], record: bool = True, settled: Settled | None = None) -> tuple[tuple[Expr, ...], PassRecord]:
        start = time.perf_counter()
        firings: list[Firing] = []
        after = tuple(_rerolled(roots, firings, self.held, 0))
        seconds = time.perf_counter() - start
        return after, PassRecord(self.name, self.doc, tuple(roots), after, tuple(firings) if record else (), seconds)


def rerolled(roots: Sequence[Expr], held: Iterable[Expr] = ()) -> tuple[list[Expr], PassRecord]:
    """Return expressions with their repeated structure as loops, and what was done."""
    after, record = Reroll(held=tuple(held)).run(roots)
    return list(after), record


def _rerolled(roots: Sequence[Expr], firings: list[Firing], held: Iterable[Expr], depth: int) -> list[Expr]:
    nodes = topological(roots)
    made = _Rerolling(roots, nodes, firings, held, depth).results() if _may_repeat(nodes) else list(roots)
    if len(nodes) > most_operations():
        refuse_if_large(made)
    return made


def _may_repeat(nodes: Sequence[Expr]) -> bool:
    """Whether there is enough of anything, or a loop body where there may be."""
    sums = 0
    for node in nodes:
        sums += node.op in SIGNS
        if (isinstance(node.op, Concatenate) and len(node.inputs) >= LEAST) or node.op.graphs:
            return True
    return sums >= LEAST - 1


class _Rerolling:
    def __init__(self, roots: Sequence[Expr], nodes: Sequence[Expr], firings: list[Firing], held: Iterable[Expr], depth: int) -> None:
        self.roots, self.nodes, self.firings, self.depth = roots, nodes, firings, depth
        self.lanes = Lanes(held)
        self.within = self._within(nodes)
        self.graphs: dict[Graph, Graph] = {}

    def _within(self, nodes: Sequence[Expr]) -> set[Expr]:
        """Sums that only one other sum reads, of the same type: they are parts of it."""
        readers: dict[Expr, Expr | None] = {}
        for node in nodes:
            for x in node.inputs:
                if x.op in SIGNS:
                    readers[x] = node if x not in readers else None
        for x in (*self.roots, *self.lanes.held):
            readers[x] = None
        return {x for x, user in readers.items() if user is not None and user.op in SIGNS and user.type == x.type}

    def results(self) -> list[Expr]:
        memo: dict[Expr, Expr] = {}
        for node in self.nodes:
            if node in self.lanes.held:
                memo[node] = node
                continue
            new: Expr | None = None
            if node in self.within:
                memo[node] = node  # Its terms are looked at where the whole sum is.
                continue
            if node.op in SIGNS:
                new = self._sum(node, memo)
            elif isinstance(node.op, Concatenate) and len(node.inputs) >= LEAST:
                new = self._stack(node, [memo[x] for x in node.inputs])
            if new is None:
                new = self._inside(rebuild(node, tuple(memo[x] for x in node.inputs)) if node.inputs else node)
            memo[node] = new
        return [memo[r] for r in self.roots]

    def _inside(self, node: Expr) -> Expr:
        if not node.op.graphs:
            return node
        for g in node.op.graphs:
            if g not in self.graphs:
                self.graphs[g] = g.map_results(lambda results: _rerolled(results, self.firings, (), self.depth + 1))
        graphs = tuple(self.graphs[g] for g in node.op.graphs)
        if all(new == old for new, old in zip(graphs, node.op.graphs)):
            return node
        made: Expr = inherited(node.provenance, node.op.with_graphs(graphs), *node.inputs)
        return made

    def _fired(self, rule: Rule, node: Expr, after: Expr, start: float) -> Expr:
        self.firings.append(Firing(rule, node, after, time.perf_counter() - start, self.depth))
        return after

    # Sums ---------------------------------------------------------------------------------------

    def _terms(self, node: Expr) -> list[tuple[Expr, bool]]:
        """The terms of a sum as it was, in order, and which are subtracted."""
        found: list[tuple[Expr, bool]] = []
        stack = [(node, False)]
        while stack:
            x, minus = stack.pop()
            if x is not node and x not in self.within:
                found.append((x, minus))
                continue
            last = x.inputs[-1], minus != (x.op is not e.add)
            stack.append(last)
            if len(x.inputs) == 2:
                stack.append((x.inputs[0], minus))
        return found

    def _sum(self, node: Expr, memo: dict[Expr, Expr]) -> Expr | None:
        """A sum with its terms of one form as sums over lanes; with nothing to join, as it was."""
        if not any(x in self.within for x in node.inputs):
            return None
        start = time.perf_counter()
        terms = [(memo[x], minus) for x, minus in self._terms(node)]
        joined = self._groups(node, terms) if len(terms) >= LEAST else []
        if not joined:
            return self._as_it_was(node, memo)
        done = {k for members, _ in joined for k in members}
        with derived(node.provenance, SUM_OF_EQUAL_TERMS.name):
            total: Expr | None = None
            rest = [(x, minus) for k, (x, minus) in enumerate(terms) if k not in done]
            for x, minus in (*((whole, terms[members[0]][1]) for members, whole in joined), *rest):
                total = (-x if minus else x) if total is None else (total - x if minus else total + x)  # type: ignore[operator]
        assert total is not None
        before = self._as_it_was(node, memo)
        return self._fired(SUM_OF_EQUAL_TERMS, before, total, start) if total.type == node.type else before

    def _groups(self, node: Expr, terms: Sequence[tuple[Expr, bool]]) -> list[tuple[list[int], Expr]]:
        """Terms of one form, by their numbers, with the sum of each group."""
        groups: dict[tuple[int, bool], list[int]] = {}
        for k, (x, minus) in enumerate(terms):
            if x.type == node.type and not self.lanes.is_leaf(x):
                groups.setdefault((self.lanes.of(x), minus), []).append(k)
        joined = []
        for members in groups.values():
            if len(members) < LEAST:
                continue
            lanes = [terms[k][0] for k in members]
            try:
                whole = self.lanes.joined(lanes, SUM_OF_EQUAL_TERMS.name)
            except TooLarge:
                continue
            with for_all(lanes, SUM_OF_EQUAL_TERMS.name):
                joined.append((members, intern(Reduce("sum", (0,)), (whole,))))
        return joined

    def _as_it_was(self, node: Expr, memo: dict[Expr, Expr]) -> Expr:
        """The sum in its own order, over terms that may be others now."""
        if all(memo[x] is x for x, _ in self._terms(node)):
            return node
        stack = [node]
        made: dict[Expr, Expr] = {}
        while stack:
            x = stack[-1]
            waiting = [y for y in x.inputs if y in self.within and y not in made]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            made[x] = rebuild(x, tuple(made[y] if y in self.within else memo[y] for y in x.inputs))
        return made[node]

    # Stacks -------------------------------------------------------------------------------------

    def _stack(self, node: Expr, parts: Sequence[Expr]) -> Expr | None:
        """A concatenation of elements, or rows, of one form: each is a lane."""
        start = time.perf_counter()
        axis = node.op.axis
        groups: dict[int, list[int]] = {}
        elements = [_element(x, axis) for x in parts]
        for k, x in enumerate(elements):
            if x is not None and not self.lanes.is_leaf(x):
                groups.setdefault(self.lanes.of(x), []).append(k)
        order: list[int] = []
        made: list[Expr] = []
        alone = dict.fromkeys(range(len(parts)))
        with derived(node.provenance, STACK_OF_EQUAL_ELEMENTS.name):
            for members in groups.values():
                if len(members) < LEAST:
                    continue
                try:
                    whole = self.lanes.joined([elements[k] for k in members], STACK_OF_EQUAL_ELEMENTS.name)  # type: ignore[misc]
                except TooLarge:
                    continue
                made.append(_moved(whole, axis))
                order += members
                for k in members:
                    del alone[k]
            if not made:
                return None
            if any(x.type.shape[axis] != 1 for x in (parts[k] for k in alone)):
                return None  # Parts of other lengths have no number in the order.
            made += [parts[k] for k in alone]
            order += alone
            whole = made[0] if len(made) == 1 else intern(Concatenate(axis), tuple(made))
            if order != sorted(order):
                back = [0] * len(order)
                for place, k in enumerate(order):
                    back[k] = place
                whole = pt.take(whole, pt.constant(back), axis=axis) if axis else taken_rows(whole, pt.constant(back).op.value)
        return self._fired(STACK_OF_EQUAL_ELEMENTS, rebuild(node, tuple(parts)), whole, start) if whole.type == node.type else None


def _element(x: Expr, axis: int) -> Expr | None:
    """What a part of a stack is without the axis of the stack, if it has length 1 along that."""
    if not isinstance(x.type, TensorType) or x.type.shape[axis] != 1:
        return None
    below = (*x.type.shape[:axis], *x.type.shape[axis + 1 :])
    if isinstance(x.op, Reshape) and x.inputs[0].type.shape == below:
        return x.inputs[0]  # type: ignore[no-any-return]
    return pt.reshape(x, below) if all(isinstance(n, int) for n in below) else None


def _moved(whole: Expr, axis: int) -> Expr:
    """Lanes along another axis than the first."""
    if not axis:
        return whole
    return pt.transpose(whole, (*range(1, axis + 1), 0, *range(axis + 1, whole.type.ndim)))


def _sum_of_equal_terms(expr: Expr) -> None:
    """Terms of one form, which differ in numbers and in what they pick, are a sum over a vector: f(x[0], a) + f(x[1], b) + ... -> sum(f(x, [a, b, ...]))."""


def _stack_of_equal_elements(expr: Expr) -> None:
    """Elements of one form, which differ in numbers and in what they pick, are the form over a vector: stack([f(x[0], a), f(x[1], b), ...]) -> f(x, [a, b, ...])."""


SUM_OF_EQUAL_TERMS, STACK_OF_EQUAL_ELEMENTS = (
    Rule(name, "reroll", (function.__doc__ or "").strip(), (), lambda expr: None, function)
    for name, function in (("sum_of_equal_terms", _sum_of_equal_terms), ("stack_of_equal_elements", _stack_of_equal_elements))
)
