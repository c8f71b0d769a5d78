"""Functions of C's library that have vector forms: one result for one argument, wherever it is computed.

glibc's vector forms (libmvec) differ from the scalar functions, and from one another, in the last bit. A
compiler takes one of them for a loop, a narrower one or the scalar function for the loop's rest. So one
vector form stands for all: the others, and the scalar function, are defined anew in each compiled library.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from workbench.compile.c.own_math import OWN

FUNCTIONS = {"exp": 1, "log": 1, "log1p": 1, "expm1": 1, "sin": 1, "cos": 1, "tan": 1, "tanh": 1, "erf": 1, "erfc": 1, "pow": 2}
"""Names, with the number of their arguments."""
REPLACED = ("sin", "cos", "tan", "pow")
"""Those for whose calls gcc knows others, of other last bits."""


def _forms(letters: str) -> str:
    """The macro that defines all forms of a function of one or two arguments by one form."""
    names = "xy"[: len(letters)]
    own = '__attribute__((visibility("hidden")))'

    def given(kind: str) -> str:
        return ", ".join(f"{kind} {a}" for a in names)

    def call(variant: str, n: int, lanes: Sequence[int] | None) -> str:
        """A call of a form for `n` numbers, with these lanes of its arguments, or with scalars."""
        shown = [f"(wb_v{n}){{{', '.join(a if lanes is None else f'{a}[{k}]' for k in lanes or range(n))}}}" for a in names]
        return f"_ZGV{variant}N{n}{letters}_##f({', '.join(shown)})"

    def forms(variant: str, n: int, narrower: dict[str, int], wider: dict[str, int]) -> str:
        """By the form of `n` numbers: those of fewer and of more, and the scalar function."""
        lines = [f"#define WB_FORMS{len(names)}(f)", f"wb_v{n} _ZGV{variant}N{n}{letters}_##f({', '.join([f'wb_v{n}'] * len(names))});"]
        for other, m in narrower.items():
            taken = ", ".join(f"z[{k}]" for k in range(m))
            body = f"const wb_v{n} z = {call(variant, n, [k % m for k in range(n)])}; return (wb_v{m}){{{taken}}};"
            lines.append(f"{own} wb_v{m} _ZGV{other}N{m}{letters}_##f({given(f'wb_v{m}')}) {{ {body} }}")
        for other, m in wider.items():
            low, high = call(variant, n, range(n)), call(variant, n, range(n, m))
            joined = ", ".join(f"{part}[{k}]" for part in ("low", "high") for k in range(n))
            body = f"const wb_v{n} low = {low}, high = {high}; return (wb_v{m}){{{joined}}};"
            lines.append(f"{own} wb_v{m} _ZGV{other}N{m}{letters}_##f({given(f'wb_v{m}')}) {{ {body} }}")
        # Under another name: what the compiler takes for a call of the library is one of this.
        lines.append(f"{own} double wb_one_##f({given('double')}) __asm__(#f);")
        lines.append(f"double wb_one_##f({given('double')}) {{ return {call(variant, n, None)}[0]; }}")
        return " \\\n    ".join(lines)

    return "\n".join([
        "#if defined __AVX512F__", forms("e", 8, {"b": 2, "d": 4}, {}), "#elif defined __AVX2__", forms("d", 4, {"b": 2}, {}),
        "#else", forms("b", 2, {}, {"c": 4}), "#endif",
    ])  # fmt: skip


TYPES = "\n".join(f"typedef double wb_v{n} __attribute__((vector_size({8 * n})));" for n in (2, 4, 8))
FORMS = {1: _forms("v"), 2: _forms("vv")}


def declarations(used: Collection[str], vector_forms: Collection[str]) -> list[str]:
    """Return C that declares the functions `used`, of which `vector_forms` have forms that a loop can call."""
    lines = []
    for name, arguments in FUNCTIONS.items():
        if name in used and (name in vector_forms or name not in OWN):
            simd = 'simd("notinbranch"), ' if name in vector_forms else ""
            lines.append(f"__attribute__(({simd}const, nothrow, leaf)) double {name}({', '.join(['double'] * arguments)});")
    return lines


def definitions(used: Collection[str], vector_forms: Collection[str]) -> list[str]:
    """Return C that defines all forms of those functions by one."""
    chosen = [name for name in FUNCTIONS if name in used and name in vector_forms]
    if not chosen:
        return []
    shapes = sorted({FUNCTIONS[name] for name in chosen})
    lines = [f"WB_FORMS{FUNCTIONS[name]}({name})" for name in chosen]
    return ["", "// One form of each function stands for all, so that a number has one value in every loop.", TYPES, *(FORMS[n] for n in shapes), *lines]
