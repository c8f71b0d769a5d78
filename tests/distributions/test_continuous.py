import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.special as sp
import scipy.stats as st

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.distributions.continuous import CONTINUOUS
from workbench.distributions.distribution import set_key
from workbench.errors import ModelError, ParameterValueError, ShapeError
from workbench.graph.expr import Expr
from workbench.transforms import grad
from workbench.transforms.logprob import logp

INF = np.inf
REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "continuous.json").read_text())


class Known:
    """A distribution that SciPy has not got, by its log-density, distribution function and quantiles."""

    def __init__(self, logpdf, cdf, ppf):
        self.logpdf, self.cdf, self.ppf = logpdf, cdf, ppf

    def logcdf(self, x):
        return np.log(self.cdf(x))


def folded(f, zero_to=INF):
    """The absolute value of a symmetric distribution."""
    return Known(
        lambda x: np.where((x >= 0) & (x < zero_to), np.log(2.0) + f.logpdf(x), -INF),
        lambda x: np.where(x > 0, f.cdf(x) - f.cdf(-x), 0.0),
        lambda q: f.ppf(0.5 + 0.5 * q),
    )


def logit_normal(mu, sigma):
    f = st.norm(mu, sigma)
    return Known(
        lambda x: np.where((x > 0) & (x < 1), f.logpdf(sp.logit(x)) - np.log(x) - np.log1p(-x), -INF),
        lambda x: f.cdf(sp.logit(np.clip(x, 0, 1))),
        lambda q: sp.expit(f.ppf(q)),
    )


def kumaraswamy(a, b):
    return Known(
        lambda x: np.where((x >= 0) & (x <= 1), np.log(a * b) + (a - 1) * np.log(x) + (b - 1) * np.log1p(-(x**a)), -INF),
        lambda x: -np.expm1(b * np.log1p(-(np.clip(x, 0, 1) ** a))),
        lambda q: (-np.expm1(np.log1p(-q) / b)) ** (1 / a),
    )


# SciPy's functions are slow for this one; three lines between points.
X, F = np.array([-1.0, 0.5, 1.0, 2.0]), np.array([0.0, 1.0, 0.25, 2.0])
FINE = np.unique(np.concatenate([np.linspace(a, b, 2001) for a, b in zip(X, X[1:])]))
MASS = np.concatenate([[0.0], np.cumsum(np.diff(FINE) * 0.5 * (np.interp(FINE, X, F)[1:] + np.interp(FINE, X, F)[:-1]))])


def interpolated_cdf(x):
    """The integral of straight lines is exact within each fine cell too: a trapezium up to the point."""
    x = np.clip(x, -1, 2)
    at = np.clip(np.searchsorted(FINE, x, side="right") - 1, 0, len(FINE) - 2)
    return (MASS[at] + (x - FINE[at]) * 0.5 * (np.interp(x, X, F) + np.interp(FINE[at], X, F))) / MASS[-1]


interpolated = Known(
    lambda x: np.where((x >= -1) & (x <= 2), np.log(np.interp(x, X, F) / MASS[-1]), -INF),
    interpolated_cdf,
    lambda q: np.array([scipy.optimize.brentq(lambda x, p=p: interpolated_cdf(x) - p, -1.0, 2.0, xtol=1e-15, rtol=1e-15) for p in q], float),
)

CASES = [
    (pm.Normal, (1.5, 2.0), st.norm(1.5, 2.0)),
    (pm.HalfNormal, (1.5,), st.halfnorm(scale=1.5)),
    (pm.TruncatedNormal, (0.5, 2.0, -INF, INF), st.norm(0.5, 2.0)),
    (pm.TruncatedNormal, (0.5, 2.0, -1.0, INF), st.truncnorm(-0.75, INF, 0.5, 2.0)),
    (pm.TruncatedNormal, (0.5, 2.0, -INF, 1.0), st.truncnorm(-INF, 0.25, 0.5, 2.0)),
    (pm.TruncatedNormal, (0.5, 2.0, -1.0, 2.5), st.truncnorm(-0.75, 1.0, 0.5, 2.0)),
    (pm.TruncatedNormal, (0.5, 0.25, 3.0, 4.0), st.truncnorm(10.0, 14.0, 0.5, 0.25)),
    (pm.StudentT, (3.5, 1.0, 2.0), st.t(3.5, 1.0, 2.0)),
    (pm.StudentT, (0.4, 1.0, 2.0), st.t(0.4, 1.0, 2.0)),
    (pm.StudentT, (1e20, 1.0, 2.0), st.norm(1.0, 2.0)),
    (pm.HalfStudentT, (3.5, 2.0), folded(st.t(3.5, 0.0, 2.0))),
    (pm.Cauchy, (0.5, 2.0), st.cauchy(0.5, 2.0)),
    (pm.HalfCauchy, (2.0,), st.halfcauchy(scale=2.0)),
    (pm.Laplace, (0.5, 2.0), st.laplace(0.5, 2.0)),
    (pm.AsymmetricLaplace, (0.7, 0.5, 2.0), st.laplace_asymmetric(0.7, 0.5, 0.5)),
    (pm.Logistic, (0.5, 2.0), st.logistic(0.5, 2.0)),
    (pm.LogitNormal, (0.5, 2.0), logit_normal(0.5, 2.0)),
    (pm.LogNormal, (0.5, 0.7), st.lognorm(0.7, scale=np.exp(0.5))),
    (pm.Exponential, (2.5,), st.expon(scale=0.4)),
    (pm.Gamma, (2.5, 1.5), st.gamma(2.5, scale=1 / 1.5)),
    (pm.Gamma, (0.05, 1.5), st.gamma(0.05, scale=1 / 1.5)),
    (pm.InverseGamma, (2.5, 1.5), st.invgamma(2.5, scale=1.5)),
    (pm.ChiSquared, (3.0,), st.chi2(3.0)),
    (pm.Weibull, (1.5, 2.0), st.weibull_min(1.5, scale=2.0)),
    (pm.Weibull, (0.5, 2.0), st.weibull_min(0.5, scale=2.0)),
    (pm.Beta, (2.5, 1.5), st.beta(2.5, 1.5)),
    (pm.Beta, (0.3, 0.7), st.beta(0.3, 0.7)),
    (pm.Kumaraswamy, (2.5, 1.5), kumaraswamy(2.5, 1.5)),
    (pm.Uniform, (-1.0, 3.0), st.uniform(-1.0, 4.0)),
    (pm.Triangular, (-1.0, 0.5, 3.0), st.triang(1.5 / 4, -1.0, 4.0)),
    (pm.Triangular, (-1.0, -1.0, 3.0), st.triang(0.0, -1.0, 4.0)),
    (pm.Triangular, (-1.0, 3.0, 3.0), st.triang(1.0, -1.0, 4.0)),
    (pm.Pareto, (2.5, 1.5), st.pareto(2.5, scale=1.5)),
    (pm.Gumbel, (0.5, 2.0), st.gumbel_r(0.5, 2.0)),
    (pm.Moyal, (0.5, 2.0), st.moyal(0.5, 2.0)),
    (pm.Chi, (3.5,), st.chi(3.5)),
    (pm.Chi, (0.7,), st.chi(0.7)),
    (pm.Maxwell, (2.0,), st.maxwell(scale=2.0)),
    *((pm.GenExtreme, (0.5, 2.0, xi), st.genextreme(-xi, 0.5, 2.0)) for xi in (-0.4, -2e-4, 0.0, 0.3, 1.2)),
    (pm.ExGaussian, (0.5, 2.0, 1.5), st.exponnorm(0.75, 0.5, 2.0)),
    (pm.ExGaussian, (0.5, 2.0, 0.05), st.exponnorm(0.025, 0.5, 2.0)),
    (pm.SkewNormal, (0.5, 2.0, -1.5), st.skewnorm(-1.5, 0.5, 2.0)),
    (pm.SkewStudentT, (2.0, 3.0, 0.5, 2.0), st.jf_skew_t(2.0, 3.0, 0.5, 2.0)),
    (pm.VonMises, (0.5, 2.0), None),
    (pm.VonMises, (-1.0, 1000.0), None),
    (pm.Wald, (1.5, 2.0, 0.0), st.invgauss(0.75, scale=2.0)),
    (pm.Wald, (1.5, 2.0, 0.5), st.invgauss(0.75, 0.5, 2.0)),
    (pm.Rice, (1.5, 2.0), st.rice(0.75, scale=2.0)),
    (pm.Rice, (60.0, 2.0), st.rice(30.0, scale=2.0)),
    (pm.Interpolated, (X, F), interpolated),
]
IDS = [f"{c.__name__}-{'-'.join('points' if np.ndim(v) else str(v) for v in p)}" for c, p, _ in CASES]
KNOWN = [(c, p, f) for c, p, f in CASES if f is not None]
KNOWN_IDS = [i for i, (_, _, f) in zip(IDS, CASES) if f is not None]
Q = np.array([1e-9, 1e-4, 0.01, 0.2, 0.45, 0.5, 0.8, 0.99, 1 - 1e-6])
OUTSIDE = np.array([-INF, -12.0, INF])


def constants(parameters):
    return [pt.constant(np.asarray(p, float)) for p in parameters]


def interior(cls, parameters, frozen):
    """Points where there is mass."""
    if cls is pm.VonMises:
        width = min(1.0, 3.0 / np.sqrt(parameters[1]))
        return parameters[0] + width * np.array([-1.9, -1.0, -0.1, 0.3, 1.5])
    return frozen.ppf(Q)


def wanted_logp(cls, parameters, frozen, at):
    if cls is pm.VonMises:
        mu, kappa = parameters
        density = kappa * (np.cos(at - mu) - 1.0) - np.log(2 * np.pi * sp.i0e(kappa))
        return np.where(np.abs(at) <= np.pi, density, -INF)
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(at), frozen.logpdf(at), -INF)  # SciPy says NaN of some at infinity


def check_logp(case, at, result):
    # SciPy's own densities of these are right to this only.
    rtol = {pm.SkewStudentT: 1e-9, pm.ExGaussian: 1e-9, pm.SkewNormal: 1e-9}.get(case[0], 1e-11)
    np.testing.assert_allclose(result, wanted_logp(*case, at), rtol=rtol, atol=1e-11)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_logp_agrees_with_scipy(case):
    cls, parameters, frozen = case
    at = np.concatenate([interior(*case), OUTSIDE])
    check_logp(case, at, logp(cls.variable(constants(parameters), shape=at.shape), at).eval())


def test_logp_is_the_same_on_every_backend(backend):
    # One function of all: each compilation costs a second or more. Parameters are inputs, so that nothing folds.
    inputs, outputs, given, expected = [], [], [], []
    # Numba takes seconds for each of them: there only those whose formulas are the longest.
    few = (pm.TruncatedNormal, pm.StudentT, pm.SkewStudentT, pm.VonMises, pm.Wald, pm.Rice, pm.Kumaraswamy, pm.ExGaussian)
    for case in CASES:
        cls, parameters, _ = case
        if backend == "numba" and cls not in few:
            continue
        at = np.concatenate([interior(*case), OUTSIDE])
        x, names = pt.vector(None, len(at)), [pt.tensor(None, shape=np.shape(p)) for p in parameters]
        inputs += [x, *names]
        given += [at, *(np.asarray(p, float) for p in parameters)]
        outputs.append(cls.density(x, *names))
        expected.append((case, at))
    for (case, at), result in zip(expected, function(inputs, outputs, backend=backend)(*given)):
        check_logp(case, at, result)


@pytest.mark.parametrize("case", KNOWN, ids=KNOWN_IDS)
def test_distribution_functions_agree_with_scipy(case):
    cls, parameters, frozen = case
    at = np.concatenate([frozen.ppf(Q), OUTSIDE])
    given = constants(parameters)
    if cls is pm.Rice:
        with pytest.raises(NotImplementedError):
            cls.logcdf(pt.constant(at), *given)
        return
    with np.errstate(all="ignore"):
        wanted = frozen.logcdf(at)
        if isinstance(frozen, Known):  # logarithms of what is 0 but for rounding
            wanted = np.where(wanted < np.log(1e-14), -INF, wanted)
    # A difference of two terms in the left tail, in ours or in SciPy's.
    loose = {pm.SkewNormal: 1e-6, pm.ExGaussian: 1e-6, pm.TruncatedNormal: 1e-7, pm.HalfStudentT: 1e-7, pm.SkewStudentT: 1e-9, pm.Kumaraswamy: 1e-8, pm.Interpolated: 1e-7}
    np.testing.assert_allclose(cls.logcdf(pt.constant(at), *given).eval(), wanted, rtol=loose.get(cls, 1e-10), atol=1e-14)
    both = np.exp(cls.logcdf(pt.constant(at), *given).eval()) + np.exp(cls.logccdf(pt.constant(at), *given).eval())
    np.testing.assert_allclose(both, 1.0, rtol=1e-12)


def has_quantiles(cls):
    return cls.icdf.__func__ is not pm.distributions.Distribution.icdf.__func__


WITH_QUANTILES = [(c, p, f) for c, p, f in KNOWN if has_quantiles(c)]


@pytest.mark.parametrize("case", WITH_QUANTILES, ids=[i for i, (c, _, _) in zip(KNOWN_IDS, KNOWN) if has_quantiles(c)])
def test_quantiles_agree_with_scipy(case):
    cls, parameters, frozen = case
    q = np.concatenate([Q, [-0.1, 1.1, np.nan]])
    found = cls.icdf(pt.constant(q), *constants(parameters)).eval()
    assert np.isnan(found[-3:]).all()
    if cls in (pm.Interpolated, pm.HalfStudentT):  # found by a search, or from 1/2 + q/2, whose digits are few for a small q
        np.testing.assert_allclose(found[1:-3], frozen.ppf(Q[1:]), rtol=1e-8)
    else:
        np.testing.assert_allclose(found[:-3], frozen.ppf(Q), rtol=1e-9, atol=1e-12)
    with np.errstate(all="ignore"):
        back = np.exp(cls.logcdf(pt.constant(found[:-3]), *constants(parameters)).eval())
        # Next to a bound that is not 0, neighbouring numbers are some way apart in probability.
        apart = np.exp(cls.logp(pt.constant(found[:-3]), *constants(parameters)).eval()) * np.spacing(np.abs(found[:-3]))
    assert (np.abs(back - Q) <= 1e-6 * Q + np.where(np.isfinite(apart), apart, 0.0)).all()
    ends = cls.icdf(pt.constant([0.0, 1.0]), *constants(parameters)).eval()
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(np.exp(cls.logcdf(pt.constant(ends), *constants(parameters)).eval()), [0.0, 1.0])


def test_quantiles_are_there_wherever_pymc_has_them():
    without = {c.__name__ for c in CONTINUOUS if not has_quantiles(c)}
    assert without == {"ExGaussian", "Flat", "HalfFlat", "PolyaGamma", "Rice", "SkewNormal", "VonMises", "Wald"}


def differences(f, values, i):
    step = 1e-5 * (abs(values[i]) or 1.0)
    up, down = (f(*[v + s * step if j == i else v for j, v in enumerate(values)]) for s in (1.0, -1.0))
    return (up - down) / (2 * step)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_gradients_agree_with_differences(case):
    cls, parameters, _ = case
    if cls is pm.Interpolated:
        return  # its points are vectors: below
    points = interior(*case)[[1, 2, 3]] if cls is pm.VonMises else interior(*case)[[3, 4, 6]]
    inputs = [pt.scalar(n) for n in ("value", *cls.parameters)]
    density = cls.density(*inputs)
    free = [i for i, v in enumerate((0.0, *parameters)) if np.isfinite(v)]
    if cls is pm.Triangular and parameters[1] in (parameters[0], parameters[2]):
        free = [0]  # a mode beyond a bound is not valid: there are no differences there
    if cls is pm.Wald and parameters[2] == 0.0:
        free.remove(3)  # a negative shift is not valid
    if cls is pm.StudentT and parameters[0] > 1e10:
        free.remove(1)  # it does not depend on them there
    run = function(inputs, [density, *grad(density, [inputs[i] for i in free], disconnected_inputs="ignore")], backend="numpy")
    for x in points:
        values = [float(x), *parameters]
        _, *found = run(*values)
        for i, slope in zip(free, found):
            wanted = differences(lambda *v: float(run(*v)[0]), values, i)
            assert np.isclose(slope, wanted, rtol=1e-5, atol=1e-6), (cls.parameters, i, x)


def test_gradients_of_an_interpolated_density():
    x, y, at = pt.vector("x", 4), pt.vector("f", 4), pt.scalar("at")
    density = pm.Interpolated.density(at, x, y)
    slopes = grad(density, [at, x, y])
    run = function([at, x, y], [density, *slopes], backend="numpy")
    _, by_at, by_x, by_y = run(0.7, X, F)
    step = 1e-6
    assert np.isclose(by_at, (run(0.7 + step, X, F)[0] - run(0.7 - step, X, F)[0]) / (2 * step), rtol=1e-6)
    for i in range(4):
        e = np.eye(4)[i] * step
        assert np.isclose(by_x[i], (run(0.7, X + e, F)[0] - run(0.7, X - e, F)[0]) / (2 * step), rtol=1e-6, atol=1e-9)
        if i:
            assert np.isclose(by_y[i], (run(0.7, X, F + e)[0] - run(0.7, X, F - e)[0]) / (2 * step), rtol=1e-6, atol=1e-9)


# Polya-gamma ----------------------------------------------------------------------------------


def polya_gamma_logp(x, h, z):
    """The alternating series, with as many digits as it takes. Source: Polson, Scott and Windle (2013)."""
    with mpmath.workdps(120):
        x, h, total, n = mpmath.mpf(x), mpmath.mpf(h), mpmath.mpf(0), 0
        while True:
            size = mpmath.gamma(n + h) / mpmath.gamma(n + 1) * (2 * n + h) * mpmath.exp(-((2 * n + h) ** 2) / (8 * x))
            total += (-1) ** n * size
            n += 1
            if n > 10 and size < mpmath.mpf(10) ** -80 * abs(total):
                break
        untilted = mpmath.log(2 ** (h - 1) / mpmath.gamma(h) * total / mpmath.sqrt(2 * mpmath.pi * x**3))
        return float(untilted + h * mpmath.log(mpmath.cosh(mpmath.mpf(z) / 2)) - mpmath.mpf(z) ** 2 * x / 2)


@pytest.mark.parametrize("h, z", [(0.3, 0.0), (1.0, 0.0), (1.0, 2.0), (2.5, -1.5), (12.0, 0.5), (60.0, 3.0)])
def test_the_density_of_polya_gamma_is_its_series(h, z):
    mean = h / (2 * z) * np.tanh(z / 2) if z else h / 4
    at = mean * np.array([0.1, 0.5, 1.0, 1.3, 3.0])
    found = pm.PolyaGamma.logp(pt.constant(at), *constants((h, z))).eval()
    np.testing.assert_allclose(found, [polya_gamma_logp(x, h, z) for x in at], rtol=1e-11, atol=1e-11)


def test_the_density_of_polya_gamma_on_every_backend_with_its_gradient(backend):
    x, h, z = pt.vector("x", 3), pt.scalar("h"), pt.scalar("z")
    density = pm.PolyaGamma.density(x, h, z)
    run = function([x, h, z], [density, *grad(density.sum(), [x, h, z])], backend=backend)
    at = np.array([0.05, 0.3, 2.0])
    value, by_x, by_h, by_z = run(at, 1.5, -0.7)
    np.testing.assert_allclose(value, [polya_gamma_logp(v, 1.5, -0.7) for v in at], rtol=1e-11)
    for slope, i in ((by_h, 0), (by_z, 1)):
        both = [[polya_gamma_logp(v, *(np.array([1.5, -0.7]) + s * 1e-5 * np.eye(2)[i])) for v in at] for s in (1, -1)]
        assert np.isclose(slope, np.sum(np.subtract(*both)) / 2e-5, rtol=1e-7)
    both = [[polya_gamma_logp(v * (1 + s * 1e-5), 1.5, -0.7) for v in at] for s in (1, -1)]
    np.testing.assert_allclose(by_x, np.subtract(*both) / (2e-5 * at), rtol=1e-6)


# PyMC -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda c: c["name"] + "-" + "-".join(c["parameters"]))
def test_models_agree_with_pymc(case):
    cls = getattr(pm, case["name"])
    with pm.Model() as model:
        rv = cls("x", **case["parameters"])
    if case["name"] == "LogitNormal":
        # PyMC leaves its values between 0 and 1 as they are, where steps of a sampler can leave the support.
        assert list(model.initial_point()) == ["x_logodds__"]
    elif case["name"] == "Wald" and "alpha" in case["parameters"]:
        # PyMC's are positive numbers, of which those below `alpha` have no density; its start does not count `alpha`.
        assert model.initial_point() == {"x_interval__": np.log(case["parameters"]["mu"])}
    else:
        ((name, start),) = model.initial_point().items()
        assert name == case["value"] and np.isclose(start, case["start"], rtol=1e-10, atol=1e-13)
        if case["model_logp"] is not None:
            run = model.compile_logp(backend="numpy")
            found = [float(run({name: np.array(u)})) for u in REFERENCE["unconstrained"]]
            np.testing.assert_allclose(found, case["model_logp"], rtol=1e-10, atol=1e-13)
    if case["logp"] is not None:
        found = logp(cls.variable(rv.inputs[1:], shape=(len(REFERENCE["points"]),)), np.array(REFERENCE["points"])).eval()
        wanted = np.array(case["logp"])
        keep = ~np.isnan(wanted)  # PyMC has no number at some edges of the support
        np.testing.assert_allclose(found[keep], wanted[keep], rtol=1e-10, atol=1e-13)


def test_the_table_from_pymc_has_every_distribution():
    assert {c["name"] for c in REFERENCE["cases"]} == {c.__name__ for c in CONTINUOUS} - {"Chi", "GenExtreme", "Maxwell"}, "these are pymc-extras' "


# Draws ----------------------------------------------------------------------------------------

PROPER = [c for c in CASES if c[0] is not pm.TruncatedNormal or np.isfinite(c[1][2:]).all()]


@pytest.mark.parametrize("case", PROPER, ids=lambda c: c[0].__name__)
def test_draws_follow_the_distribution(case):
    cls, parameters, frozen = case
    rv = cls.variable(constants(parameters), shape=(4000,))
    set_key(rv, 20)
    frozen = frozen or st.vonmises(parameters[1], parameters[0])
    # SciPy's von Mises numbers lie within pi of their centre.
    draws = rv.eval() if cls is not pm.VonMises else parameters[0] + (rv.eval() - parameters[0] + np.pi) % (2 * np.pi) - np.pi
    assert st.kstest(draws, frozen.cdf).pvalue > 0.001


def test_draws_of_polya_gamma_have_its_mean_and_follow_the_density():
    rv = pm.PolyaGamma.dist(2.5, -1.5, shape=(4000,))
    set_key(rv, 3)
    draws = np.sort(rv.eval())
    x = np.linspace(1e-4, 6.0, 20001)
    density = np.exp(pm.PolyaGamma.logp(pt.constant(x), *rv.inputs[1:]).eval())
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) * np.diff(x) / 2)])
    assert np.isclose(mass[-1], 1.0, atol=1e-6)
    assert st.kstest(draws, lambda v: np.interp(v, x, mass)).pvalue > 0.001


def test_draws_are_the_same_on_every_backend(backend):
    from workbench.distributions import draw_rules
    from workbench.graph import Pass

    # What is drawn by rejection is in tests/tensor/test_random.py on every backend; loops compile slowly.
    slow = {"Gamma", "Beta", "StudentT", "HalfStudentT", "SkewStudentT", "InverseGamma", "ChiSquared", "VonMises", "TruncatedNormal"}
    cases = [c for c in CASES if backend == "numpy" or c[0].__name__ not in slow]
    variables = [cls.variable(constants(p), shape=(2, 5)) for cls, p, _ in cases]
    for i, rv in enumerate(variables):
        set_key(rv, i)
    drawn, _ = Pass("draw", draw_rules).run(variables)
    for (cls, _, _), rv, x in zip(cases, variables, function([], drawn, backend=backend)()):
        np.testing.assert_allclose(x, rv.eval(), rtol=1e-11, atol=1e-13, err_msg=cls.__name__)


@pytest.mark.parametrize("cls", [pm.Flat, pm.HalfFlat])
def test_improper_priors_cannot_be_drawn(cls):
    with pytest.raises(ModelError, match=f"{cls.__name__} is improper"):
        cls.dist().eval()


# Shapes and edges -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_shapes_of_batches_and_of_nothing(case):
    cls, parameters, _ = case
    given = constants(parameters)
    if cls is not pm.Interpolated:
        given[0] = pt.broadcast_to(given[0], (3, 1))
    for shape in ((0,), (3, 0), (3, 2), (2, 3, 2)):
        if cls is not pm.Interpolated and shape == (0,):
            continue
        rv = cls.variable(given, shape=shape)
        assert rv.eval().shape == shape
        assert logp(rv, np.full(shape, 0.4)).eval().shape == shape
    if cls is not pm.Interpolated:
        assert cls.variable(given).type.shape == (3, 1)
        with pytest.raises(ShapeError):
            cls.variable(given, shape=(2, 2))


@pytest.mark.parametrize("cls", CONTINUOUS, ids=lambda c: c.__name__)
def test_nan_and_infinity_have_no_density(cls):
    case = next((c for c in CASES if c[0] is cls), None)
    given = constants(case[1]) if case else constants((1.5, 0.5)[: len(cls.parameters)])
    at_nan, low, high = cls.logp(pt.constant([np.nan, -INF, INF]), *given).eval()
    assert np.isnan(at_nan) or at_nan == -INF
    if cls not in (pm.Flat, pm.HalfFlat):
        assert low == high == -INF
    if cls.logcdf.__func__ is not pm.distributions.Distribution.logcdf.__func__:
        low, high = cls.logcdf(pt.constant([-INF, INF]), *given).eval()
        assert low == -INF and abs(high) < 1e-15


EDGES = [
    (pm.Gamma, (1.0, 1.5), 0.0, np.log(1.5)),
    (pm.Gamma, (2.0, 1.5), 0.0, -INF),
    (pm.Weibull, (1.0, 2.0), 0.0, np.log(0.5)),
    (pm.Weibull, (0.5, 2.0), 0.0, INF),
    (pm.Beta, (1.0, 1.0), 0.0, 0.0),
    (pm.Beta, (1.0, 1.0), 1.0, 0.0),
    (pm.Beta, (1.0, 2.0), 1.0, -INF),
    (pm.Beta, (2.0, 1.0), 1.0, np.log(2.0)),
    (pm.Kumaraswamy, (1.0, 1.0), 1.0, 0.0),
    (pm.InverseGamma, (1.0, 1.0), 0.0, -INF),
    (pm.LogNormal, (0.0, 1.0), 0.0, -INF),
    (pm.LogitNormal, (0.0, 1.0), 0.0, -INF),
    (pm.LogitNormal, (0.0, 1.0), 1.0, -INF),
    (pm.Uniform, (-1.0, 3.0), 3.0, -np.log(4.0)),
    (pm.Triangular, (-1.0, 3.0, 3.0), 3.0, np.log(0.5)),
    (pm.Triangular, (-1.0, -1.0, 3.0), -1.0, np.log(0.5)),
    (pm.Triangular, (-1.0, 0.5, 3.0), 3.0, -INF),
    (pm.Pareto, (2.5, 1.5), 1.5, np.log(2.5 / 1.5)),
    (pm.Pareto, (2.5, 1.5), 1.4999, -INF),
    (pm.Wald, (1.5, 2.0, 0.5), 0.5, -INF),
    (pm.Rice, (1.5, 2.0), 0.0, -INF),
    (pm.VonMises, (0.0, 1.0), np.pi, -1.0 - np.log(2 * np.pi * sp.i0(1.0))),
    (pm.VonMises, (0.0, 1.0), 3.2, -INF),
    (pm.PolyaGamma, (1.0, 0.0), 0.0, -INF),
    (pm.TruncatedNormal, (0.0, 1.0, 40.0, INF), 40.0, st.truncnorm(40, INF).logpdf(40.0)),
    (pm.TruncatedNormal, (0.0, 1.0, -50.0, -40.0), -40.0, st.truncnorm(-50, -40).logpdf(-40.0)),
    (pm.Logistic, (0.0, 1.0), -1e4, -1e4),
    (pm.ExGaussian, (0.0, 1.0, 1e-6), 0.5, st.norm.logpdf(0.5) + 0.5e-6),
]


@pytest.mark.parametrize("cls, parameters, at, wanted", EDGES, ids=lambda v: v.__name__ if isinstance(v, type) else str(v))
def test_edges_of_the_support(cls, parameters, at, wanted):
    found = float(cls.logp(pt.constant(at), *constants(parameters)).eval())
    assert found == wanted or np.isclose(found, wanted, rtol=1e-11)


def test_bounds_of_a_vector_may_be_infinite_in_places():
    lower, upper = np.array([-INF, 0.0, -1.0]), np.array([1.0, INF, INF])
    at = np.array([0.5, 0.5, 0.5])
    mu = pt.scalar("mu")
    density = pm.TruncatedNormal.density(pt.constant(at), mu, pt.constant(2.0), pt.constant(lower), pt.constant(upper))
    wanted = [st.truncnorm((a - 0.3) / 2, (b - 0.3) / 2, 0.3, 2.0).logpdf(0.5) for a, b in zip(lower, upper)]
    np.testing.assert_allclose(density.eval({"mu": 0.3}), wanted, rtol=1e-12)
    slope = float(grad(density.sum(), mu).eval({"mu": 0.3}))
    up, down = (density.eval({"mu": 0.3 + s}).sum() for s in (1e-6, -1e-6))
    assert np.isclose(slope, (up - down) / 2e-6, rtol=1e-6)


# Parameters -----------------------------------------------------------------------------------

BAD = [
    (pm.StudentT, (-1.0, 0.0, 1.0), "nu"), (pm.HalfStudentT, (3.0, 0.0), "sigma"), (pm.Cauchy, (0.0, -2.0), "beta"),
    (pm.HalfCauchy, (-2.0,), "beta"), (pm.Laplace, (0.0, 0.0), "b"), (pm.AsymmetricLaplace, (-1.0, 0.0, 1.0), "kappa"),
    (pm.Logistic, (0.0, -1.0), "s"), (pm.LogitNormal, (0.0, -1.0), "sigma"), (pm.LogNormal, (0.0, -1.0), "sigma"),
    (pm.Gamma, (-1.0, 1.0), "alpha"), (pm.InverseGamma, (1.0, -1.0), "beta"), (pm.ChiSquared, (0.0,), "nu"),
    (pm.Weibull, (-1.0, 1.0), "alpha"), (pm.Beta, (1.0, -1.0), "beta"), (pm.Kumaraswamy, (0.0, 1.0), "a"),
    (pm.Uniform, (1.0, 0.0), "lower"), (pm.Triangular, (0.0, 2.0, 1.0), "c"), (pm.Pareto, (0.0, 1.0), "alpha"),
    (pm.Gumbel, (0.0, 0.0), "beta"), (pm.Moyal, (0.0, -1.0), "sigma"), (pm.Chi, (-1.0,), "nu"), (pm.Maxwell, (0.0,), "a"), (pm.GenExtreme, (0.0, -1.0, 0.1), "sigma"), (pm.ExGaussian, (0.0, 1.0, -1.0), "nu"),
    (pm.SkewNormal, (0.0, -1.0, 1.0), "sigma"), (pm.SkewStudentT, (1.0, -1.0, 0.0, 1.0), "b"),
    (pm.VonMises, (0.0, 0.0), "kappa"), (pm.Wald, (1.0, 1.0, -0.5), "alpha"), (pm.Rice, (-1.0, 1.0), "nu"),
    (pm.PolyaGamma, (-1.0, 0.0), "h"), (pm.TruncatedNormal, (0.0, 1.0, 2.0, 1.0), "lower"),
    (pm.Interpolated, ([0.0, 2.0, 1.0], [1.0, 1.0, 1.0]), "x_points"), (pm.Interpolated, ([0.0, 1.0], [1.0, -1.0]), "pdf_points"),
]  # fmt: skip


@pytest.mark.parametrize("cls, parameters, name", BAD, ids=lambda v: v.__name__ if isinstance(v, type) else None)
def test_a_bad_parameter_is_an_error_that_names_it(cls, parameters, name):
    with pytest.raises(ModelError, match=rf"{cls.__name__}: {name} must be.*got .*{name} = "):
        cls.variable(constants(parameters))
    inputs = [pt.tensor(n, shape=np.shape(p)) for n, p in zip(cls.parameters, parameters)]
    density = cls.density(pt.constant(0.5), *inputs)
    with pytest.raises(ParameterValueError, match=f"{cls.__name__}: {name} must be"):
        density.eval(dict(zip(cls.parameters, parameters)))


def test_bad_parameters_have_no_density_in_compiled_functions(backend):
    # One of the parameters decides; the others are those of a valid case.
    cases = [c for c in BAD if c[0] is not pm.Interpolated and (backend != "numba" or c[0] in (pm.Gamma, pm.Uniform, pm.Wald))]
    inputs = [[pt.scalar() for _ in p] for _, p, _ in cases]
    densities = [cls.density(pt.constant(0.5), *given) for (cls, _, _), given in zip(cases, inputs)]
    found = function([x for given in inputs for x in given], densities, backend=backend)(*[float(v) for _, p, _ in cases for v in p])
    assert [float(v) for v in found] == [-INF] * len(cases)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: pm.Normal.dist(sigma=1.0, tau=1.0), "sigma or tau"),
        (lambda: pm.StudentT.dist(3.0, sigma=1.0, lam=1.0), "sigma or lam"),
        (lambda: pm.Gamma.dist(alpha=1.0), "alpha and beta, or mu and sigma"),
        (lambda: pm.Gamma.dist(alpha=1.0, beta=1.0, mu=1.0), "alpha and beta, or mu and sigma"),
        (lambda: pm.InverseGamma.dist(mu=1.0), "alpha and beta, or mu and sigma"),
        (lambda: pm.Beta.dist(mu=0.3), "mu and nu"),
        (lambda: pm.Beta.dist(mu=0.3, sigma=0.1, nu=1.0), "mu and nu"),
        (lambda: pm.Wald.dist(phi=1.0), "lam and phi"),
        (lambda: pm.Rice.dist(), "either nu or b"),
        (lambda: pm.AsymmetricLaplace.dist(mu=0.0, b=1.0), "either kappa or q"),
        (lambda: pm.AsymmetricLaplace.dist(kappa=1.0, b=1.0), "mu and b"),
        (lambda: pm.Exponential.dist(1.0, scale=2.0), "lam or scale"),
        (lambda: pm.Interpolated.dist([1.0, 2.0], [1.0, 2.0, 3.0]), r"shapes \(2,\) and \(3,\)"),
    ],
)
def test_parameters_that_do_not_fit_together_are_errors(call, words):
    with pytest.raises((ModelError, ShapeError), match=words):
        call()


def test_every_distribution_is_documented_with_its_parameters():
    for cls in CONTINUOUS:
        text = cls.__doc__ or ""
        assert "distribution" in text.lower() or "prior" in text.lower()
        assert all(name in text for name in cls.parameters), cls.__name__
        assert issubclass(cls, pm.distributions.Distribution) and isinstance(cls.support, str) and not isinstance(cls, Expr)
