"""Rules that fire on open lengths, of those that fire on static ones.

    python benchmarks/lengths.py

Every example of a rule that has an input with axes is made a second time, each axis longer than 1 of an open length of its own. What its
operations need equal is made one (`Graph.unified`), as compiling does, and the rule is asked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import workbench.tensor as pt
from workbench.graph import RULES, Graph, Rule, free_inputs, summary
from workbench.graph.expr import Expr
from workbench.graph.lengths import fresh
from workbench.rewrites import default_mode

MODULE = sys.modules[pt.tensor.__module__]
declared = pt.tensor


def _open(name: str | None = None, dtype: str = "float64", shape: Any = ()) -> Any:
    """An input as `pt.tensor` makes it, numbers above 1 among its lengths opened."""
    given = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    one = {n: fresh(letter) for n, letter in zip(given, "nmkl") if isinstance(n, int) and n > 1}
    return declared(name, dtype, tuple(one.get(n, n) for n in given))


def opened(examples: Callable[[], Sequence[Expr]]) -> list[Expr]:
    """Return examples whose inputs have open lengths, one where operations need them equal."""
    with mock.patch.object(MODULE, "tensor", _open), mock.patch.object(pt, "tensor", _open):
        made = examples()
    found = []
    for example in made:
        graph, _ = Graph(free_inputs([example]), [example]).unified()
        found += graph.results
    return found


def has_axes(example: Expr) -> bool:
    """Whether an input of an example has an axis longer than 1."""
    return any(isinstance(n, int) and n > 1 for x in free_inputs([example]) for n in getattr(x.type, "shape", ()))


def cases(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Expr, Expr | Exception]]:
    """Each rule with an example that has axes, and the same of open lengths."""
    for rule in rules:
        if rule.examples is None:
            continue
        static = list(rule.examples())
        try:
            made: Sequence[Expr | Exception] = opened(rule.examples)
        except Exception as error:
            made = [error] * len(static)
        yield from ((rule, s, o) for s, o in zip(static, made, strict=True) if has_axes(s))


def main() -> None:
    default_mode()  # Which loads the rules.
    fired: dict[str, list[bool]] = {}
    missed = []
    for rule, static, made in cases([*RULES.values()]):
        if rule.apply(static) is None:
            continue
        fires = not isinstance(made, Exception) and rule.apply(made) is not None
        fired.setdefault(rule.name, []).append(fires)
        if not fires:
            missed.append(f"  {rule.name}: {summary(static)}, open {made if isinstance(made, Exception) else summary(made)}")
    rules, examples = sum(map(any, fired.values())), [one for each in fired.values() for one in each]
    print(f"{rules} of {len(fired)} rules on vectors and matrices fire on open lengths: {rules / len(fired):.1%} (target 97 %)")
    print(f"{sum(examples)} of their {len(examples)} examples: {sum(examples) / len(examples):.1%}; not (why is said in tests/rewrites/test_open_examples.py)", *missed, sep="\n")
    x, a, b = pt.vector("x"), pt.matrix("A", "n", "n"), pt.matrix("B", "m", "m")
    for shown in (pt.linalg.det(pt.diag(pt.exp(x))), pt.linalg.inv(pt.kron(a, b))):
        (after,), _ = default_mode().run([shown])
        print(f"{summary(shown)}\n  becomes {summary(after)}")


if __name__ == "__main__":
    main()
