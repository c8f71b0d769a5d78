"""A graph that changes in place: what a reader sees as one node stays that node, whatever is put below it.

Expressions are immutable: when a rule rewrites one, all above it become others. Here each node is a *cell* with a number; a
firing makes the cells of what is new, points the users of the old one to it, and leaves all others alone. So a step costs what it
changes, and a drawing moves only there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from workbench.graph import Expr

Key = tuple[Any, ...]


class Version:
    """What a cell is at a time: an expression that says its operation, and its inputs.

    Attributes
    ----------
    expr
        Whose operation, name and type it has.
    inputs, bodies
        Inputs, and what its loop bodies or branches return, as the graph knows them.
    body
        The loop body or branch that it lies in itself, or -1.
    below, inside
        The cells of `inputs` and `bodies`.
    """

    __slots__ = ("below", "bodies", "body", "expr", "inputs", "inside")

    def __init__(self, expr: Expr, inputs: tuple[int, ...], bodies: tuple[int, ...], body: int) -> None:
        self.expr, self.inputs, self.bodies, self.body = expr, inputs, bodies, body
        self.below: tuple[int, ...] = ()
        self.inside: tuple[int, ...] = ()

    @property
    def key(self) -> Key:
        return (self.expr.op, *self.inputs)

    @property
    def uses(self) -> tuple[int, ...]:
        return self.inputs + self.bodies

    @property
    def cells(self) -> tuple[int, ...]:
        """The cells that it uses."""
        return self.below + self.inside


class Roots:
    """The cells of results; those of a derivation, which has one more at each step, share what they had before."""

    __slots__ = ("_added", "_before")

    def __init__(self, before: Roots | None, added: tuple[int, ...]) -> None:
        self._before, self._added = before, added

    def cells(self) -> list[int]:
        """Return them in order."""
        parts: list[tuple[int, ...]] = []
        roots: Roots | None = self
        while roots is not None:
            parts.append(roots._added)
            roots = roots._before
        return [c for part in reversed(parts) for c in part]


class Cells:
    """The cells of a graph, and which of them its roots need.

    Within, a node is known by a number that stays with what it is made of, also when nothing needs it: so what was rewritten before
    is found again. A cell is the number by which readers know a node: it stays in its place when what is there becomes another.

    Attributes
    ----------
    versions
        What each node is, or was last.
    bodies
        The loop bodies and branches met so far, each with the name of its operation.
    """

    def __init__(self) -> None:
        self.versions: list[Version] = []
        self.bodies: list[str] = []
        self._roots: dict[int, None] = {}
        self._listed: Roots | None = None
        self._cell: list[int] = []
        self._body_numbers: dict[Any, int] = {}
        self._uses: list[int] = []
        self._users: list[dict[int, int]] = []
        self._memo: dict[Expr, int] = {}
        self._table: dict[Key, int] = {}
        self._became: dict[int, int] = {}
        self._touched: dict[int, Version | None] = {}
        self._moved: set[int] = set()

    @property
    def roots(self) -> Roots:
        """The cells of the results."""
        if self._listed is None:
            self._listed = Roots(None, tuple(self._cell[r] for r in self._roots))
        return self._listed

    def cell(self, node: int) -> int:
        """Return the cell of a node."""
        return self._cell[node]

    def needed(self, node: int) -> bool:
        """Whether a root needs a node."""
        return self._uses[node] > 0

    def where(self, expr: Expr) -> int:
        """Return the cell that an expression is now, or -1."""
        node = self.put(expr)
        return self._cell[node] if self._uses[node] else -1

    def state(self) -> dict[int, Version]:
        """Return all cells that a root needs."""
        return {self._cell[n]: self._shown(n) for n, v in enumerate(self.versions) if self._uses[n]}

    def changes(self) -> dict[int, tuple[Version | None, Version | None]]:
        """Return what was done since the last call: of each cell, what it was and what it is; ``None`` where it is not needed."""
        found: dict[int, tuple[Version | None, Version | None]] = {c: (was, None) for c, was in self._touched.items()}
        for n in self._moved:
            if self._uses[n]:
                c = self._cell[n]
                found[c] = found[c][0], self._shown(n)
        self._touched, self._moved = {}, set()
        return {c: (was, now) for c, (was, now) in found.items() if was is not now}

    def _shown(self, node: int) -> Version:
        v = self.versions[node]
        if len(v.below) != len(v.inputs) or len(v.inside) != len(v.bodies):
            v.below = tuple([self._cell[x] for x in v.inputs])
            v.inside = tuple([self._cell[x] for x in v.bodies])
        return v

    def show(self, roots: Sequence[Expr]) -> int:
        """Become the graph of `roots`, in cells that are there already where they fit; return how many had to be made.

        What was rewritten before counts no longer: another pass may bring back what one took away.
        """
        self._memo, self._became = {}, {}
        self._table = {self.versions[c].key: c for c in range(len(self.versions)) if self._uses[c]}
        had = len(self.versions)
        fresh: dict[int, int] = {}
        before, self._roots = self._roots, dict.fromkeys(self.put(r, -1, fresh) for r in roots)
        self._need(self._roots)
        self._drop(before)
        self._listed = None
        return sum(1 for n in range(had, len(self.versions)) if self._uses[n])

    def add(self, root: Expr) -> int:
        """Make an expression one more root; return its node."""
        node = self.put(root)
        if node not in self._roots:
            before = self.roots
            self._need([node])
            self._roots[node] = None
            self._listed = Roots(before, (self._cell[node],))
        return node

    def rewrite(self, before: Expr, after: Expr) -> int | None:
        """Put `after` in the place of `before`; return its node, or ``None`` if `before` is not there."""
        old = self.put(before)
        if not self._uses[old]:
            return None
        new = self.put(after, self.versions[old].body)
        if new != old:
            # What holds the old one within the new one keeps it.
            self._point([(old, new)])
            self._memo[before] = new
        return new

    def renew(self, before: Expr, after: Expr) -> int | None:
        """Let a loop or branch, whose bodies have changed already, be `after`."""
        cell = self.put(before)
        if not self._uses[cell]:
            return None
        old = self.versions[cell]
        self._touch(cell)
        self.versions[cell] = Version(after, old.inputs, self._results(after), old.body)
        twin = self._swap(cell, old)
        if twin is not None:
            self._point([(cell, twin)])
        self._memo[after] = self._now(cell)
        return self._memo[after]

    def put(self, root: Expr, body: int = -1, fresh: dict[int, int] | None = None) -> int:
        """Return the cell of an expression, made if need be; no root needs it yet."""
        memo = self._memo
        fresh = {} if fresh is None else fresh
        pending: list[Expr] = [root]
        while pending:
            node = pending[-1]
            if node in memo:
                pending.pop()
                continue
            waiting = [x for x in node.inputs if x not in memo]
            if waiting:
                pending.extend(reversed(waiting))
                continue
            pending.pop()
            inputs = tuple([self._fresh(memo[x], fresh) for x in node.inputs])
            key = (node.op, *inputs)
            found = self._table.get(key)
            if found is None:
                found = self._table[key] = len(self.versions)
                self._made(Version(node, inputs, (), body))
                if node.op.graphs:
                    self.versions[found].bodies = self._results(node, fresh)
            memo[node] = fresh[found] = found
        return self._fresh(memo[root], fresh)

    def _fresh(self, cell: int, done: dict[int, int]) -> int:
        """What a cell is now; of one that nothing needs, with what its inputs have become since."""
        pending = [self._now(cell)]
        while pending:
            c = pending[-1]
            if c in done or self._uses[c]:
                done.setdefault(c, c)
                pending.pop()
                continue
            was = self.versions[c]
            inputs = [self._now(x) for x in was.inputs]
            waiting = [x for x in inputs if x not in done]
            if waiting:
                pending += waiting
                continue
            now = tuple([done[x] for x in inputs])
            # Another may have come to be what this one was, and have become yet another.
            found = self._table.setdefault((was.expr.op, *now), c if now == was.inputs else len(self.versions))
            if found == len(self.versions):
                self._made(Version(was.expr, now, was.bodies, was.body))
            then = self._now(found)
            if then != c and then != found and then not in done:
                pending.append(then)
                continue
            pending.pop()
            done[c] = done.get(then, then)
        return done[self._now(cell)]

    def _made(self, version: Version) -> None:
        self.versions.append(version)
        self._cell.append(len(self._cell))
        self._uses.append(0)
        self._users.append({})

    def _results(self, node: Expr, fresh: dict[int, int] | None = None) -> tuple[int, ...]:
        """The cells of what the bodies of a loop or branch return."""
        cells = []
        for g in node.op.graphs:
            # A body that was rewritten has its parameters still.
            at = self._body_numbers.setdefault(g.params or g, len(self.bodies))
            if at == len(self.bodies):
                self.bodies.append(str(node.op.name))
            cells += [self.put(r, at, fresh) for r in g.results]
        return tuple(cells)

    def _now(self, cell: int) -> int:
        while cell in self._became:
            cell = self._became[cell]
        return cell

    def _point(self, pairs: list[tuple[int, int]]) -> None:
        """Let the users of a cell use another; users that are then equal become one."""
        while pairs:
            old, new = pairs.pop()
            old, new = self._now(old), self._now(new)
            if old == new:
                continue
            for user in list(self._users[old]):
                was = self.versions[user]
                self._touch(user)
                inputs, bodies = (tuple(new if c == old else c for c in cells) for cells in (was.inputs, was.bodies))
                self.versions[user] = Version(was.expr, inputs, bodies, was.body)
                twin = self._swap(user, was)
                if twin is not None:
                    pairs.append((user, twin))
            if old in self._roots:
                if new not in self._roots:
                    self._need([new])
                self._roots = dict.fromkeys(new if n == old else n for n in self._roots)
                self._drop([old])
                self._listed = None
            if not self._uses[old]:
                self._became[old] = new

    def _swap(self, cell: int, was: Version) -> int | None:
        """Register what a cell is now; return another that is needed and equal to it."""
        now = self.versions[cell]
        # What is new is needed before what is old is dropped: they may share.
        self._need(now.uses, cell)
        self._drop(was.uses, cell)
        if self._table.get(was.key) == cell:
            del self._table[was.key]
        twin = self._table.setdefault(now.key, cell)
        if twin == cell:
            return None
        # What was rewritten before is so again, wherever it comes up.
        then = self._fresh(twin, {})
        if then == cell:
            self._table[now.key] = cell
            return None
        if then == twin and not self._uses[twin]:
            # The node is another, its place is the same.
            self._touched.setdefault(self._cell[twin], None)
            self._cell[cell], self._cell[twin] = self._cell[twin], self._cell[cell]
        return then

    def _touch(self, node: int) -> None:
        self._moved.add(node)
        self._touched.setdefault(self._cell[node], self.versions[node] if self._uses[node] else None)

    def _need(self, cells: Iterable[int], user: int = -1) -> None:
        pending: list[tuple[int, int]] = [(c, user) for c in cells]
        while pending:
            c, user = pending.pop()
            if user >= 0:
                self._users[c][user] = self._users[c].get(user, 0) + 1
            if not self._uses[c]:
                self._touch(c)
                # The cells that it uses may be others than when it was needed before.
                was = self.versions[c]
                self.versions[c] = Version(was.expr, was.inputs, was.bodies, was.body)
                pending += [(x, c) for x in was.uses]
            self._uses[c] += 1

    def _drop(self, cells: Iterable[int], user: int = -1) -> None:
        pending: list[tuple[int, int]] = [(c, user) for c in cells]
        while pending:
            c, user = pending.pop()
            if user >= 0:
                left = self._users[c][user] - 1
                if left:
                    self._users[c][user] = left
                else:
                    del self._users[c][user]
            if self._uses[c] == 1:
                self._touch(c)
                pending += [(x, c) for x in self.versions[c].uses]
            self._uses[c] -= 1


def in_order(state: dict[int, Version]) -> Iterator[int]:
    """Go through cells, each after those that it uses."""
    done: set[int] = set()
    for start in state:
        stack = [start]
        while stack:
            c = stack[-1]
            if c in done:
                stack.pop()
                continue
            waiting = [x for x in state[c].cells if x not in done]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            done.add(c)
            yield c
