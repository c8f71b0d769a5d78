"""The rewrite engine: named rules, a driver to a fixed point, and a record of every firing."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from workbench.errors import RewriteError
from workbench.graph.expr import Constant, Expr, Op, give_name, rebuild
from workbench.graph.frozen import changed, frozen
from workbench.graph.inner import Graph
from workbench.graph.pattern import PatternVariable, matched, matcher, pattern_variables, uniform_of, uniform_value
from workbench.graph.provenance import Provenance, derived, inherited, within

MAX_CHAIN = 256
FEW_INPUTS = 3
"""Operations of more inputs are told apart by what there is among them, and not in which order."""


class Declined(Exception):
    """Raised by a rule's function that does not apply, to say of an expression what it lacks, and where; as if it had returned ``None``.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> try:
    ...     raise Declined("the matrix is not square", pt.matrix("a", 2, 3))
    ... except Declined as reason:
    ...     print(reason.text, reason.at.type.shape)
    the matrix is not square (2, 3)
    """

    def __init__(self, text: str, at: Expr) -> None:
        super().__init__(text)
        self.text, self.at = text, at


@frozen(eq=False)
class Rule:
    """A named step from one expression to an equal one.

    Attributes
    ----------
    name, group, doc
        What it is called, which list it belongs to, and its one-sentence explanation.
    roots
        The ops (or op classes) that an expression must have at its root for the rule to be asked.
    match
        Expression to the arguments of `function`, or ``None`` when the rule does not fit.
    function
        Arguments to the replacement, or ``None`` when the rule does not fit after all.
    pattern
        The pattern, for rules that have one.
    examples
        Makes expressions that the rule must fire on: its proof evaluates both sides there.
    precise
        The right side is claimed to be more accurate: the proof compares it with mpmath.
    over
        Ops (or op classes) of which an input must have one for the rule to be asked; any, if empty.
    """

    name: str
    group: str
    doc: str
    roots: tuple[Any, ...]
    match: Callable[[Expr], Sequence[Expr] | None]
    function: Callable[..., Any]
    pattern: Expr | None = None
    examples: Callable[[], Sequence[Expr]] | None = None
    precise: bool = False
    over: tuple[Any, ...] = ()

    def apply(self, expr: Expr) -> Expr | None:
        """Return the replacement of an expression, or ``None`` when the rule does not fit."""
        arguments = self.match(expr)
        if arguments is None:
            return None
        with derived(expr.provenance, self.name):
            return self.made_of(arguments)

    def made_of(self, arguments: Sequence[Expr]) -> Any:
        """What the function makes of what the pattern matched; ``None`` where it declines."""
        try:
            return self.function(*arguments)
        except Declined:
            return None

    @property
    def source(self) -> str:
        """The rule's Python source."""
        try:
            return inspect.getsource(self.function)
        except OSError:
            return ""

    def __repr__(self) -> str:
        return f"Rule({self.group}.{self.name})"


RULES: dict[str, Rule] = {}


def rules_of(group: str) -> list[Rule]:
    """Return the rules of a group that are registered now: another thread may be importing more."""
    return [r for r in tuple(RULES.values()) if r.group == group]


def rule(
    group: str,
    pattern: Expr | None = None,
    *,
    ops: Sequence[type[Op] | Op] = (),
    over: Sequence[type[Op] | Op] = (),
    examples: Callable[[], Sequence[Expr]] | None = None,
    precise: bool = False,
) -> Callable[[Callable[..., Any]], Rule]:
    """Register the decorated function as a rewrite rule of `group`.

    Give either a `pattern` (the function then takes the pattern's variables by name), or `ops`
    (the function takes the whole expression, returns ``None`` where it does not apply, and
    `examples` makes expressions on which it must). `over` spares such a rule from being asked
    where no input has one of these ops. A function that does not apply may raise :class:`Declined` instead,
    which says why to those who ask.

    A rule that is defined again in its module, as by a notebook's cell that is run again, takes the
    place of the old one.

    Raises
    ------
    RewriteError
        If the name is taken, or the rule states no domain on which it can be proved.
    """

    def register(function: Callable[..., Any]) -> Rule:
        name = function.__name__
        if name in RULES and not _is_written_again(RULES[name].function, function):
            raise RewriteError(f"there is already a rule called {name!r}, in {RULES[name].function.__module__}", "give it another name")
        if (pattern is None) == (not ops):
            raise RewriteError(f"rule {name!r} must have either a pattern or ops")
        if ops and examples is None:
            raise RewriteError(f"rule {name!r} has no domain", "give `examples`: expressions it must fire on")
        doc = function.__doc__ or ""
        doc = inspect.cleandoc(doc) if "\n" in doc else doc.strip()
        if not doc:
            raise RewriteError(f"rule {name!r} has no docstring", "say in one sentence what it does and why")
        if pattern is not None:
            match = _pattern_match(pattern, function)
            roots: tuple[Any, ...] = (pattern.op,)
            needed = _op_below(pattern)
        else:
            match, roots, needed = _whole, tuple(ops), tuple(over)
        made = Rule(name, group, doc, roots, match, function, pattern, examples, precise, needed)
        RULES[name] = made
        return made

    return register


def _is_written_again(old: Callable[..., Any], new: Callable[..., Any]) -> bool:
    return (old.__module__, old.__qualname__) == (new.__module__, new.__qualname__)


def _op_below(pattern: Expr) -> tuple[Any, ...]:
    """Return what one of the inputs must be, where the pattern tells: an op, else a constant."""
    found: tuple[Any, ...] = ()
    for x in pattern.inputs:
        if not isinstance(x.op, (PatternVariable, Constant)):
            return (x.op,)
        if isinstance(x.op, Constant):
            found = (_Value(uniform_value(x)),)
        elif x.op.constant and not found:
            found = (Constant,)
    return found


class _Value(tuple[bool, Any]):
    """The one value of all elements of a constant; True and 1 are two."""

    __slots__ = ()

    def __new__(cls, value: Any) -> _Value:
        return super().__new__(cls, (isinstance(value, np.bool_), value))


def _whole(expr: Expr) -> Sequence[Expr]:
    return (expr,)


def _pattern_match(pattern: Expr, function: Callable[..., Any]) -> Callable[[Expr], Sequence[Expr] | None]:
    wanted = list(function.__code__.co_varnames[: function.__code__.co_argcount])
    known = {v.op.label for v in pattern_variables(pattern)}
    if not set(wanted) <= known:
        raise RewriteError(f"{function.__name__}: {sorted(set(wanted) - known)} are not in the pattern")
    fits: Any = None

    def match(expr: Expr) -> Sequence[Expr] | None:
        nonlocal fits
        if fits is None:
            fits = matcher(pattern)
        found: dict[str, Expr] = {}
        return [found[name] for name in wanted] if fits(expr, found, matched) else None

    return match


@frozen
class Firing:
    """One step: `rule` turned `before` into `after`."""

    rule: Rule
    before: Expr
    after: Expr
    seconds: float
    depth: int = 0
    """How many loop bodies or branches the step lies inside."""
    towards: Expr | None = None
    """Of a step of differentiation, the input of `before` of which `after` is the derivative, as far as it is known then."""
    given: Expr | None = None
    """The derivative by `before` that such a step goes on from."""


@frozen
class PassRecord:
    """What one pass did.

    `kind` is "rewrite" (each firing replaces `before` by `after` in the graph) or "derive" (each
    firing adds `after` beside what there is, as a gradient does).
    """

    name: str
    doc: str
    before: tuple[Expr, ...]
    after: tuple[Expr, ...]
    firings: tuple[Firing, ...]
    seconds: float
    kind: str = "rewrite"


class Trace:
    """The passes a graph went through, each with every firing."""

    def __init__(self, passes: Iterable[PassRecord] = ()) -> None:
        self.passes = list(passes)

    def __len__(self) -> int:
        return sum(len(p.firings) for p in self.passes)

    @property
    def counts(self) -> dict[str, tuple[int, float]]:
        """How often each rule fired, and the seconds it took; the most frequent first."""
        found: dict[str, tuple[int, float]] = {}
        for f in (f for p in self.passes for f in p.firings):
            hits, seconds = found.get(f.rule.name, (0, 0.0))
            found[f.rule.name] = hits + 1, seconds + f.seconds
        return dict(sorted(found.items(), key=lambda item: -item[1][0]))

    def __str__(self) -> str:
        lines = []
        for p in self.passes:
            lines.append(f"{p.name}: {len(p.firings)} firings, {p.seconds * 1e3:.1f} ms")
        for name, (hits, seconds) in self.counts.items():
            lines.append(f"  {hits:5} {name}, {seconds * 1e3:.2f} ms")
        return "\n".join(lines)


class Settled:
    """Nodes on which rules were asked, and did not fire: later passes that have those rules too ask the others."""

    def __init__(self) -> None:
        self.nodes: set[Expr] = set()
        self.rules: frozenset[Rule] = frozenset()


@frozen
class Pass:
    """A named list of rules applied together to a fixed point."""

    name: str
    rules: tuple[Rule, ...]
    doc: str = ""

    def run(self, roots: Sequence[Expr], record: bool = True, settled: Settled | None = None) -> tuple[tuple[Expr, ...], PassRecord]:
        """Apply the rules bottom-up until none fires; what `settled` knows already is not asked again, and is told what is known then."""
        start = time.perf_counter()
        driver = _Driver(self.rules, record, settled or Settled())
        after = tuple(driver.normalise(roots))
        if settled is not None:
            settled.nodes, settled.rules = driver.ended, frozenset(self.rules)
        seconds = time.perf_counter() - start
        return after, PassRecord(self.name, self.doc, tuple(roots), after, tuple(driver.firings), seconds)

    def __repr__(self) -> str:
        return f"Pass {self.name}: {len(self.rules)} rules"

    def __str__(self) -> str:
        """The pass with its rules, a line each."""
        return "\n".join([repr(self), *(f"  {r.name}: {r.doc.splitlines()[0]}" for r in self.rules)])


@frozen
class Mode:
    """An ordered list of passes, to print, drop from, or insert into.

    Examples
    --------
    >>> Mode((Pass("a", ()), Pass("b", ()))).excluding("a")
    Mode: b
    """

    passes: tuple[Pass, ...]

    def excluding(self, *names: str) -> Mode:
        """Return the mode without the passes, and without the rules, of these names.

        Raises
        ------
        RewriteError
            If there is no pass and no rule of a name.
        """
        there = {p.name for p in self.passes} | {r.name for p in self.passes for r in p.rules} | set(RULES)
        for name in names:
            if name not in there:
                raise RewriteError(f"there is no pass and no rule called {name!r}", _closest(name, there))
        kept = [p for p in self.passes if p.name not in names]
        return Mode(
            tuple(changed(p, rules=tuple(r for r in p.rules if r.name not in names)) for p in kept)
        )

    def including(self, new: Pass, before: str | None = None) -> Mode:
        """Return the mode with one more pass, at the end or before the pass called `before`.

        Raises
        ------
        RewriteError
            If there is no pass called `before`.
        """
        at, there = len(self.passes), [p.name for p in self.passes]
        if before is not None:
            if before not in there:
                raise RewriteError(f"there is no pass called {before!r}", f"the passes are {', '.join(there)}")
            at = there.index(before)
        return Mode((*self.passes[:at], new, *self.passes[at:]))

    def run(self, roots: Sequence[Expr], record: bool = True) -> tuple[tuple[Expr, ...], Trace]:
        """Run every pass in order."""
        trace, settled = Trace(), Settled()
        current = tuple(roots)
        for p in self.passes:
            current, done = p.run(current, record, settled)
            trace.passes.append(done)
        return current, trace

    def __str__(self) -> str:
        """The passes, each with its rules."""
        return "\n".join(map(str, self.passes))

    def __repr__(self) -> str:
        return "Mode: " + ", ".join(p.name for p in self.passes)


def _closest(name: str, there: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, there, 3)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else "str(mode) lists them"


class _Index:
    """The rules worth asking about an expression, by its op and those of its inputs.

    Ops that no rule mentions are known by their class alone, so few lists of rules are ever made.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.table: dict[Any, list[Rule]] = {}
        mentioned: set[Any] = set()
        for r in rules:
            for root in r.roots:
                self.table.setdefault(root, []).append(r)
            mentioned.update(r.roots, r.over)
        self.single = {op for op in mentioned if isinstance(op, Op)}
        self.classes = {op.__class__ for op in self.single}
        self.values = {value for value in mentioned if isinstance(value, _Value)}
        self.kinds: dict[type, type] = {}
        """Classes of operations of which no rule mentions one by itself."""
        self.found: dict[tuple[Any, ...], tuple[Rule, ...]] = {}

    def kind(self, op: Any) -> Any:
        """The op itself where a rule mentions it, else its class; of a constant, its value where a rule mentions that."""
        cls = op.__class__
        if cls is Constant:
            array = op.value
            value = _Value(array[()]) if array.ndim == 0 else _Value(uniform_of(array))
            return value if value in self.values else cls
        if cls not in self.classes:
            self.kinds[cls] = cls
            return cls
        return op if op in self.single else cls

    def of(self, node: Expr) -> tuple[Rule, ...]:
        kinds, inputs = self.kinds, node.inputs
        key: tuple[Any, ...] = tuple([kinds.get(x.op.__class__) or self.kind(x.op) for x in (node, *inputs)])
        if len(inputs) > FEW_INPUTS:
            key = (key[0], frozenset(key[1:]))
        rules = self.found.get(key)
        if rules is None:
            rules = self.found[key] = self.choose(key[0], frozenset(key[1:]) if len(inputs) <= FEW_INPUTS else key[1])
        return rules

    def choose(self, root: Any, below: frozenset[Any]) -> tuple[Rule, ...]:
        roots = (root, root.__class__) if isinstance(root, Op) else (root,)
        there = below | {Constant if isinstance(op, _Value) else op.__class__ for op in below if isinstance(op, (Op, _Value))}
        rules = [r for key in roots for r in self.table.get(key, ())]
        return tuple(r for r in rules if not r.over or not there.isdisjoint(r.over))


@functools.lru_cache(maxsize=64)
def _index_of(rules: tuple[Rule, ...]) -> _Index:
    return _Index(rules)


class _Driver:
    """Bottom-up normalisation with memo, on an explicit stack."""

    def __init__(self, rules: Iterable[Rule], record: bool, settled: Settled) -> None:
        self.index = _index_of(tuple(rules))
        self.known = settled.nodes
        self.others = _index_of(tuple(r for r in rules if r not in settled.rules))
        self.ended: set[Expr] = set()
        self.origins: dict[tuple[int, str], tuple[Any, Provenance]] = {}
        self.record = record
        self.firings: list[Firing] = []
        self.graphs: dict[Graph, Graph] = {}
        self.depth = 0

    def normalise(self, roots: Sequence[Expr]) -> list[Expr]:
        memo: dict[Expr, Expr] = {}
        became: dict[Expr, tuple[Expr, Expr]] = {}
        chain: dict[Expr, tuple[str, ...]] = {}
        for root in roots:
            stack = [root]
            while stack:
                node = stack[-1]
                if node in memo:
                    stack.pop()
                    continue
                if node in became:
                    rebuilt, result = became.pop(node)
                    memo[node] = memo[rebuilt] = memo[result]
                    stack.pop()
                    continue
                waiting = [x for x in node.inputs if x not in memo]
                if waiting:
                    stack.extend(waiting)
                    continue
                rebuilt = rebuild(node, tuple(memo[x] for x in node.inputs)) if node.inputs else node
                if rebuilt is not node and rebuilt in memo:
                    memo[node] = memo[rebuilt]
                    stack.pop()
                    continue
                fired = self.step(rebuilt)
                if fired is None:
                    memo[node] = memo[rebuilt] = rebuilt
                    self.ended.add(rebuilt)
                    stack.pop()
                    continue
                name, result = fired
                history = (*chain.get(node, ()), name)
                if len(history) > MAX_CHAIN or result in became:
                    raise RewriteError(
                        f"the rules {sorted(set(history[-8:]))} undo one another without end",
                        "drop one of them from the mode with `mode.excluding(name)`",
                    )
                chain[result] = history
                became[node] = rebuilt, result
                stack.append(result)
        return [memo[root] for root in roots]

    def step(self, node: Expr) -> tuple[str, Expr] | None:
        """Return the first rule that fires on `node`, by name, with its result."""
        if node.op.graphs:
            inner = self.inside(node)
            if inner is not node:
                return "inside", inner
        for r in (self.others if node in self.known else self.index).of(node):
            arguments = r.match(node)
            if arguments is None:
                continue
            start = time.perf_counter()
            fitted = within(self.origin(node, r), self.applied, r, arguments, node)
            if fitted is None or fitted is node:
                continue
            give_name(fitted, node.name)
            if self.record:
                self.firings.append(Firing(r, node, fitted, time.perf_counter() - start, self.depth))
            return r.name, fitted
        return None

    @staticmethod
    def applied(rule: Rule, arguments: Sequence[Expr], node: Expr) -> Expr | None:
        """What a rule makes of a node, in the node's type."""
        result = rule.made_of(arguments)
        if result is None or result is node:
            return None
        fitted: Expr | None = result.fit(node)
        if fitted is None:
            raise RewriteError(f"rule {rule.name!r} turned a {node.type} into a {result.type}")
        return fitted

    def origin(self, node: Expr, rule: Rule) -> Provenance:
        """Where what a rule makes of a node comes from: one object for all nodes of a line."""
        origin = node.provenance
        known = self.origins.get((id(origin), rule.name))
        if known is None:
            known = self.origins[id(origin), rule.name] = origin, Provenance(*((origin.location, rule.name, origin.purpose) if origin else (None, rule.name)))
        return known[1]

    def inside(self, node: Expr) -> Expr:
        """Normalise the inner graphs of a loop or branch."""
        graphs = []
        self.depth += 1
        for g in node.op.graphs:
            if g not in self.graphs:
                self.graphs[g] = g.map_results(self.normalise)
                self.graphs[self.graphs[g]] = self.graphs[g]
            graphs.append(self.graphs[g])
        self.depth -= 1
        if all(new == old for new, old in zip(graphs, node.op.graphs)):
            return node
        result: Expr = inherited(node.provenance, node.op.with_graphs(tuple(graphs)), *node.inputs)
        if self.record:
            self.firings.append(Firing(INSIDE, node, result, 0.0, self.depth))
        return result


INSIDE = Rule(
    "inside", "engine", "A loop body or branch was rewritten; its own steps stand before this one.",
    (), lambda expr: None, _Driver.inside,
)  # fmt: skip
