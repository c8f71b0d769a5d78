"""Normal variables integrated out: against the joint normal density of the observations, written with SciPy, and exact posteriors."""

import os

import numpy as np
import pytest
from mpmath import mp
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError

RNG = np.random.default_rng(4)
T, N = 7, 20
Y, GROUP, X = RNG.normal(size=N), RNG.integers(0, 4, N), RNG.normal(size=(N, 3))
COV = np.array([[1.0, 0.3, 0.0], [0.3, 2.0, 0.1], [0.0, 0.1, 0.5]])
PRIOR = np.array([0.1, 0.2, 0.3])
ONTO = np.eye(4)[GROUP]


def walk(at):
    steps = np.arange(T)
    return 0.3 + 0.1 * steps, 1.44 + at["q"] ** 2 * np.minimum.outer(steps, steps)


def process(at):
    a, m = np.zeros((T, T)), np.zeros(T)
    for t in range(T):
        if t < 2:
            m[t], a[t, t] = 0.1 * (t + 1), 1.0 + t
        else:
            m[t], a[t] = 0.5 * m[t - 1] + 0.2 * m[t - 2], 0.5 * a[t - 1] + 0.2 * a[t - 2]
            a[t, t] += at["q"]
    return m, a @ a.T


def groups(at):
    return np.full(4, 0.5), at["q"] ** 2 * np.eye(4)


def write_walk():
    x = pm.GaussianRandomWalk("x", 0.1, pm.HalfNormal("q"), init_dist=pm.Normal.dist(0.3, 1.2), shape=T)
    pm.Normal("y", 2.0 * x + 1.0, pm.HalfNormal("s"), observed=Y[:T])


def write_walk_in_parts():
    """Observations of some times, two of others, and a potential."""
    x = pm.GaussianRandomWalk("x", 0.1, pm.HalfNormal("q"), init_dist=pm.Normal.dist(0.3, 1.2), shape=T)
    pm.Normal("y", x[np.array([0, 3, 3, 6])], pm.HalfNormal("s"), observed=Y[:4])
    pm.Normal("other", -x[1:3], 0.5, observed=Y[4:6])


def write_process():
    x = pm.AR("x", rho=[0.5, 0.2], sigma=pm.HalfNormal("q"), init_dist=pm.Normal.dist([0.1, 0.2], [1.0, 2.0]), shape=T)
    pm.Normal("y", x, pm.HalfNormal("s"), observed=Y[:T])


def write_groups():
    x = pm.Normal("x", 0.5, pm.HalfNormal("q"), shape=4)
    pm.Normal("y", x[GROUP], pm.HalfNormal("s"), observed=Y)


def write_vector():
    x = pm.MvNormal("x", mu=PRIOR, cov=COV * pm.HalfNormal("q"))
    pm.Normal("y", X @ x, pm.HalfNormal("s"), observed=Y)


def write_slopes():
    x = pm.Normal("x", PRIOR, pm.HalfNormal("q"), shape=3)
    pm.MvNormal("y", pt.constant(X) @ x, cov=np.eye(N) * pm.HalfNormal("s") ** 2, observed=Y)


def write_walk_of_vectors():
    x = pm.MvGaussianRandomWalk("x", mu=[0.0, 0.1], cov=COV[:2, :2] * pm.HalfNormal("q"), init_dist=pm.MvNormal.dist([0.0, 0.0], cov=np.eye(2)), shape=(4, 2))
    pm.Normal("y", pt.sum(x * X[:4, :2], axis=-1), pm.HalfNormal("s"), observed=Y[:4])


def vectors():
    return pm.MvGaussianRandomWalk("x", mu=[0.0, 0.1], cov=COV[:2, :2] * pm.HalfNormal("q"), init_dist=pm.MvNormal.dist([0.0, 0.0], cov=np.eye(2)), shape=(4, 2))


def write_vectors_seen_whole():
    pm.MvNormal("y", vectors(), cov=pm.HalfNormal("s") ** 2 * np.array([[1.0, 0.6], [0.6, 2.0]]), observed=Y[:8].reshape(4, 2))


def write_vectors_seen_in_parts():
    """Both numbers of a time, one of another twice, none of the others; by a factor and a precision matrix of the walk's own."""
    chol = np.linalg.cholesky(COV[:2, :2]) * pt.sqrt(pm.HalfNormal("q"))
    start = pm.MvNormal.dist([0.0, 0.0], tau=np.eye(2))
    x = pm.MvGaussianRandomWalk("x", mu=[0.0, 0.1], chol=chol, init_dist=start, shape=(4, 2))
    s = pm.HalfNormal("s")
    pm.Normal("y", x[1], s, observed=Y[:2])
    pm.Normal("other", -x[[3, 3], 1], s, observed=Y[2:4])


def write_vectors_number_by_number():
    pm.Normal("y", 2.0 * vectors(), pm.HalfNormal("s"), observed=Y[:8].reshape(4, 2))


def write_steps_of_a_walk():
    """What is seen joins two times: no filter, but one matrix."""
    x = pm.GaussianRandomWalk("x", 0.1, pm.HalfNormal("q"), init_dist=pm.Normal.dist(0.3, 1.2), shape=T)
    pm.Normal("y", x[1:] - x[:-1] + x[1:], pm.HalfNormal("s"), observed=Y[: T - 1])


def walk_of_vectors(at):
    steps = np.arange(4)
    return np.stack([0.0 * steps, 0.1 * steps], 1).ravel(), np.kron(np.ones((4, 4)), np.eye(2)) + np.kron(np.minimum.outer(steps, steps), COV[:2, :2] * at["q"])


PICKED = np.zeros((6, T))
PICKED[[0, 1, 2, 3, 4, 5], [0, 3, 3, 6, 1, 2]] = [1, 1, 1, 1, -1, -1]
BY_TIME = np.zeros((4, 8))
for _t in range(4):
    BY_TIME[_t, 2 * _t : 2 * _t + 2] = X[_t, :2]
CHOSEN = np.zeros((4, 8))
CHOSEN[[0, 1, 2, 3], [2, 3, 7, 7]] = [1, 1, -1, -1]
# How each is written; the prior of x; what y is of it; the data; the scale of each datum.
CASES = {
    "walk": (write_walk, walk, (2.0 * np.eye(T), np.ones(T)), Y[:T], lambda at: np.full(T, at["s"])),
    "walk in parts": (write_walk_in_parts, walk, (PICKED, np.zeros(6)), Y[:6], lambda at: np.array([at["s"]] * 4 + [0.5] * 2)),
    "process": (write_process, process, (np.eye(T), np.zeros(T)), Y[:T], lambda at: np.full(T, at["s"])),
    "groups": (write_groups, groups, (ONTO, np.zeros(N)), Y, lambda at: np.full(N, at["s"])),
    "vector": (write_vector, lambda at: (PRIOR, COV * at["q"]), (X, np.zeros(N)), Y, lambda at: np.full(N, at["s"])),
    "slopes": (write_slopes, lambda at: (PRIOR, at["q"] ** 2 * np.eye(3)), (X, np.zeros(N)), Y, lambda at: np.full(N, at["s"])),
    "walk of vectors": (write_walk_of_vectors, walk_of_vectors, (BY_TIME, np.zeros(4)), Y[:4], lambda at: np.full(4, at["s"])),
    "vectors in parts": (write_vectors_seen_in_parts, walk_of_vectors, (CHOSEN, np.zeros(4)), Y[:4], lambda at: np.full(4, at["s"])),
    "vectors by number": (write_vectors_number_by_number, walk_of_vectors, (2.0 * np.eye(8), np.zeros(8)), Y[:8], lambda at: np.full(8, at["s"])),
    "steps": (write_steps_of_a_walk, walk, (2.0 * np.eye(T)[1:] - np.eye(T)[:-1], np.zeros(T - 1)), Y[: T - 1], lambda at: np.full(T - 1, at["s"])),
}  # fmt: skip
POINTS = [{"q": 0.4, "s": 0.7}, {"q": 3.0, "s": 0.05}, {"q": 1e-3, "s": 2.0}]


def of_case(name):
    with pm.Model() as model:
        CASES[name][0]()
    return pm.marginalize(model, "x")


def exact(name, at):
    """Mean and covariance of x and of y, and what y is of x."""
    _, prior, (a, b), y, scale = CASES[name]
    m, cov = prior(at)
    return m, cov, a, a @ m + b, a @ cov @ a.T + np.diag(scale(at) ** 2), y


def evidence(name, at):
    """The log-density, and its slopes to the logarithms of q and s, in 30 digits: those of the covariance by differences, in their formula."""
    mp.dps = 30
    _, prior, (a, b), y, scale = CASES[name]
    a, h = mp.matrix(a.tolist()), 1e-3

    def whole(prior_cov, squares):
        return a * mp.matrix(prior_cov.tolist()) * a.T + mp.diag([mp.mpf(float(x)) for x in squares])

    m, prior_cov = prior(at)
    apart = mp.matrix(y.tolist()) - a * mp.matrix(np.asarray(m).tolist()) - mp.matrix(b.tolist())
    inverse = whole(prior_cov, scale(at) ** 2) ** -1
    solved = inverse * apart
    slopes = {}
    for one in at:
        places = [{**at, one: at[one] * np.exp(k * h)} for k in (-2, -1, 1, 2)]
        moved = [sum(w * part(p) for w, p in zip((1, -8, 8, -1), places)) / (12 * h) for part in (lambda p: prior(p)[1], lambda p: scale(p) ** 2)]
        change = whole(*moved)
        trace = sum(inverse[i, j] * change[j, i] for i in range(len(y)) for j in range(len(y)))
        slopes[one] = float((solved.T * change * solved)[0] - trace) / 2 - at[one] ** 2
    value = -(len(y) * mp.log(2 * mp.pi) - mp.log(mp.det(inverse)) + (apart.T * solved)[0]) / 2
    return float(value) + stats.halfnorm.logpdf([at["q"], at["s"]]).sum(), slopes


@pytest.mark.parametrize("name", CASES)
def test_the_density_is_that_of_the_observations_and_its_gradient_its(name):
    made = of_case(name)
    logp = made.logp(jacobian=False)
    run = pm.function(made.value_vars, [logp, *pm.grad(logp, made.value_vars)], backend="c" if name == "process" else "numpy")
    for at in POINTS:
        values = {"q_log__": np.log(at["q"]), "s_log__": np.log(at["s"])}
        found, *slopes = run(*[values[v.name] for v in made.value_vars])
        value, wanted = evidence(name, at)
        assert np.isclose(found, value, rtol=1e-10, atol=1e-10)
        for v, slope in zip(made.value_vars, slopes):
            assert np.isclose(slope, wanted[v.name[0]], rtol=1e-8, atol=1e-8), v.name


# Some stand for all: each is compiled.
@pytest.mark.parametrize("name", CASES if os.environ.get("WORKBENCH_TESTS") == "all" else ["walk in parts", "process", "groups", "vector", "walk of vectors"])
def test_recovered_draws_have_the_exact_posterior(name):
    made, at, count = of_case(name), POINTS[0], 40_000
    drawn = pm.recover({n: np.full((1, count), v) for n, v in at.items()}, made, random_seed=1, extend_inferencedata=False).x.to_numpy()[0].reshape(count, -1)
    m, cov, a, mean, total, y = exact(name, at)
    gain = cov @ a.T @ np.linalg.inv(total)
    wanted, spread = m + gain @ (y - mean), cov - gain @ a @ cov
    z = (drawn.mean(0) - wanted) / np.sqrt(np.diag(spread) / count)
    assert np.abs(z).max() < 4.5
    # Each is normal with the identity as covariance, after the exact one is taken out: to 1 % in each variance.
    white = np.linalg.solve(np.linalg.cholesky(spread), (drawn - wanted).T)
    found = white @ white.T / count
    assert np.abs((np.diag(found) - 1.0) / np.sqrt(2.0 / count)).max() < 4.5
    assert np.abs((found - np.diag(np.diag(found))) * np.sqrt(count)).max() < 5.0


def test_groups_in_groups_are_integrated_out_in_turn():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        tau = pm.HalfNormal("tau")
        a = pm.Normal("a", mu, tau, shape=4)
        pm.Normal("y", a[GROUP], 0.8, observed=Y)
    made = pm.marginalize(model, ["mu", "a"])
    assert [x.name for x in made.free_RVs] == ["tau"]
    cov = 0.36 * ONTO @ ONTO.T + 0.64 * np.eye(N) + 4.0
    wanted = stats.multivariate_normal.logpdf(Y, np.zeros(N), cov) + stats.halfnorm.logpdf(0.6)
    assert np.isclose(made.compile_logp(jacobian=False, backend="numpy")({"tau_log__": np.log(0.6)}), wanted, rtol=1e-12)
    drawn = pm.recover({"tau": np.full((1, 40_000), 0.6)}, made, random_seed=2, extend_inferencedata=False)
    gain = (0.36 * ONTO.T + 4.0) @ np.linalg.inv(cov)
    spread = 0.36 * np.eye(4) + 4.0 - gain @ (0.36 * ONTO + 4.0)
    z = (drawn.a.to_numpy()[0].mean(0) - gain @ Y) / np.sqrt(np.diag(spread) / 40_000)
    assert np.abs(z).max() < 4.5
    of_mu = 4.0 * np.ones(N) @ np.linalg.inv(cov)
    assert abs(drawn.mu.to_numpy().mean() - of_mu @ Y) < 4.5 * np.sqrt((4.0 - 4.0 * of_mu.sum()) / 40_000)


SEEN_WHOLE = np.kron(np.eye(4), [[1.0, 0.6], [0.6, 2.0]])


def test_vectors_are_seen_with_errors_that_know_of_each_other():
    with pm.Model() as model:
        write_vectors_seen_whole()
    made = pm.marginalize(model, "x")
    logp = made.logp(jacobian=False)
    run = pm.function(made.value_vars, [logp, *pm.grad(logp, made.value_vars)], backend="c")

    def wanted(log_q, log_s):
        m, cov = walk_of_vectors({"q": np.exp(log_q)})
        return stats.multivariate_normal.logpdf(Y[:8], m, cov + np.exp(2.0 * log_s) * SEEN_WHOLE) + stats.halfnorm.logpdf(np.exp([log_q, log_s])).sum()

    for at in POINTS:
        place, h = np.log([at["q"], at["s"]]), 1e-3
        found, *slopes = run(*place)
        assert np.isclose(found, wanted(*place), rtol=1e-10, atol=1e-10)
        for slope, e in zip(slopes, np.eye(2) * h):
            ends = [wanted(*(place + k * e)) for k in (-2, -1, 1, 2)]
            assert np.isclose(slope, (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h), rtol=1e-7, atol=1e-7)
    drawn = pm.recover({n: np.full((1, 40_000), v) for n, v in POINTS[0].items()}, made, random_seed=1, extend_inferencedata=False).x.to_numpy()[0].reshape(-1, 8)
    m, cov = walk_of_vectors(POINTS[0])
    gain = cov @ np.linalg.inv(cov + POINTS[0]["s"] ** 2 * SEEN_WHOLE)
    spread = cov - gain @ cov
    white = np.linalg.solve(np.linalg.cholesky(spread), (drawn - m - gain @ (Y[:8] - m)).T)
    assert np.abs(white.mean(1)).max() < 4.5 / np.sqrt(40_000) and np.abs(white @ white.T / 40_000 - np.eye(8)).max() < 5.0 * np.sqrt(2.0 / 40_000)


def test_several_walks_of_vectors_side_by_side():
    y = RNG.normal(size=(2, 3, 2))
    with pm.Model() as model:
        x = pm.MvGaussianRandomWalk("x", mu=[0.0, 0.1], cov=COV[:2, :2], init_dist=pm.MvNormal.dist([0.0, 0.0], cov=np.eye(2)), shape=(2, 3, 2))
        pm.Normal("y", x, [0.5, 2.0], observed=y)
    made = pm.marginalize(model, "x")
    assert [p.name for p in made.density().trace.passes if p.name == "Kalman filter"]
    steps = np.arange(3)
    cov = np.kron(np.ones((3, 3)), np.eye(2)) + np.kron(np.minimum.outer(steps, steps), COV[:2, :2]) + np.kron(np.eye(3), np.diag([0.25, 4.0]))
    wanted = stats.multivariate_normal.logpdf(y.reshape(2, 6), np.stack([0.0 * steps, 0.1 * steps], 1).ravel(), cov).sum()
    assert np.isclose(made.compile_logp(backend="numpy")({}), wanted, rtol=1e-12)


def test_the_log_likelihood_is_one_step_ahead():
    made = of_case("walk")
    found = pm.compute_log_likelihood({n: np.full((1, 1), v) for n, v in POINTS[0].items()}, model=made, extend_inferencedata=False)["y"].to_numpy().ravel()
    *_, mean, cov, y = exact("walk", POINTS[0])
    so_far = [0.0, *(stats.multivariate_normal.logpdf(y[:t], mean[:t], cov[:t, :t]) for t in range(1, T + 1))]
    np.testing.assert_allclose(found, np.diff(so_far), rtol=1e-10)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_missing_observations_say_nothing_of_their_states():
    y = np.where(np.arange(T) == 3, np.nan, Y[:T])
    with pm.Model() as model:
        x = pm.GaussianRandomWalk("x", 0.1, 0.4, init_dist=pm.Normal.dist(0.3, 1.2), shape=T)
        pm.Normal("y", x, 0.7, observed=y)
    made = pm.marginalize(model, ["x", "y_unobserved"])
    assert made.free_RVs == []
    there = np.arange(T) != 3
    mean, cov = walk({"q": 0.4})
    wanted = stats.multivariate_normal.logpdf(y[there], mean[there], cov[np.ix_(there, there)] + 0.49 * np.eye(T - 1))
    assert np.isclose(made.compile_logp(backend="numpy")({}), wanted, rtol=1e-12)


def test_the_rules_are_shown():
    kinds = ("walk", "Kalman filter", "kalman_filter"), ("walk of vectors", "Kalman filter", "kalman_filter"), ("vector", "normal integral", "normal_integral"), ("steps", "normal integral", "normal_integral")
    for name, title, rule in kinds:
        (record,) = [p for p in of_case(name).density().trace.passes if p.name == title]
        assert [f.rule.name for f in record.firings] == ["terms_of_a_normal_variable", rule] and record.doc


BAD = [
    (lambda x: pm.Normal("y", pm.math.exp(x), 1.0, observed=np.zeros(3)), "y is not quadratic in it, for it goes through exp"),
    (lambda x: pm.Normal("y", x**2, 1.0, observed=np.zeros(3)), "y is a polynomial of a degree above 2"),
    (lambda x: pm.Normal("y", 0.0, pm.math.exp(x), observed=np.zeros(3)), "y is not quadratic"),
    (lambda x: pm.StudentT("y", 3.0, mu=x, sigma=1.0, observed=np.zeros(3)), "y is not quadratic"),
    (lambda x: pm.Poisson("y", pm.math.exp(x), observed=np.zeros(3)), "y is not quadratic"),
]


@pytest.mark.parametrize(("write", "why"), BAD)
def test_what_is_not_linear_is_refused_with_its_line(write, why):
    start = pm.MvNormal.dist(np.zeros(2), cov=np.eye(2))
    for prior in (
        lambda: pm.Normal("x", shape=3),
        lambda: pm.GaussianRandomWalk("x", init_dist=pm.Normal.dist(0.0, 1.0), shape=3),
        lambda: pm.MvGaussianRandomWalk("x", np.zeros(2), cov=np.eye(2), init_dist=start, shape=(3, 2))[:, 0],
    ):
        with pm.Model() as model:
            write(prior())
        with pytest.raises(ModelError, match=why) as failed:
            pm.marginalize(model, "x")
        assert "test_normal_integration.py" in str(failed.value)
