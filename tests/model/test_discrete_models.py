"""Models with discrete variables summed out, each against a sum over all states written with SciPy."""

import itertools

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError

RNG = np.random.default_rng(8)


def density(model, point, backend="numpy"):
    return float(model.compile_logp(jacobian=False, backend=backend)(point))


def gradient(model, point, backend):
    values = [v for v in model.value_vars if v.dtype == "float64"]
    run = pm.function(model.value_vars, pm.grad(model.logp(jacobian=False), values), backend=backend)
    return lambda **more: dict(zip([v.name for v in values], run(*[{**point, **more}[v.name] for v in model.value_vars])))


def agrees(model, names, brute, point, states, upper=None):
    """The density is that of a function; its gradient, the mean of the original's weighted by the density of each state."""
    made = pm.marginalize(model, names, upper=upper)
    logp, slope = model.compile_logp(jacobian=False, backend="numpy"), gradient(model, point, "numpy")
    every = [(float(logp({**point, **at})), slope(**at)) for at in states]
    weights = special.softmax([v for v, _ in every])
    wanted = brute(**point)
    for backend in ("numpy", "c"):
        assert np.isclose(density(made, point, backend), wanted, rtol=1e-10, atol=1e-10)
    for name, found in gradient(made, point, "numpy")().items():
        expected = sum(w * g[name] for w, (_, g) in zip(weights, every))
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    return made


def states_of(**sizes):
    """All states of variables: the number of states and the shape of each."""
    flat = [range(k) for k, shape in sizes.values() for _ in range(int(np.prod(shape)))]
    found = []
    for state in itertools.product(*flat):
        at, values = 0, {}
        for name, (_, shape) in sizes.items():
            n = int(np.prod(shape))
            values[name] = np.array(state[at : at + n], np.int64).reshape(shape)
            at += n
        found.append(values)
    return found


def total(states, joint):
    return special.logsumexp([joint(**s) for s in states])


def test_a_switch_point():
    counts = np.array([4, 5, 4, 1, 0, 3, 1])
    years = np.arange(7)
    with pm.Model() as model:
        early, late = (pm.Exponential(n, 1.0, default_transform=None) for n in ("early", "late"))
        tau = pm.DiscreteUniform("tau", 1, 6)
        pm.Poisson("count", pm.math.where(years < tau, early, late), observed=counts)

    def brute(early, late):
        terms = [stats.poisson.logpmf(counts, np.where(years < t, early, late)).sum() - np.log(6) for t in range(1, 7)]
        return -early - late + special.logsumexp(terms)

    made = agrees(model, "tau", brute, {"early": 4.1, "late": 1.3}, [{"tau": np.array(t)} for t in range(1, 7)])
    assert made.eliminations[0].reason == "tau has 6 states"


def test_two_switch_points_that_share_each_term():
    counts = np.array([4, 5, 4, 1, 0, 3, 1])
    years = np.arange(7)
    with pm.Model() as model:
        rate = pm.Exponential("rate", 1.0, shape=3, default_transform=None)
        first, second = pm.DiscreteUniform("first", 0, 3), pm.DiscreteUniform("second", 4, 7)
        pm.Poisson("count", pm.math.where(years < first, rate[0], pm.math.where(years < second, rate[1], rate[2])), observed=counts)

    def brute(rate):
        terms = [
            stats.poisson.logpmf(counts, np.where(years < a, rate[0], np.where(years < b, rate[1], rate[2]))).sum() - 2 * np.log(4)
            for a in range(4) for b in range(4, 8)
        ]  # fmt: skip
        return -rate.sum() + special.logsumexp(terms)

    states = [{"first": np.array(a), "second": np.array(b)} for a in range(4) for b in range(4, 8)]
    agrees(model, ["first", "second"], brute, {"rate": np.array([4.1, 2.0, 0.8])}, states)


def test_raters_of_items_with_one_true_class_each():
    """Dawid and Skene (1979): the class of each item, the error rates of each rater, and ratings in long form."""
    item, rater = np.array([0, 0, 1, 1, 1, 2, 3, 3]), np.array([0, 1, 0, 1, 2, 2, 0, 2])
    rating = np.array([0, 0, 1, 1, 2, 2, 0, 1])
    with pm.Model() as model:
        share = pm.Dirichlet("share", np.ones(3), default_transform=None)
        error = pm.Dirichlet("error", np.ones(3), shape=(3, 3, 3), default_transform=None)
        true = pm.Categorical("true", share, shape=4)
        pm.Categorical("rating", error[rater, true[item]], observed=rating)

    def brute(share, error):
        def joint(true):
            return np.log(share[true]).sum() + np.log(error[rater, true[item], rating]).sum()

        return np.log(2.0) * 10 + total(states_of(true=(3, (4,))), joint)

    point = {"share": np.array([0.5, 0.2, 0.3]), "error": RNG.dirichlet(np.ones(3), (3, 3))}
    agrees(model, "true", brute, point, states_of(true=(3, (4,))))


def test_occupancy_of_sites_that_are_visited_often():
    seen = np.array([[0, 1, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0]])
    x = np.array([-1.0, 0.2, 0.7, 1.5])
    with pm.Model() as model:
        slope = pm.Normal("slope")
        detect = pm.Beta("detect", 2, 2, default_transform=None)
        present = pm.Bernoulli("present", logit_p=slope * x)
        pm.Bernoulli("seen", detect * present[:, None], observed=seen)

    def brute(slope, detect):
        occupied = special.expit(slope * x)
        given = detect ** seen.sum(1) * (1 - detect) ** (3 - seen.sum(1))
        return stats.norm.logpdf(slope) + stats.beta.logpdf(detect, 2, 2) + np.log(occupied * given + (1 - occupied) * (seen.sum(1) == 0)).sum()

    made = pm.marginalize(model, "present")
    point = {"slope": 0.8, "detect": 0.4}
    for backend in ("numpy", "c"):
        assert np.isclose(density(made, point, backend), brute(**point), rtol=1e-12)
    slopes = gradient(made, point, "c")()
    p, d, n = special.expit(0.8 * x), 0.4, seen.sum(1)
    given = d**n * (1 - d) ** (3 - n)
    mixed = p * given + (1 - p) * (n == 0)
    assert np.isclose(slopes["slope"], -0.8 + (x * p * (1 - p) * (given - (n == 0)) / mixed).sum(), rtol=1e-10)
    assert np.isclose(slopes["detect"], 1 / d - 1 / (1 - d) + (p * given * (n / d - (3 - n) / (1 - d)) / mixed).sum(), rtol=1e-10)


def test_capture_and_recapture_of_animals_of_an_augmented_population():
    histories = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    with pm.Model() as model:
        share, catch = (pm.Beta(n, 2, 3, default_transform=None) for n in ("share", "catch"))
        real = pm.Bernoulli("real", share, shape=6)
        pm.Deterministic("size", real.sum())
        pm.Bernoulli("caught", real[:, None] * catch, observed=histories)
    made = pm.marginalize(model, "real")
    assert [x.name for x in made.recovered_deterministics] == ["size"]
    share, catch = 0.7, 0.45
    given = np.prod(np.where(histories, catch, 1 - catch), 1)
    wanted = stats.beta.logpdf([share, catch], 2, 3).sum() + np.log(share * given + (1 - share) * (histories.sum(1) == 0)).sum()
    assert np.isclose(density(made, {"share": share, "catch": catch}), wanted, rtol=1e-12)
    n = 20_000
    drawn = pm.recover({"share": np.full((1, n), share), "catch": np.full((1, n), catch)}, made, random_seed=1, extend_inferencedata=False, compile_kwargs={"backend": "numpy"})
    chance = share * (1 - catch) ** 3 / (share * (1 - catch) ** 3 + 1 - share)
    counts = np.bincount(drawn["size"].values.ravel(), minlength=7)
    assert counts[:3].sum() == 0 and stats.chisquare(counts[3:], n * stats.binom.pmf(range(4), 3, chance)).pvalue > 1e-4
    assert stats.chisquare(counts[3:], n * stats.binom.pmf(range(4), 3, chance + 0.02)).pvalue < 1e-4


def test_zero_inflation_by_a_switch_is_zero_inflated_poisson():
    y = np.array([0, 0, 3, 1, 0, 5])
    with pm.Model() as model:
        rate, share = pm.Exponential("rate", 1.0), pm.Beta("share", 1, 1)
        z = pm.Bernoulli("z", share, shape=6)
        pm.Poisson("y", pm.math.where(z, rate, 0.0), observed=y)
    with pm.Model() as known:
        rate, share = pm.Exponential("rate", 1.0), pm.Beta("share", 1, 1)
        pm.ZeroInflatedPoisson("y", share, rate, observed=y)
    point = {"rate_log__": 0.3, "share_logodds__": -0.4}
    made = pm.marginalize(model, "z")
    assert np.isclose(made.compile_logp()(point), known.compile_logp()(point), rtol=1e-12)
    np.testing.assert_allclose(made.compile_dlogp()(point), known.compile_dlogp()(point), rtol=1e-10)


COUNTS = {
    "Binomial": (lambda: pm.Binomial("z", 3, 0.3, shape=2), lambda z: stats.binom.logpmf(z, 3, 0.3), range(4)),
    "Binomial of several n": (lambda: pm.Binomial("z", [1, 3], 0.3), lambda z: stats.binom.logpmf(z, [1, 3], 0.3), range(4)),
    "BetaBinomial": (lambda: pm.BetaBinomial("z", 2.0, 3.0, 4, shape=2), lambda z: stats.betabinom.logpmf(z, 4, 2.0, 3.0), range(5)),
    "HyperGeometric": (lambda: pm.HyperGeometric("z", 9, 4, 3, shape=2), lambda z: stats.hypergeom.logpmf(z, 9, 4, 3), range(4)),
    "DiscreteUniform": (lambda: pm.DiscreteUniform("z", [-1, 2], 3), lambda z: np.where((z >= [-1, 2]) & (z <= 3), -np.log([5, 2]), -np.inf), range(-1, 4)),
    "OrderedLogistic": (
        lambda: pm.OrderedLogistic("z", 0.3, [-1.0, 1.0], shape=2, compute_p=False),
        lambda z: np.log(np.diff([0, *special.expit(np.array([-1.0, 1.0]) - 0.3), 1])[z]), range(3),
    ),
    "Truncated": (
        lambda: pm.Truncated("z", pm.Poisson.dist(2.0, shape=2), upper=4),
        lambda z: stats.poisson.logpmf(z, 2.0) - stats.poisson.logcdf(4, 2.0), range(5),
    ),
    "ZeroInflatedBinomial": (
        lambda: pm.ZeroInflatedBinomial("z", 0.8, 3, 0.4, shape=2), lambda z: np.log(0.8 * stats.binom.pmf(z, 3, 0.4) + 0.2 * (z == 0)), range(4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTS)
def test_every_distribution_of_finitely_many_states(case):
    make, logp, states = COUNTS[case]
    y = np.array([0.4, 2.3])
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu * make(), 0.8, observed=y)
    every = np.array(list(itertools.product(states, states)))
    with np.errstate(all="ignore"):
        joint = logp(every).sum(1) + stats.norm.logpdf(y, 1.3 * every, 0.8).sum(1)
    wanted = stats.norm.logpdf(1.3) + special.logsumexp(joint[np.isfinite(joint)])
    made = pm.marginalize(model, "z")
    assert np.isclose(density(made, {"mu": 1.3}), wanted, rtol=1e-12)
    weights = special.softmax(joint)
    slope = -1.3 + weights @ ((y - 1.3 * every) * every / 0.64).sum(1)
    assert np.isclose(gradient(made, {"mu": np.array(1.3)}, "numpy")()["mu"], slope, rtol=1e-10)


def test_vectors_given_the_class_of_each_row_and_batch_axes():
    y = RNG.normal(size=(2, 3, 2))
    chol = np.array([[1.0, 0.0], [0.4, 0.8]])
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0, shape=(2, 2))
        share = pm.Dirichlet("share", [2.0, 3.0], shape=(2, 2), default_transform=None)
        z = pm.Categorical("z", share[:, None, :], shape=(2, 3))
        pm.MvNormal("y", mu[z], chol=chol, observed=y)
    made = pm.marginalize(model, "z")
    point = {"mu": RNG.normal(size=(2, 2)), "share": RNG.dirichlet([2, 2], 2)}
    cov = chol @ chol.T
    given = np.stack([stats.multivariate_normal.logpdf(y - m, cov=cov) for m in point["mu"]], -1)
    wanted = special.logsumexp(np.log(point["share"])[:, None] + given, -1)
    prior = stats.norm.logpdf(point["mu"], 0, 2).sum() + sum(stats.dirichlet.logpdf(s, [2, 3]) for s in point["share"])
    for backend in ("numpy", "c"):
        assert np.isclose(density(made, point, backend), prior + wanted.sum(), rtol=1e-11)
    terms = made.compile_fn(made.density(jacobian=False).elementwise["y"], inputs=made.value_vars, backend="numpy")(point)
    np.testing.assert_allclose(terms, wanted, rtol=1e-11)
    weights = np.exp(np.log(point["share"])[:, None] + given - wanted[..., None])
    slope = -point["mu"] / 4 + np.stack([np.einsum("ab,abi->i", weights[..., k], y - point["mu"][k]) @ np.linalg.inv(cov) for k in range(2)])
    np.testing.assert_allclose(gradient(made, point, "c")()["mu"], slope, rtol=1e-10)


def test_abundances_of_an_n_mixture_are_summed_as_far_as_they_count():
    y = np.array([[2, 3, 1], [0, 1, 0], [5, 4, 6]])
    with pm.Model() as model:
        rate = pm.Gamma("rate", 5.0, 1.0, default_transform=None)
        p = pm.Beta("p", 2.0, 2.0, default_transform=None)
        n = pm.Poisson("n", rate, shape=3)
        pm.Binomial("y", n[:, None], p, observed=y)
    made = pm.marginalize(model, "n")

    def brute(rate, p):
        k = np.arange(2000)
        sites = [special.logsumexp(stats.poisson.logpmf(k, rate) + stats.binom.logpmf(r[:, None], k, p).sum(0)) for r in y]
        return stats.gamma.logpdf(rate, 5) + stats.beta.logpdf(p, 2, 2) + sum(sites)

    last = dict(made.eliminations[0].last)["n"]
    for rate, p in ((6.0, 0.5), (9.0, 0.2), (0.7, 0.9)):
        point = {"rate": rate, "p": p}
        assert np.isclose(density(made, point), brute(**point), rtol=1e-11)
    # Where much is left out it is not known, and said so.
    assert np.isnan(density(made, {"rate": 1.5 * last, "p": 0.5}))
    few = pm.marginalize(model, "n", upper=12)
    exact, found = brute(6.0, 0.5), density(few, {"rate": 6.0, "p": 0.5})
    assert np.isnan(found) and density(pm.marginalize(model, "n", upper={"n": 60}), {"rate": 6.0, "p": 0.5}) == pytest.approx(exact, rel=1e-11)
    assert f"those up to {last} are summed" in made.eliminations[0].reason


def test_the_bound_on_what_is_left_out_holds_for_densities_of_observations():
    """Where the density is a number, all states together are no further from it than is promised: at many points, of several families."""
    families = {
        "Normal": (lambda k, y: pm.Normal("y", k, 0.5, observed=y), lambda k, y: stats.norm.logpdf(y, k, 0.5)),
        "LogNormal": (lambda k, y: pm.LogNormal("y", 0.3 * k, 0.5, observed=y), lambda k, y: stats.lognorm.logpdf(y, 0.5, scale=np.exp(0.3 * k))),
        "Exponential": (lambda k, y: pm.Exponential("y", 0.1 + k, observed=y), lambda k, y: stats.expon.logpdf(y, scale=1 / (0.1 + k))),
        "Gamma": (lambda k, y: pm.Gamma("y", 2.0, 0.1 + k, observed=y), lambda k, y: stats.gamma.logpdf(y, 2.0, scale=1 / (0.1 + k))),
        "StudentT": (lambda k, y: pm.StudentT("y", 3.0, 1.0 * k, sigma=1.0, observed=y), lambda k, y: stats.t.logpdf(y, 3.0, k)),
        "Laplace": (lambda k, y: pm.Laplace("y", 1.0 * k, 1.0, observed=y), lambda k, y: stats.laplace.logpdf(y, k)),
        "Logistic": (lambda k, y: pm.Logistic("y", 1.0 * k, 1.0, observed=y), lambda k, y: stats.logistic.logpdf(y, k)),
        "Cauchy": (lambda k, y: pm.Cauchy("y", 1.0 * k, 1.0, observed=y), lambda k, y: stats.cauchy.logpdf(y, k)),
    }
    k = np.arange(2000)
    for name, (make, logp) in families.items():
        y = np.array([0.8, 12.0])
        with pm.Model() as model:
            rate = pm.Gamma("rate", 4.0, 1.0, default_transform=None)
            make(pm.Poisson("k", rate, shape=2), y)
        made = pm.marginalize(model, "k", upper=40).compile_logp(jacobian=False, backend="numpy")
        known = 0
        for rate in (0.5, 3.0, 8.0, 14.0, 20.0, 30.0):
            found = float(made({"rate": rate}))
            wanted = stats.gamma.logpdf(rate, 4) + sum(special.logsumexp(stats.poisson.logpmf(k, rate) + logp(k, v)) for v in y)
            known += not np.isnan(found)
            assert np.isnan(found) or abs(found - wanted) < 1e-10, (name, rate)
        assert known >= 2, name


def ising(rows, columns, coupling=0.4):
    y = np.random.default_rng(3).normal(size=(rows, columns))
    with pm.Model() as model:
        strength = pm.Normal("strength", coupling, 0.1)
        z = pm.Bernoulli("z", 0.5, shape=(rows, columns))
        spin = 2 * z - 1
        pairs = pt.sum(spin[1:] * spin[:-1]) + pt.sum(spin[:, 1:] * spin[:, :-1])
        pm.Potential("pairs", strength * pairs)
        pm.Normal("y", 0.7 * spin, 1.0, observed=y)

    def joint(z, strength):
        s = 2 * z - 1
        pairs = (s[1:] * s[:-1]).sum() + (s[:, 1:] * s[:, :-1]).sum()
        return z.size * np.log(0.5) + strength * pairs + stats.norm.logpdf(y, 0.7 * s).sum()

    return model, joint


def test_a_grid_of_neighbours_by_variable_elimination():
    model, joint = ising(2, 4)
    states = states_of(z=(2, (2, 4)))

    def brute(strength):
        return stats.norm.logpdf(strength, 0.4, 0.1) + total(states, lambda z: joint(z, strength))

    made = agrees(model, "z", brute, {"strength": 0.33}, states)
    assert "depend on one another" in made.eliminations[0].reason
    log_joint = np.array([joint(s["z"], 0.33) for s in states])
    exact = special.softmax(log_joint)
    n = 40_000
    drawn = pm.recover({"strength": np.full((1, n), 0.33)}, made, random_seed=5, extend_inferencedata=False, compile_kwargs={"backend": "numpy"}).z.values[0].reshape(n, 8)
    counts = np.bincount(drawn @ (1 << np.arange(8)[::-1]), minlength=256)
    common = exact * n > 5
    observed, expected = [*counts[common], counts[~common].sum()], [*exact[common] * n, exact[~common].sum() * n]
    assert stats.chisquare(observed, expected).pvalue > 1e-4
    other = special.softmax([joint(s["z"], 0.38) for s in states])
    assert stats.chisquare(observed, [*other[common] * n, other[~common].sum() * n]).pvalue < 1e-4


def test_a_tree_of_variables_and_a_wide_one_in_seconds():
    above = np.array([0, 1, 1, 2, 3, 3, 3, 0])
    y = RNG.normal(size=8)
    with pm.Model() as model:
        table = pm.Dirichlet("table", np.ones(3), shape=(2, 3), default_transform=None)
        a = pm.Bernoulli("a", 0.3, shape=4)
        b = pm.Categorical("b", table[a[above]], shape=8)
        pm.Normal("y", 1.0 * b, 1.0, observed=y)

    def brute(table):
        def joint(a):
            each = special.logsumexp(np.log(table[a[above]]) + stats.norm.logpdf(y[:, None], np.arange(3)), axis=1)
            return stats.bernoulli.logpmf(a, 0.3).sum() + each.sum()

        return 2 * np.log(2) + total(states_of(a=(2, (4,))), joint)

    made = pm.marginalize(model, ["a", "b"])
    point = {"table": RNG.dirichlet(np.ones(3), 2)}
    assert np.isclose(density(made, point), brute(**point), rtol=1e-12)
    # In turn, in the other order, it is the same.
    assert np.isclose(density(pm.marginalize(pm.marginalize(model, "b"), "a"), point), brute(**point), rtol=1e-12)
    with pytest.raises(ModelError, match="joint states"):
        pm.marginalize(ising(24, 24)[0], "z")


def test_batches_of_graphs_have_a_term_each_and_chains_of_pairs_few_rounds():
    y = RNG.normal(size=(3, 200))
    with pm.Model() as model:
        strength = pm.Normal("strength")
        z = pm.Bernoulli("z", 0.4, shape=(3, 200))
        pm.Potential("pairs", strength * z[:, 1:] * z[:, :-1])
        pm.Normal("y", 1.0 * z, 1.0, observed=y)
    made = pm.marginalize(model, "z")
    found = made.compile_fn(made.density().elementwise["y, pairs"], inputs=made.value_vars, backend="numpy")({"strength": 0.7})
    wanted = []
    for row in y:
        log_a = np.log([0.6, 0.4]) + stats.norm.logpdf(row[0], [0, 1])
        for v in row[1:]:
            log_a = special.logsumexp(log_a[:, None] + 0.7 * np.outer([0, 1], [0, 1]), axis=0) + np.log([0.6, 0.4]) + stats.norm.logpdf(v, [0, 1])
        wanted.append(special.logsumexp(log_a))
    np.testing.assert_allclose(found, wanted, rtol=1e-11)


def test_parts_of_sums_and_terms_that_depend_on_no_element():
    y = RNG.normal(size=4)
    with pm.Model() as model:
        z = pm.Bernoulli("z", [0.2, 0.6, 0.9])
        mu = pt.concatenate([pt.constant([0.5]), 1.0 * z])
        pm.Normal("y", mu, 1.0, observed=y)
        pm.Potential("push", pt.sum(0.3 * z) - 2.0 * pt.sum(z * y[1:]) + 0.7)
    made = pm.marginalize(model, "z")
    p = np.array([0.2, 0.6, 0.9])
    of_one = np.log(p) + stats.norm.logpdf(y[1:], 1.0) + 0.3 - 2.0 * y[1:]
    of_none = np.log(1 - p) + stats.norm.logpdf(y[1:], 0.0)
    assert np.isclose(density(made, {}), stats.norm.logpdf(y[0], 0.5) + 0.7 + np.logaddexp(of_one, of_none).sum(), rtol=1e-12)


def test_the_number_of_states_follows_data_and_other_variables():
    y = np.array([1, 0, 2])
    with pm.Model() as model:
        trials = pm.Data("trials", [2, 3, 4])
        k = pm.Binomial("k", trials, 0.4)
        pm.Binomial("y", k, 0.7, observed=y)
    made = pm.marginalize(pm.freeze_dims_and_data(model), "k")
    assert np.isclose(density(made, {}), stats.binom.logpmf(y, [2, 3, 4], 0.28).sum(), rtol=1e-12)
    with pm.Model() as model:
        n = pm.Binomial("n", 5, 0.5, shape=3)
        k = pm.Binomial("k", n, 0.4)
        pm.Binomial("y", k, 0.7, observed=y)
    made = pm.marginalize(model, ["n", "k"])
    assert np.isclose(density(made, {}), stats.binom.logpmf(y, 5, 0.14).sum(), rtol=1e-12)
    with pm.Model() as model:
        n = pm.Poisson("n", 3.0, shape=3)
        k = pm.Binomial("k", n, 0.4)
        pm.Binomial("y", k, 0.7, observed=y)
    made = pm.marginalize(model, ["k", "n"])
    assert np.isclose(density(made, {}), stats.poisson.logpmf(y, 3.0 * 0.28).sum(), rtol=1e-11)


def test_minibatches_scale_the_sum_and_different_scales_are_refused():
    y = RNG.normal(size=4)
    with pm.Model() as model:
        z = pm.Bernoulli("z", 0.3, shape=4)
        pm.Normal("y", 1.0 * z, 1.0, observed=y, total_size=40)
    wanted = 10.0 * np.logaddexp(np.log(0.7) + stats.norm.logpdf(y), np.log(0.3) + stats.norm.logpdf(y, 1.0)).sum()
    assert np.isclose(density(pm.marginalize(model, "z"), {}), wanted, rtol=1e-12)
    with model:
        pm.Normal("x", 1.0 * z, 1.0, observed=y)
    with pytest.raises(ModelError, match="total_size"):
        pm.marginalize(model, "z")
