"""Distributions of vectors and matrices: densities, gradients, draws, edges, errors.

`tests/reference/multivariate.json` holds what PyMC says; `make_multivariate.py` beside it makes it.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.special as sp
import scipy.stats

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.distributions import draw_rules, set_key
from workbench.errors import ModelError, ParameterValueError, ShapeError
from workbench.graph import Pass
from workbench.transforms import CholeskyCorrelation, grad, jacobian
from workbench.transforms.logprob import logp

HERE = Path(__file__).resolve().parents[1] / "reference"
_spec = importlib.util.spec_from_file_location("make_multivariate", HERE / "make_multivariate.py")
pymc_says = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pymc_says)
PYMC = json.loads((HERE / "multivariate.json").read_text())

A2, A3, L3, W4 = pymc_says.A2, pymc_says.A3, pymc_says.L3, pymc_says.W4
MU = np.array([0.1, -0.2, 0.3])

# PyTensor computes parts of these in single precision, whatever their parameters are: LKJ's constant, from
# Python numbers; multigammaln's.
SINGLE = {"LKJCorr 2", "LKJCorr 3", "LKJCholeskyCov", "LKJCholeskyCov vector", "LKJCorr", "Wishart"}


# Numba compiles for seconds what the others compile in one: there, these stand for all.
ON_NUMBA = {
    "MvNormal cov", "MvNormal batch of chol", "MvStudentT tau", "Dirichlet", "Multinomial", "LKJCholeskyCov", "MatrixNormal chol",
    "ICAR", "ZeroSumNormal",
}  # fmt: skip


# What PyMC adds to LKJ's densities, twice: the logarithm of the normalising integral, which should be subtracted.
LKJ = {"LKJCorr 2": (2, 1.0), "LKJCorr 3": (3, 2.5), "LKJCholeskyCov": (3, 2.5), "LKJCholeskyCov vector": (3, 1.0)}
LKJ_MODELS = {"LKJCholeskyCov": (3, 2.0)}


def lkj_integral(n, eta):
    """The product of the Beta functions of a vine's partial correlations."""
    k = np.arange(1, n)
    b = eta + 0.5 * (n - k - 1)
    return np.sum((2 * eta - 2 + n - k) * (n - k) * np.log(2.0) + (n - k) * sp.betaln(b, b))


def chosen(cases, backend):
    return {name: case for name, case in cases.items() if backend != "numba" or name in ON_NUMBA}


def tolerance(name):
    return 3e-7 if name in SINGLE else 1e-10


# Densities ------------------------------------------------------------------------------------


def test_logp_agrees_with_pymc(backend):
    inputs, outputs, given = [], [], []
    cases = chosen(pymc_says.CASES, backend)
    for make, values in cases.values():
        rv = make(pm)
        v = pt.tensor("v", rv.dtype, values[0].shape)
        inputs += [v]
        outputs += [logp(rv, v)]
        given += [values]
    run = function(inputs, outputs, backend=backend)
    most = max(len(values) for values in given)
    rows = [run(*[values[min(i, len(values) - 1)].astype(v.dtype) for values, v in zip(given, inputs)]) for i in range(most)]
    for j, name in enumerate(cases):
        made = [float(np.sum(row[j])) for row in rows[: len(given[j])]]
        wanted = np.array(PYMC["logp"][name]) - (2.0 * lkj_integral(*LKJ[name]) if name in LKJ else 0.0)
        np.testing.assert_allclose(made, wanted, rtol=tolerance(name), err_msg=name)


@pytest.fixture(scope="module")
def models():
    return dict(pymc_says.models(pm))


@pytest.mark.parametrize("name", list(PYMC["models"]))
def test_models_agree_with_pymc(models, name):
    model, wanted = models[name], PYMC["models"][name]
    ((value, start),) = model.initial_point().items()
    # In PyMC each correlation has an interval of its own.
    assert value == wanted["value"] or name == "LKJCorr"
    assert sorted(model.named_vars) == wanted["named"]
    np.testing.assert_allclose(start, wanted["start"], rtol=1e-12, atol=1e-12)
    if "logp" not in wanted or name == "LKJCorr":
        return
    at = {value: pymc_says.moved(start, value)}
    for jacobian_too, key in ((True, "logp"), (False, "logp_without_jacobian")):
        made = float(model.compile_logp(jacobian=jacobian_too, backend="numpy")(at))
        extra = 2.0 * lkj_integral(*LKJ_MODELS[name]) if name in LKJ_MODELS else 0.0
        np.testing.assert_allclose(made, wanted[key] - extra, rtol=tolerance(name))
    _, gradient = model.logp_dlogp_function(backend="numpy")(model.flatten(at))
    np.testing.assert_allclose(gradient, np.ravel(wanted["dlogp"]), rtol=1e-9, atol=1e-10)


def spread_of(n, seed):
    """A positive-definite matrix of `n` rows."""
    x = np.random.default_rng(seed).normal(size=(n, n + 2))
    return x @ x.T / n + 0.1 * np.eye(n)


SCIPY = {
    "MvNormal": (lambda: pm.MvNormal.dist(mu=MU, cov=A3), scipy.stats.multivariate_normal(MU, A3)),
    "MvNormal tau": (lambda: pm.MvNormal.dist(mu=MU, tau=np.linalg.inv(A3)), scipy.stats.multivariate_normal(MU, A3)),
    "MvNormal 1": (lambda: pm.MvNormal.dist(mu=[2.0], cov=[[4.0]]), scipy.stats.multivariate_normal([2.0], [[4.0]])),
    "MvNormal 6": (lambda: pm.MvNormal.dist(cov=spread_of(6, 1)), scipy.stats.multivariate_normal(np.zeros(6), spread_of(6, 1))),
    "MvStudentT": (lambda: pm.MvStudentT.dist(nu=4.5, mu=MU, scale=A3), scipy.stats.multivariate_t(MU, A3, df=4.5)),
    "MvStudentT tau": (lambda: pm.MvStudentT.dist(nu=1.0, tau=np.linalg.inv(A3)), scipy.stats.multivariate_t(0 * MU, A3, df=1.0)),
    "Dirichlet": (lambda: pm.Dirichlet.dist([0.5, 1.0, 3.0]), scipy.stats.dirichlet([0.5, 1.0, 3.0])),
    "Multinomial": (lambda: pm.Multinomial.dist(20, [0.1, 0.6, 0.3]), scipy.stats.multinomial(20, [0.1, 0.6, 0.3])),
    "Wishart": (lambda: pm.Wishart.dist(6.5, A3), scipy.stats.wishart(6.5, A3)),
    "MatrixNormal": (
        lambda: pm.MatrixNormal.dist(mu=np.ones((2, 3)), rowcov=A2, colcov=A3),
        scipy.stats.matrix_normal(np.ones((2, 3)), A2, A3),
    ),
    "KroneckerNormal": (
        lambda: pm.KroneckerNormal.dist(mu=np.ones(6), covs=[A2, A3]),
        scipy.stats.multivariate_normal(np.ones(6), np.kron(A2, A3)),
    ),
    "KroneckerNormal noise": (
        lambda: pm.KroneckerNormal.dist(mu=1.0, covs=[A2, A3, A2], sigma=0.7),
        scipy.stats.multivariate_normal(np.ones(12), np.kron(np.kron(A2, A3), A2) + 0.49 * np.eye(12)),
    ),
}


@pytest.mark.parametrize("name", list(SCIPY))
def test_logp_agrees_with_scipy(name):
    make, frozen = SCIPY[name]
    rv, random = make(), np.random.default_rng(3)
    for _ in range(5):
        x = np.asarray(frozen.rvs(random_state=random)).reshape(rv.type.shape)
        if name == "Wishart":
            x = (x + x.T) / 2.0
        wanted = frozen.logpmf(x) if hasattr(frozen, "logpmf") else frozen.logpdf(x)
        made = logp(rv, x.astype(rv.dtype)).eval()
        # SciPy's own densities of these go through eigenvalues: 1e-10 is its accuracy, not ours.
        np.testing.assert_allclose(made, np.squeeze(wanted), rtol=1e-10)


def test_dirichlet_multinomial_agrees_with_scipy():
    frozen = scipy.stats.dirichlet_multinomial([0.5, 1.0, 3.0], 20)
    for x in ([0, 0, 20], [20, 0, 0], [3, 7, 10], [1, 18, 1]):
        made = logp(pm.DirichletMultinomial.dist(20, [0.5, 1.0, 3.0]), x).eval()
        np.testing.assert_allclose(made, frozen.logpmf(x), rtol=1e-12)


# Gradients ------------------------------------------------------------------------------------

# Name: the density as a function of its arguments, and where.
S = np.array([0.2, 0.3, 0.5])
PACKED, CORR3 = pymc_says.PACKED, pymc_says.CORR3


def both_triangles(x):
    """A symmetric matrix from any: a density reads one triangle, differences move single elements."""
    return (x + x.T) / 2.0


GRADIENTS = {
    "MvNormal cov": (lambda v, m, c: logp(pm.MvNormal.dist(m, cov=both_triangles(c)), v), [MU + 1.0, MU, A3]),
    "MvNormal tau": (lambda v, m, c: logp(pm.MvNormal.dist(m, tau=both_triangles(c)), v), [MU + 1.0, MU, A3]),
    "MvNormal chol": (lambda v, m, c: logp(pm.MvNormal.dist(m, chol=c), v), [MU + 1.0, MU, L3]),
    "MvStudentT": (lambda v, n, m, c: logp(pm.MvStudentT.dist(n, mu=m, scale=both_triangles(c)), v), [MU + 1.0, np.array(3.5), MU, A3]),
    "Dirichlet": (lambda v, a: logp(pm.Dirichlet.dist(a), v), [S, np.array([0.7, 1.0, 3.0])]),
    "Multinomial": (lambda p: logp(pm.Multinomial.dist(10, p / p.sum()), np.array([2, 3, 5])), [S]),
    "DirichletMultinomial": (lambda a: logp(pm.DirichletMultinomial.dist(10, a), np.array([2, 3, 5])), [np.array([0.7, 1.0, 3.0])]),
    "OrderedMultinomial": (lambda e, c: logp(pm.OrderedMultinomial.dist(e, c, 10), np.array([2, 3, 5])), [np.array(0.3), np.array([-1.0, 0.5])]),
    "LKJCorr": (lambda v, e: logp(pm.LKJCorr.dist(3, e), v), [CORR3, np.array(2.5)]),
    "LKJCholeskyCov": (
        lambda v, e, s: logp(pm.LKJCholeskyCov.dist(e, 3, pm.Exponential.dist(s), compute_corr=False), v),
        [PACKED, np.array(2.5), np.array(0.7)],
    ),
    "Wishart": (lambda v, n, s: logp(pm.Wishart.dist(n, both_triangles(s)), both_triangles(v)), [A3 + np.eye(3), np.array(5.5), A3]),
    "MatrixNormal": (
        lambda v, m, r, c: logp(pm.MatrixNormal.dist(m, rowcov=both_triangles(r), colchol=c), v),
        [pymc_says.X3[:2], np.ones((2, 3)), A2, L3],
    ),
    "KroneckerNormal": (
        lambda v, m, a, b, s: logp(pm.KroneckerNormal.dist(m, covs=[both_triangles(a), both_triangles(b)], sigma=s), v),
        [pymc_says.K6[0], np.ones(6), A2, A3, np.array(0.5)],
    ),
    "KroneckerNormal exact": (
        lambda v, m, a, b: logp(pm.KroneckerNormal.dist(m, covs=[both_triangles(a), both_triangles(b)]), v),
        [pymc_says.K6[0], np.ones(6), A2, A3],
    ),
    "CAR": (lambda v, m, a, t: logp(pm.CAR.dist(m, pymc_says.V4, a, t), v), [pymc_says.X4[0], np.ones(4), np.array(0.6), np.array(2.0)]),
    "ICAR": (lambda v, s, z: logp(pm.ICAR.dist(W4, s, z), v), [pymc_says.X4[0], np.array(1.3), np.array(0.5)]),
    "StickBreakingWeights": (lambda v, a: logp(pm.StickBreakingWeights.dist(a, 2), v / v.sum()), [S, np.array(2.5)]),
    "ZeroSumNormal": (lambda v, s: logp(pm.ZeroSumNormal.dist(s, shape=3), v - v.mean()), [MU, np.array(1.5)]),
}  # fmt: skip


def test_gradients_agree_with_differences(backend):
    inputs, points, outputs = [], [], []
    cases = chosen(GRADIENTS, backend)
    for name, (make, at) in cases.items():
        mine = [pt.tensor(f"{name}{i}", "float64", x.shape) for i, x in enumerate(at)]
        inputs, points = inputs + mine, points + at
        outputs += grad(make(*mine), mine)
    made = iter(function(inputs, outputs, backend=backend)(*points))
    for name, (make, at) in cases.items():
        mine = [pt.tensor(f"{name}{i}", "float64", x.shape) for i, x in enumerate(at)]
        run = function(mine, make(*mine), backend="numpy")
        for i, x in enumerate(at):
            h = 1e-6
            steps = h * np.eye(x.size).reshape(-1, *x.shape)
            around = [[[*at[:i], x + s * step, *at[i + 1 :]] for s in (1, -1)] for step in steps]
            slopes = np.reshape([(run(*up) - run(*down)) / (2 * h) for up, down in around], x.shape)
            np.testing.assert_allclose(next(made), slopes, rtol=2e-7, atol=2e-7, err_msg=f"{name}, argument {i}")


# Batches, edges, errors -----------------------------------------------------------------------


def test_batches_are_their_rows():
    means, covs = np.array([MU, -MU, 2 * MU]), np.array([A3, 2.0 * A3, A3 + 1.0])
    values = pymc_says.X3
    for rv, rows in [
        (pm.MvNormal.dist(means, cov=A3), [pm.MvNormal.dist(m, cov=A3) for m in means]),
        (pm.MvNormal.dist(MU, cov=covs), [pm.MvNormal.dist(MU, cov=c) for c in covs]),
        (pm.MvNormal.dist(MU, tau=covs), [pm.MvNormal.dist(MU, tau=c) for c in covs]),
        (pm.MvNormal.dist(MU, cov=A3, shape=(3, 3)), [pm.MvNormal.dist(MU, cov=A3)] * 3),
        (pm.MvStudentT.dist([1.0, 2.0, 3.0], mu=MU, scale=A3), [pm.MvStudentT.dist(n, mu=MU, scale=A3) for n in (1.0, 2.0, 3.0)]),
        (pm.CAR.dist(means, W4[:3, :3], [0.1, 0.2, 0.3], 2.0), [pm.CAR.dist(m, W4[:3, :3], a, 2.0) for m, a in zip(means, (0.1, 0.2, 0.3))]),
        (pm.ICAR.dist(W4[:3, :3], sigma=[1.0, 2.0, 3.0]), [pm.ICAR.dist(W4[:3, :3], sigma=s) for s in (1.0, 2.0, 3.0)]),
        (pm.KroneckerNormal.dist(MU, covs=[A3], shape=(3, 3), sigma=0.5), [pm.MvNormal.dist(MU, cov=A3 + 0.25 * np.eye(3))] * 3),
    ]:  # fmt: skip
        assert rv.type.shape == (3, 3)
        np.testing.assert_allclose(logp(rv, values).eval(), [logp(r, v).eval() for r, v in zip(rows, values)], rtol=1e-12)


@pytest.mark.parametrize("many", [(2, 5), (0,), (3,)])
def test_shapes_of_batches_of_any_size(many):
    for rv, event in [
        (pm.MvNormal.dist(MU, cov=A3, size=many), (3,)),
        (pm.Dirichlet.dist([1.0, 2.0, 3.0], size=many), (3,)),
        (pm.Multinomial.dist(5, [0.5, 0.5], size=many), (2,)),
        (pm.LKJCorr.dist(n=3, eta=1.0, size=many), (3,)),
        (pm.LKJCholeskyCov.dist(1.0, 2, pm.HalfNormal.dist(1.0), compute_corr=False, size=many), (3,)),
        (pm.Wishart.dist(4, A2, size=many), (2, 2)),
        (pm.ZeroSumNormal.dist(1.0, shape=(*many, 3)), (3,)),
        (pm.StickBreakingWeights.dist(1.0, 2, size=many), (3,)),
        (pm.ICAR.dist(W4, size=many), (4,)),
    ]:
        drawn = rv.eval()
        assert drawn.shape == (*many, *event)
        # What was drawn is in the support.
        density = logp(rv, drawn).eval()
        assert density.shape == many and np.isfinite(density).all(), rv.op.name


def test_values_outside_of_the_support_have_density_zero():
    for rv, value in [
        (pm.Multinomial.dist(3, [0.5, 0.5]), [1, 1]),
        (pm.Multinomial.dist(3, [0.5, 0.5]), [-1, 4]),
        (pm.Dirichlet.dist([2.0, 2.0]), [-0.1, 1.1]),
        (pm.StickBreakingWeights.dist(1.0, 1), [0.5, 0.6]),
        (pm.StickBreakingWeights.dist(1.0, 1), [-0.5, 1.5]),
        (pm.LKJCorr.dist(3, 1.0), [0.9, 0.9, -0.9]),
        (pm.LKJCorr.dist(2, 1.0), [1.0]),
        (pm.LKJCorr.dist(2, 1.0), [-1.5]),
        (pm.LKJCholeskyCov.dist(1.0, 2, pm.HalfNormal.dist(1.0), compute_corr=False), [1.0, 0.5, -1.0]),
        (pm.Wishart.dist(3, A2), [[1.0, 0.5], [0.4, 1.0]]),
        (pm.Wishart.dist(3, A2), [[1.0, 2.0], [2.0, 1.0]]),
        (pm.ZeroSumNormal.dist(1.0, shape=2), [1.0, 1.0]),
        (pm.ZeroSumNormal.dist(1.0, shape=(2, 2), n_zerosum_axes=2), [[1.0, -1.0], [1.0, -1.0]]),
    ]:
        assert float(logp(rv, value).eval()) == -np.inf, rv.op.name


def test_nan_and_infinite_values_do_not_crash(backend):
    values = {
        "MvNormal": (pm.MvNormal.dist(MU, cov=A3), 3), "MvStudentT": (pm.MvStudentT.dist(2.0, scale=A3), 3),
        "Dirichlet": (pm.Dirichlet.dist([1.0, 2.0, 0.5]), 3), "LKJCorr": (pm.LKJCorr.dist(3, 2.0), 3),
        "ZeroSumNormal": (pm.ZeroSumNormal.dist(1.0, shape=3), 3), "StickBreakingWeights": (pm.StickBreakingWeights.dist(1.0, 2), 3),
        "ICAR": (pm.ICAR.dist(W4), 4), "CAR": (pm.CAR.dist(0.0, W4, 0.5, 1.0), 4),
    }  # fmt: skip
    inputs = [pt.vector(f"v{i}", n) for i, (_, n) in enumerate(values.values())]
    run = function(inputs, [logp(rv, v) for (rv, _), v in zip(values.values(), inputs)], backend=backend)
    for bad in (np.nan, np.inf, -np.inf):
        found = run(*[np.array([bad, *[0.1] * (n - 1)]) for _, n in values.values()])
        assert all(np.isnan(x) or x == -np.inf for x in found), dict(zip(values, found))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: pm.MvNormal.dist(MU, cov=-A3), "MvNormal: cov must be positive definite, got (.|\n)*cov = "),
        (lambda: pm.MvNormal.dist(MU, tau=A3 - 5.0), "tau must be positive definite"),
        (lambda: pm.MvNormal.dist(MU, chol=-L3), "chol must be a Cholesky factor"),
        (lambda: pm.MvNormal.dist(MU), "give one of cov, tau and chol"),
        (lambda: pm.MvNormal.dist(MU, cov=A3, chol=L3), "not cov and chol"),
        (lambda: pm.MvStudentT.dist(-1.0, scale=A3), "nu must be positive"),
        (lambda: pm.MvStudentT.dist(1.0, scale=A3, Sigma=A3), "one of Sigma and scale"),
        (lambda: pm.Dirichlet.dist([1.0, 0.0]), "a must be positive, got a = "),
        (lambda: pm.Multinomial.dist(3, [1.5, -0.5]), "p must be"),
        (lambda: pm.Multinomial.dist(-3, [0.5, 0.5]), "n must be"),
        (lambda: pm.DirichletMultinomial.dist(3, [-1.0, 1.0]), "a must be positive"),
        (lambda: pm.LKJCorr.dist(3, 0.0), "eta must be positive"),
        (lambda: pm.LKJCorr.dist(2.5, 1.0), "n must be a whole number"),
        (lambda: pm.LKJCorr.dist(pt.scalar("n"), 1.0), "n must be a whole number"),
        (lambda: pm.LKJCholeskyCov.dist(1.0, 2, 1.0), "sd_dist must be a distribution"),
        (lambda: pm.Wishart.dist(1.0, A3), "nu must be greater than"),
        (lambda: pm.Wishart.dist(5.0, -A3), "V must be positive definite"),
        (lambda: pm.MatrixNormal.dist(0.0, rowcov=-A2, colcov=A3), "rowcov must be positive definite"),
        (lambda: pm.MatrixNormal.dist(0.0, rowcov=A2), "one of colcov and colchol"),
        (lambda: pm.KroneckerNormal.dist(0.0, covs=[A2, -A3]), r"covs\[1\] must be positive definite"),
        (lambda: pm.KroneckerNormal.dist(0.0, covs=[A2, -A3], sigma=0.1), "covs must be positive definite"),
        (lambda: pm.KroneckerNormal.dist(0.0, covs=[]), "covs is empty"),
        (lambda: pm.CAR.dist(0.0, W4, 1.0, 1.0), "alpha must be between"),
        (lambda: pm.CAR.dist(0.0, W4, 0.5, -1.0), "tau must be positive"),
        (lambda: pm.CAR.dist(0.0, np.triu(W4), 0.5, 1.0), "W must be symmetric"),
        (lambda: logp(pm.CAR.dist(0.0, np.zeros((2, 2)), 0.5, 1.0), [0.0, 0.0]), "place 0 has no neighbours"),
        (lambda: pm.ICAR.dist(2 * W4), "zeros and ones"),
        (lambda: pm.ICAR.dist(np.triu(W4)), "symmetric"),
        (lambda: pm.ICAR.dist(pt.matrix("W", 4, 4)), "must be an array"),
        (lambda: pm.ZeroSumNormal.dist(1.0), "shape is not known"),
        (lambda: pm.ZeroSumNormal.dist(-1.0, shape=3), "sigma must be positive"),
        (lambda: pm.ZeroSumNormal.dist(1.0, n_zerosum_axes=0, shape=3), "positive integer"),
        (lambda: pm.StickBreakingWeights.dist(-1.0, 3), "alpha must be positive"),
        (lambda: pm.StickBreakingWeights.dist(1.0, 0), "K must be a whole number"),
        (lambda: pm.MvNormal.dist([np.nan, 0.0], cov=A2), "mu is NaN"),
    ],
)
def test_a_bad_parameter_is_an_error_that_names_it(make, message):
    with pytest.raises(ModelError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: pm.MvNormal.dist([1.0, 2.0], cov=A3),
        lambda: pm.MvNormal.dist(MU, cov=A3[:2]),
        lambda: pm.MvNormal.dist(MU, cov=2.0),
        lambda: pm.MvNormal.dist(MU, cov=A3, shape=(3, 2)),
        lambda: pm.Dirichlet.dist(1.0),
        lambda: pm.KroneckerNormal.dist(np.zeros(5), covs=[A2, A3]),
        lambda: pm.CAR.dist(np.zeros(3), W4, 0.5, 1.0),
        lambda: pm.ICAR.dist(W4[:3]),
        lambda: pm.LKJCholeskyCov.dist(1.0, 2, pm.HalfNormal.dist(1.0, shape=3)),
        lambda: pm.ZeroSumNormal.dist([1.0, 2.0, 3.0], shape=3),
        lambda: pm.ZeroSumNormal.dist(1.0, shape=3, n_zerosum_axes=2),
        lambda: pm.expand_packed_triangular(3, [1.0, 2.0]),
    ],
)
def test_shapes_that_do_not_fit_are_errors(make):
    with pytest.raises(ShapeError):
        make()


def test_bad_parameters_raise_when_evaluated_and_are_minus_infinity_when_compiled(backend):
    c, a, p = pt.matrix("c", 2, 2), pt.vector("a", 2), pt.vector("p", 2)
    outputs = [
        logp(pm.MvNormal.dist(cov=c), [0.0, 0.0]), logp(pm.MvNormal.dist(tau=c), [0.0, 0.0]),
        logp(pm.MvNormal.dist(chol=c), [0.0, 0.0]), logp(pm.MvStudentT.dist(a[0], scale=c), [0.0, 0.0]),
        logp(pm.Dirichlet.dist(a), [0.5, 0.5]), logp(pm.Multinomial.dist(2, p), [1, 1]),
        logp(pm.Wishart.dist(2.0, c), np.eye(2)), logp(pm.CAR.dist(0.0, np.eye(2)[::-1], a[0], 1.0), [0.0, 0.0]),
        logp(pm.MatrixNormal.dist(0.0, rowcov=c, colcov=np.eye(1)), [[0.0], [0.0]]),
        logp(pm.ZeroSumNormal.dist(a[0], shape=2), [0.0, 0.0]),
    ]  # fmt: skip
    run = function([c, a, p], outputs, backend=backend)
    good = run(np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([0.5, 1.0]), np.array([0.4, 0.6]))
    assert np.isfinite(good).all()
    bad = run(np.array([[-1.0, 2.0], [2.0, 1.0]]), np.array([-1.0, 1.0]), np.array([0.4, 0.7]))
    assert (np.array(bad) == -np.inf).all(), bad
    with pytest.raises(ParameterValueError, match=r"MvNormal: cov must be positive definite(.|\n)*cov = "):
        outputs[0].eval({"c": -np.eye(2)})


# Distributions in themselves ------------------------------------------------------------------


def test_lkj_with_a_variable_concentration_integrates_to_one():
    eta = pt.scalar("eta")
    r = pt.vector("r", 1)
    run = function([r, eta], logp(pm.LKJCorr.dist(2, eta), r), backend="numpy")
    nodes, weights = np.polynomial.legendre.leggauss(60)
    for e in (1.0, 1.5, 4.0):
        total = sum(w * np.exp(run(np.array([x]), e)) for x, w in zip(nodes, weights))
        assert np.isclose(total, 1.0, rtol=1e-3)
    r = pt.vector("r", 3)
    run = function([r, eta], logp(pm.LKJCorr.dist(3, eta), r), backend="numpy")
    nodes, weights = np.polynomial.legendre.leggauss(24)
    grid = np.stack(np.meshgrid(nodes, nodes, nodes), -1).reshape(-1, 3)
    mass = np.einsum("i,j,k", weights, weights, weights).ravel()
    total = sum(w * np.exp(run(x, 3.0)) for x, w in zip(grid, mass))
    assert np.isclose(total, 1.0, rtol=1e-2)


def test_lkj_cholesky_cov_is_the_change_of_variables_from_deviations_and_correlations():
    sd, corr, eta = pt.vector("sd", 3), pt.vector("corr", 3), 2.5
    whole = pm.distributions.correlation.correlation_matrix(corr, 3)
    chol = pt.linalg.cholesky(whole * sd[:, None] * sd[None, :])
    packed = chol[np.tril_indices(3)]
    at = {"sd": [0.7, 1.3, 2.0], "corr": CORR3}
    by_sd, by_corr = (jacobian(packed, x).eval(at) for x in (sd, corr))
    stretch = np.linalg.slogdet(np.concatenate([by_sd, by_corr], axis=1))[1]
    apart = logp(pm.Exponential.dist(0.7), sd).sum() + logp(pm.LKJCorr.dist(3, eta), corr)
    together = logp(pm.LKJCholeskyCov.dist(eta, 3, pm.Exponential.dist(0.7), compute_corr=False), packed)
    assert np.isclose(together.eval(at), apart.eval(at) - stretch, rtol=1e-12)


def test_lkj_takes_deviations_from_a_vector_distribution():
    sds = pm.MvNormal.dist([1.0, 2.0], cov=0.1 * np.eye(2))
    apart = pm.Normal.dist([1.0, 2.0], np.sqrt(0.1))
    at = [0.9, 0.3, 1.4]
    made = [logp(pm.LKJCholeskyCov.dist(2.0, 2, d, compute_corr=False), at).eval() for d in (sds, apart)]
    assert np.isclose(*made, rtol=1e-13)


def test_lkj_cholesky_cov_gives_matrix_correlations_and_deviations():
    with pm.Model() as model:
        chol, corr, stds = pm.LKJCholeskyCov("c", eta=2.0, n=3, sd_dist=pm.Exponential.dist(1.0))
        pm.LKJCholeskyCov("packed", eta=2.0, n=3, sd_dist=pm.Exponential.dist(1.0), compute_corr=False)
        pm.LKJCholeskyCov("quiet", eta=2.0, n=3, sd_dist=pm.Exponential.dist(1.0), store_in_trace=False)
        matrix = pm.LKJCorr("r", n=3, eta=1.0, return_matrix=True)
    assert sorted(model.named_vars) == ["c", "c_corr", "c_stds", "packed", "quiet", "r"]
    assert matrix.type.shape == (3, 3)
    factor, c, s = function([], [chol, corr, stds], backend="numpy")()
    np.testing.assert_allclose(s[:, None] * c * s, factor @ factor.T, rtol=1e-12)
    np.testing.assert_allclose(np.diag(c), 1.0)


@pytest.mark.parametrize("lower", [True, False])
def test_packed_triangles_are_their_rows(lower):
    x = np.arange(1.0, 7.0)
    wanted = np.zeros((3, 3))
    wanted[np.tril_indices(3) if lower else np.triu_indices(3)] = x
    np.testing.assert_array_equal(pm.expand_packed_triangular(3, x, lower=lower).eval(), wanted)
    np.testing.assert_array_equal(pm.expand_packed_triangular(3, x, lower=lower, diagonal_only=True).eval(), np.diag(wanted))
    many = np.stack([x, -x])
    np.testing.assert_array_equal(pm.expand_packed_triangular(3, many, lower=lower).eval(), [wanted, -wanted])


def test_lkj_can_be_sampled_on_every_unconstrained_value():
    with pm.Model() as model:
        pm.LKJCorr("r", n=4, eta=2.0, transform=CholeskyCorrelation(4), default_transform=None)
    run = model.compile_logp(backend="numpy")
    random = np.random.default_rng(0)
    assert all(np.isfinite(run({"r_cholesky-corr__": 3.0 * random.normal(size=6)})) for _ in range(20))


def test_car_is_the_normal_distribution_of_its_precision_but_for_constants():
    w, alpha, tau = pymc_says.V4, -0.3, 0.5
    d = np.diag(w.sum(0))
    q = tau * (d - alpha * w)
    made = logp(pm.CAR.dist(np.full(4, 0.5), w, alpha, tau), pymc_says.X4).eval()
    exact = scipy.stats.multivariate_normal(np.full(4, 0.5), np.linalg.inv(q)).logpdf(pymc_says.X4)
    np.testing.assert_allclose(made, exact + 2.0 * np.log(2.0 * np.pi) - 0.5 * np.log(np.diag(d)).sum(), rtol=1e-12)


def ring(n):
    """Neighbours on a circle."""
    w = np.zeros((n, n), int)
    i = np.arange(n)
    w[i, (i + 1) % n] = w[(i + 1) % n, i] = 1
    return w


def test_car_takes_sparse_weights_and_variable_ones():
    w, x = ring(40), np.linspace(-1.0, 1.0, 40)
    v = pt.matrix("w", 40, 40)
    given = [logp(pm.CAR.dist(0.0, m, 0.6, 2.0), x) for m in (w, scipy.sparse.csr_matrix(w), v)]
    made = [g.eval({"w": w.astype(float)} if i == 2 else {}) for i, g in enumerate(given)]
    np.testing.assert_allclose(made, made[0], rtol=1e-12)


def test_multinomial_probabilities_are_scaled_with_a_warning():
    with pytest.warns(UserWarning, match="sums to 2"):
        rv = pm.Multinomial.dist(3, [0.5, 1.5])
    assert np.isclose(logp(rv, [1, 2]).eval(), scipy.stats.multinomial(3, [0.25, 0.75]).logpmf([1, 2]))


def test_multinomial_starts_at_counts_that_are_possible():
    from workbench.distributions.multinomial_family import most_likely_counts

    n, p = np.array([1.0, 10.0, 0.0]), np.array([[0.3, 0.3, 0.2, 0.2], [0.55, 0.15, 0.15, 0.15], [0.25, 0.25, 0.25, 0.25]])
    made = most_likely_counts(pt.constant(n), pt.constant(p)).eval()
    assert (made >= 0).all() and (made.sum(-1) == n).all()
    # Rounded to the nearest these are 6, 2, 2, 2, and the largest would give two back.
    assert made[1].tolist() == [4, 2, 2, 2]


# Draws ----------------------------------------------------------------------------------------

N = 4000


# Name: the variable, and numbers of its draws with the distribution that each must have.
DRAWS = {
    "MvNormal": (
        lambda: pm.MvNormal.dist(MU, cov=A3, size=N),
        [(lambda x: np.einsum("ni,ij,nj->n", x - MU, np.linalg.inv(A3), x - MU), scipy.stats.chi2(3).cdf),
         (lambda x: x @ [1.0, 2.0, -1.0], scipy.stats.norm(MU @ [1, 2, -1], np.sqrt(np.array([1, 2, -1]) @ A3 @ [1, 2, -1])).cdf)],
    ),
    "MvNormal tau": (
        lambda: pm.MvNormal.dist(MU, tau=A3, size=N),
        [(lambda x: np.einsum("ni,ij,nj->n", x - MU, A3, x - MU), scipy.stats.chi2(3).cdf),
         (lambda x: x[:, 0], scipy.stats.norm(MU[0], np.sqrt(np.linalg.inv(A3)[0, 0])).cdf)],
    ),
    "MvNormal batch of chol": (
        lambda: pm.MvNormal.dist(MU, chol=np.stack([L3, 2.0 * L3]), shape=(N // 2, 2, 3)),
        [(lambda x: x[:, 1] @ [1.0, 2.0, -1.0], scipy.stats.norm(MU @ [1, 2, -1], 2.0 * np.sqrt(np.array([1, 2, -1]) @ A3 @ [1, 2, -1])).cdf)],
    ),
    "MvStudentT": (
        lambda: pm.MvStudentT.dist(4.0, mu=MU, scale=A3, size=N),
        [(lambda x: np.einsum("ni,ij,nj->n", x - MU, np.linalg.inv(A3), x - MU) / 3.0, scipy.stats.f(3, 4).cdf)],
    ),
    "Dirichlet": (
        lambda: pm.Dirichlet.dist([0.5, 1.0, 3.0], size=N),
        [(lambda x, i=i: x[:, i], scipy.stats.beta(a, 4.5 - a).cdf) for i, a in [(0, 0.5), (2, 3.0)]],
    ),
    "StickBreakingWeights": (
        lambda: pm.StickBreakingWeights.dist(2.5, 3, size=N),
        [(lambda x: x[:, 0], scipy.stats.beta(1, 2.5).cdf),
         (lambda x: x[:, 2] / (1 - x[:, 0] - x[:, 1]), scipy.stats.beta(1, 2.5).cdf)],
    ),
    "LKJCorr": (
        lambda: pm.LKJCorr.dist(4, 1.5, size=N),
        [(lambda x, i=i: (x[:, i] + 1) / 2, scipy.stats.beta(2.5, 2.5).cdf) for i in (0, 3, 5)],
    ),
    "LKJCholeskyCov": (
        lambda: pm.LKJCholeskyCov.dist(1.5, 3, pm.Exponential.dist([0.5, 1.0, 2.0]), compute_corr=False, size=N),
        [(lambda x: x[:, 0], scipy.stats.expon(scale=2.0).cdf),
         (lambda x: np.hypot(x[:, 1], x[:, 2]), scipy.stats.expon(scale=1.0).cdf),
         (lambda x: (x[:, 1] / np.hypot(x[:, 1], x[:, 2]) + 1) / 2, scipy.stats.beta(2.0, 2.0).cdf)],
    ),
    "Wishart": (
        lambda: pm.Wishart.dist(5.5, A3, size=N),
        [(lambda x: x[:, 0, 0] / A3[0, 0], scipy.stats.chi2(5.5).cdf),
         (lambda x: 1.0 / np.linalg.inv(x)[:, 2, 2] * np.linalg.inv(A3)[2, 2], scipy.stats.chi2(3.5).cdf)],
    ),
    "MatrixNormal": (
        lambda: pm.MatrixNormal.dist(np.ones((2, 3)), rowcov=A2, colcov=A3, size=N),
        [(lambda x: np.einsum("i,nij,j->n", [1.0, -2.0], x - 1.0, [1.0, 2.0, -1.0]),
          scipy.stats.norm(0.0, np.sqrt(np.array([1, -2]) @ A2 @ [1, -2] * (np.array([1, 2, -1]) @ A3 @ [1, 2, -1]))).cdf)],
    ),
    "KroneckerNormal": (
        lambda: pm.KroneckerNormal.dist(0.0, covs=[A2, A3], size=N),
        [(lambda x: x @ np.arange(6.0), scipy.stats.norm(0.0, np.sqrt(np.arange(6.0) @ np.kron(A2, A3) @ np.arange(6.0))).cdf)],
    ),
    "KroneckerNormal noise": (
        lambda: pm.KroneckerNormal.dist(0.0, covs=[A2, A3], sigma=1.5, size=N),
        [(lambda x: x @ np.arange(6.0),
          scipy.stats.norm(0.0, np.sqrt(np.arange(6.0) @ (np.kron(A2, A3) + 2.25 * np.eye(6)) @ np.arange(6.0))).cdf)],
    ),
    "CAR": (
        lambda: pm.CAR.dist(1.0, W4, 0.7, 2.0, size=N),
        [(lambda x: np.einsum("ni,ij,nj->n", x - 1, 2.0 * (np.diag(W4.sum(0)) - 0.7 * W4), x - 1), scipy.stats.chi2(4).cdf)],
    ),
    "ICAR": (
        lambda: pm.ICAR.dist(W4, sigma=1.5, zero_sum_stdev=0.1, size=N),
        [(lambda x: x.sum(-1), scipy.stats.norm(0.0, 0.4).cdf),
         (lambda x: np.einsum("ni,ij,nj->n", x, np.diag(W4.sum(0)) - W4, x) / 2.25, scipy.stats.chi2(3).cdf)],
    ),
    "ZeroSumNormal": (
        lambda: pm.ZeroSumNormal.dist(1.5, n_zerosum_axes=2, shape=(N, 3, 2)),
        [(lambda x: x[:, 0, 0], scipy.stats.norm(0.0, 1.5 * np.sqrt(2 / 3 * 1 / 2)).cdf)],
    ),
}  # fmt: skip

COUNTS = {
    "Multinomial": (lambda: pm.Multinomial.dist(4, [0.1, 0.6, 0.3], size=N), scipy.stats.multinomial(4, [0.1, 0.6, 0.3])),
    "Multinomial zero": (lambda: pm.Multinomial.dist(4, [0.0, 0.6, 0.4], size=N), scipy.stats.multinomial(4, [0.0, 0.6, 0.4])),
    "DirichletMultinomial": (
        lambda: pm.DirichletMultinomial.dist(4, [0.5, 1.0, 3.0], size=N),
        scipy.stats.dirichlet_multinomial([0.5, 1.0, 3.0], 4),
    ),
}


@pytest.fixture(scope="module")
def drawn():
    """The draws of the cases, in one function a backend."""
    variables = {name: make() for name, (make, _) in {**DRAWS, **COUNTS}.items()}
    for i, rv in enumerate(variables.values()):
        set_key(rv, 777 + i)
    found = {}

    def draw(backend):
        if backend not in found:
            mine = chosen(variables, backend)
            formulas, _ = Pass("draw", draw_rules).run(list(mine.values()))
            found[backend] = dict(zip(mine, function([], formulas, backend=backend)()))
        return found[backend]

    return draw


def test_draws_follow_their_distribution(drawn, backend):
    made = drawn(backend)
    for name in DRAWS.keys() & made.keys():
        for i, (number, cdf) in enumerate(DRAWS[name][1]):
            assert scipy.stats.kstest(number(made[name]), cdf).pvalue > 0.01, (name, i)


def test_draws_of_counts_follow_their_distribution(drawn, backend):
    made = drawn(backend)
    kinds = np.array([(i, j, 4 - i - j) for i in range(5) for j in range(5 - i)])
    for name in COUNTS.keys() & made.keys():
        frozen = COUNTS[name][1]
        assert (made[name].sum(-1) == 4).all()
        expected = np.array([frozen.pmf(k) for k in kinds]) * N
        counted = np.array([(made[name] == k).all(-1).sum() for k in kinds])
        assert counted[expected == 0].sum() == 0
        likely = expected > 5
        observed = [*counted[likely], counted[~likely].sum()]
        wanted = [*expected[likely], expected[~likely].sum()]
        keep = np.array(wanted) > 0
        assert scipy.stats.chisquare(np.array(observed)[keep], np.array(wanted)[keep]).pvalue > 0.01, name


def test_draws_are_the_same_on_every_backend(drawn, backend):
    here, reference = drawn(backend), drawn("numpy")
    for name, x in here.items():
        np.testing.assert_allclose(x, reference[name], rtol=1e-9, atol=1e-11, err_msg=name)


def test_draws_sum_to_zero(drawn):
    x = drawn("numpy")["ZeroSumNormal"]
    assert np.abs(x.sum(1)).max() < 1e-12 and np.abs(x.sum(2)).max() < 1e-12


# In models ------------------------------------------------------------------------------------


def test_an_observed_vector_depends_on_a_free_one():
    with pm.Model() as model:
        mu = pm.MvNormal("mu", 0.0, cov=A3)
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.Normal("y", mu, sigma, observed=MU)
    point = {"mu": 2.0 * MU, "sigma_log__": 0.3}
    s = np.exp(0.3)
    expected = scipy.stats.multivariate_normal(np.zeros(3), A3).logpdf(2 * MU) + scipy.stats.norm(2 * MU, s).logpdf(MU).sum()
    expected += scipy.stats.halfnorm().logpdf(s) + 0.3
    assert np.isclose(model.compile_logp(backend="numpy")(point), expected, rtol=1e-12)


def test_correlated_effects_with_an_lkj_prior(backend):
    group, x = np.array([0, 1, 1, 2]), np.array([0.1, -0.3, 0.8, 1.2])
    with pm.Model(coords={"effect": ["a", "b"], "group": range(3)}) as model:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0))
        mu = pm.Normal("mu", 0.0, 2.0, dims="effect")
        effects = pm.MvNormal("effects", mu, chol=chol, dims=("group", "effect"))
        pm.Normal("y", effects[group, 0] + effects[group, 1] * x, 0.5, observed=[1.0, 2.0, 1.5, 0.5])
    run = model.logp_dlogp_function(backend=backend)
    q = np.linspace(-0.5, 0.7, model.flat_size)
    value, gradient = run(q)
    h = 1e-6
    slopes = [(run(q + s)[0] - run(q - s)[0]) / (2 * h) for s in h * np.eye(len(q))]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-6)
    parts = model.unflatten(q)
    packed = parts["chol_cholesky-cov-packed__"].copy()
    packed[[0, 2]] = np.exp(packed[[0, 2]])
    factor = np.zeros((2, 2))
    factor[np.tril_indices(2)] = packed
    mvn = scipy.stats.multivariate_normal(parts["mu"], factor @ factor.T).logpdf(parts["effects"]).sum()
    prior = logp(pm.LKJCholeskyCov.dist(2.0, 2, pm.Exponential.dist(1.0), compute_corr=False), packed).eval()
    e = parts["effects"]
    fit = scipy.stats.norm(e[group, 0] + e[group, 1] * x, 0.5).logpdf([1.0, 2.0, 1.5, 0.5]).sum()
    total = mvn + prior + fit + scipy.stats.norm(0, 2).logpdf(parts["mu"]).sum() + parts["chol_cholesky-cov-packed__"][[0, 2]].sum()
    assert np.isclose(value, total, rtol=1e-12)


def test_a_graph_of_draws_is_written_and_read(tmp_path):
    from workbench.graph.inner import Graph
    from workbench.graph.serialise import from_json, to_json

    for rv in (
        pm.MvNormal.dist(MU, chol=L3), pm.LKJCorr.dist(3, 2.0), pm.ZeroSumNormal.dist(1.0, shape=(2, 3), n_zerosum_axes=2),
        pm.StickBreakingWeights.dist(2.0, 3), pm.KroneckerNormal.dist(0.0, covs=[A2, A3]),
        pm.LKJCholeskyCov.dist(2.0, 3, pm.Exponential.dist(1.0), compute_corr=False),
    ):  # fmt: skip
        (read,) = from_json(to_json(Graph([], [rv]))).results
        # Compiled functions draw from the keys that stand in the graph.
        found, wanted = (pm.function([], x, backend="numpy")() for x in (read, rv))
        np.testing.assert_array_equal(found, wanted)


def test_batches_of_open_length(backend):
    many = {
        "MvNormal": (pm.MvNormal.dist(MU, cov=A3, size=2), pymc_says.X3[:2]),
        "precision": (pm.MvNormal.dist(MU, tau=A3, size=2), pymc_says.X3[:2]),
        "MvStudentT": (pm.MvStudentT.dist(2.0, mu=MU, scale=A3, size=2), pymc_says.X3[:2]),
        "Dirichlet": (pm.Dirichlet.dist([0.5, 1.0, 3.0], size=2), pymc_says.SIMPLEX[:2]),
        "Multinomial": (pm.Multinomial.dist(10, [0.2, 0.3, 0.5], size=2), pymc_says.COUNTS[:2]),
        "LKJCorr": (pm.LKJCorr.dist(3, 2.0, size=2), np.stack([CORR3, -CORR3])),
        "LKJCholeskyCov": (pm.LKJCholeskyCov.dist(2.0, 3, pm.Exponential.dist(1.0), compute_corr=False, size=2), np.stack([PACKED, PACKED + 0.1])),
        "MatrixNormal": (pm.MatrixNormal.dist(np.ones((2, 3)), rowcov=A2, colcov=A3, size=2), np.stack([pymc_says.X3[:2], pymc_says.X3[1:]])),
        "KroneckerNormal": (pm.KroneckerNormal.dist(0.0, covs=[A2, A3], size=2), pymc_says.K6),
        "ICAR": (pm.ICAR.dist(W4, size=2), pymc_says.X4),
        "ZeroSumNormal": (pm.ZeroSumNormal.dist(1.0, shape=(2, 3)), np.array([[1.0, -2.0, 1.0], [0.0, 0.5, -0.5]])),
    }  # fmt: skip
    many = {name: many[name] for name in many if backend != "numba" or name in ("MvNormal", "Dirichlet", "LKJCholeskyCov")}
    inputs = [pt.tensor(f"v{i}", rv.dtype, (None, *v.shape[1:])) for i, (rv, v) in enumerate(many.values())]
    outputs = [rv.op.distribution.logp(v, *rv.inputs[1:]) for v, (rv, _) in zip(inputs, many.values())]
    run = function(inputs, outputs, backend=backend)
    for rows in (2, 1):
        made = run(*[v[:rows].astype(rv.dtype) for rv, v in many.values()])
        for found, (rv, v) in zip(made, many.values()):
            np.testing.assert_allclose(found, logp(rv, v).eval()[:rows], rtol=1e-12)
