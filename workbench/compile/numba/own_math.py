"""Exponentials and logarithms of :mod:`workbench.tensor.special.elementary_c` as instructions of LLVM: a loop that calls them is a vector loop.

They are inlined wherever they are called, and round as in C: a number has one value in a vector, in the rest of a loop, and alone.
This file is imported by generated code, as `pointers` is.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.extending import intrinsic

from workbench.tensor.special.elementary_c import EXP_ENDS, EXP_TAIL, EXPM1_TAIL, LOG1P_REST, LOG_REST

types: Any = numba.types
DOUBLE, WORD, TRUTH = ir.DoubleType(), ir.IntType(64), ir.IntType(1)
INFINITY = float("inf")
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

    def is_(self, other: float) -> Value:
        return self.made(self.builder.fcmp_ordered("==", self.value, self.to(other)))

    def where(self, yes: Value | float, no: Value | float) -> Value:
        """Of two numbers the first where this is true."""
        chosen = [x.value if isinstance(x, Value) else DOUBLE(x) for x in (yes, no)]
        return self.made(self.builder.select(self.value, *chosen))

    def whole(self, yes: int) -> Value:
        """A word where this is true, else zero."""
        return self.made(self.builder.select(self.value, WORD(yes), WORD(0)))

    def called(self, name: str, *others: Any) -> Value:
        """An operation of LLVM's own."""
        found = self.builder.module.declare_intrinsic(name, [DOUBLE], ir.FunctionType(DOUBLE, [DOUBLE] * (1 + len(others))))
        return self.made(self.builder.call(found, [self.value, *map(self.to, others)]))

    def __abs__(self) -> Value:
        return self.called("llvm.fabs")

    @property
    def bits(self) -> Value:
        return self.made(self.builder.bitcast(self.value, WORD))

    @property
    def of_bits(self) -> Value:
        return self.made(self.builder.bitcast(self.value, DOUBLE))


def fma(x: Value, y: Value | float, z: Value | float) -> Value:
    """A product and a sum, rounded once where the processor can."""
    return x.called("llvm.fma", y, z) if HAS_FMA else x * y + z


def lost(x: Value, y: Value, product: Value) -> Value:
    """What a product lacks that is rounded (Dekker 1971)."""
    if HAS_FMA:
        return fma(x, y, -product)
    x_wide, y_wide = x * 134217729.0, y * 134217729.0
    x1, y1 = x_wide - (x_wide - x), y_wide - (y_wide - y)
    x2, y2 = x - x1, y - y1
    return ((x1 * y1 - product) + x1 * y2 + x2 * y1) + x2 * y2


def polynomial(x: Value, squares: Sequence[Value], coefficients: Sequence[float]) -> Any:
    """As its text in C: lowest power first, with x**2, x**4, ... in sums that do not wait for one another."""
    if len(coefficients) == 1:
        return coefficients[0]
    if not squares:
        return fma(x, polynomial(x, (), coefficients[1:]), coefficients[0])
    even, odd = (polynomial(squares[0], squares[1:], coefficients[k::2]) for k in (0, 1))
    return fma(x, odd, even)


def hexadecimal(*numbers: str) -> list[float]:
    return [float.fromhex(x) for x in numbers]


WHOLE = 1.5 * 2.0**52
"""What is added to a number and taken away again rounds it to a whole one."""
LOG2E, LOG2_HIGH, LOG2_LOW = hexadecimal("0x1.71547652b82fep+0", "0x1.62e42fefa3800p-1", "0x1.ef35793c76730p-45")
ROOT_HALF = 0x3FE6A09E667F3BCD
"""The bits of the root of 1/2."""
THREE_QUARTERS = 0x3FE8000000000000


def power_of_two(k: Value) -> Value:
    return (((k + WHOLE).bits + 1023) << 52).of_bits


def reduced(y: Value) -> tuple[Value, Value, Value]:
    """A number as k log 2 + r, and what exp(r) - 1 - r is, with what r lacks."""
    k = fma(y, LOG2E, WHOLE) - WHOLE
    high = fma(k, -LOG2_HIGH, y)
    r = fma(k, -LOG2_LOW, high)
    z = r * r
    tail = z * polynomial(r, [z], EXPM1_TAIL)
    return k, r, tail + fma(k, -LOG2_LOW, high - r)


def exp_formula(x: Value) -> Value:
    y = (x < -746.0).where(-746.0, x)
    shifted = fma(y, LOG2E, WHOLE)
    k = shifted - WHOLE
    high = fma(k, -LOG2_HIGH, y)
    r = fma(k, -LOG2_LOW, high)
    z = r * r
    tail = polynomial(r, [z, z * z], EXP_TAIL)
    made = fma(r, fma(r, tail, 1.0), 1.0) if HAS_FMA else 1.0 + (r + (z * tail + (k * -LOG2_LOW + (high - r))))
    small = y < -708.0
    scaled = (made.bits + ((shifted.bits + small.whole(128)) << 52)).of_bits * small.where(2.0**-128, 1.0)
    return (x < EXP_ENDS).where(scaled, x + INFINITY)


def half_expm1(y: Value) -> tuple[Value, Value]:
    """Half of exp(y) - 1, and what it lacks."""
    k, r, more = reduced(y)
    scale = power_of_two(k - 1.0)
    a, b = scale * r, scale - 0.5
    total = a + b
    other = total - b
    return total, fma(scale, more, (b - (total - other)) + (a - other))


def expm1_formula(x: Value) -> Value:
    half, rest = half_expm1((x > 710.0).where(710.0, (x < -60.0).where(-60.0, x)))
    return (abs(x) < 2.0**-54).where(x, 2.0 * (half + rest))


def tanh_formula(x: Value) -> Value:
    size = abs(x)
    half, rest = half_expm1(2.0 * (size > 20.0).where(20.0, size))
    h = half + rest
    h_low = (half - h) + rest
    d = h + 1.0
    other = d - h
    d_low = ((h - (d - other)) + (1.0 - other)) + h_low
    once = 1.0 / d
    q = h * once
    product = q * d
    made = fma(fma(-q, d_low, ((h - product) - lost(q, d, product)) + h_low), once, q)
    return (size < 2.0**-28).where(x, made.called("llvm.copysign", x))


def log_with(x: Value, more: Value | float) -> Value:
    """log(x) + `more`, for a positive number that is finite."""
    small = x < 2.0**-1022
    u = small.where(x * 2.0**54, x).bits + (1100 << 52) - ROOT_HALF
    k = ((u >> 52) | 0x4330000000000000).of_bits - small.where(2.0**52 + 1154.0, 2.0**52 + 1100.0)
    f = ((u & 0xFFFFFFFFFFFFF) + ROOT_HALF).of_bits - 1.0
    s = f / (2.0 + f)
    z = s * s
    square = 0.5 * f * f
    low = fma(s, fma(z, polynomial(z, [z * z], LOG_REST), square), fma(k, 1.90821492927058770002e-10, more))
    return fma(k, 6.93147180369123816490e-01, -((square - low) - f))


def log_formula(x: Value) -> Value:
    outside = x.is_(0.0).where(-INFINITY, float("nan"))
    return (x > 0.0).where((x < INFINITY).where(log_with(x, 0.0), x), outside)


def log1p_formula(x: Value) -> Value:
    u = (1.0 + x).bits + (64 << 52) - THREE_QUARTERS
    k = ((u >> 52) | 0x4330000000000000).of_bits - (2.0**52 + 64.0)
    four = (((1025 + 64) << 52) - (u & 0xFFF0000000000000)).of_bits
    f = fma(0.25 * x, four, fma(four, 0.25, -1.0))
    s = f / (2.0 + f)
    z = s * s
    square = 0.5 * f * f
    low = fma(s, fma(z, polynomial(z, [z * z], LOG1P_REST), square), k * 1.90821492927058770002e-10)
    large = k * 6.93147180369123816490e-01
    total = large + f
    made = total - (square - (low + (f - (total - large))))
    outside = x.is_(-1.0).where(-INFINITY, float("nan"))
    return (abs(x) < 2.0**-54).where(x, (x > -1.0).where((x < INFINITY).where(made, x), outside))


def _inlined(formula: Callable[[Value], Value]) -> Any:
    """A formula as a function of generated code."""
    name = f"wb_{formula.__name__}"

    def function(typing: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made = builder.module.globals.get(name)
            if made is None:
                made = ir.Function(builder.module, ir.FunctionType(DOUBLE, [DOUBLE]), name)
                made.linkage = "internal"
                made.attributes.add("alwaysinline")
                inside = ir.IRBuilder(made.append_basic_block())
                inside.ret(formula(Value(inside, made.args[0])).value)
            return builder.call(made, arguments)

        return types.float64(types.float64), generate

    return intrinsic(function)


exp, expm1, log, log1p, tanh = map(_inlined, (exp_formula, expm1_formula, log_formula, log1p_formula, tanh_formula))
