"""What each node of a model's log-density and gradient is for: its terms, told apart in the graph that is compiled.

A term keeps no border when graphs are rewritten: sums are merged, and what two terms compute alike is one node. So it is decided by
what each part of the model needs when it is rewritten by itself, by the same rules. These are local, so that what a part has in common
with the whole is the same nodes. In this order:

1. what depends on no value is *data*; the flat vector is the *unconstrained values*;
2. what lies below a random variable's value, or below a Deterministic or named expression, belongs to that; below several, to those
   that contain no other of them ("shared by" these, if they are several);
3. what the log-density is made of belongs to the term, or the change of variables, below which it lies; below several, it is shared;
4. the rest is computed for the gradient alone: it belongs to the gradient below which it lies; below several, it is shared;
5. what lies below no part, because terms were merged, belongs to the part that all of its inputs have in common; to what it was first
   derived for (its provenance), where these are of rules 1 and 2 alone; else it is where everything is added up: the *sum of the terms*,
   or *all gradients*.

Nodes inside loops and branches are the *loop body* of the part that the loop belongs to. Arrows between parts make no circle, but for
nodes of rule 5 whose purpose their provenance told, and a loop body with its loop, which are drawn one inside the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import workbench.tensor as pt
from workbench.graph.expr import Constant, Data, Expr, Get, Input
from workbench.graph.inner import Graph
from workbench.graph.provenance import Purpose, derived, nowhere
from workbench.graph.rewrite import Trace
from workbench.graph.traverse import depends_on, replace, topological
from workbench.model.density import LogpGraph, Slopes, flat_vector, kind_of_term, slopes
from workbench.model.drawing import named_expressions
from workbench.rewrites import default_mode, unconstrained_pass
from workbench.rewrites.unused_results import UnusedResults

if TYPE_CHECKING:
    from workbench.model.model import Model

DATA, VALUES, GUARD = Purpose("data"), Purpose("values"), Purpose("guard")
SUM, GRADIENTS = Purpose("sum"), Purpose("gradients")
TERMS = ("prior", "density", "potential")


class Purposes:
    """The parts of a model's computation.

    Attributes
    ----------
    written
        The graph from the flat vector to the log-density, and its gradient, as derived.
    roots
        The optimised log-density, and its gradient.
    trace
        Every step from the model to these.
    of
        What each node of them is for, those inside loops too.

    Examples
    --------
    >>> import workbench as pm
    >>> from workbench.graph import formula
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu")
    ...     y = pm.Normal("y", mu, 1.0, observed=[1.0, 2.0])
    >>> for part, nodes in purposes(model).parts.items():
    ...     print(f"{part}: {formula(nodes[-1])}")
    data: 2
    unconstrained values: q
    value of mu: q
    prior of mu: -0.5*mu**2 - 0.918939
    density of y: -0.5*sum(([1, 2] - mu)**2) - 1.83788
    sum of the terms: -0.5*mu**2 - 0.918939 - 0.5*sum(([1, 2] - mu)**2) - 1.83788
    gradient to mu: 3 - mu*2 - mu
    """

    def __init__(self, written: Graph, roots: Sequence[Expr], trace: Trace, of: Mapping[Expr, Purpose]) -> None:
        self.written, self.roots, self.trace, self.of = written, tuple(roots), trace, dict(of)

    @property
    def parts(self) -> dict[Purpose, list[Expr]]:
        """The nodes of each part, inputs before users."""
        found: dict[Purpose, list[Expr]] = {}
        for node, part in self.of.items():
            found.setdefault(part, []).append(node)
        return found

    @property
    def edges(self) -> list[tuple[Purpose, Purpose]]:
        """Which parts use which, each pair once: (what is used, by what)."""
        pairs = ((self.of[x], self.of[n]) for n in self.of for x in n.inputs)
        return list(dict.fromkeys((a, b) for a, b in pairs if a != b))


def purposes(model: Model) -> Purposes:
    """Return what each node of a model's optimised log-density is for, and of its gradient if it has one."""
    m = model.at_current_shapes()
    trace = Trace()
    if all(rv.type.kind == "f" for rv in m.free_RVs):
        whole = slopes(m, trace)
        written = whole.graph
    else:
        density = m.density()
        q, values = flat_vector(m)
        trace.passes += density.trace.passes
        whole = Slopes(density, q, values, replace(density.representable(density.total), values), [])
        written = Graph([q], [whole.total])
    roots, optimised = default_mode().run(written.results)
    trace.passes += optimised.passes
    with nowhere():
        parts = _Parts(m, whole)
    return Purposes(written, roots, trace, _decided(roots, parts))


class _Parts:
    """The parts of a model, each rewritten by itself: named ones, terms, and gradients."""

    def __init__(self, model: Model, whole: Slopes) -> None:
        density = whole.density
        named: dict[Purpose, Any] = {Purpose("value", (str(rv.name),)): density.values[rv] for rv in model.free_RVs}
        expressions: list[Any] = [*named_expressions(model), *model.deterministics]
        named |= {Purpose("expression", (str(x.name),)): made for x, made in zip(expressions, replace(expressions, density.values))}
        terms = _of_terms(model, density)
        alone: dict[Purpose, Any] = _of_terms(model, model.density(jacobian=False))
        stretched = _changes_of_variables(model, density.values)
        rewritten = iter(unconstrained_pass().run([*named.values(), *stretched.values()], record=False)[0])
        named = {part: next(rewritten) for part in named}
        alone |= {part: next(rewritten) for part in stretched}
        of_values = replace([*named.values(), *alone.values(), *terms.values()], whole.parts)
        done = iter(_optimised([*of_values, *whole.rows], [whole.total, *whole.rows]))
        self.named: dict[Purpose, Expr] = {part: next(done) for part in named}
        self.alone: dict[Purpose, Expr] = {part: next(done) for part in alone}
        self.together: dict[Purpose, Expr] = {part: next(done) for part in terms}
        rows = model.free_RVs if whole.rows else []
        self.gradients: dict[Purpose, Expr] = {Purpose("gradient to", (str(rv.name),)): next(done) for rv in rows}


def _of_terms(model: Model, density: LogpGraph) -> dict[Purpose, Any]:
    """The terms by what they are for: a joint density counts as that of what is observed, if any of it is."""
    kinds = {str(x.name): kind_of_term(model, x) for x in (*model.basic_RVs, *model.potentials)}
    found = {}
    for f in density.factors.all:
        kind = next(k for k in ("density", "prior", "potential") if any(kinds[n] == k for n in f.of))
        found[Purpose(kind, f.of)] = density.terms[f.name]
    return found


def _changes_of_variables(model: Model, values: Mapping[Expr, Any]) -> dict[Purpose, Any]:
    found: dict[Purpose, Any] = {}
    for rv, transform in model.rvs_to_transforms.items():
        if transform is not None:
            with derived(rv.provenance, None, "change of variables", (str(rv.name),)):
                found[Purpose("change of variables", (str(rv.name),))] = pt.sum(transform.log_jacobian(model.rvs_to_values[rv], rv))
    return dict(zip(found, replace(list(found.values()), values)))


def _optimised(parts: Sequence[Expr], whole: Sequence[Expr]) -> list[Expr]:
    """Parts as they are in the optimised whole."""
    current, n = [*whole, *parts], len(whole)
    for p in default_mode().passes:
        if not isinstance(p, UnusedResults):
            # Some rules look at what the whole graph computes.
            current = list(p.run(current, record=False)[0])
            continue
        after, record = p.run(current[:n])
        moved = {f.before: f.after for f in record.firings if f.depth == 0 and isinstance(f.before.op, Get)}
        current = [*after, *replace(current[n:], moved)]
    return current[n:]


def _decided(roots: Sequence[Expr], parts: _Parts) -> dict[Expr, Purpose]:
    nodes = topological(roots)
    in_total = set(topological(roots[:1]))
    dependent = depends_on(roots, [n for n in nodes if isinstance(n.op, Input)])
    named = _Marks(parts.named)
    terms, merged = _Marks(parts.alone, [GUARD]), _Marks(parts.together)
    gradients = _Marks(parts.gradients)
    every = (1 << len(gradients.parts) + len(terms.parts)) - 1
    found: dict[Expr, Purpose] = {}
    common: dict[Expr, int] = {}
    """The parts, as bits, that a node may belong to: all of them for what rules 1 and 2 decide."""
    for node in nodes:
        if isinstance(node.op, Input):
            found[node], common[node] = VALUES, every
        elif node not in dependent:
            found[node], common[node] = DATA, every
        elif bits := named.innermost(node):
            found[node], common[node] = _shared("shared", named.of_bits(bits)), every
        else:
            marks, last = (terms, SUM) if node in in_total else (gradients, GRADIENTS)
            bits = marks.below.get(node, 0) or (terms.bits_of(merged.of_bits(merged.below.get(node, 0))) if marks is terms else 0)
            inputs = [x for x in node.inputs if node in in_total or x not in in_total]
            if not bits:
                bits = every
                for x in inputs:
                    bits &= common[x]
            purpose = node.provenance.purpose if node.provenance else None
            of_all = _of_all(purpose, marks)
            if of_all:
                # One loop over terms of several parts.
                assert purpose is not None
                found[node], bits = purpose, of_all
            elif bits == every:
                # Made of values and data alone, and below no part.
                found[node], bits = _first(purpose, marks) or (last, 0)
            else:
                found[node] = _shared("shared" if marks is terms else "shared gradient", marks.of_bits(bits)) if bits else last
            common[node] = bits
    _inside(nodes, found)
    return found


def _first(purpose: Purpose | None, marks: _Marks) -> tuple[Purpose, int] | None:
    """What a node was first derived for, if that is a part."""
    if purpose is None:
        return None
    return (purpose, marks.bits_of([purpose])) if purpose in marks.place else None


def _of_all(purpose: Purpose | None, marks: _Marks) -> int:
    """The parts, as bits, of what is for several of them at once; 0 of anything else."""
    if purpose is None or len(purpose.names) < 2 or purpose in marks.place:
        return 0
    parts = [Purpose(purpose.kind, (name,)) for name in purpose.names]
    return marks.bits_of(parts) if all(p in marks.place for p in parts) else 0


class _Marks:
    """Which parts each node lies below, as bits."""

    def __init__(self, roots: Mapping[Purpose, Expr], others: Sequence[Purpose] = ()) -> None:
        self.parts, self.roots = [*roots, *others], list(roots.values())
        self.place = {part: i for i, part in enumerate(self.parts)}
        self.below: dict[Expr, int] = {}
        for i, root in enumerate(self.roots):
            self.below[root] = self.below.get(root, 0) | 1 << i
        for node in reversed(topological(self.roots)):
            for x in node.inputs:
                self.below[x] = self.below.get(x, 0) | self.below[node]
        self._innermost: dict[int, int] = {}

    def of_bits(self, bits: int) -> list[Purpose]:
        return [part for i, part in enumerate(self.parts) if bits >> i & 1]

    def bits_of(self, parts: Iterable[Purpose]) -> int:
        return sum(1 << self.place[part] for part in parts if part in self.place)

    def innermost(self, node: Expr) -> int:
        """The parts that a node lies below and that contain no other of these."""
        bits = self.below.get(node, 0)
        if bits not in self._innermost:
            inside = [i for i in range(bits.bit_length()) if bits >> i & 1]
            # Of parts that are one expression, it is the first.
            kept = [i for i in inside if not any(self.below[self.roots[j]] >> i & 1 and (self.roots[i] is not self.roots[j] or j < i) for j in inside if j != i)]
            self._innermost[bits] = sum(1 << i for i in kept)
        return self._innermost[bits]


def _shared(kind: str, parts: Sequence[Purpose]) -> Purpose:
    if len(parts) == 1:
        return parts[0]
    plain = {p.kind for p in parts} <= {*TERMS, "value", "expression", "gradient to"} and len({p.names for p in parts}) == len(parts)
    return Purpose(kind, tuple(p.names[0] if plain else str(p) for p in parts))


def _inside(nodes: Sequence[Expr], found: dict[Expr, Purpose]) -> None:
    """Nodes inside of loops and branches belong to the body of the part that these belong to."""
    pending = [(g, found[n]) for n in nodes for g in n.op.graphs]
    owners: dict[Graph, dict[Purpose, None]] = {}
    for g, part in pending:
        owners.setdefault(g, {})[part] = None
    bodies: dict[Graph, Purpose] = {g: Purpose("loop body", tuple(map(str, parts))) for g, parts in owners.items()}
    waiting = list(bodies)
    while waiting:
        g = waiting.pop(0)
        for node in topological(g.results):
            if isinstance(node.op, (Constant, Data)):
                found.setdefault(node, DATA)
            else:
                found.setdefault(node, bodies[g])
            for inner in node.op.graphs:
                if inner not in bodies:
                    bodies[inner] = bodies[g]
                    waiting.append(inner)
