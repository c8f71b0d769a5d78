"""Long programs as several functions: compilers take a time that grows faster than a function.

A program is divided where statements end, inside loops and branches too, and statements that differ in names alone are one function:
the draws of forty gamma variables are one loop of rejection, called with the places of each. The same statements are executed in the
same order, so that no bit of any result changes.

A part (:class:`~workbench.compile.loop_ir.loops.Part`) finds by itself whatever is where its caller has it: arguments, constants, the arena,
and the variables that several functions use, which are kept in memory. What differs from place to place are its parameters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.runs import LEAST
from workbench.compile.loop_ir.sizes import is_written
from workbench.compile.loop_ir.storage import Storage, buffers
from workbench.graph.lengths import Size


@dataclass(frozen=True)
class Lengths:
    """How long functions are, in lines: `longest` at most, and statements of `shared` or more that repeat are one function."""

    longest: int
    shared: int


LENGTHS = {"c": Lengths(400, 12), "numba": Lengths(800, 40)}
"""For each backend, as measured: a function costs Numba what many lines do."""


@dataclass
class Divided:
    """A program in parts.

    Attributes
    ----------
    parts
        Its functions, those that others call first.
    body
        What calls them.
    kept
        The variables that are in memory, as several functions use them.
    variables
        All variables, by name.
    """

    parts: list[L.Part]
    body: list[L.Statement]
    kept: list[L.Buffer]
    variables: dict[str, L.Buffer]


def divided(
    body: Sequence[L.Statement],
    storage: Storage,
    lengths: Lengths,
    stored: Mapping[L.Buffer, str] | None = None,
    shares: Callable[[L.Statement], bool] = lambda s: True,
) -> Divided:
    """Return statements in parts, if they are long.

    Parameters
    ----------
    body, storage
        The statements, and where their buffers are.
    lengths
        How long functions are.
    stored
        The dtypes of buffers that lie in memory otherwise than they are.
    shares
        Whether a statement may share its function with others that are like it.
    """
    variables = {b.name: b for b in buffers([t for s in L.walk(body) for t in (s.statements if isinstance(s, L.Straight) else [s])]) if b.is_local}
    if sum(map(lines_of, body)) <= lengths.longest:
        return Divided([], list(body), [], variables)
    divider = _Divider(body, storage, lengths, stored or {}, shares, variables)
    made = divider.block(body, frozenset())
    return Divided(divider.made, made, divider.kept(made), variables)


def lines_of(s: L.Statement) -> int:
    """About how many lines a statement is in code."""
    if isinstance(s, L.Kernel):
        if 0 in s.extents:
            return 0
        checks = sum(isinstance(line, L.Row) for line in s.lines)
        return 2 + 2 * len(s.extents) + len(s.lines) + 4 * checks + len(s.stores) + 3 * len(s.folds)
    if isinstance(s, L.Blocked):
        return 3 + sum(map(lines_of, s.kernels))
    if isinstance(s, L.Straight):
        return 1000  # A table's cases.
    if isinstance(s, L.Copy):
        return 2 * len(s.pairs)
    if isinstance(s, (L.Call, L.External)):
        return 6
    if isinstance(s, L.Branch):
        return 3 + sum(map(lines_of, s.then)) + sum(map(lines_of, s.orelse))
    if isinstance(s, L.Loop):
        return 3 + sum(map(lines_of, s.test)) + sum(map(lines_of, s.body))
    return 1


def first_of(s: L.Statement) -> L.Statement:
    """The first statement that has no others inside, of a statement or a part."""
    while True:
        if isinstance(s, L.Do):
            s = s.first
        elif isinstance(s, L.Branch) and (s.then or s.orelse):
            s = (s.then or s.orelse)[0]
        elif isinstance(s, L.Loop) and (s.test or s.body):
            s = (s.test or s.body)[0]
        else:
            return s


class _Divider:
    def __init__(
        self,
        body: Sequence[L.Statement],
        storage: Storage,
        lengths: Lengths,
        stored: Mapping[L.Buffer, str],
        shares: Callable[[L.Statement], bool],
        variables: dict[str, L.Buffer],
    ) -> None:
        self.storage, self.lengths, self.stored, self.shares, self.variables = storage, lengths, stored, shares, variables
        self.made: list[L.Part] = []
        self.uses = self.form(body).uses
        self.forms: dict[L.Statement, _Form] = {}
        self.alike: dict[Hashable, list[L.Statement]] = {}
        self.shared: dict[Hashable, tuple[L.Part, list[int]]] = {}
        """The parts of statements that are alike, and which of the things that each uses are arguments."""
        self.find_alike(body)

    def form(self, block: Sequence[L.Statement]) -> _Form:
        return _Form(self, block)

    def find_alike(self, block: Sequence[L.Statement]) -> None:
        """Find the statements that differ in names alone."""
        for s in block:
            if lines_of(s) < self.lengths.shared:
                continue
            if self.shares(s):
                self.forms[s] = form = self.form([s])
                self.alike.setdefault(form.key, []).append(s)
            for inner in (s.then, s.orelse) if isinstance(s, L.Branch) else (s.test, s.body) if isinstance(s, L.Loop) else ():
                self.find_alike(inner)

    def block(self, block: Sequence[L.Statement], given: frozenset[L.Thing]) -> list[L.Statement]:
        """Statements in parts; `given` are the parameters of the function that they are in."""
        made = [self.statement(s, given) for s in block]
        if sum(map(lines_of, made)) <= self.lengths.longest:
            return made
        groups: list[list[L.Statement]] = []
        length = 0
        for s in made:
            lines = lines_of(s)
            if not groups or length + lines > self.lengths.longest:
                groups.append([])
                length = 0
            groups[-1].append(s)
            length += lines
        if len(groups) == 1:
            return made
        found: list[L.Statement] = []
        for some in groups:
            found += some if sum(map(lines_of, some)) < self.lengths.shared else [self.alone(some, given)]
        return found

    def statement(self, s: L.Statement, given: frozenset[L.Thing]) -> L.Statement:
        form = self.forms.get(s)
        if form is not None and len(self.alike[form.key]) > 1:
            if form.key not in self.shared:
                self.shared[form.key] = self.of_all(self.alike[form.key])
            part, places = self.shared[form.key]
            things = list(form.things)
            return L.Do(part, [things[k] for k in places], s)
        return self.inside(s, given)

    def inside(self, s: L.Statement, given: frozenset[L.Thing]) -> L.Statement:
        if isinstance(s, L.Branch):
            return replace(s, then=self.block(s.then, given), orelse=self.block(s.orelse, given))
        return replace(s, test=self.block(s.test, given), body=self.block(s.body, given)) if isinstance(s, L.Loop) else s

    def of_all(self, alike: Sequence[L.Statement]) -> tuple[L.Part, list[int]]:
        """One part for statements that differ in names."""
        forms = [self.forms[s] for s in alike]
        things = [list(form.things) for form in forms]
        places = [k for k, some in enumerate(zip(*things)) if any(x != some[0] for x in some) and not all(map(self.is_own, forms, some))]
        parameters = [things[0][k] for k in places]
        return self.part([self.inside(alike[0], frozenset(parameters))], parameters), places

    def is_own(self, form: _Form, x: L.Thing) -> bool:
        """Whether a thing is a variable that nothing outside of a statement uses."""
        return isinstance(x, L.Buffer) and x.is_local and form.uses[x] == self.uses[x]

    def alone(self, some: list[L.Statement], given: frozenset[L.Thing]) -> L.Statement:
        """A part of statements that are nowhere else."""
        arguments = [x for x in self.form(some).things if x in given]
        return L.Do(self.part(some, arguments), arguments, some[0])

    def part(self, body: list[L.Statement], parameters: list[L.Thing]) -> L.Part:
        part = L.Part(f"part{len(self.made)}", body, parameters)
        self.made.append(part)
        return part

    def kept(self, body: Sequence[L.Statement]) -> list[L.Buffer]:
        """The variables that more than one function uses, or that are arguments."""
        functions: dict[L.Buffer, int] = {}
        kept: dict[L.Buffer, None] = {}
        for k, block in enumerate([*(part.body for part in self.made), body]):
            form = self.form(block)
            for x in form.uses:
                if functions.setdefault(x, k) != k or x in form.given:
                    kept[x] = None
        return list(kept)


class _Form:
    """What statements are but for names: buffers, sizes and variables are numbered by their first use. What people read is left out.

    Attributes
    ----------
    key
        Equal for statements that differ in names alone.
    things
        The buffers and sizes, by number.
    uses
        How often each variable of the program is used.
    given
        The variables that are arguments of parts.
    """

    def __init__(self, divider: _Divider, block: Sequence[L.Statement]) -> None:
        self._of, self._stored, self._variables = divider.storage.of, divider.stored, divider.variables
        self.things: dict[L.Thing, int] = {}
        self.uses: Counter[L.Buffer] = Counter()
        self.given: set[L.Buffer] = set()
        self._names: dict[str, int] = {}
        self.key = self.block(block)

    def block(self, block: Sequence[L.Statement]) -> Hashable:
        return tuple(map(self.statement, block))

    def statement(self, s: L.Statement) -> Hashable:
        if isinstance(s, L.Kernel):
            return self.kernel(s)
        if isinstance(s, L.Blocked):
            return "blocked", self.size(s.extent), self.size(s.rows), tuple(map(self.kernel, s.kernels))
        if isinstance(s, L.Straight):
            self.block(s.statements)
            return "straight", id(s)
        if isinstance(s, L.Copy):
            pairs = tuple((self.start(a), self.size(a.size), self.value(b)) for a, b in s.pairs)
            # Elements that are moved in a row are in code as numbers.
            return "copy", pairs, id(s) if len(pairs) >= LEAST else 0
        if isinstance(s, L.Fill):
            return "fill", self.start(s.buffer), self.size(s.buffer.size), self.operand(s.value)
        if isinstance(s, L.Call):
            return "call", s.region, tuple(map(self.start, s.arguments)), tuple(map(self.start, s.results))
        if isinstance(s, L.External):
            places = tuple(map(self.start, s.arguments)), tuple(map(self.start, s.results))
            if s.native is None:
                return "external", s.which, places
            n = s.native
            return "native", n.support, n.python, n.name, n.c_name, n.shared, tuple(map(self.size, n.sizes)), places
        if isinstance(s, L.Branch):
            return "branch", self.value(s.predicate), self.block(s.then), self.block(s.orelse)
        if isinstance(s, L.Loop):
            return "loop", self.block(s.test), self.value(s.predicate), self.block(s.body)
        if isinstance(s, L.Do):
            for x in s.arguments:
                self.thing(x)
                if isinstance(x, L.Buffer) and x.is_local:
                    self.uses[x] += 1
                    self.given.add(x)
            return "do", id(s)
        return "begin"

    def kernel(self, k: L.Kernel) -> Hashable:
        extents = tuple(map(self.size, k.extents))
        lines = tuple(map(self.line, k.lines))
        stores = tuple((self.place(e.buffer, e.index), self.operand(e.value)) for e in k.stores)
        folds = tuple((self.place(e.buffer, e.index), e.op, self.operand(e.value)) for e in k.folds)
        return "kernel", extents, lines, stores, folds

    def line(self, line: L.Line) -> Hashable:
        if isinstance(line, L.Load):
            return "load", self.name(line.name), line.dtype, self.place(line.buffer, line.index)
        if isinstance(line, L.Let):
            return "let", self.name(line.name), line.dtype, line.op, tuple(map(self.operand, line.arguments)), line.dtypes
        if isinstance(line, L.Position):
            return "position", self.name(line.name), line.dtype, self.index(line.index)
        return "row", self.name(line.name), self.operand(line.index), self.size(line.extent), line.check

    # What is told apart by numbers -------------------------------------------------------------

    def thing(self, x: L.Thing) -> int:
        return self.things.setdefault(x, len(self.things))

    def home(self, b: L.Buffer) -> Hashable:
        home = self._of(b)
        if home.is_local:
            self.uses[home] += 1
        changes = home.kind in ("output", "temporary")
        return self.thing(home), b.dtype, home.dtype, home.is_local, changes, self._stored.get(home)

    def place(self, b: L.Buffer, index: L.Index) -> Hashable:
        return self.home(b), self.index(L.add(index, b.start))

    def start(self, b: L.Buffer) -> Hashable:
        return self.place(b, 0)

    def value(self, x: L.Buffer | L.Literal) -> Hashable:
        return self.operand(x) if isinstance(x, L.Literal) else self.start(x)

    def size(self, n: Size) -> Hashable:
        return n if is_written(n) else (self.thing(n),)

    def index(self, index: L.Index) -> Hashable:
        if isinstance(index, L.IndexOp):
            return index.op, self.index(index.left), self.index(index.right)
        return self.name(index) if isinstance(index, str) else self.size(index)

    def operand(self, x: L.Operand) -> Hashable:
        return (repr(x.value), x.dtype) if isinstance(x, L.Literal) else self.name(x)

    def name(self, name: str) -> Any:
        """Variables of loops have their axes' names; others are numbered."""
        if name in self._variables:
            return self.home(self._variables[name])
        return name if name[0] == "i" else self._names.setdefault(name, len(self._names))
