"""What made each node of a traced graph, and what became of it: from the model to the code, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.graph.expr import Constant, Expr, rebuild
from workbench.graph.inner import Graph
from workbench.graph.rewrite import Firing, PassRecord, Trace
from workbench.graph.traverse import topological, users


class Descent:
    """The descent of the nodes of a trace. Made once; each question then takes a walk over one graph at most.

    A pass replaces what its rules fired on, and makes anew what lies above that. So a node becomes, in this order: what a rule
    turned it into, the same operation on what became of its operands, or a part of what the nodes became that used it.

    Parameters
    ----------
    trace
        The steps, as `Model.trace` returns them.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> from workbench.rewrites import default_mode
    >>> x = pt.scalar("x")
    >>> inner = 1.0 + x
    >>> (root,), trace = default_mode().run([pt.log(inner) * 2.0])
    >>> descent = Descent(trace)
    >>> root, [f.rule.name for f in descent.made_by(root.inputs[0])]
    (log1p(x) * 2.0, ['log_of_one_plus'])
    >>> descent.became(inner)[-1]
    [log1p(x)]
    >>> descent.came_from(root.inputs[0])
    [log(1.0 + x)]
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.passes: list[_Pass] = []
        self.firings: list[Firing] = [f for record in trace.passes for f in record.firings]
        self._first: dict[Expr, int] = {}
        """The firing in whose result a node was first seen."""
        self._results: dict[Expr, list[int]] = {}
        """The firings that a node is the result of."""
        seen: set[Expr] = set()
        number = 0
        for record in trace.passes:
            _unseen(record.before, seen)
            introduced: dict[Expr, Expr] = {}
            for firing in record.firings:
                for node in _unseen([firing.after], seen):
                    self._first[node] = number
                    introduced[node] = firing.before
                if firing.after is not firing.before:
                    self._results.setdefault(firing.after, []).append(number)
                number += 1
            self.passes.append(_Pass(record, introduced))
        later: set[Expr] = set()
        for p in reversed(self.passes):
            # Roots that no pass goes on with, as the single terms of a log-density, are in no later graph.
            p.there = p.there & later if later else p.there
            later.update(p.users, p.there)

    def made_by(self, expr: Expr) -> list[Firing]:
        """Return the firings that led to a node, oldest first; none where it is as it was written.

        Where its operands were rewritten and it is otherwise as it was, they are those of the node that it was.
        """
        found: list[Firing] = []
        before = len(self.firings)
        node: Expr | None = expr
        while node is not None:
            made = [i for i in self._results.get(node, ()) if i < before] or [i for i in (self._first.get(node, before),) if i < before]
            if made:
                before = made[0]
                found.append(self.firings[before])
                node = self.firings[before].before
            else:
                node = next((p.rebuilt_from[node] for p in reversed(self.passes) if node in p.rebuilt_from), None)
        return found[::-1]

    def became(self, expr: Expr) -> list[list[Expr]]:
        """Return what became of a node after each pass, the nodes of a pass in a list; empty where a pass knows none of it."""
        found: list[list[Expr]] = []
        known: dict[Expr, None] = {expr: None}
        for p in self.passes:
            # A pass may be about a part of the graph, such as what is differentiated: the rest stays as it was.
            now = dict.fromkeys(y for x in known if x in p.users for y in p.became(x))
            # A constant is everybody's: what uses it comes from others too.
            known |= dict.fromkeys(x for x in now if not isinstance(x.op, Constant))
            found.append(list(now))
        return found

    def gradient_to(self, expr: Expr) -> list[list[Expr]]:
        """Return, after each pass, the gradient to what became of a node; empty before there is one.

        That to a variable of a model is the one to its unconstrained value, ``model.rvs_to_values[x]``.
        """
        found: list[list[Expr]] = []
        known: dict[Expr, None] = {expr: None}
        slopes: dict[Expr, None] = {}
        for p, record in zip(self.passes, self.trace.passes):
            now = dict.fromkeys(y for x in slopes if x in p.users for y in p.became(x))
            if record.kind == "derive":
                # Contributions are added up one after the other: the last is the sum.
                now |= dict.fromkeys({f.towards: f.after for f in record.firings if f.towards in known}.values())
            known |= dict.fromkeys(y for x in known if x in p.users for y in p.became(x))
            slopes |= dict.fromkeys(x for x in now if not isinstance(x.op, Constant))
            found.append(list(now))
        return found

    def came_from(self, expr: Expr) -> list[Expr]:
        """Return the nodes of the first graph that a node came from: the inverse of `became`."""
        found: dict[Expr, None] = {}
        known: dict[Expr, None] = {expr: None}
        for p in reversed(self.passes):
            now = dict.fromkeys(y for x in known if x in p.there for y in p.came_from(x))
            known |= now
            found = now or found
        return list(found)


class _Pass:
    """What each node before one pass became."""

    def __init__(self, record: PassRecord, introduced: Mapping[Expr, Expr]) -> None:
        self.introduced = introduced
        self.there = set(_unseen(record.after, set()))
        self.users = _users(record.before)
        self.image: dict[Expr, Expr] = {}
        self.rebuilt_from: dict[Expr, Expr] = {}
        self._absorbed: dict[Expr, tuple[Expr, ...]] = {}
        self._sources: dict[Expr, list[Expr]] | None = None
        if record.kind != "derive":
            self.follow(record)

    def follow(self, record: PassRecord) -> None:
        """Go the way of the engine: operands first, then what fired on the node that has them, then on its result."""
        fired: dict[Expr, Expr] = {}
        for firing in record.firings:
            fired.setdefault(firing.before, firing.after)
        # What is put in the place of a variable is so without a look into the variable.
        substituted = any(f.rule.group in ("values", "flat vector") for f in record.firings)
        became: dict[Expr, tuple[Expr, Expr]] = {}
        for root in self.users:
            stack = [root]
            while stack:
                node = stack[-1]
                if node in self.image:
                    stack.pop()
                    continue
                if node in became:
                    rebuilt, result = became.pop(node)
                    self.image[node] = self.image[rebuilt] = self.image.get(result, result)
                    stack.pop()
                    continue
                if substituted and node in fired:
                    became[node] = node, fired[node]
                    stack.append(fired[node])
                    continue
                waiting = [x for x in node.inputs if x not in self.image and x not in became]
                if waiting:
                    stack.extend(waiting)
                    continue
                rebuilt = rebuild(node, tuple(self.image.get(x, x) for x in node.inputs)) if node.inputs else node
                if rebuilt is not node:
                    self.rebuilt_from.setdefault(rebuilt, node)
                result = fired.get(rebuilt, rebuilt)
                if result is rebuilt or result in became:
                    self.image[node] = self.image[rebuilt] = result
                    stack.pop()
                    continue
                became[node] = rebuilt, result
                stack.append(result)

    def became(self, expr: Expr) -> tuple[Expr, ...]:
        image = self.image.get(expr, expr)
        if image in self.there:
            return (image,)
        if expr not in self._absorbed:
            # It is a part of what became of the nodes that used it.
            found: dict[Expr, None] = {}
            seen, pending = {expr}, list(self.users.get(expr, ()))
            while pending:
                user = pending.pop(0)
                if user in seen:
                    continue
                seen.add(user)
                made = self.image.get(user, user)
                if made in self.there:
                    if not isinstance(made.op, Constant):
                        found[made] = None
                else:
                    pending += self.users.get(user, ())
            self._absorbed[expr] = tuple(found)
        return self._absorbed[expr]

    def came_from(self, expr: Expr) -> Sequence[Expr]:
        if self._sources is None:
            self._sources = {}
            for node in self.users:
                self._sources.setdefault(self.image.get(node, node), []).append(node)
        found = self._sources.get(expr)
        while not found and expr in self.introduced:
            # A part of what a rule made: from what the rule turned into it.
            expr = self.introduced[expr]
            expr = self.rebuilt_from.get(expr, expr)
            found = [expr] if expr in self.users else self._sources.get(expr)
        return found or ([expr] if expr in self.users else [])


def _unseen(roots: Iterable[Expr], seen: set[Expr]) -> list[Expr]:
    """The nodes below roots, and inside their loops and branches, that are not `seen` yet, which they are then."""
    found: list[Expr] = []
    pending = list(roots)
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        found.append(node)
        pending += node.inputs
        pending += (r for g in node.op.graphs for r in g.results)
    return found


def _users(roots: Sequence[Expr]) -> dict[Expr, list[Expr]]:
    """What uses each node, inside loops and branches too: there, the loop uses what its body computes last."""
    table = users(roots)
    inside: set[Graph] = set()
    pending = topological(roots)
    while pending:
        node = pending.pop()
        for g in node.op.graphs:
            if g not in inside:
                inside.add(g)
                more = users(g.results)
                pending += list(more)
                for x, those in more.items():
                    table.setdefault(x, []).extend(those)
            for r in g.results:
                table[r].append(node)
    return table
