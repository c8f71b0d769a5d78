"""Every elementwise op on every backend, dtypes, shapes and special values against NumPy; gradients against differences."""

import itertools

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import DTypeError
from workbench.graph import Mode
from workbench.graph.domain import Interval
from workbench.graph.types import KINDS
from workbench.tensor.elementwise import OPS
from workbench.transforms import grad, replace

PLAIN = Mode(())
SHAPES = {
    "vector": [(5,)] * 4, "scalar": [()] * 4, "broadcast": [(3, 1), (4,), (3, 4), (1, 4)], "empty": [(0,)] * 4,
    "nothing along an axis": [(2, 0), (1,), (2, 1), ()],
}  # fmt: skip
# A shape is the loops' business, not the operation's: where compiling all takes a minute, one op of each number of operands.
SLOW_TO_COMPILE = ("numba", "jax")
SAMPLE = {"exp", "isnan", "add", "less", "where", "gammainc", "hyp2f1"}
CHUNK = 12
DTYPES = list(KINDS)


def operands(op, shapes, rng):
    return [np.asarray(domain.sample(rng, shape)) for domain, shape in zip(op.domains, shapes)]


def chunks(ops):
    """A few ops a function: Numba's time to compile grows faster than a function."""
    ops = list(ops)
    return [ops[i : i + CHUNK] for i in range(0, len(ops), CHUNK)]


def computed(backend, cases, twice=lambda values: values):
    """Results of ops on operands, compiled together: pairs of (op, operands) to arrays."""
    inputs, outputs, values = [], [], []
    for op, given in cases:
        symbols = [pt.tensor(f"{op.name}{i}", v.dtype.name, v.shape) for i, v in enumerate(given)]
        inputs += symbols
        values += given
        outputs.append(op(*symbols))
    run = function(inputs, outputs, backend=backend, mode=PLAIN)
    return outputs, run(*values), run(*twice(values))


def backwards(values):
    """The same values, as views with negative strides."""
    return [np.flip(np.flip(v).copy()) for v in values]


def close(result, wanted, rtol, atol, message):
    np.testing.assert_allclose(result.astype(float), np.asarray(wanted, dtype=float), rtol=rtol, atol=atol, err_msg=message)


# Near a zero of a Bessel function only the absolute error is small.
ABSOLUTE = {"j0": 1e-15, "j1": 1e-15, "jv": 1e-15}


@pytest.mark.parametrize("kind", SHAPES)
def test_elementwise_ops_agree_with_numpy(backend, kind):
    rng = np.random.default_rng(1)
    sample = backend in SLOW_TO_COMPILE and kind != "vector"
    for ops in chunks(op for op in OPS.values() if op.name in SAMPLE or not sample):
        cases = [(op, operands(op, SHAPES[kind], rng)) for op in ops]
        outputs, results, again = computed(backend, cases, backwards)
        for (op, given), out, result, same in zip(cases, outputs, results, again):
            with np.errstate(all="ignore"):
                wanted = op.function(*given)
            message = f"{op.name}, {kind}, {backend}"
            assert result.dtype.name == out.dtype == np.asarray(wanted).dtype.name, message
            assert result.shape == np.shape(wanted), message
            close(result, wanted, 1e-13, ABSOLUTE.get(op.name, 1e-300), message)
            np.testing.assert_array_equal(same, result, err_msg=f"{message}, negative strides")


# Special values -------------------------------------------------------------------------------

SPECIAL = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 5e-324, 1e308, 40.0, -40.0, 800.0, -800.0, 0.1, -3.7, 1e-10]
)
PAIRS = [np.array(side) for side in zip(*itertools.product(SPECIAL[:14], repeat=2))]
REASONS = {
    # gammaln has no limit at -inf; SciPy says inf at the smallest number, where it is 744.
    "gammaln": lambda x: (x == -np.inf) | (x == 5e-324),
    # The argument of a circular function modulo 2 pi has no digits there.
    "j0": lambda x: x == 1e308, "j1": lambda x: x == 1e308,
}  # fmt: skip


def is_float(op):
    return op.result == "" and all(isinstance(d, Interval) for d in op.domains) and op.signature("float64")[0] == "float64"


def check_special(backend, op, given, result):
    with np.errstate(all="ignore"):
        wanted = np.asarray(op.function(*given), float)
    keep = ~REASONS[op.name](given[0]) if op.name in REASONS else np.ones(len(wanted), bool)
    # Next to log2(2**-1 + 2**-1) = 0 its terms are rounded.
    smallest = 1e-16 if op.name == "logaddexp2" else 5e-324
    if backend == "jax":
        # XLA on CPUs flushes denormal numbers to zero, coming and going.
        smallest = max(smallest, np.finfo(float).tiny)
        for x in (*given, wanted):
            keep &= (x == 0) | ~(np.abs(x) < 1e-307)
    good = np.isclose(result.astype(float), wanted, rtol=1e-13, atol=smallest, equal_nan=True)
    if op.name in SIGNED_ZEROS:
        good &= (wanted != 0) | (np.signbit(result) == np.signbit(wanted))
    bad = keep & ~good
    assert not bad.any(), f"{op.name}, {backend}: of {[v[bad] for v in given]} got {result[bad]}, not {wanted[bad]}"


SIGNED_ZEROS = {
    "negative", "floor", "ceil", "trunc", "rint", "sqrt", "cbrt", "sin", "tan", "arcsin", "arctan", "arctan2", "sinh", "tanh",
    "arcsinh", "arctanh", "expm1", "log1p", "mod", "floor_divide", "copysign", "multiply", "divide", "add", "erf",
}  # fmt: skip


def test_elementwise_ops_agree_on_special_values(backend):
    for ops in chunks(op for op in OPS.values() if len(op.domains) == 1 and is_float(op)):
        _, results, _ = computed(backend, [(op, [SPECIAL]) for op in ops])
        for op, result in zip(ops, results):
            check_special(backend, op, [SPECIAL], result)


BINARY = [
    "add", "subtract", "multiply", "divide", "mod", "floor_divide", "power", "minimum", "maximum", "fmin", "fmax", "copysign",
    "heaviside", "hypot", "arctan2", "logaddexp", "logaddexp2", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
]  # fmt: skip


def test_binary_ops_agree_on_pairs_of_special_values(backend):
    ops = [OPS[name] for name in BINARY]
    _, results, _ = computed(backend, [(op, PAIRS) for op in ops])
    for op, result in zip(ops, results):
        check_special(backend, op, PAIRS, result)


# Dtypes ---------------------------------------------------------------------------------------


def corners(dtype):
    if dtype == "bool":
        return np.array([False, True])
    if KINDS[dtype] == "f":
        return np.array([0.0, -0.5, 1.0, 2.5, -3.7, 40.0, 1e-3], dtype)
    info = np.iinfo(dtype)
    return np.array([info.min, info.max, info.max - 1, 0, 1, 2, 3, 7, 100, *([-1, -2, -7] if info.min else [])], dtype)


def takes(op, dtype):
    """Whether an op computes in that dtype itself, without a cast."""
    if not isinstance(op.like, np.ufunc) or op.result or op.name in ("threefry", "word_to_unit", "popcount"):
        return False
    try:
        return op.signature(dtype)[0] == dtype
    except DTypeError:
        return False


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "float64" and KINDS[d] != "f"])
def test_integers_wrap_divide_and_shift_as_numpys(backend, dtype):
    ops = [op for op in OPS.values() if takes(op, dtype) and len(op.domains) <= 2 and op.fusable]
    values = corners(dtype)
    pair = [np.array(side) for side in zip(*itertools.product(values, repeat=2))]
    cases = [(op, [values] if len(op.domains) == 1 else pair) for op in ops]
    outputs, results, _ = computed(backend, cases)
    for (op, given), out, result in zip(cases, outputs, results):
        with np.errstate(all="ignore"):
            wanted = np.asarray(op.function(*given))
        message = f"{op.name}, {dtype}, {backend}"
        assert result.dtype.name == out.dtype == wanted.dtype.name, message
        if wanted.dtype.kind == "f":
            close(result, wanted, 1e-15, 0, message)
        else:
            bad = result != wanted
            assert not bad.any(), f"{message}: of {[v[bad] for v in given]} got {result[bad]}, NumPy says {wanted[bad]}"


def test_single_precision_agrees_with_double(backend):
    """Against float64 on the same numbers: a few units in the last of float32's 24 bits."""
    rng = np.random.default_rng(2)
    # Numba compiles what special functions need once more for each file: a minute for nothing new.
    for ops in chunks(op for op in OPS.values() if is_float(op) and (not op.support or backend != "numba")):
        cases = [(op, [v.astype("float32") for v in operands(op, SHAPES["vector"], rng)]) for op in ops]
        outputs, results, _ = computed(backend, cases)
        for (op, given), out, result in zip(cases, outputs, results):
            with np.errstate(all="ignore"):
                wanted = np.asarray(op.function(*[v.astype(float) for v in given]))
            message = f"{op.name}, float32, {backend}"
            assert result.dtype.name == out.dtype == ("float32" if wanted.dtype.kind == "f" else wanted.dtype.name), message
            close(result, wanted, SINGLE.get(op.name, 1e-6), 1e-30, message)


# SciPy's and JAX's own float32 forms lose a few more digits.
SINGLE = {"gamma": 5e-6, "beta": 5e-6, "gammaln": 2e-5, "betaln": 5e-6}


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_of_results_are_numpys(dtype):
    x = pt.tensor("x", dtype, (3,))
    for op in OPS.values():
        if not isinstance(getattr(np, op.name, None), np.ufunc):
            continue
        values = [np.ones(3, dtype)] * len(op.domains)
        try:
            with np.errstate(all="ignore"):
                wanted = getattr(np, op.name)(*values).dtype.name
        except TypeError:
            with pytest.raises(DTypeError, match=op.name):
                op(*[x] * len(op.domains))
            continue
        # There is no float16 here.
        assert op(*[x] * len(op.domains)).dtype == wanted.replace("float16", "float32"), (op.name, dtype)


def test_common_dtypes_are_numpys():
    for one, other in itertools.product(DTYPES, repeat=2):
        x, y = pt.tensor("x", one), pt.tensor("y", other)
        assert pt.add(x, y).dtype == np.result_type(one, other).name.replace("float16", "float32"), (one, other)
    for dtype, number in itertools.product(DTYPES, (True, 3, 2.5)):
        wanted = (np.ones(2, dtype) + number).dtype.name
        assert (pt.vector("x", 2, dtype=dtype) + number).dtype == wanted.replace("float16", "float32"), (dtype, number)


def test_numbers_out_of_range_are_compared_and_refused_elsewhere():
    x = pt.tensor("x", "int8", (2,))
    value = {"x": np.array([-128, 127], "int8")}
    assert (x < 300).eval(value).all() and (x > -300).eval(value).all() and not (x == 300).eval(value).any()
    assert pt.greater(300, x).eval(value).all()
    with pytest.raises(DTypeError, match="300 is out of the range of int8"):
        x + 300


def test_signed_and_unsigned_are_compared_by_value(backend):
    signed, unsigned = pt.tensor("s", "int64", (4,)), pt.tensor("u", "uint64", (4,))
    values = np.array([-1, 0, 2**62, 2**63 - 1]), np.array([2**64 - 1, 0, 2**62 + 1, 2**63 - 1], "uint64")
    names = ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]
    outputs = [OPS[n](signed, unsigned) for n in names] + [OPS[n](unsigned, signed) for n in names]
    results = function([signed, unsigned], outputs, backend=backend, mode=PLAIN)(*values)
    wanted = [getattr(np, n)(*values) for n in names] + [getattr(np, n)(*values[::-1]) for n in names]
    for name, result, w in zip(names * 2, results, wanted):
        assert result.tolist() == w.tolist(), (name, backend)


def test_integers_to_negative_powers_are_refused():
    with pytest.raises(DTypeError, match="negative integer powers"):
        pt.vector("x", 3, dtype="int64") ** -1


# Gradients ------------------------------------------------------------------------------------


def spaced(op, values):
    """Keep operands away from kinks and jumps, where a difference quotient is wrong."""
    if op.name in ("maximum", "minimum", "fmax", "fmin"):
        return [v + 0.25 * i for i, v in enumerate(values)]
    return values


def derivative(run, values, i, k):
    """Richardson's extrapolation of central differences: accurate to about 1e-10."""

    def central(h):
        up, down = [[v.copy() for v in values] for _ in range(2)]
        up[i][k] += h
        down[i][k] -= h
        return (run(*up)[k] - run(*down)[k]) / (up[i][k] - down[i][k])

    h = 1e-3 * min(1.0, max(abs(values[i][k]), 0.02))
    return (64 * central(h / 4) - 20 * central(h / 2) + central(h)) / 45


@pytest.mark.parametrize("name", [n for n, op in OPS.items() if any(callable(g) for g in op.gradients)])
def test_gradients_agree_with_differences(name):
    op = OPS[name]
    rng = np.random.default_rng(3)
    values = [v.astype(float) if v.dtype.kind == "i" else v for v in spaced(op, operands(op, SHAPES["vector"], rng))]
    symbols = [pt.tensor(f"x{i}", v.dtype.name, v.shape) for i, v in enumerate(values)]
    weights = rng.normal(size=5)
    terms = op(*symbols) * weights
    run = function(symbols, terms, backend="numpy", mode=PLAIN)
    for i, (x, gradient) in enumerate(zip(symbols, op.gradients)):
        if not callable(gradient):
            continue
        g = grad(pt.sum(terms), x).eval({s.name: v for s, v in zip(symbols, values)})
        for k in range(5):
            slope = derivative(run, values, i, k)
            assert np.isclose(g[k], slope, rtol=1e-7, atol=1e-8), f"{name}, operand {i}, at {values[i][k]}: {g[k]}, {slope}"


def test_gradients_at_the_edges_of_domains():
    x, y = pt.scalar("x"), pt.scalar("y")
    edges = [
        (x**2, x, 0.0, 0.0, 0.0), (x**2, x, -3.0, 0.0, -6.0), (pt.power(x, y), x, 0.0, 2.0, 0.0), (pt.power(x, y), x, 0.0, 1.0, 1.0),
        (pt.power(x, y), x, 0.0, 0.0, 0.0), (pt.power(x, y), y, 0.0, 2.0, 0.0), (pt.power(x, y), y, 2.0, 0.0, np.log(2.0)),
        (pt.hypot(x, y), x, 0.0, 0.0, 0.0), (pt.logaddexp(x, y), x, -np.inf, -np.inf, 0.5), (pt.logaddexp(x, y), x, 0.0, -np.inf, 1.0),
        (pt.sinc(x), x, 0.0, 0.0, 0.0), (pt.i1(x), x, 0.0, 0.0, 0.5), (pt.j1(x), x, 0.0, 0.0, 0.5), (pt.tanh(x), x, 800.0, 0.0, 0.0),
        (pt.sigmoid(x), x, -800.0, 0.0, 0.0), (pt.softplus(x), x, 800.0, 0.0, 1.0), (pt.log_ndtr(x), x, -1e8, 0.0, 1e8),
        (pt.abs(x), x, 0.0, 0.0, 0.0), (pt.fmin(x, y), x, 1.0, np.nan, 1.0), (pt.fmin(x, y), y, np.nan, 1.0, 1.0),
    ]  # fmt: skip
    for cost, wrt, at_x, at_y, wanted in edges:
        g = float(grad(cost, wrt).eval({"x": at_x, "y": at_y}))
        assert np.isclose(g, wanted, rtol=1e-13, atol=0), f"{cost!r} in {wrt!r} at {at_x}, {at_y}: {g}, not {wanted}"


CHOSEN = {
    "where(x > 0, log(x), 0.0)": 0.0, "where(x > 0, sqrt(x), 0.0)": 0.0, "where(x > 0, 1 / x, 0.0)": 0.0, "where(x > 0, x * log(x), 0.0)": 0.0,
    "where(equal(x, 0.0), 1.0, sin(x) / x)": 0.0, "where(x > 0, x**0.5, x)": 1.0, "x * where(x > 0, log(x), 3.0)": 3.0,
    "where(x < 1, x, exp(800.0 + log(x)))": 1.0, "where(x > 0, log(x), where(x > 1, 2.0 * log(x), 5.0 * x))": 5.0,
    "where(zeros(3) + x > 0, reshape(expand_dims(log(x * ones(3)), 1), (3,)), 0.0).sum()": 0.0,
    "where(x > 0, cast(log(x), 'float32'), 0.0)": 0.0, "where(x > 0, reshape(log(reshape(x, (1,))), ()), 0.0)": 0.0, "maximum(log(x), 2.0)": 0.0,
    "clip(1 / x, 0.5, 2.0)": 0.0, "where(x > 0, sum(log(broadcast_to(x, (4, 2)))), x)": 1.0, "where(x > 0, log(x), 0) + where(x > 1, 3.0 * log(x), 0)": 0.0,
    "linalg.norm(x * arange(3))": 0.0, "std(x * ones(3))": 0.0, "linalg.norm(x * eye(2), axis=1).sum()": 0.0,
}  # fmt: skip


def test_what_is_not_chosen_has_no_part_in_a_gradient(backend):
    """At x = 0, where its own derivative is infinite."""
    x = pt.scalar("x")
    names = {n: getattr(pt, n) for n in dir(pt)}
    costs = [eval(code, {**names, "x": x}) for code in CHOSEN]
    first = [grad(cost, x) for cost in costs]
    slopes = function([x], [*first, *(grad(g, x, disconnected_inputs="ignore") for g in first[:3])], backend=backend)(0.0)
    for code, g, slope in zip(CHOSEN, first, slopes):
        assert slope == CHOSEN[code] == g.eval({x: 0.0}), f"{code}, {backend}: {slope}"
    assert slopes[-3:] == [0.0] * 3


def test_choices_hold_where_lengths_are_known_only_at_the_call(backend):
    x, y = pt.vector("x"), pt.vector("y")
    some = ~pt.isnan(x)
    costs = [pt.nanvar(x), pt.nanstd(x), pt.nanmean(x * x), pt.nanmax(x), pt.where(y > 0.0, pt.log(y) * x, y).sum(where=some), pt.where(some, x * y, 0.0).sum()]
    at = np.array([3.0, np.nan, 1.0, 2.0]), np.array([1.0, 2.0, 0.0, 4.0])
    outputs = [g for c in costs for g in grad(c, [x, y], disconnected_inputs="ignore")]
    known = pt.vector("x", 4), pt.vector("y", 4)
    results = function([x, y], outputs, backend=backend)(*at)
    for k, (g, result) in enumerate(zip(outputs, results)):
        assert np.isfinite(result).all(), (k, result)
        np.testing.assert_allclose(g.eval({x: at[0], y: at[1]}), result, rtol=1e-13)
        np.testing.assert_allclose(function(known, replace(g, {x: known[0], y: known[1]}), backend="numpy")(*at), result, rtol=1e-13)


def test_rounding_functions_of_numpy_and_python():
    x = np.array([0.5, 1.5, -2.5, 2.345, -7.9])
    for ours, theirs in ((pt.round(x), np.round(x)), (pt.round(x, 1), np.round(x, 1)), (pt.round(x * 100, -2), np.round(x * 100, -2))):
        np.testing.assert_array_equal(ours.eval(), theirs)
    v = pt.vector("x", 5)
    assert round(v) is pt.rint(v) and v.round(2) is pt.round(v, 2)
    np.testing.assert_array_equal(pt.clip(v, None, 1.0).eval({"x": x}), np.clip(x, None, 1.0))
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    np.testing.assert_array_equal(pt.nan_to_num(odd).eval(), np.nan_to_num(odd))
    np.testing.assert_array_equal(pt.nan_to_num(odd, 1.0, 2.0, 3.0).eval(), np.nan_to_num(odd, nan=1.0, posinf=2.0, neginf=3.0))


def test_operators_are_the_functions():
    x, y = pt.vector("x", 3), pt.vector("y", 3)
    i = pt.tensor("i", "int64", (3,))
    assert x % y is pt.mod(x, y) and x // 2 is pt.floor_divide(x, 2) and 2 // x is pt.floor_divide(2, x) and 7 % i is pt.mod(7, i)
    assert all(a is b for a, b in zip(divmod(x, y), (x // y, x % y))) and all(a is b for a, b in zip(divmod(7, i), (7 // i, 7 % i)))
    assert i ^ 3 is pt.bitwise_xor(i, 3) and 3 ^ i is pt.bitwise_xor(3, i) and i << 2 is pt.left_shift(i, 2) and 2 >> i is pt.right_shift(2, i)


def test_other_names_are_the_same_operations():
    assert pt.sgn is pt.sign and pt.sqr is pt.square and pt.psi is pt.digamma and pt.expit is pt.sigmoid and pt.acos is pt.arccos
    assert pt.gt is pt.greater and pt.neq is pt.not_equal and pt.and_ is pt.bitwise_and and pt.int_div is pt.floor_divide
    assert np.isclose(pt.gammal(pt.constant(2.5), pt.constant(1.0)).eval() + pt.gammau(pt.constant(2.5), pt.constant(1.0)).eval(), pt.gamma(2.5).eval())


def structured(x, m, i):
    v = pt.exp(m)
    return {
        "reshape": m.reshape((4, 3)) * 2.0, "transpose": m.T + 1.0, "broadcast": pt.broadcast_to(x, (3, 4)) * m,
        "slice": m[1:, ::2], "negative step": x[::-1], "one element": x[2], "last row": m[-1], "new axis": x[:, None] * x,
        "take": x[i], "take rows": m[pt.constant([2, 0, 2])], "take columns": v[:, pt.constant([3, 1])], "negative index": x[pt.constant([-1, -4])],
        "set slice": m[1:2].set(0.5), "set row": m[i[0]].set(x), "add at": x[i].inc(pt.ones(3)), "sum": m.sum(), "row sums": m.sum(axis=1),
        "column sums": v.sum(axis=0), "keepdims": m.sum(axis=0, keepdims=True), "max": m.max(axis=1), "min": m.min(), "product": v.prod(axis=0),
        "mean": m.mean(axis=0), "variance": m.var(), "all": pt.all(m > -100.0), "any": pt.any(m > 100.0), "dot": m @ x, "vector dot": x @ x,
        "matrix product": m @ m.T, "concatenate": pt.concatenate([x, v[0], x * 2.0]), "concatenate columns": pt.concatenate([m, v], axis=1),
        "stack": pt.stack([x, x * 2.0]), "arange": pt.arange(5) * 2, "clip": pt.clip(m, -0.5, 0.5), "cast": pt.cast(m > 0, "float64"),
        "sum of rows taken": m[pt.constant([0, 0, 1])].sum(axis=0), "flat": v.ravel()[3:7],
    }  # fmt: skip


def test_structured_ops_agree_with_numpy(backend):
    x, m, i = pt.vector("x", 4), pt.matrix("m", 3, 4), pt.tensor("i", "int64", (3,))
    cases = structured(x, m, i)
    rng = np.random.default_rng(0)
    values = rng.normal(size=4), rng.normal(size=(3, 4)), np.array([1, 2, 2])
    wanted = function([x, m, i], list(cases.values()), backend="numpy", mode=PLAIN)(*values)
    results = function([x, m, i], list(cases.values()), backend=backend)(*values)
    for name, result, w in zip(cases, results, wanted):
        assert result.shape == w.shape and result.dtype == w.dtype, name
        np.testing.assert_allclose(result, w, rtol=1e-12, atol=1e-14, err_msg=f"{name}, {backend}")


def test_structured_gradients_agree_with_differences():
    x, m, i = pt.vector("x", 4), pt.matrix("m", 3, 4), pt.constant([1, 2, 2])
    rng = np.random.default_rng(5)
    vx, vm = rng.normal(size=4), rng.normal(size=(3, 4))
    for name, y in structured(x, m, i).items():
        if y.dtype != "float64" or name == "cast":
            continue
        cost = pt.sum(pt.square(y) * 0.5 + y)
        run = function([x, m], cost, backend="numpy", mode=PLAIN)
        for which, s, v in ((0, x, vx), (1, m, vm)):
            g = grad(cost, s, disconnected_inputs="ignore").eval({"x": vx, "m": vm})
            for k in range(v.size):
                step = np.zeros(v.size)
                step[k] = 1e-6
                step = step.reshape(v.shape)
                high = run(vx + step, vm) if which == 0 else run(vx, vm + step)
                low = run(vx - step, vm) if which == 0 else run(vx, vm - step)
                assert np.isclose(g.reshape(-1)[k], (high - low) / 2e-6, rtol=1e-5, atol=1e-6), (name, s.name, k)


def test_threefry_gives_the_published_words(backend):
    key = pt.random.key(42)
    outputs = [pt.random.bits(key, (3,)), pt.random.uniform(key, (3,)), pt.random.split(key), pt.random.fold_in(key, 7)]
    words, units, pair, folded = function([], outputs, backend=backend)()
    assert [hex(int(w)) for w in words] == ["0x6d3e048f1022172d", "0x3d7b32dadd083f4", "0x92fb20ea0f38d913"]
    # jax.random.uniform(jax.random.key(42), (3,), float64), JAX 0.10.2.
    assert units.tolist() == [0.42672756664990907, 0.015010069515314584, 0.5741444178995352]
    halves = [(int(w) >> 32, int(w) & 0xFFFFFFFF) for w in pair]
    assert halves == [(1832780943, 270669613), (64467757, 2916123636)]
    assert (int(folded) >> 32, int(folded) & 0xFFFFFFFF) == (2547012911, 1371500959)


def test_random_numbers_follow_their_distributions():
    import scipy.stats

    key = pt.random.key(1)
    assert scipy.stats.kstest(pt.random.normal(key, (20_000,)).eval(), "norm").pvalue > 0.01
    assert scipy.stats.kstest(pt.random.exponential(key, (20_000,)).eval(), "expon").pvalue > 0.01
    assert scipy.stats.kstest(pt.random.uniform(key, (20_000,)).eval(), "uniform").pvalue > 0.01


def test_inverse_error_function_is_accurate():
    import scipy.special

    x = np.concatenate([np.linspace(-0.9999, 0.9999, 2001), 1 - np.logspace(-15, -1, 50), [1e-300, 0.0]])
    np.testing.assert_allclose(pt.random.erfinv(pt.constant(x)).eval(), scipy.special.erfinv(x), rtol=5e-15)


def test_an_index_out_of_bounds_is_an_error_when_written_if_constant():
    with pytest.raises(IndexError, match=r"85.*length 85.*position 2"):
        pt.vector("a", 85)[np.array([0, 3, 85])]
    with pytest.raises(IndexError, match="axis 0 of length 3"):
        pt.vector("a", 3)[3]


@pytest.mark.parametrize("backend_name", ["numpy", "c", "numba"])
def test_an_index_out_of_bounds_at_run_time_names_variable_and_index(backend_name):
    x, i = pt.vector("levels", 4), pt.tensor("i", "int64", (3,))
    f = function([x, i], x[i] * 2.0, backend=backend_name)
    assert f(np.arange(4.0), [0, -1, 3]).tolist() == [0.0, 6.0, 6.0]
    with pytest.raises(IndexError, match="index 4 is out of bounds") as caught:
        f(np.arange(4.0), [0, 4, 1])
    if backend_name != "numpy":
        assert "levels" in str(caught.value)
