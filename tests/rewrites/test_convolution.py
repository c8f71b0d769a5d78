"""Long convolutions by Fourier transforms: which, why not, their error, and what is measured here."""

import numpy as np
import pytest
import scipy.signal

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Mode, summary
from workbench.graph.rewrite import RULES
from workbench.graph.why_not import why_not
from workbench.rewrites import convolution, default_mode
from workbench.tensor.signal import LongConvolve, _fast_length
from workbench.transforms import grad

RULE = RULES["convolution_by_fft"]
PLAIN = Mode(())


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path / "kept"))
    convolution.measured.cache_clear()
    yield
    convolution.measured.cache_clear()


def after(expr):
    (made,), _ = default_mode().run([expr])
    return summary(made)


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        (pt.signal.convolve(pt.vector("x", 10_000), pt.vector("y", 1000)), "convolve_by_fft{mode=full, per_point=18.0, overhead=150000.0}(x, y)"),
        (pt.signal.convolve(pt.matrix("x", 2, 900), pt.vector("y", 9000), "valid"), "convolve_by_fft{mode=valid, per_point=18.0, overhead=150000.0}(x, y)"),
        (pt.signal.convolve(pt.vector("x"), pt.vector("y", 1000)), "convolve_by_fft{mode=full, per_point=18.0, overhead=150000.0}(x, y)"),
        (pt.signal.convolve(pt.vector("x", 1000), pt.vector("y", 20)), "convolve{mode=full}(x, y)"),
    ],
)
def test_what_becomes_of_a_convolution(expr, wanted):
    assert after(expr) == wanted


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        (pt.signal.convolve(pt.vector("x", 100), pt.vector("y", 50)), "5000 products take less time than transforms: by default, these take 150000 + 18 N log2(N)"),
        (pt.signal.convolve(pt.vector("x", 9000), pt.vector("y", 9000), "valid"), "9000 products take less time"),
        (pt.signal.convolve(pt.vector("x"), pt.vector("y", 50)), "one of the signals has 50 elements: by default"),
        (pt.signal.convolve(pt.vector("x", 9000, dtype="int64"), pt.vector("y", 9000, dtype="int64")), "integers are exact"),
        (pt.signal.convolve(pt.exp(pt.vector("x", 9000)), pt.exp(pt.vector("y", 9000))), "known not to be negative"),
    ],
)
def test_why_it_stays_a_sum(expr, reason):
    assert reason in str(why_not(RULE, expr))


@pytest.mark.parametrize("backend", ["c", "jax"])
def test_values_and_gradients_are_those_of_the_sum(backend):
    rng = np.random.default_rng(2)
    for (n, m), mode in (((4100, 900), "full"), ((700, 5000), "full"), ((3000, 800), "valid")):
        x, y = pt.vector("x", n), pt.vector("y", m)
        out = pt.signal.convolve(x, y, mode)
        a, b = rng.normal(size=n), rng.normal(size=m)
        assert "convolve_by_fft" in after(out)
        f = function([x, y], [out, *grad(pt.sum(out * out), [x, y])], backend=backend)
        want = scipy.signal.convolve(a, b, mode, method="direct")
        if mode == "valid" and n < m:
            want = scipy.signal.convolve(b, a, mode, method="direct")
        sizes = [np.linalg.norm(a) * np.linalg.norm(b), *(2 * np.linalg.norm(want) * np.linalg.norm(v) for v in (b, a))]
        for value, wanted, size in zip(f(a, b), [want, 2 * _correlated(want, b, n, mode, 0), 2 * _correlated(want, a, m, mode, 1)], sizes):
            np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-14 * size)


def _correlated(g, other, length, mode, which):
    """The cotangent of one signal, by SciPy's direct sums."""
    if mode == "full":
        return scipy.signal.convolve(g, other[::-1], "valid", method="direct")
    made = scipy.signal.convolve(g, other[::-1], "full", method="direct") if which == 0 else scipy.signal.convolve(other, g[::-1], "valid", method="direct")[::-1]
    return made if len(made) == length else made[::-1]


def test_the_error_is_that_of_the_norms_and_small_elements_lose_digits():
    """Against sums in extended precision."""
    n, m = 3000, 700
    x, y = np.exp(-np.arange(n) / 20.0) * np.cos(np.arange(n)), np.random.default_rng(4).normal(size=m)
    made = LongConvolve("full", 0.0, 0.0).numpy(x, y)
    exact = np.convolve(x.astype(np.longdouble), y.astype(np.longdouble))
    error = np.abs(made - exact)
    bound = np.finfo(float).eps * np.log2(_fast_length(n + m)) * np.linalg.norm(x) * np.linalg.norm(y)
    assert error.max() < bound
    small = np.abs(exact) < 1e-20
    assert small.any() and (error[small] > 1e-3 * np.abs(exact[small])).all()


def test_single_precision_is_summed_in_double():
    x, y = pt.vector("x", 5000, dtype="float32"), pt.vector("y", 900, dtype="float32")
    a, b = (np.random.default_rng(1).normal(size=n).astype("float32") for n in (5000, 900))
    made = function([x, y], pt.signal.convolve(x, y))(a, b)
    assert made.dtype == np.float32
    exact = np.convolve(a.astype(float), b.astype(float))
    np.testing.assert_allclose(made, exact, rtol=2e-7, atol=1e-12 * np.abs(exact).max())


def test_lengths_at_the_call_decide_where_none_was_known():
    x, y = pt.vector("x"), pt.vector("y")
    f = function([x, y], pt.signal.convolve(x, y))
    short = [np.array([1e-300, 1.0, 2.0]), np.array([1.0, 1e-3])]
    assert np.array_equal(f(*short), np.convolve(*short))
    long = np.random.default_rng(1).normal(size=(2, 3000))
    np.testing.assert_allclose(f(*long), np.convolve(*long), atol=1e-11)


def test_what_is_measured_here_is_kept_and_said():
    assert convolution.measured().origin == "by default"
    costs = convolution.calibrate()
    assert costs == convolution.measured() and costs.origin == "measured here" and 1.0 < costs.per_point < 1000.0
    assert "measured here, these take" in str(why_not(RULE, pt.signal.convolve(pt.vector("x", 100), pt.vector("y", 50))))


def test_lengths_of_transforms_are_products_of_small_primes():
    for n in (1, 2, 7, 11, 97, 1025, 11_000):
        length = rest = _fast_length(n)
        for p in (2, 3, 5):
            while rest % p == 0:
                rest //= p
        assert rest == 1 and n <= length <= 1.2 * n + 2
