"""`marginalize` against sums over all states, written with SciPy."""

import itertools
import pickle

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError

Y = np.array([0.1, 3.8, 4.1, 1.0, -2.0])


def density(model, point, backend="numpy"):
    """Log-density in the variables' own space."""
    return float(model.compile_logp(jacobian=False, backend=backend)(point))


def gradient(model, point, backend="c"):
    values = [v for v in model.value_vars if v.dtype == "float64"]
    run = pm.function(model.value_vars, pm.grad(model.logp(jacobian=False), values), backend=backend)
    return lambda **more: dict(zip([v.name for v in values], run(*[{**point, **more}[v.name] for v in model.value_vars])))


def agrees(original, made, brute, points, states, backends=("numpy", "c")):
    """A model's density is that of a function written with SciPy; its gradient the mean of the original's, weighted by each state's density.

    `states` makes all states of the variables that were summed out, by name.
    """
    for point in points:
        logp = original.compile_logp(jacobian=False, backend="c")
        slope = gradient(original, point)
        every = [(float(logp({**point, **at})), slope(**at)) for at in states()]
        weights = special.softmax([v for v, _ in every])
        for backend in backends:
            assert np.isclose(density(made, point, backend), brute(point), rtol=1e-10, atol=1e-10)
            for name, found in gradient(made, point, backend)().items():
                expected = sum(w * g[name] for w, (_, g) in zip(weights, every))
                np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def all_states(states, n):
    return itertools.product(*[range(states)] * n)


@pytest.fixture(scope="module")
def mixture():
    with pm.Model(coords={"obs": list("abcde")}) as model:
        w = pm.Dirichlet("w", [1.0, 2.0, 3.0], default_transform=None)
        mu = pm.Normal("mu", 0.0, 3.0, shape=3)
        z = pm.Categorical("z", w, dims="obs")
        mean = pm.Deterministic("mean", mu[z], dims="obs")
        pm.Normal("y", mean, 0.7, observed=Y, dims="obs")
    return model


def brute_mixture(point):
    w, mu = point["w"], point["mu"]
    terms = []
    for z in all_states(3, 5):
        z = list(z)
        terms.append(np.log(w[z]).sum() + stats.norm.logpdf(Y, mu[z], 0.7).sum())
    prior = (special.gammaln(6.0) - special.gammaln([1.0, 2.0, 3.0]).sum()) + (np.log(w) * [0.0, 1.0, 2.0]).sum()
    return prior + stats.norm.logpdf(mu, 0, 3).sum() + special.logsumexp(terms)


POINT = {"w": np.array([0.2, 0.5, 0.3]), "mu": np.array([-1.0, 0.5, 4.0])}


def test_a_mixture_by_index_is_the_sum_over_all_assignments(mixture):
    made = pm.marginalize(mixture, "z")
    points = [POINT, {"w": np.array([0.9, 0.06, 0.04]), "mu": np.array([2.0, -7.0, 0.3])}]
    agrees(mixture, made, brute_mixture, points, lambda: ({"z": np.array(z)} for z in all_states(3, 5)))


def test_the_variable_stays_and_what_depends_on_it_leaves_the_posterior(mixture):
    made = pm.marginalize(mixture, "z")
    assert [x.name for x in made.free_RVs] == ["w", "mu"] and [x.name for x in made.marginalized_RVs] == ["z"]
    assert made.deterministics == [] and [x.name for x in made.recovered_deterministics] == ["mean"]
    assert [x.name for x in mixture.free_RVs] == ["w", "mu", "z"] and mixture.marginalized_RVs == []
    assert "z[obs] ~ Categorical(w) (marginalized)" in str(made)
    prior = pm.sample_prior_predictive(2000, model=made, random_seed=1, return_inferencedata=False)
    assert set(prior) == {"w", "mu", "z", "mean", "y"}
    np.testing.assert_allclose(np.bincount(prior["z"].ravel(), minlength=3) / 1e4, np.array([1, 2, 3]) / 6, atol=0.02)
    np.testing.assert_array_equal(prior["mean"], np.take_along_axis(prior["mu"], prior["z"], 1))


def test_it_goes_through_pickles_copies_and_nested_names(mixture):
    made = pm.marginalize(mixture, mixture["z"])
    for other in (pickle.loads(pickle.dumps(made)), made.copy()):
        assert np.isclose(density(other, POINT), density(made, POINT), rtol=1e-14)
        assert [x.name for x in other.marginalized_RVs] == ["z"]
    with pm.Model("outer") as outer, pm.Model("inner"):
        z = pm.Bernoulli("z", 0.25, shape=5)
        pm.Normal("y", 2.0 * z, 1.0, observed=Y)
    made = pm.marginalize(outer, "outer::inner::z")
    wanted = np.logaddexp(np.log(0.75) + stats.norm.logpdf(Y), np.log(0.25) + stats.norm.logpdf(Y, 2.0)).sum()
    assert np.isclose(density(made, {}), wanted, rtol=1e-13)


def test_do_and_observe_put_it_back(mixture):
    made = pm.marginalize(mixture, "z")
    z = [0, 1, 2, 1, 0]
    for put in (pm.do, pm.observe):
        back = put(made, {"z": z})
        assert back.eliminations == () and back.marginalized_RVs == [] and [x.name for x in back.deterministics][:1] == ["mean"]
        assert np.isclose(density(back, POINT), density(put(mixture, {"z": z}), POINT), rtol=1e-14)


def test_do_and_observe_of_other_variables_leave_it(mixture):
    made = pm.marginalize(mixture, "z")
    fixed = pm.do(made, {"mu": POINT["mu"]})
    prior = stats.norm.logpdf(POINT["mu"], 0, 3).sum()
    assert np.isclose(density(fixed, {"w": POINT["w"]}) + prior, density(made, POINT), rtol=1e-13)
    seen = pm.observe(made, {"mu": POINT["mu"]})
    assert np.isclose(density(seen, {"w": POINT["w"]}), density(made, POINT), rtol=1e-13)


def test_terms_of_groups_of_variables_add_up(mixture):
    with mixture.copy() as model:
        extra = pm.Normal("extra", 0.3 * model["z"], 1.0, dims="obs")
        pm.Potential("push", -0.1 * model["z"] * extra, dims="obs")
    made = pm.marginalize(model, "z")
    point = {**POINT, "extra": np.linspace(-1.0, 1.0, 5)}
    parts = [made.logp(group, jacobian=False) for group in (made.free_RVs, made.observed_RVs, made.potentials)]
    found = made.compile_fn(parts, inputs=made.value_vars, backend="numpy")(point)
    assert np.isclose(sum(found), density(made, point), rtol=1e-13)
    w = POINT["w"]
    of_extra = special.logsumexp(np.log(w) + stats.norm.logpdf(point["extra"][:, None], 0.3 * np.arange(3)), axis=1)
    prior = float(mixture.compile_fn(mixture.logp(mixture.free_RVs[:2], jacobian=False), backend="numpy")(POINT))
    assert np.isclose(found[0], prior + of_extra.sum(), rtol=1e-12)


def test_several_dependents_observed_free_and_potentials():
    rng = np.random.default_rng(2)
    counts = rng.poisson(3.0, (4, 3))
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 2.0, default_transform=None)
        z = pm.Bernoulli("z", p, shape=4)
        rate = pm.Normal("rate", pm.math.where(z, 1.0, -0.5), 0.5, shape=4)
        pm.Poisson("count", pm.math.exp(rate + 0.2 * z)[:, None], observed=counts)
        pm.Normal("y", z[::-1] * 1.5, 1.0, observed=Y[:4])
        pm.Potential("push", pt.sum(0.3 * z * rate))

    def brute(point):
        p, rate = point["p"], point["rate"]
        terms = []
        for z in all_states(2, 4):
            z = np.array(z)
            terms.append(
                stats.bernoulli.logpmf(z, p).sum() + stats.norm.logpdf(rate, np.where(z, 1.0, -0.5), 0.5).sum()
                + stats.poisson.logpmf(counts, np.exp(rate + 0.2 * z)[:, None]).sum() + stats.norm.logpdf(Y[:4], z[::-1] * 1.5, 1.0).sum()
                + (0.3 * z * rate).sum()
            )  # fmt: skip
        return stats.beta.logpdf(p, 2, 2) + special.logsumexp(terms)

    made = pm.marginalize(model, ["z"])
    point = {"p": np.array(0.3), "rate": np.array([0.1, -0.4, 0.9, 0.2])}
    agrees(model, made, brute, [point], lambda: ({"z": np.array(z)} for z in all_states(2, 4)))


def test_gathers_by_data_sum_the_terms_of_each_element():
    group = np.array([0, 2, 2, 1, 0, 2, 0])
    y = np.linspace(-1.0, 4.0, 7)
    with pm.Model() as model:
        index = pm.Data("index", group)
        mu = pm.Normal("mu", 0.0, 2.0, shape=2)
        z = pm.Bernoulli("z", [0.2, 0.5, 0.7])
        pm.Normal("y", mu[z[index]], 1.0, observed=y)

    def brute(point):
        terms = []
        for z in all_states(2, 3):
            z = np.array(z)
            terms.append(stats.bernoulli.logpmf(z, [0.2, 0.5, 0.7]).sum() + stats.norm.logpdf(y, point["mu"][z[group]], 1.0).sum())
        return stats.norm.logpdf(point["mu"], 0, 2).sum() + special.logsumexp(terms)

    for made in (pm.marginalize(model, "z"), pm.marginalize(pm.freeze_dims_and_data(model), "z")):
        agrees(model, made, brute, [{"mu": np.array([-0.5, 2.0])}], lambda: ({"z": np.array(z)} for z in all_states(2, 3)))


def test_what_cannot_be_summed_out_is_refused_with_its_line():
    with pm.Model() as model:
        x = pm.StudentT("x", 3.0, shape=2)
        count = pm.Poisson("count", 3.0)
        m = pm.Multinomial("m", 4, [0.5, 0.5])
        pm.Normal("y", x[0] + count + m[0], 1.0, observed=0.0)
        pm.Potential("push", 0.1 * count)
    for name, why in (("x", "StudentT"), ("count", "infinitely many states, and the density of push has no known bound"), ("m", "vector"), ("y", "observed")):
        with pytest.raises(ModelError, match=why) as failed:
            pm.marginalize(model, name)
        assert name in str(failed.value)
        if name != "y":
            assert "test_marginalization.py" in str(failed.value)
    with pytest.raises(ModelError, match="nothing"):
        pm.marginalize(model, [])
