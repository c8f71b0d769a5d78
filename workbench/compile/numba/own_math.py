"""Functions of our own as instructions of LLVM, read from their C: a loop that calls them is a vector loop.

They are inlined wherever they are called, and round as in C: a number has one value in a vector, in the rest of a loop, alone, and on both backends.
What is read is the little C that they are written in (`workbench/tensor/special/elementary_c.py`): constants that have a type, conditions as choices, and
functions of such. This file is imported by generated code, as `pointers` is.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.extending import intrinsic

from workbench.tensor.special.elementary_c import BITS, ELEMENTARY
from workbench.tensor.special.error_c import ERF_C

OWN = {**ELEMENTARY, "erf": ERF_C}
"""The functions, and the C code of each, in the order in which it is needed."""
types: Any = numba.types
DOUBLE, WORD = ir.DoubleType(), ir.IntType(64)
HAS_FMA = platform.machine() in ("aarch64", "arm64") or bool(llvm.get_host_cpu_features().get("fma"))


@dataclass(frozen=True)
class Value:
    """A number, a word, or a truth value of code that is being built."""

    builder: Any
    value: Any

    def to(self, other: Any) -> Any:
        """An operand as a value of the same type."""
        return other.value if isinstance(other, Value) else self.value.type(other)

    def made(self, value: Any) -> Value:
        return Value(self.builder, value)

    @property
    def is_word(self) -> bool:
        return bool(self.value.type == WORD)

    def __add__(self, other: Any) -> Value:
        return self.made((self.builder.add if self.is_word else self.builder.fadd)(self.value, self.to(other)))

    def __sub__(self, other: Any) -> Value:
        return self.made((self.builder.sub if self.is_word else self.builder.fsub)(self.value, self.to(other)))

    def __mul__(self, other: Any) -> Value:
        return self.made(self.builder.fmul(self.value, self.to(other)))

    def __truediv__(self, other: Any) -> Value:
        return self.made(self.builder.fdiv(self.value, self.to(other)))

    def __radd__(self, other: Any) -> Value:
        return self.made(self.to(other)) + self

    def __rsub__(self, other: Any) -> Value:
        return self.made(self.to(other)) - self

    def __rmul__(self, other: Any) -> Value:
        return self.made(self.to(other)) * self

    def __rtruediv__(self, other: Any) -> Value:
        return self.made(self.to(other)) / self

    def __neg__(self) -> Value:
        return self.made(self.builder.fneg(self.value))

    def __lshift__(self, count: int) -> Value:
        return self.made(self.builder.shl(self.value, WORD(count)))

    def __rshift__(self, count: int) -> Value:
        return self.made(self.builder.lshr(self.value, WORD(count)))

    def __and__(self, mask: int) -> Value:
        return self.made(self.builder.and_(self.value, WORD(mask)))

    def __or__(self, mask: int) -> Value:
        return self.made(self.builder.or_(self.value, WORD(mask)))

    def __lt__(self, other: Any) -> Value:
        return self.made(self.builder.fcmp_ordered("<", self.value, self.to(other)))

    def __gt__(self, other: Any) -> Value:
        return self.made(self.builder.fcmp_ordered(">", self.value, self.to(other)))

    def equals(self, other: Any) -> Value:
        return self.made(self.builder.fcmp_ordered("==", self.value, self.to(other)))

    def where(self, yes: Any, no: Any) -> Value:
        """Of two numbers, or words, the first where this is true."""
        kind = next((x.value.type for x in (yes, no) if isinstance(x, Value)), DOUBLE if isinstance(yes, float) or isinstance(no, float) else WORD)
        chosen = [x.value if isinstance(x, Value) else kind(x) for x in (yes, no)]
        return self.made(self.builder.select(self.value, *chosen))

    def called(self, name: str, *others: Any) -> Value:
        """An operation of LLVM's own."""
        found = self.builder.module.declare_intrinsic(name, [DOUBLE], ir.FunctionType(DOUBLE, [DOUBLE] * (1 + len(others))))
        return self.made(self.builder.call(found, [self.value, *map(self.to, others)]))

    @property
    def bits(self) -> Value:
        return self.made(self.builder.bitcast(self.value, WORD))

    @property
    def of_bits(self) -> Value:
        return self.made(self.builder.bitcast(self.value, DOUBLE))


def fma(x: Any, y: Any, z: Any) -> Any:
    """A product and a sum, rounded once where the processor can."""
    if not HAS_FMA:
        return x * y + z
    value = next(v for v in (x, y, z) if isinstance(v, Value))
    return value.made(value.to(x)).called("llvm.fma", y, z)


BUILT_IN = {
    "WB_FMA": fma, "wb_bits": lambda x: x.bits, "wb_of_bits": lambda x: x.of_bits, "fabs": lambda x: x.called("llvm.fabs"),
    "__builtin_copysign": lambda x, y: x.called("llvm.copysign", y), "__builtin_inf": lambda: float("inf"), "__builtin_nan": lambda text: float("nan"),
}  # fmt: skip
TOKEN = re.compile(r'\s*(0x[0-9a-f.]+p[-+]?\d+|0x[0-9a-f]+|\d+(?:\.\d*)?(?:e[-+]?\d+)?|""|\w+|<<|>>|==|\S)')
BINDING = (("|",), ("&",), ("==",), ("<", ">"), ("<<", ">>"), ("+", "-"), ("*", "/"))
"""Operators, those that bind least first."""
OPERATIONS: Mapping[str, Any] = {
    "|": lambda a, b: a | b, "&": lambda a, b: a & b, "==": lambda a, b: a.equals(b), "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<<": lambda a, b: a << b, ">>": lambda a, b: a >> b, "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
}  # fmt: skip
FUNCTION = re.compile(r"static WB_INLINE (?:double|uint64_t) (\w+)\(([^)]*)\) \{(.*?)\}(?=\n|$)", re.DOTALL)
FOR_FMA = re.compile(r"#if defined __FMA__[^\n]*\n(.*?)\n#else\n(.*?)\n#endif", re.DOTALL)


class Expression:
    """An expression of C, which is computed as it is read."""

    def __init__(self, text: str, names: Mapping[str, Any], functions: Mapping[str, Any]) -> None:
        self.tokens, self.at, self.names, self.functions = [*TOKEN.findall(re.sub(r"(?<=[0-9a-f])ULL", "", text)), ""], 0, names, functions

    def next(self, *wanted: str) -> str:
        """The next token, if it is one of those wanted, or any is."""
        token = self.tokens[self.at]
        if wanted and token not in wanted:
            return ""
        self.at += 1
        return token

    def value(self) -> Any:
        condition = self.operation(0)
        if not self.next("?"):
            return condition
        yes = self.value()
        self.next(":")
        return condition.where(yes, self.value())

    def operation(self, level: int) -> Any:
        if level == len(BINDING):
            return -self.operation(level) if self.next("-") else self.operand()
        made = self.operation(level + 1)
        while operator := self.next(*BINDING[level]):
            made = OPERATIONS[operator](made, self.operation(level + 1))
        return made

    def operand(self) -> Any:
        token = self.next()
        if token == "(":
            made = self.value()
            self.next(")")
            return made
        if token[0].isdigit():
            return float.fromhex(token) if "p" in token else int(token, 0) if re.fullmatch(r"0x\w+|\d+", token) else float(token)
        if not self.next("("):
            return self.names.get(token, token)
        given: list[Any] = []
        while not self.next(")"):
            given.append(self.value())
            self.next(",")
        return self.functions[token](*given)


def functions_of(pieces: Iterable[str]) -> dict[str, Any]:
    """Return functions in C as functions of values of code that is being built."""
    made: dict[str, Any] = dict(BUILT_IN)
    for text in pieces:
        text = FOR_FMA.sub(lambda found: found[1 if HAS_FMA else 2], text)
        for name, parameters, body in FUNCTION.findall(text):
            if name not in made:
                made[name] = _function(parameters, body, made)
    made["WB_LOST"] = (lambda x, y, product: fma(x, y, -product)) if HAS_FMA else made["wb_lost"]
    return made


def _function(parameters: str, body: str, functions: Mapping[str, Any]) -> Any:
    names = [p.split()[-1] for p in parameters.split(",")]
    statements = [s.strip() for s in body.split(";") if s.strip()]

    def function(*given: Any) -> Any:
        known = dict(zip(names, given, strict=True))
        for statement in statements[:-1]:
            for one in re.split(r", (?=\w+ = )", re.sub(r"^const (double|uint64_t) ", "", statement)):
                name, text = one.split(" = ", 1)
                known[name] = Expression(text, known, functions).value()
        return Expression(statements[-1].removeprefix("return "), known, functions).value()

    return function


def _inlined(function_name: str) -> Any:
    """One of our own as a function of generated code."""
    name = f"wb_{function_name}"

    def function(typing: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made = builder.module.globals.get(name)
            if made is None:
                made = ir.Function(builder.module, ir.FunctionType(DOUBLE, [DOUBLE]), name)
                made.linkage = "internal"
                made.attributes.add("alwaysinline")
                inside = ir.IRBuilder(made.append_basic_block())
                inside.ret(functions_of((BITS, *OWN[function_name]))[name](Value(inside, made.args[0])).value)
            return builder.call(made, arguments)

        return types.float64(types.float64), generate

    return intrinsic(function)


erf, exp, expm1, log, log1p, tanh = map(_inlined, ("erf", "exp", "expm1", "log", "log1p", "tanh"))
