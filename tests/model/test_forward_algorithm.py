"""`marginalize` of Markov chains against sums over all 3^6 paths, written with SciPy; recovered paths against their exact probabilities."""

import itertools

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError

K, T = 3, 6
RNG = np.random.default_rng(5)
PATHS = np.array(list(itertools.product(range(K), repeat=T)))
START = np.array([0.2, 0.3, 0.5])
Y, COUNTS, KINDS = 2.0 * RNG.normal(size=(5, T)), RNG.poisson(3.0, T), RNG.integers(0, 4, T)
VECTORS = RNG.normal(size=(T, 2))
COV = np.array([[1.0, 0.4], [0.4, 0.7]])
BY_STEP = RNG.dirichlet(np.ones(K), size=(T - 1, K))
TABLE = RNG.dirichlet(np.ones(4), size=K)
MISSING = np.array([False, True, False, False, True, False])


def chain(P=None, **options):
    P = pm.Dirichlet("P", np.full((K, K), 1.5), default_transform=None) if P is None else P
    return pm.DiscreteMarkovChain("z", P, init_dist=pm.Categorical.dist(START), **{"shape": T, **options})


def means():
    return pm.Normal("mu", 0.0, 3.0, shape=K)


def normal():
    z, mu = chain(), means()
    pm.Normal("y", mu[z], 0.8, observed=Y[0])


def several():
    z, mu = chain(), means()
    pm.Normal("y", mu[z], 0.8, observed=Y[0])
    pm.Poisson("count", pm.math.exp(0.3 * mu[z]), observed=COUNTS)
    pm.Categorical("kind", pt.constant(TABLE)[z], observed=KINDS)
    pm.MvNormal("vector", pt.stack([mu[z], -0.5 * mu[z]], axis=-1), cov=COV, observed=VECTORS)
    pm.Potential("push", 0.1 * pt.sum(mu[z] * np.arange(T)))


def time_varying():
    z, mu = chain(BY_STEP, time_varying=True), means()
    pm.Normal("y", mu[z], 0.8, observed=Y[0])


def switching_scale():
    """Whatever depends on the state: a scale, and the value before."""
    z, mu = chain(), means()
    before = np.concatenate([[0.0], Y[0][:-1]])
    pm.Normal("y", 0.5 * before + 0.1 * mu[z], 0.5 + z, observed=Y[0])


def missing():
    z, mu = chain(), means()
    pm.Normal("y", mu[z], 0.8, observed=np.where(MISSING, np.nan, Y[0]))


def transitions(P, paths=PATHS):
    P = np.broadcast_to(P, (T - 1, K, K))
    return np.log(START[paths[:, 0]]) + sum(np.log(P[t, paths[:, t], paths[:, t + 1]]) for t in range(T - 1))


def prior(at, P=True):
    rows = sum(stats.dirichlet.logpdf(row, np.full(K, 1.5)) for row in at["P"]) if P else 0.0
    return rows + stats.norm.logpdf(at["mu"], 0, 3).sum()


def seen_normal(at, y=Y[0]):
    return stats.norm.logpdf(y, at["mu"][PATHS], 0.8).sum(1)


def brute_several(at):
    m = at["mu"][PATHS]
    vectors = sum(stats.multivariate_normal.logpdf(VECTORS[t] - np.stack([m[:, t], -0.5 * m[:, t]], 1), np.zeros(2), COV) for t in range(T))
    return seen_normal(at) + stats.poisson.logpmf(COUNTS, np.exp(0.3 * m)).sum(1) + np.log(TABLE[PATHS, KINDS]).sum(1) + vectors + 0.1 * (m * np.arange(T)).sum(1)


def brute_scale(at):
    before = np.concatenate([[0.0], Y[0][:-1]])
    return stats.norm.logpdf(Y[0], 0.5 * before + 0.1 * at["mu"][PATHS], 0.5 + PATHS).sum(1)


def brute_missing(at):
    y = Y[0].copy()
    y[MISSING] = at["y_unobserved"]
    return seen_normal(at, y)


POINT = {"P": RNG.dirichlet(np.ones(K), size=K), "mu": np.array([-1.2, 0.4, 2.0])}
CASES = {
    "normal": (normal, seen_normal, POINT), "several": (several, brute_several, POINT), "switching scale": (switching_scale, brute_scale, POINT),
    "time varying": (time_varying, seen_normal, {"mu": POINT["mu"]}), "missing": (missing, brute_missing, {**POINT, "y_unobserved": np.array([0.3, -2.0])}),
}  # fmt: skip


def of_case(name):
    """The model, and the logarithm of the joint density of each path with all else."""
    write, emitted, point = CASES[name]
    with pm.Model() as model, np.errstate(all="ignore"):
        write()
    made = pm.marginalize(model, "z")
    return model, made, point, transitions(point.get("P", BY_STEP)) + emitted(point) + prior(point, "P" in point)


def slopes(model, backend):
    values = [v for v in model.value_vars if v.dtype == "float64"]
    logp = model.logp(jacobian=False)
    return pm.function(model.value_vars, [logp, *pm.grad(logp, values)], backend=backend), [v.name for v in values]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_the_density_is_the_sum_over_all_paths_and_its_gradient_theirs(name):
    model, made, point, joint = of_case(name)
    run, names = slopes(made, "c" if name == "several" else "numpy")
    value, *found = run(*[point[n] for n in names])
    assert np.isclose(value, special.logsumexp(joint), rtol=1e-12)
    # The slope is the mean of those given each path.
    each, _ = slopes(model, "c")
    weights = special.softmax(joint)
    wanted = [np.zeros(np.shape(x)) for x in found]
    order = [v.name for v in model.value_vars]
    for path, weight in zip(PATHS, weights):
        _, *parts = each(*[{**point, "z": path}[n] for n in order])
        for total, part in zip(wanted, parts):
            total += weight * part
    for n, x, w in zip(names, found, wanted):
        np.testing.assert_allclose(x, w, rtol=1e-10, atol=1e-10, err_msg=n)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_missing_observations_are_integrated_out():
    with pm.Model() as model:
        missing()
    made = pm.marginalize(model, ["z", "y_unobserved"])
    seen = transitions(POINT["P"]) + stats.norm.logpdf(Y[0, ~MISSING], POINT["mu"][PATHS[:, ~MISSING]], 0.8).sum(1)
    assert np.isclose(made.compile_logp(jacobian=False, backend="numpy")(POINT), special.logsumexp(seen) + prior(POINT), rtol=1e-12)
    draws = {n: np.broadcast_to(x, (1, 40_000, *x.shape)) for n, x in POINT.items()}
    drawn = pm.recover(draws, made, random_seed=1, extend_inferencedata=False)
    z, y = drawn.z.to_numpy()[0], drawn.y_unobserved.to_numpy()[0]
    agrees_with(z, special.softmax(seen))
    for i, t in enumerate(np.flatnonzero(MISSING)):
        assert stats.kstest((y[:, i] - POINT["mu"][z[:, t]]) / 0.8, "norm").pvalue > 1e-3


def test_series_are_summed_out_each_by_itself():
    with pm.Model(coords={"series": range(5), "t": range(T)}) as model:
        P = pm.Dirichlet("P", np.full((K, K), 1.5), default_transform=None)
        z = pm.DiscreteMarkovChain("z", P, init_dist=pm.Categorical.dist(START), dims=("series", "t"))
        mu = means()
        pm.Normal("y", mu[z], 0.8, observed=Y, dims=("series", "t"))
    made = pm.marginalize(model, "z")
    wanted = [special.logsumexp(transitions(POINT["P"]) + seen_normal(POINT, y)) for y in Y]
    run, names = slopes(made, "numpy")
    assert np.isclose(run(*[POINT[n] for n in names])[0], prior(POINT) + sum(wanted), rtol=1e-12)
    found = made.compile_fn(made.density(jacobian=False).elementwise["y"], inputs=made.value_vars, backend="numpy")(POINT)
    assert found.shape == (5, T)
    np.testing.assert_allclose(found.sum(1), wanted, rtol=1e-12)


def test_two_lags():
    P = RNG.dirichlet(np.ones(K), size=(K, K))
    with pm.Model() as model:
        z = pm.DiscreteMarkovChain("z", P, init_dist=pm.Categorical.dist(START), n_lags=2, shape=T)
        mu = means()
        pm.Normal("y", mu[z], 0.8, observed=Y[0])
    made = pm.marginalize(model, "z")
    joint = np.log(START[PATHS[:, 0]]) + np.log(START[PATHS[:, 1]]) + sum(np.log(P[PATHS[:, t], PATHS[:, t + 1], PATHS[:, t + 2]]) for t in range(T - 2))
    joint = joint + seen_normal(POINT)
    assert np.isclose(made.compile_logp(backend="numpy")({"mu": POINT["mu"]}), special.logsumexp(joint) + prior(POINT, False), rtol=1e-12)
    drawn = pm.recover({"mu": np.tile(POINT["mu"], (1, 40_000, 1))}, made, random_seed=3, extend_inferencedata=False).z.to_numpy()[0]
    agrees_with(drawn, special.softmax(joint))


def agrees_with(drawn, probability):
    """Recovered paths have the probabilities of each, those together that are seldom."""
    seen = np.bincount(drawn @ (K ** np.arange(T)[::-1]), minlength=K**T)
    expected = probability * len(drawn)
    often = expected > 10
    seen, expected = (np.append(x[often], x[~often].sum()) for x in (seen, expected))
    assert stats.chisquare(seen, expected * seen.sum() / expected.sum()).pvalue > 1e-3


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["normal", "time varying"])
def test_recovered_paths_have_their_exact_probabilities(name):
    _, made, point, joint = of_case(name)
    draws = {n: np.broadcast_to(x, (1, 40_000, *x.shape)) for n, x in point.items()}
    drawn = pm.recover(draws, made, random_seed=1, extend_inferencedata=False).z.to_numpy()[0]
    agrees_with(drawn, special.softmax(joint))


def test_the_log_likelihood_is_one_step_ahead():
    _, made, point, _ = of_case("normal")
    found = pm.compute_log_likelihood({n: x[None, None] for n, x in point.items()}, model=made, extend_inferencedata=False)
    so_far = [special.logsumexp(transitions(point["P"]) + stats.norm.logpdf(Y[0, :t], point["mu"][PATHS[:, :t]], 0.8).sum(1)) for t in range(T + 1)]
    np.testing.assert_allclose(found["y"].to_numpy().ravel(), np.diff(so_far), rtol=1e-10)


def test_a_chain_written_by_hand_costs_no_more_than_pairs_of_states():
    """A loop of scalars: 3^40 paths, so it must go one after the other."""
    steps = 40
    y = RNG.normal(size=steps)
    with pm.Model() as model:
        P = pm.Dirichlet("P", np.full((K, K), 1.5), default_transform=None)
        mu = means()
        z = [pm.Categorical("z0", START)]
        for t in range(1, steps):
            z.append(pm.Categorical(f"z{t}", P[z[-1]]))
        for t in range(steps):
            pm.Normal(f"y{t}", mu[z[t]], 0.8, observed=y[t])
    made = pm.marginalize(model, [f"z{t}" for t in range(steps)])
    with pm.Model() as other:
        P = pm.Dirichlet("P", np.full((K, K), 1.5), default_transform=None)
        mu = means()
        z = pm.DiscreteMarkovChain("z", P, init_dist=pm.Categorical.dist(START), shape=steps)
        pm.Normal("y", mu[z], 0.8, observed=y)
    of_chain = pm.marginalize(other, "z")
    assert np.isclose(made.compile_logp(backend="numpy")(POINT), of_chain.compile_logp(backend="numpy")(POINT), rtol=1e-12)


def test_the_rules_are_shown_with_what_they_say():
    _, made, _, _ = of_case("normal")
    (record,) = [p for p in made.density().trace.passes if p.name == "forward algorithm"]
    assert [f.rule.name for f in record.firings] == ["terms_of_a_chain", "forward_algorithm"]
    assert "T k^2 terms" in record.firings[-1].rule.doc and "6 states out of 3" in record.doc


def test_what_depends_on_states_of_several_times_is_refused_at_its_line():
    with pm.Model() as model:
        z = chain()
        pm.Normal("y", pt.cast(z[1:] - z[:-1], "float64"), 1.0, observed=np.zeros(T - 1))
    with pytest.raises(ModelError, match="y depends on several of its elements") as failed:
        pm.marginalize(model, "z")
    assert "test_forward_algorithm.py" in str(failed.value)
