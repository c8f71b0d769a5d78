"""Long programs as several functions: compilers take a time that grows faster than a function.

Code is cut where statements end, inside loops and branches too, and statements that differ in
names alone are one function: the draws of forty gamma variables are one loop of rejection, called with the places of each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.compile.loop_ir.lines import CodeLine

PART_LINES = 400
"""Longer functions are divided, and what repeats in them is one function."""
SHARED_LINES = 12
"""Shorter statements stay where they are, though they repeat."""
BETWEEN = "between"
"""What functions call the structure of the values that several of them use."""
PARAMETERS = "void *const *io, const wb_env *env, char *arena, int64_t *fault"

NAME = re.compile(r"[A-Za-z_]\w*")
COUNTED = re.compile(r"[a-z]+\d+(_\d+)?(?!\w|\()")
"""Names that are told apart by numbers, of which a statement may have others than one that does the same; no function is one (exp2)."""


@dataclass(eq=False)
class Span:
    """The lines of a statement, and the blocks of statements inside it."""

    start: int
    stop: int
    blocks: list[list[Span]]


@dataclass(frozen=True)
class Declared:
    """A name that all statements may use: the C type of its value, how a function finds it out, and the names that needs.

    A local variable is `kept`: it is declared where all that use it are, and handed to functions by its address.
    """

    kind: str
    line: str
    needs: tuple[str, ...] = ()
    kept: bool = False


@dataclass
class _Part:
    """A function that does what several statements do, each with names of its own."""

    name: str
    places: list[int]
    """Which of a statement's names, in the order of their first use, are arguments."""


@dataclass
class Divided:
    """Functions, inner ones first, and the lines that call them; before both, what they share."""

    shared: list[str]
    functions: list[str]
    lines: list[str]
    names: set[str] = field(default_factory=set)
    """The declared names that the lines use."""


def divided(lines: Sequence[str], block: Sequence[Span], declared: Mapping[str, Declared]) -> Divided:
    """Return a program in parts.

    Parameters
    ----------
    lines
        The whole program's.
    block
        Its statements.
    declared
        What is declared for all of them, by name.
    """
    divider = _Divider(lines, declared)
    divider.find_shared(block)
    made = divider.lines_of(0, len(lines), [block], False)
    if not divider.between:
        return Divided([], divider.functions, made, divider.used(made))
    made = [f"    struct wb_between {BETWEEN}_ = {{0}}, *const {BETWEEN} = &{BETWEEN}_;", *_through(made, set(), divider.between)]
    kept = [f"    {declared[name].kind} {name};" for name in divider.between]
    return Divided(["", "// Values from one function to the next.", "struct wb_between {", *kept, "};"], divider.functions, made, divider.used(made) - divider.between.keys())


class _Divider:
    def __init__(self, lines: Sequence[str], declared: Mapping[str, Declared]) -> None:
        self.lines, self.declared = lines, declared
        self.functions: list[str] = []
        self.names = [[name for name in NAME.findall(_code(line)) if name in declared] for line in lines]
        self.uses = Counter(name for names in self.names for name in names if declared[name].kept)
        self.forms: dict[Span, str] = {}
        self.alike: dict[str, list[Span]] = {}
        self.parts: dict[str, _Part] = {}
        self.between: dict[str, None] = {}
        """Variables that are members of a structure: functions that are made for some statements find them there."""
        self.order = {name: k for k, name in enumerate(declared)}
        self.count = 0

    # What repeats ------------------------------------------------------------------------------

    def find_shared(self, block: Sequence[Span]) -> None:
        """Find the statements that differ in names alone."""
        pending = list(block)
        while pending:
            s = pending.pop()
            if s.stop - s.start < SHARED_LINES:
                continue
            self.forms[s] = form = self.form(s)
            self.alike.setdefault(form, []).append(s)
            for inner in s.blocks:
                pending += inner

    def form(self, s: Span) -> str:
        """The code of a statement, with its names numbered by their first use."""
        numbers: dict[str, str] = {}

        def numbered(found: re.Match[str]) -> str:
            name = found.group()
            if name not in numbers:
                known = self.declared.get(name)
                kind = f"{known.kind}{known.kept}" if known else "" if COUNTED.match(found.string, found.start()) else None
                numbers[name] = name if kind is None else f"<{kind}{len(numbers)}>"
            return numbers[name]

        return "\n".join(NAME.sub(numbered, _code(line).strip()) for line in self.lines[s.start : s.stop])

    def names_of(self, s: Span) -> list[str]:
        """The declared names of a statement, in the order of their first use."""
        return list(dict.fromkeys(name for names in self.names[s.start : s.stop] for name in names))

    # Dividing ----------------------------------------------------------------------------------

    def lines_of(self, start: int, stop: int, blocks: Sequence[Sequence[Span]], given: bool) -> list[str]:
        """Lines of the program, with calls in the place of parts; `given` where all names are arguments of the function."""
        made: list[str] = []
        for block in blocks:
            if block:
                made += self.lines[start : block[0].start]
                made += self.block(block, given)
                start = block[-1].stop
        return [*made, *self.lines[start:stop]]

    def block(self, block: Sequence[Span], given: bool) -> list[str]:
        pieces = [(s, self.statement(s, given)) for s in block]
        whole = [line for _, piece in pieces for line in piece]
        if len(whole) <= PART_LINES:
            return whole
        groups: list[tuple[list[Span], list[str]]] = []
        for s, piece in pieces:
            if not groups or len(groups[-1][1]) + len(piece) > PART_LINES:
                groups.append(([], []))
            groups[-1][0].append(s)
            groups[-1][1].extend(piece)
        if len(groups) == 1:
            return whole
        return [line for spans, lines in groups for line in (lines if len(lines) < SHARED_LINES else [self.call_alone(spans, lines, given)])]

    def statement(self, s: Span, given: bool) -> list[str]:
        form = self.forms.get(s)
        if form is None or len(self.alike[form]) == 1:
            return self.lines_of(s.start, s.stop, s.blocks, given)
        if form not in self.parts:
            self.parts[form] = self.shared(self.alike[form])
        part = self.parts[form]
        names = self.names_of(s)
        return [self.call(part.name, [names[k] for k in part.places], s.start)]

    def shared(self, alike: Sequence[Span]) -> _Part:
        """One function for statements that differ in names."""
        first = alike[0]
        names = self.names_of(first)
        own = set.intersection(*map(self.own, alike))
        made = self.lines_of(first.start, first.stop, first.blocks, True)
        places = [k for k in range(len(names)) if k not in own]
        return _Part(self.function(made, [names[k] for k in places], [names[k] for k in sorted(own)]), places)

    def own(self, s: Span) -> set[int]:
        """The numbers of a statement's names that nothing outside of it uses."""
        counts = Counter(name for names in self.names[s.start : s.stop] for name in names)
        return {k for k, name in enumerate(counts) if counts[name] == self.uses[name]}

    def call_alone(self, spans: Sequence[Span], lines: list[str], given: bool) -> str:
        """The call of a function of some statements that is made for them."""
        used = self.used(lines)
        counts = Counter(name for names in self.names[spans[0].start : spans[-1].stop] for name in names)
        ordered = [name for name in counts if name in used]
        own = [name for name in ordered if counts[name] == self.uses[name] and name not in self.between]
        apart = {*own}
        arguments = [name for name in ordered if name not in apart and (given or self.declared[name].kept)]
        if given:
            return self.call(self.function(lines, arguments, own), arguments, spans[0].start)
        self.between.update(dict.fromkeys(arguments))
        if not any(name in self.between or name == BETWEEN for line in lines for name in NAME.findall(_code(line))):
            return self.call(self.function(lines, (), own), (), spans[0].start)
        return self.call(self.function(lines, (), own, self.between), (), spans[0].start, (BETWEEN,))

    def call(self, part: str, arguments: Sequence[str], at: int, more: Sequence[str] = ()) -> str:
        shown = [*more, *(f"&{name}" if self.declared[name].kept else name for name in arguments)]
        line = self.lines[at]
        indent = line[: len(line) - len(line.lstrip())]
        made = f"{indent}if ({part}({', '.join(['io', 'env', 'arena', 'fault', *shown])})) return 1;"
        return _changed(line, made)

    def function(self, lines: Sequence[str], arguments: Sequence[str], own: Sequence[str], between: Mapping[str, None] | None = None) -> str:
        """Add a function of some lines, which finds values of others `between` them; return its name."""
        name = f"part{self.count}"
        self.count += 1
        declared = [*(self.declared[x].line for x in own), *self.found_out(self.used(lines) - {*arguments, *own, *(between or ())})]
        takes = [f"{self.declared[x].kind} *const {x}" if self.declared[x].kept else f"{self.declared[x].kind} {x}" for x in arguments]
        pointed = {x for x in arguments if self.declared[x].kept}
        takes = takes if between is None else [f"struct wb_between *const {BETWEEN}", *takes]
        head = f"static __attribute__((noinline)) int32_t {name}({', '.join([PARAMETERS, *takes])}) {{"
        self.functions += ["", head, *declared, *_through(_outdented(lines), pointed, between or {}), "    return 0;", "}"]
        return name

    def used(self, lines: Iterable[str]) -> set[str]:
        return {name for line in lines for name in NAME.findall(_code(line)) if name in self.declared}

    def found_out(self, names: set[str]) -> list[str]:
        """The lines by which a function finds out what names are."""
        needed = names | {x for name in names for x in self.declared[name].needs}
        return [self.declared[name].line for name in sorted(needed, key=self.order.__getitem__) if not self.declared[name].kept]


def _code(line: str) -> str:
    """A line without what people read in it."""
    return line.split("  //", 1)[0]


def _changed(line: str, text: str) -> str:
    return line.changed(text) if isinstance(line, CodeLine) else text


def _outdented(lines: Sequence[str]) -> list[str]:
    """Lines as those of a function's body."""
    extra = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=4) - 4
    return [_changed(line, line[extra:]) for line in lines] if extra > 0 else list(lines)


def _through(lines: Sequence[str], pointed: set[str], between: Mapping[str, None]) -> list[str]:
    """Lines in which some variables are what pointers of their names point to, and some are members of the structure."""
    if not pointed and not between:
        return list(lines)

    def place(found: re.Match[str]) -> str:
        name = found.group()
        return f"(*{name})" if name in pointed else f"{BETWEEN}->{name}" if name in between else name

    made = []
    for line in lines:
        code = _code(line)
        made.append(_changed(line, NAME.sub(place, code) + line[len(code) :]))
    return made
