"""What docs/adding-an-op.md and docs/adding-a-rule.md say can be done, done: their code runs as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import RewriteError
from workbench.graph import Mode, Pass
from workbench.graph.properties import infers
from workbench.graph.rewrite import RULES, rule
from workbench.rewrites import default_mode
from workbench.rewrites.signs import is_positive
from workbench.tensor.elementwise import OPS, elementwise

DOCS = Path(__file__).resolve().parents[2] / "docs"
IMPORTS = """
from __future__ import annotations
from collections.abc import Sequence
from typing import Any
import numpy as np
from workbench.errors import ShapeError
from workbench.graph.domain import Interval
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.pattern import variable
from workbench.graph.rewrite import rule
from workbench.graph.types import TensorType
from workbench.tensor.shape import Transpose, whole
from workbench.tensor.tensor import Tensor, as_tensor
import workbench.tensor as pt
"""


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture
def registries():
    """Leave the lists of ops and rules as they were: other tests go through them."""
    default_mode()
    ops, rules = dict(OPS), dict(RULES)
    yield
    for table, before in ((OPS, ops), (RULES, rules)):
        table.clear()
        table.update(before)


def test_an_operation_of_the_page_runs_everywhere(backend):
    namespace = {}
    exec(IMPORTS + next(b for b in blocks("adding-an-op.md") if "class Reverse" in b), namespace)
    reverse = namespace["reverse"]
    value = np.arange(6.0).reshape(2, 3)
    for x in (pt.matrix("x", 2, 3), pt.matrix("x")):
        cost = pt.sum(reverse(x, 1) * pt.arange(x.shape[1]))
        flipped, slope = pm.function([x], [reverse(x, 1) * 2.0, pm.grad(cost, x)], backend=backend)(value)
        assert np.array_equal(flipped, value[:, ::-1] * 2.0) and np.array_equal(slope, [[2.0, 1.0, 0.0]] * 2)
    with pytest.raises(ValueError, match="axis 2 is out of bounds"):
        reverse(x, 2)


def sech_of_jax(x):
    import jax.numpy as jnp

    return 1.0 / jnp.cosh(x)


def test_an_elementwise_operation_is_one_declaration(backend, registries):
    sech = elementwise(
        "sech", lambda x: 1.0 / np.cosh(x), c="(1.0 / cosh({x}))", py="(1.0 / math.cosh({x}))", result="float", cost=20,
        jax=sech_of_jax,
        grad=lambda g, x: -g * sech(x) * pt.tanh(x),
    )  # fmt: skip
    x = pt.vector("x", 3)
    value = np.array([-1.0, 0.0, 2.0])
    found, slope = pm.function([x], [sech(x), pm.grad(pt.sum(sech(x)), x)], backend=backend)(value)
    np.testing.assert_allclose(found, 1.0 / np.cosh(value), rtol=1e-14)
    np.testing.assert_allclose(slope, -np.tanh(value) / np.cosh(value), rtol=1e-14)


def test_rules_of_the_page_fire_and_are_traced(registries):
    first, second = blocks("adding-a-rule.md")[:2]
    for name in ("log_of_one_plus", "transpose_of_transpose"):
        RULES.pop(name, None)
    # The second stands there without its body.
    body = "    (inner,) = expr.inputs\n    return inner.inputs[0] if inner.op == expr.op else None\n"
    namespace = {"GROUP": "stabilise", "matrix": pt.matrix("m", 2, 3)}
    start = IMPORTS + "small = variable('small', Interval(-0.9, 5.0))\n"
    exec(compile(start + first + "\n" + second + body, "<page>", "exec"), namespace)
    rules = namespace["log_of_one_plus"], namespace["transpose_of_transpose"]
    x = pt.matrix("x", 2, 3)
    (done,), trace = Mode((Pass("mine", rules),)).run([pt.transpose(pt.transpose(pt.log(1.0 + x)))])
    assert done is pt.log1p(x)
    assert {name: hits for name, (hits, _) in trace.counts.items()} == {"log_of_one_plus": 1, "transpose_of_transpose": 1}
    assert all(seconds > 0 for _, seconds in trace.counts.values())
    assert "mine: 2 firings" in str(trace) and "1 log_of_one_plus" in str(trace)


def test_a_property_of_a_new_operation_serves_the_rules(registries):
    bell = elementwise("bell", lambda x: np.exp(-x * x), c="exp(-{x} * {x})", py="math.exp(-{x} * {x})", result="float")

    @infers(bell)
    def sign_of_bell(node, x: int) -> int:
        """exp(-x**2) is positive everywhere."""
        return is_positive

    x = pt.scalar("x")
    f = pm.function([x], pt.abs(bell(x)), backend="numpy")
    assert "magnitude_of_nonnegative" in f.trace.counts and f(0.0) == 1.0


def test_a_rule_is_refused_without_a_domain(registries):
    with pytest.raises(RewriteError, match="has no domain"):

        @rule("canonicalise", ops=(pt.exp,))
        def nothing(expr):
            """Does nothing."""
