"""Every elementwise op on every backend, dtypes and shapes against NumPy; gradients against differences."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Mode
from workbench.tensor.elementwise import OPS

PLAIN = Mode(())
SHAPES = {"scalar": [(), (), ()], "vector": [(5,)] * 3, "broadcast": [(3, 1), (4,), (3, 4)], "empty": [(0,)] * 3}
DOUBTFUL = {"sign", "floor", "rint", "abs", "maximum", "minimum"}


def operands(op, shapes, rng):
    values = []
    for domain, shape in zip(op.domains, shapes):
        values.append(np.asarray(domain.sample(rng, shape)))
    return values


def spaced(op, values):
    """Keep operands away from kinks, where a difference quotient is wrong."""
    return [v + 0.25 if v.dtype.kind == "f" and op.name in ("maximum", "minimum") and i else v for i, v in enumerate(values)]


@pytest.mark.parametrize("kind", SHAPES)
def test_elementwise_ops_agree_with_numpy(backend, kind):
    rng = np.random.default_rng(1)
    inputs, outputs, values, owners = [], [], [], []
    for op in OPS.values():
        given = operands(op, SHAPES[kind], rng)
        symbols = [pt.tensor(f"{op.name}{i}", v.dtype.name, v.shape) for i, v in enumerate(given)]
        inputs += symbols
        values += given
        outputs.append(op(*symbols))
        owners.append((op, given))
    results = function(inputs, outputs, backend=backend, mode=PLAIN)(*values)
    for (op, given), out, result in zip(owners, outputs, results):
        with np.errstate(all="ignore"):
            wanted = op.function(*given)
        message = f"{op.name}, {kind}, {backend}"
        assert result.dtype.name == out.dtype, message
        assert result.shape == np.shape(wanted), message
        np.testing.assert_allclose(
            result.astype(float), np.asarray(wanted, dtype=float), rtol=1e-13, atol=1e-300, err_msg=message
        )


SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 5e-324, 1e308, 40.0, -40.0, 800.0, -800.0])


def test_elementwise_ops_agree_on_special_values(backend):
    unary = [op for op in OPS.values() if len(op.domains) == 1 and op.domains[0].__class__.__name__ == "Interval"]
    x = pt.vector("x", len(SPECIAL))
    results = function([x], [op(x) for op in unary], backend=backend, mode=PLAIN)(SPECIAL)
    for op, result in zip(unary, results):
        with np.errstate(all="ignore"):
            wanted = np.asarray(op.function(SPECIAL), float)
        keep = np.ones(len(SPECIAL), bool)
        smallest = 5e-324
        if backend == "jax":  # XLA on CPUs flushes denormal numbers to zero, coming and going.
            keep, smallest = np.abs(SPECIAL) != 5e-324, np.finfo(float).tiny
        message = f"{op.name}, {backend}"
        np.testing.assert_allclose(result.astype(float)[keep], wanted[keep], rtol=1e-13, atol=smallest, err_msg=message)


@pytest.mark.parametrize("name", [n for n, op in OPS.items() if any(op.gradients)])
def test_gradients_agree_with_differences(name):
    op = OPS[name]
    rng = np.random.default_rng(3)
    values = spaced(op, operands(op, SHAPES["vector"], rng))
    symbols = [pt.tensor(f"x{i}", v.dtype.name, v.shape) for i, v in enumerate(values)]
    weights = rng.normal(size=5)
    cost = pt.sum(op(*symbols) * weights)
    run = function(symbols, cost, backend="numpy", mode=PLAIN)
    for i, (x, gradient) in enumerate(zip(symbols, op.gradients)):
        if gradient is None:
            continue
        from workbench.transforms import grad

        g = grad(cost, x).eval({s.name: v for s, v in zip(symbols, values)})
        for k in range(5):
            h = 1e-6 * max(1.0, abs(values[i][k]))
            up, down = [[v.copy() for v in values] for _ in range(2)]
            up[i][k] += h
            down[i][k] -= h
            slope = (run(*up) - run(*down)) / (2 * h)
            assert np.isclose(g[k], slope, rtol=2e-5, atol=1e-7), f"{name}, operand {i}, at {values[i][k]}"


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
    from workbench.transforms import grad

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
