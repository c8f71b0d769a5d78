"""Rules on lengths that are known only at the call: they fire as on known ones, and both sides are equal; or it is said why not."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from workbench.graph import RULES, Graph, Op, free_inputs, topological
from workbench.rewrites import default_mode

default_mode()  # Which loads the rules.
PATH = Path(__file__).parents[2] / "benchmarks" / "lengths.py"
spec = importlib.util.spec_from_file_location("benchmark_of_lengths", PATH)
lengths = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lengths)

SIZE = "a power of as many factors as there are elements may overflow: how many is not known"
OWN = "the example's numbers are about its own lengths: what they are parts of is not known"
BLOCKS = "bounds that are numbers do not say where a block begins after one whose length is open"
RANK = "a rank that is not known may be as large as the matrix"
NOT_OPEN = {
    **dict.fromkeys(("definiteness_with_low_rank", "determinant_with_low_rank", "inverse_with_low_rank", "log_diagonal_with_low_rank",
                     "quadratic_form_with_low_rank", "slogdet_with_low_rank", "solve_with_low_rank"), RANK),
    "known_length": "it is about lengths that are known", "bounds_known_now": "it is about bounds and lengths that are known",
    "factor_out_of_product": SIZE, "determinant_of_scaled": SIZE,
    "slice_of_slice": OWN, "slice_of_concatenation": OWN, "slice_from_take": OWN, "take_of_first_rows": OWN, "diagonal_of_product": OWN,
    "slice_of_elementwise": OWN, "variance_from_difference": OWN, "solve_with_blocks": BLOCKS, "product_with_blocks": BLOCKS, "vector_times_blocks": BLOCKS,
    "diagonal_from_slice": "the diagonal of a matrix in one row is told by the numbers of its slice",
}  # fmt: skip
"""Rules of which some example does not fire on open lengths, and why."""

BY_RULE = {}
for rule, known, made in lengths.cases([*RULES.values()]):
    BY_RULE.setdefault(rule.name, []).append((rule, known, made))


def values_of(known, made):
    """The inputs of an example of open lengths, and values of the lengths that it has where they are known."""
    given = {x.name: value for x, value in zip(*test_rules.example_values(known, np.random.default_rng(5)))}
    inputs = free_inputs([made])
    return inputs, [given[x.name] for x in inputs]


test_rules_spec = importlib.util.spec_from_file_location("rules_by_example", Path(__file__).parent / "test_rules.py")
test_rules = importlib.util.module_from_spec(test_rules_spec)
test_rules_spec.loader.exec_module(test_rules)


@pytest.mark.parametrize("name", sorted(BY_RULE))
def test_a_rule_does_on_open_lengths_what_it_does_on_known_ones(name):
    missed = 0
    for rule, known, made in BY_RULE[name]:
        if rule.apply(known) is None:
            continue
        after = None if isinstance(made, Exception) else rule.apply(made)
        if after is None:
            missed += 1
            continue
        if rule.group == "prediction":
            continue  # Another value on purpose: tests/transforms/test_prediction.py proves what it is.
        if type(made.op).numpy is Op.numpy:
            continue  # A density, which only rules compute: what they make is proved with the distributions.
        inputs, values = values_of(known, made)
        with np.errstate(all="ignore"):
            a, b = Graph(inputs, [made, after.fit(made)]).run("numpy", *values)
        for x, y in zip(*(v if isinstance(v, tuple) else (v,) for v in (a, b))):
            np.testing.assert_allclose(y, x, rtol=1e-9, atol=1e-12, err_msg=f"{made!r} became {after!r}")
    assert not missed or name in NOT_OPEN, f"{missed} examples of {name} do not fire on open lengths"
    assert missed or name not in NOT_OPEN, f"{name} fires on open lengths: take it off the list"


def test_the_showpieces():
    import workbench.tensor as pt

    x, A, B = pt.vector("x"), pt.matrix("A", "n", "n"), pt.matrix("B", "m", "m")
    (made, kron), _ = default_mode().run([pt.linalg.det(pt.diag(pt.exp(x))), pt.linalg.inv(pt.kron(A, B))])
    assert repr(made) == "exp(sum{axes=(0,)}(x))"
    inverses = [node for node in topological([kron]) if node.op.name == "inv"]
    assert {id(node.inputs[0]) for node in inverses} == {id(A), id(B)}


def test_factors_of_a_square_kronecker_product_need_not_be_square():
    import workbench.tensor as pt
    from workbench.compile import function

    A, B = pt.matrix("A"), pt.matrix("B")
    results = [pt.linalg.det(pt.kron(A, B)), pt.linalg.inv(pt.kron(A, B))]
    (_, inverse), _ = default_mode().run(results)
    assert not any(node.op.name == "inv" and any(node.inputs[0] is x for x in (A, B)) for node in topological([inverse]))
    square = function([A, B], results, backend="numpy")
    a, b = np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([[1.0, 4.0, 0.0], [0.0, 2.0, 0.0], [1.0, 0.0, 5.0]])
    for made, wanted in zip(square(a, b), (6.0**3 * 10.0**2, np.kron(np.linalg.inv(a), np.linalg.inv(b)))):
        np.testing.assert_allclose(made, wanted, rtol=1e-12, atol=1e-14)
    # Of rank 4 where it is 6 by 6.
    flat = np.arange(6.0).reshape(2, 3)
    assert abs(function([A, B], results[0], backend="numpy")(flat, flat.T)) < 1e-20


def test_the_steps_of_a_gradient_are_those_of_known_lengths():
    import workbench.tensor as pt

    def steps(*length):
        a, x, y = pt.scalar("a"), pt.vector("x", *length), pt.vector("y", *length)
        (after,), trace = default_mode().run([pt.grad(pt.sum(pt.exp(a * x**3 + y**2)), x)])
        return repr(after), [f for p in trace.passes for f in p.firings]

    (opened, firings), (known, others) = steps(), steps(3)
    assert opened == known
    assert [f.rule.name for f in firings] == [f.rule.name for f in others]
    shown = [*(repr(side) for f in firings for side in (f.before, f.after)), opened]
    assert not any("_like" in s or "dim{" in s for s in shown)
