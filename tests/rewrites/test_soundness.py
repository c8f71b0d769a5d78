"""Rules do no harm: random expressions, and the odd values and shapes that rules once got wrong."""

import mpmath
import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from tests.rewrites.real_numbers import in_real_numbers
from workbench.errors import ShapeError, WorkbenchError
from workbench.graph import RULES, Graph, Input, summary, topological
from workbench.graph.pattern import PatternVariable, match
from workbench.graph.types import TensorType
from workbench.rewrites import default_mode
from workbench.tensor import linalg

SMALLEST = np.iinfo("int64").min
x, v = pt.scalar("x"), pt.vector("v")
n, m = pt.vector("n", 3, dtype="int64"), pt.vector("m", 3, dtype="int64")
u = pt.vector("u", 3, dtype="uint8")
one, three = np.array([7.0]), np.array([1.0, 2.0, 3.0])
few = np.array([SMALLEST, -1, 2])


def same(expr, values):
    """Whether the rewritten expression has the value, shape and dtype of the expression as written."""
    (after,), _ = default_mode().run([expr])
    inputs = list(values)
    with np.errstate(all="ignore"):
        a, b = (np.asarray(r) for r in Graph(inputs, [expr, after]).run("numpy", *values.values()))
    return a.shape == b.shape and a.dtype == b.dtype and (np.allclose(a, b, rtol=1e-12, equal_nan=True) if a.dtype.kind == "f" else np.array_equal(a, b))


@pytest.mark.parametrize(
    "expr, values",
    [
        # The smallest integer is its own opposite, and unsigned integers have none.
        ((-n) > 0, {n: few}),
        ((-n) < 0, {n: few}),
        (-pt.maximum(-n, -m), {n: few, m: few[::-1]}),
        (-pt.minimum(-n, -m), {n: few, m: few[::-1]}),
        (pt.max(-n), {n: few}),
        (pt.abs(-u), {u: np.array([0, 1, 200], "uint8")}),
        # Integers overflow, and the reciprocal of one is its whole part.
        (pt.square(n) >= 0, {n: np.array([3_037_000_500, 2, 0])}),
        (pt.square(n) < 0, {n: np.array([3_037_000_500, 2, 0])}),
        (pt.reciprocal(u) > 0, {u: np.array([1, 2, 3], "uint8")}),
        # A comparison with NaN is False, whatever the sign would be.
        (pt.sqrt(x) >= 0.0, {x: np.float64(-1.0)}),
        (pt.maximum(pt.log(x), 3.0) > 0.0, {x: np.float64(-1.0)}),
        (pt.sigmoid(pt.logit(x)) > 0.0, {x: np.float64(-1.0)}),
        (e := pt.sqrt(x) + 1.0, {x: np.float64(-1.0)}),
        (e / e, {x: np.float64(-1.0)}),
        (pt.sign(e), {x: np.float64(-1.0)}),
        (pt.where(e > 0.0, 1.0, 2.0), {x: np.float64(-1.0)}),
        # Nothing added up is 0, whatever it is that is repeated no times.
        (pt.sum(pt.broadcast_to(x, (0,))), {x: np.float64(np.nan)}),
        (pt.sum(pt.broadcast_to(pt.stack([x, x]), (0, 2)), axis=0), {x: np.float64(np.inf)}),
        (pt.sum(pt.vector("no", 0) * x), {x: np.float64(np.nan)}),
        # A product may be taken apart only where the parts do not overflow.
        (pt.prod(1e-3 * (long := pt.vector("long", 200))), {long: np.full(200, 1e3)}),
        (pt.prod(x * long), {x: np.float64(1e-3), long: np.full(200, 1e3)}),
        (linalg.det(x * (big := pt.matrix("big", 200, 200))), {x: np.float64(1e-3), big: 1e3 * np.eye(200)}),
    ],
    ids=lambda e: repr(e) if not isinstance(e, dict) else "",
)
def test_the_value_stays(expr, values):
    inputs = [i for i in topological([expr]) if isinstance(i.op, Input)]
    assert same(expr, {i: values.get(i, np.zeros(i.type.static_shape)) for i in inputs})


w = pt.vector("w")
choice = pt.vector("choice", dtype="bool")


@pytest.mark.parametrize("first, second", [(one, three), (three, one), (one, one), (three, three[::-1])])
@pytest.mark.parametrize(
    "expr",
    [
        (v + w) - v, v - (v + w), (v - w) - v, (v - w) + w, v - (v - w), pt.maximum(v, pt.minimum(v, w)), pt.where(pt.constant(True), v, w),
        pt.where(w > 0.0, v, v), pt.square(pt.exp(v)) * 0.0 + w, (pt.exp(v) * w) / pt.exp(v), (v * 0.0) + w, (v + w) - (v + w),
    ],
    ids=repr,
)  # fmt: skip
def test_an_operand_that_is_dropped_must_have_fitted(expr, first, second):
    if first.shape != second.shape:
        # Whatever is left of the graph: what it was written as asks for equal lengths.
        for call in (lambda: pm.function([v, w], expr, backend="numpy")(first, second), lambda: expr.eval({v: first, w: second})):
            with pytest.raises(ShapeError, match="lengths that are equal"):
                call()
        return
    assert same(expr, {v: first, w: second})
    np.testing.assert_array_equal(pm.function([v, w], expr, backend="numpy")(first, second), expr.eval({v: first, w: second}))


def test_rewriting_a_graph_of_unknown_lengths_raises_nothing():
    m = pt.tensor("m", shape=(2, 3, None))
    default_mode().run([pt.reshape(pt.broadcast_to(m, (2, 3, 3)), (1, 2, 3, 3)), pt.sum(pt.broadcast_to(m, (4, 2, 3, 3)), axis=0)])


# Random expressions ---------------------------------------------------------------------------

WITH_PATTERN = [r for r in RULES.values() if r.pattern is not None]
SHAPES = [(), (), (3,), (3,), (1,), (3, 1), (2, 3), (0,)]
DTYPES = ["float64"] * 4 + ["float32", "int64", "uint8", "bool"]
CONSTANTS = [0.0, 1.0, -1.0, 2.0, 0.5, 0, 1, -1, 2, True, False]
LOSE_DIGITS = {"erfinv", "erfcinv", "ndtri", "arctanh", "digamma", "gammaln", "cosh", "sinh", "logit", "expm1"}
"""Functions that magnify the rounding of their operand without end."""


ODD = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 1e-300, -1e-20, 1e-8, 40.0, -40.0, 800.0, -800.0]
ODD_SHARE = 0.15


def a_value(rng, dtype, shape):
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith("float"):
        value = rng.normal(size=shape) * 1.5
        value, odd = np.rint(value) if rng.random() < 0.3 else value, ODD
    else:
        value = rng.integers(max(np.iinfo(dtype).min, -5), 6, size=shape)
        odd = [np.iinfo(dtype).min, np.iinfo(dtype).max]
    with np.errstate(over="ignore"):
        return np.where(rng.random(shape) < ODD_SHARE, np.asarray(rng.choice(odd, shape), dtype), np.asarray(value, dtype))


def grown(rng, pool):
    """One more expression: a rule's pattern over expressions there are, or an arrangement of one."""

    def pick():
        return pool[rng.integers(len(pool))]

    if rng.random() < 0.7:
        pattern = WITH_PATTERN[rng.integers(len(WITH_PATTERN))].pattern
        memo = {}
        for node in topological([pattern]):
            if isinstance(node.op, PatternVariable):
                fits = [p for p in ([pt.constant(c) for c in CONSTANTS] if node.op.constant else pool) if p.type.kind in node.op.kinds]
                if not fits:
                    return None
                memo[node] = fits[rng.integers(len(fits))]
            else:
                memo[node] = node.op(*[memo[i] for i in node.inputs]) if node.inputs else node
        return memo[pattern]
    p = pick()
    reduce = [pt.sum, pt.prod, pt.max, pt.any][rng.integers(4)]
    return [
        lambda: reduce(p, axis=-1 if p.ndim else None), lambda: p.T, lambda: p[::-1], lambda: p[None], lambda: pt.reshape(p, (-1,)),
        lambda: pt.concatenate([p, pick()]), lambda: pt.broadcast_to(p, (2, *p.type.shape)), lambda: pt.cast(p, DTYPES[rng.integers(len(DTYPES))]),
        lambda: pt.where(pick() > 0, p, pick()), lambda: p[1:].set(pick()),
    ][rng.integers(10)]()  # fmt: skip


def has_rounded_constants(*exprs):
    """Whether there is a constant like the logarithm of 2: not a number of few digits, which floats have exactly."""
    values = [np.ravel(n.op.value) for n in topological(exprs) if n.op.name == "constant" and n.type.kind == "f"]
    return any(np.isfinite(v) and v * 4096.0 != np.rint(v * 4096.0) for value in values for v in value.astype(float))


def assert_equal_in_real_numbers(f, before, after, value, says):
    """Both sides from the inputs on; where the left side is not defined, the right side may be anything.

    Where the right side is not defined on the way (a division by 0), it is its value in floating point that must be right.
    """
    if before.dtype.kind != "O":
        # A limit of positive numbers counts as positive: exp(-inf).
        assert f.rule.name == "positive_is_above_zero" or np.array_equal(before, after), f"{says}: exactly {before} -> {after}"
        return
    close = 10 * float(np.finfo(value.dtype).eps) if has_rounded_constants(f.before, f.after) else 1e-40
    for x, y, v in zip(before.ravel(), after.ravel(), value.ravel()):
        right = y if y == y else mpmath.mpf(float(v))
        assert x == right or x != x or abs(x - right) <= close * (1 + abs(x)), f"{says}: exactly {x} -> {y}"


def assert_near_the_truth(f, found, says):
    """The right side as computed from what the pattern's variables stand for, against what the left side is there in the real numbers.

    A rule that claims precision has all digits but the last two; any other has as many as the left side, or as its terms allow.
    """
    bound = match(f.rule.pattern, f.before)
    leaves = {e: found[e] for e in bound.values()}
    (truth,) = in_real_numbers([f.before], leaves, 700)
    if truth is None:
        return 0
    a, b = np.asarray(found[f.before]), np.asarray(found[f.after])
    if b.dtype.kind != "f":
        return 0
    rounding = float(np.finfo(b.dtype).eps)
    size = 0.0 if f.rule.precise else max([float(abs(v)) for e in leaves for v in np.ravel(found[e]).astype(float) if np.isfinite(v)], default=0.0)
    for x, y, t in zip(a.ravel(), b.ravel(), truth.ravel()):
        if not mpmath.isfinite(t):
            assert mpmath.isnan(t) or y == t, f"{says}: exactly {t}"
        elif abs(t) > np.finfo(b.dtype).max:
            assert y == np.sign(float(mpmath.sign(t))) * np.inf, f"{says}: exactly {mpmath.nstr(t, 20)}"
        else:
            allowed = 50 * rounding * (abs(t) + size) + float(np.finfo(b.dtype).tiny)
            if not f.rule.precise and np.isfinite(x):
                allowed = max(allowed, 4 * abs(mpmath.mpf(float(x)) - t))
            assert np.isfinite(y) and abs(mpmath.mpf(float(y)) - t) <= allowed, f"{says}: exactly {mpmath.nstr(t, 20)}"
    return b.size


@pytest.mark.parametrize("part", range(6))
def test_every_firing_on_random_expressions_keeps_the_value(part):
    fired = compared = 0
    for seed in range(part * 1000, part * 1000 + 140):
        rng = np.random.default_rng(seed)
        values = {}
        for k in range(3):
            dtype, shape = DTYPES[rng.integers(len(DTYPES))], SHAPES[rng.integers(len(SHAPES))]
            declared = tuple(None if rng.random() < 0.2 else length for length in shape)
            values[pt.tensor(f"i{k}", dtype, declared)] = a_value(rng, dtype, shape)
        pool = list(values)
        for _ in range(6):
            try:
                made = grown(rng, pool)
            except (WorkbenchError, TypeError):
                continue
            if made is not None and made.type.ndim < 4:
                pool.append(made)
        after, trace = default_mode().run(pool[3:])
        firings = [f for p in trace.passes for f in p.firings if isinstance(f.before.type, TensorType)]
        sides = [*pool[3:], *after, *(e for f in firings for e in (f.before, f.after))]
        nodes = topological(sides)
        with np.errstate(all="ignore"):
            try:
                Graph(list(values), pool[3:]).run("numpy", *values.values())
            except ValueError:  # Lengths that were not known do not fit.
                continue
            found = dict(zip(nodes, Graph(list(values), nodes).run("numpy", *values.values())))
        exactly = dict(zip(sides, in_real_numbers(sides, values, 700)))
        for f in firings:
            fired += 1
            a, b = np.asarray(found[f.before]), np.asarray(found[f.after])
            says = f"{f.rule.name}, seed {seed}: {summary(f.before, 400)} -> {summary(f.after, 400)}: {a} -> {b}"
            assert a.shape == b.shape and a.dtype == b.dtype, says
            if exactly[f.before] is not None and exactly[f.after] is not None:
                assert_equal_in_real_numbers(f, exactly[f.before], exactly[f.after], b, says)
            if f.rule.pattern is not None:
                compared += assert_near_the_truth(f, found, says)
                continue
            below = topological([f.before])
            # Rules follow the real numbers: where something overflowed or was not defined, NaN may be mended.
            if any(i.op.name in LOSE_DIGITS for i in below) or not all(np.isfinite(found[i]).all() for i in below):
                continue
            close = 1e-3 if a.dtype == "float32" else 1e-7
            np.testing.assert_allclose(b.astype(float), a.astype(float), rtol=close, atol=close, err_msg=says)
    assert fired > 300 and compared > 200
