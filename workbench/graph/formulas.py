"""Expressions as one line of formula: exactly, as they are computed, or as a person writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from workbench.graph.array_names import array_name
from workbench.graph.expr import Constant, Expr, Op
from workbench.graph.pattern import uniform_value
from workbench.graph.printing import one_line, op_text

LIMIT = 160

ELIDED = "…"
DEEPEST = 60
"""Further down, nothing is written out: text is for readers, and Python's stack is short."""
FEW = 3
"""So many operands are all shown, each shorter; of more, those in the middle are left out."""
LEAST = 6
"""With fewer characters to say it in, a part is left out."""

EITHER, BOTH, NOT, COMPARISON, SUM, PRODUCT, NEGATION, POWER, ATOM = -2, -1, 0, 1, 6, 7, 8, 9, 10
"""How tightly operators hold their operands together, in Python's order."""
LOOSE = EITHER - 1
"""What operands must hold together that are in brackets anyway."""
BINDING = {
    "|": 2, "^": 3, "&": 4, "<<": 5, ">>": 5, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "@": PRODUCT, "**": POWER,
}  # fmt: skip
READ: dict[str, tuple[str, int, int]] = {
    "square": ("{}**2", POWER, ATOM), "reciprocal": ("1/{}", PRODUCT, NEGATION), "matmul": ("{} @ {}", PRODUCT, PRODUCT + 1),
    "logical_and": ("{} and {}", BOTH, BOTH), "logical_or": ("{} or {}", EITHER, EITHER), "logical_not": ("not {}", NOT, NOT),
    "equal": ("{} == {}", COMPARISON, COMPARISON + 1), "not_equal": ("{} != {}", COMPARISON, COMPARISON + 1),
}  # fmt: skip
"""Operations that a person writes with signs, how tightly these hold together, and how tightly their operands must."""

def summary(expr: Expr, limit: int = LIMIT) -> str:
    """Return an expression as it is computed, in one line of at most `limit` characters, with "…" for what is left out.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.vector("x", 3), pt.vector("y", 2)
    >>> summary(pt.log(1.0 + x[np.array([0, 2])]) * (y - 2.0) ** 2)
    'log(1.0 + x[[0, 2]]) * (y - 2.0) ** 2.0'
    """
    return _Writer(expr, True, limit, {}).written()


Expr.__repr__ = summary  # type: ignore[method-assign,assignment]


def formula(expr: Expr, limit: int = LIMIT) -> str:
    """Return an expression as a person writes it, in one line of at most `limit` characters, with "…" for what is left out.

    What has a name is called by it, except the expression itself. What only arranges values for the computer is not shown:
    broadcasting, markers, checks, the key of a random variable. A whole number is one whatever its dtype, others have six digits.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.vector("x", 3), pt.vector("y", 2)
    >>> formula(pt.log(1.0 + x[np.array([0, 2])]) * (y - 2.0) ** 2)
    'log(1 + x[[0, 2]])*(y - 2)**2'
    >>> b = [pt.scalar(f"b{i}") for i in range(9)]
    >>> formula(sum((b[i] * pt.sum(x) for i in range(1, 9)), b[0]), 40)
    'b0 + b1*sum(x) + … + b8*sum(x)'
    """
    return _Writer(expr, False, limit, {}).written()


def formulas(exprs: Iterable[Expr], limit: int = LIMIT) -> list[str]:
    """Return the formulas of many expressions, such as all of a graph, in a time that grows with their number.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> formulas([x + 1.0, x + 1.0 + x])
    ['x + 1', 'x + 1 + x']
    """
    chains: Chains = {}
    return [_Writer(x, False, limit, chains).written() for x in exprs]


def terms(expr: Expr) -> list[tuple[int, Expr]]:
    """Return the terms of a sum, each with its sign, 1 or -1; the expression itself if it is no sum.

    Terms that have a name are not taken apart.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.scalar("x"), pt.scalar("y")
    >>> terms(x * y - (2.0 + y) + 1.0)
    [(1, x * y), (-1, 2.0 + y), (1, 1.0)]
    """
    top = _seen(expr)
    if getattr(top.op, "symbol", "") not in ("+", "-") or len(top.inputs) != 2:
        return [(1, expr)]
    return [(-1 if sign == "-" else 1, x) for sign, x in _chain(top, ADDED, False, math.inf, {}).head]


class _TooLong(Exception):
    """The text has more characters than it may."""


class _Form(NamedTuple):
    """The text of a node around its operands; how tightly each of these, and the whole, holds together."""

    texts: Sequence[str]
    operands: Sequence[Expr]
    least: Sequence[int]
    binding: int


class _Writer:
    """Writes one expression: in full where that fits, else its outermost parts, and within them what there is room for."""

    def __init__(self, root: Expr, exact: bool, limit: int, chains: Chains) -> None:
        self.root, self.exact, self.limit, self.chains = root, exact, limit, chains
        self.known: dict[Expr, tuple[str, int]] = {}
        self.forms: dict[Expr, _Form] = {}

    def written(self) -> str:
        room = limit = self.limit
        while len(made := self.within(self.root, LOOSE, room, 0)) > limit and room > LEAST:
            # Many brackets around little: there is room for fewer of them.
            room = room * 3 // 4
        form = self.form(self.root, LOOSE)
        least = form.texts[0] + ELIDED + form.texts[-1]
        return next((shown for shown in (made, self.joined(form, [ELIDED] * len(form.operands)), least) if len(shown) <= limit), ELIDED)

    def full(self, node: Expr, least: int, room: int, depth: int) -> str:
        """The text of a node, in brackets if it holds less tightly than `least`.

        Raises
        ------
        _TooLong
            If it has more than `room` characters.
        """
        found = self.known.get(node)
        if found is None:
            if depth > DEEPEST or room <= 0:
                raise _TooLong
            form = self.form(node, least)
            left, made = room - sum(map(len, form.texts)) + 3, []
            for x, inner in zip(form.operands, form.least):
                made.append(self.full(x, inner, left, depth + 1))
                left -= len(made[-1])
            found = self.joined(form, made), form.binding
            if node.inputs:
                self.known[node] = found
        whole = found[0] if found[1] >= least else f"({found[0]})"
        if len(whole) > room:
            raise _TooLong
        return whole

    def within(self, node: Expr, least: int, room: int, depth: int) -> str:
        """The text of a node, with parts left out where it has more than about `room` characters."""
        try:
            return self.full(node, least, room, depth)
        except _TooLong:
            form = self.form(node, least)
        if depth > DEEPEST or (depth and room < LEAST):
            return ELIDED
        if not form.operands:
            # Half a number would be another one.
            return form.texts[0][: max(room - 1, 1)] + ELIDED if form.binding == ATOM and not form.texts[0].startswith("[") else ELIDED
        bracketed = form.binding < least
        left = room - 2 * bracketed
        if len(form.operands) > FEW:
            form = self.without_middle(form, left)
        left -= sum(map(len, form.texts))
        made = [ELIDED] * len(form.operands)
        # What is short is written first: it needs less than its share, and leaves the more to the others.
        order = sorted(range(len(made)), key=lambda i: self.size(form, i, room))
        for n, i in enumerate(order):
            made[i] = self.within(form.operands[i], form.least[i], left // (len(order) - n), depth + 1)
            left -= len(made[i])
        whole = self.joined(form, made)
        if depth and not any(c.isalnum() for c in whole):
            return ELIDED
        return f"({whole})" if bracketed else whole

    def without_middle(self, form: _Form, room: int) -> _Form:
        """As many of the first operands as there is room for, and the last."""
        texts, last = form.texts, len(form.operands) - 1
        used = len(texts[0]) + self.size(form, 0, room) + len(texts[1] + ELIDED + texts[last]) + self.size(form, last, room // 2) + len(texts[-1])
        kept = 1
        while kept < last and (used := used + len(texts[kept]) + self.size(form, kept, room)) <= room:
            kept += 1
        if kept == last:
            return form
        joint = " + " if texts[kept] == " - " else texts[kept].split(ELIDED)[0]
        ends = [*range(kept), last]
        return form._replace(
            texts=[*texts[:kept], joint + ELIDED + texts[last].split(ELIDED)[-1], texts[-1]], operands=[form.operands[i] for i in ends], least=[form.least[i] for i in ends]
        )

    def size(self, form: _Form, i: int, most: int) -> int:
        """How many characters an operand has, or `most` if it has more."""
        try:
            return len(self.full(form.operands[i], form.least[i], most, 1))
        except _TooLong:
            return most

    def joined(self, form: _Form, made: Sequence[str]) -> str:
        """The text of a form and its operands; for readers a minus sign of an operand is the operation's own."""
        texts = list(form.texts)
        whole = ""
        for i, (x, operand) in enumerate(zip(form.operands, made)):
            sign = texts[i]
            if not self.exact and operand.startswith("-") and not x.name:
                if sign[-3:] in MINUS:
                    sign, operand = sign[:-3] + MINUS[sign[-3:]], operand[1:]
                elif operand == "-1" and texts[i + 1] == "*" and not whole:
                    operand, texts[i + 1] = "-", ""
            whole += sign + operand
        return whole + texts[-1]

    def form(self, node: Expr, least: int) -> _Form:
        """What a node is written as."""
        if not node.inputs:
            return self.made(node, least)
        if node not in self.forms:
            self.forms[node] = self.made(node, least)
        return self.forms[node]

    def made(self, node: Expr, least: int) -> _Form:
        if node.name and node is not self.root:
            return _leaf(one_line(node.name), ATOM)
        if not self.exact and (seen := _seen(node)) is not node:
            return self.form(seen, least)
        if not node.inputs:
            made = op_text(node) if self.exact else _value(node, least > LOOSE)
            return _leaf(made, NEGATION if made.startswith("-") else ATOM)
        symbol = getattr(node.op, "symbol", "")
        if symbol and len(node.inputs) == 2:
            return self.infix(node, symbol)
        if symbol:
            return _Form([symbol, ""], node.inputs, [ATOM], NEGATION) if self.exact else _Form([symbol, ""], node.inputs, [PRODUCT], PRODUCT)
        if not self.exact and node.op.name in READ:
            template, binding, within = READ[node.op.name]
            texts = template.split("{}")
            return _Form(texts, node.inputs, [within] * len(node.inputs), binding)
        if node.op.name == "dim":
            size = str(node.inputs[0].type.shape[node.op.axis])
            return _leaf(size, ATOM if size.isidentifier() or size.isdigit() else SUM)
        marks = [_mark(i) for i in range(len(node.inputs))]
        read = None if self.exact else node.op.read(node, *marks)
        read = read or node.op.written(*marks) or f"{op_text(node) if self.exact else node.op.name}({', '.join(marks)})"
        pieces = re.split(MARK, read)
        texts, at = pieces[::2], [int(i) for i in pieces[1::2]]
        # What stands before a bracket must hold together by itself.
        loose = [not after.startswith(("[", ".")) for after in texts[1:]]
        return _Form(texts, [node.inputs[i] for i in at], [LOOSE if free else ATOM for free in loose], ATOM)

    def infix(self, node: Expr, symbol: str) -> _Form:
        binding = BINDING.get(symbol, COMPARISON)
        if symbol == "**":
            # Powers are read from the right.
            return _Form(["", " ** " if self.exact else "**", ""], node.inputs, [ATOM, NEGATION], binding)
        if symbol not in ADDED and symbol not in MULTIPLIED:
            return _Form(["", f" {symbol} ", ""], node.inputs, [binding + (binding == COMPARISON), binding + 1], binding)
        # Of more operands than have room, the last ones are left out but for the very last.
        found = _chain(node, ADDED if symbol in ADDED else MULTIPLIED, self.exact, self.limit // 2 + 2, self.chains)
        chain = list(found.head)
        close = symbol in MULTIPLIED and not self.exact
        if close:
            # A person writes -2*x for x*(-2).
            chain.sort(key=lambda factor: factor[0] != "*" or not _is_negative(factor[1]))
        texts = ["", *(_between(sign, close) for sign, _ in chain[1:]), ""]
        if found.length > len(chain):
            joint = _between(found.last[0], close)
            texts[-1:] = [_between(ADDED[0] if symbol in ADDED else MULTIPLIED[0], close) + ELIDED + joint, ""]
            chain.append(found.last)
        return _Form(texts, [x for _, x in chain], [binding, *[POWER if close else binding + 1] * (len(chain) - 1)], binding)


ADDED, MULTIPLIED = "+-", "*/"
MINUS = {" + ": " - ", " - ": " + ", "-": ""}
"""Signs that with a minus sign after them are another."""
MARK = "\0(\\d+)\0"


def _between(sign: str, close: bool) -> str:
    return sign if close else f" {sign} "


def _mark(i: int) -> str:
    """What stands for an operand in the text of an operation."""
    return f"\0{i}\0"


def _leaf(made: str, binding: int) -> _Form:
    return _Form([made], (), (), binding)


def _seen(node: Expr) -> Expr:
    """What a reader sees of a node: the operand of one that only arranges values for the computer."""
    top = node
    while (node is top or not node.name) and type(node.op).read is not Op.read and node.inputs:
        if node.op.read(node, *map(_mark, range(len(node.inputs)))) != _mark(0):
            break
        node = node.inputs[0]
    return node


class _Chain(NamedTuple):
    """Operands of operations of one rank, each with the sign before it: the first ones, the last, and how many there are."""

    head: tuple[tuple[str, Expr], ...]
    last: tuple[str, Expr]
    length: int


Chains = dict[Expr, _Chain]


def _chain(top: Expr, signs: str, exact: bool, most: float, known: Chains) -> _Chain:
    """The chain of operations of one rank below a node, of which the first `most` operands are kept.

    Exactly, those that are computed from the left; for readers a + (b + c) is a + b + c.
    """
    pending = [top]
    while pending:
        node = pending[-1]
        if node in known:
            pending.pop()
            continue
        left, right = (_opened(x, signs, exact) for x in node.inputs)
        right = right if not exact and node.op.symbol == signs[0] else None
        waiting = [x for x in (left, right) if x is not None and x not in known]
        if waiting:
            pending += waiting
            continue
        pending.pop()
        one = known[left] if left is not None else _single(signs[0], node.inputs[0])
        two = known[right] if right is not None else _single(node.op.symbol, node.inputs[1])
        # A long chain shares its head with all chains that it begins with.
        head = one.head if len(one.head) >= most else (*one.head, *two.head)[: int(min(most, one.length + two.length))]
        known[node] = _Chain(head, two.last, one.length + two.length)
    return known[top]


def _single(sign: str, x: Expr) -> _Chain:
    return _Chain(((sign, x),), (sign, x), 1)


def _opened(x: Expr, signs: str, exact: bool) -> Expr | None:
    """The operation of a chain that an operand is, if it is one without a name."""
    inner = x if exact or x.name else _seen(x)
    symbol = getattr(inner.op, "symbol", "")
    return inner if not inner.name and symbol and symbol in signs and len(inner.inputs) == 2 else None


def _value(node: Expr, as_number: bool) -> str:
    """A value as a reader wants it: large arrays by their first elements, those of one value as a number where they are computed with."""
    if not isinstance(node.op, Constant):
        return op_text(node)
    array = node.op.value
    if array.size > ALL and (called := array_name(node)) is not None:
        return one_line(called)
    one = uniform_value(node) if as_number else None
    return number_text(array[()]) if array.ndim == 0 else number_text(one) if one is not None else _array(array, 6 if array.size <= ALL else 4)


ALL = 4
"""So many elements of an array are all shown; of more, the first two along each axis."""


def _is_negative(x: Expr) -> bool:
    return isinstance(x.op, Constant) and x.op.value.ndim == 0 and bool(x.op.value < 0)


def _array(array: Any, digits: int) -> str:
    if array.ndim == 0:
        return number_text(array[()], digits)
    shown = array if digits == 6 or len(array) <= 2 else array[:2]
    return f"[{', '.join(_array(x, digits) for x in shown)}{f', {ELIDED}' if len(shown) < len(array) else ''}]"


def number_text(value: Any, digits: int = 6) -> str:
    """Return a number as a person writes it.

    Examples
    --------
    >>> number_text(2.0), number_text(-0.91893853), number_text(True), number_text(1e-12)
    ('2', '-0.918939', 'True', '1e-12')
    """
    return f"{value:.{digits}g}" if isinstance(value, (float, np.floating)) else str(value)
