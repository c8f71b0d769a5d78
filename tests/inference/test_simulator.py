"""`Simulator`: posteriors of approximate Bayesian computation that are known in closed form, distances by SciPy, and what goes wrong."""

import inspect

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import cKDTree

import workbench as pm
import workbench.tensor as pt
from workbench.distributions.distances import DISTANCES
from workbench.errors import ModelError, SamplingError, ShapeError
from workbench.model.prior_and_likelihood import prior_and_likelihood

Y = np.array([1.0, 2.0, 1.5, 0.2])


def by_numpy(rng, mu, size):
    return rng.normal(mu, 1.0, size=size)


def by_graph(rng, mu, size):
    return pm.Normal.dist(mu, 1.0, size=size)


def model_of(fn, observed=Y, **options):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        pm.Simulator("s", fn, mu, observed=observed, **options)
    return model


def smc(model, draws=1000, **options):
    options = {"return_inferencedata": False, "progressbar": False, "backend": "c", "random_seed": 1, "chains": 8, **options}
    return pm.sample_smc(draws, model=model, **options)


def of_normal_mean(draws, precision, mean):
    """Whether draws have the moments of a normal posterior, by how the populations' own differ."""
    for found, exact in ((draws.mean(axis=1), mean), (np.log(draws.std(axis=1)), -0.5 * np.log(precision))):
        assert abs(found.mean() - exact) < 4.0 * found.std(ddof=1) / np.sqrt(len(found)) and found.std(ddof=1) < 0.15


# Posteriors -----------------------------------------------------------------------------------------


def test_the_posterior_given_a_mean_is_wider_by_epsilon():
    # The simulated mean has variance 1/4, and the kernel adds epsilon squared.
    precision = 1.0 / (0.25 + 0.09) + 0.25
    of_normal_mean(smc(model_of(by_graph, sum_stat="mean", epsilon=0.3), 2000).draws["mu"], precision, Y.mean() / (0.25 + 0.09) / precision)


def test_the_posterior_given_all_values():
    # Each simulated value has variance 1.
    precision = 4.0 / (1.0 + 0.25) + 0.25
    of_normal_mean(smc(model_of(by_graph, epsilon=0.5), 2000).draws["mu"], precision, Y.sum() / 1.25 / precision)


def test_a_program_of_numpy_and_one_of_tensors_agree():
    precision = 1.0 / (0.25 + 0.25) + 0.25
    run = smc(model_of(by_numpy, sum_stat="mean", epsilon=0.5), 150)
    of_normal_mean(run.draws["mu"], precision, Y.mean() / 0.5 / precision)


def test_the_marginal_likelihood_is_that_of_the_kernel():
    # The kernel is not divided by its integral, as in PyMC: a normal density of the mean, times sqrt(2 pi) epsilon.
    run = smc(model_of(by_graph, sum_stat="mean", epsilon=0.3), 2000)
    exact = stats.norm.logpdf(Y.mean(), 0.0, np.sqrt(4.0 + 0.25 + 0.09)) + np.log(np.sqrt(2.0 * np.pi) * 0.3)
    assert abs(run.log_marginal_likelihood - exact) < 3.5 * run.log_marginal_likelihood_se


def test_each_evaluation_has_data_of_its_own_by_its_key():
    for fn in (by_numpy, by_graph):
        graph = prior_and_likelihood(model_of(fn))
        q, none = np.array([0.3]), np.zeros(0, np.int64)
        one, again, other = (graph.run("numpy", q, none, np.uint64(word))[1] for word in (5, 5, 6))
        assert one == again != other


def test_predictions_are_simulated():
    for fn in (by_numpy, by_graph):
        model = model_of(fn)
        prior = pm.sample_prior_predictive(3000, model=model, random_seed=1)
        assert prior.prior_predictive["s"].shape == (1, 3000, 4)
        assert stats.kstest((prior.prior_predictive["s"] - prior.prior["mu"]).values.ravel(), "norm").pvalue > 1e-3
        drawn = pm.sample_posterior_predictive({"mu": np.full((2, 500), 7.0)}, model=model, random_seed=1, return_inferencedata=False)
        assert drawn["s"].mean() == pytest.approx(7.0, abs=0.1)
        assert drawn["s"].std() == pytest.approx(1.0, rel=0.05)


def test_draws_that_are_vectors():
    def walk(rng, drift, size):
        return np.cumsum(rng.normal(drift, 1.0, size=(*size, 3)), axis=-1)

    with pm.Model() as model:
        drift = pm.Normal("drift")
        pm.Simulator("w", walk, params=(drift,), ndim_supp=1, ndims_params=[0], sum_stat=lambda x: x[-1:], epsilon=0.5, observed=np.array([1.0, 2.0, 4.0]))
    # The end has mean 3 drift and variance 3, and the kernel adds 1/4.
    precision = 9.0 / 3.25 + 1.0
    of_normal_mean(smc(model, 150).draws["drift"], precision, 12.0 / 3.25 / precision)


# Distances ------------------------------------------------------------------------------------------


def evaluated(name, epsilon, x, y):
    return np.sum(DISTANCES[name](pt.constant(epsilon), pt.constant(x), pt.constant(y)).eval())


def test_distances_are_their_formulas():
    rng = np.random.default_rng(1)
    x, y = np.sort(rng.normal(size=30)), np.sort(rng.normal(1.0, 2.0, size=30))
    assert evaluated("laplace", 0.5, x, y) == pytest.approx(-30 * stats.wasserstein_distance(x, y) / 0.5)
    assert evaluated("gaussian", 0.5, x, y) == pytest.approx(-0.5 * ((x - y) ** 2).sum() / 0.25)


@pytest.mark.parametrize("shape", [(40,), (40, 2)])
def test_divergences_are_those_of_a_search_for_neighbours(shape):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=shape), rng.normal(0.5, 1.5, size=(60, *shape[1:]))
    rows, others = x.reshape(40, -1), y.reshape(60, -1)
    rho, nu = cKDTree(rows).query(rows, 2)[0][:, 1], cKDTree(others).query(rows, 1)[0]
    exact = rows.shape[1] / 40 * np.log(nu / rho).sum() + np.log(60 / 39)
    assert evaluated("kullback_leibler", 0.7, x, y) == pytest.approx(-exact / 0.7)


def test_the_divergence_of_large_samples_is_that_of_their_distributions():
    rng = np.random.default_rng(3)
    exact = np.log(2.0) + (1.0 + 1.0) / 8.0 - 0.5
    assert evaluated("kullback_leibler", 1.0, rng.normal(size=2000), rng.normal(1.0, 2.0, 2000)) == pytest.approx(-exact, abs=0.08)


def test_functions_of_tensors_and_of_arrays_are_distances_and_statistics():
    def of_arrays(epsilon, observed, simulated):
        assert isinstance(simulated, np.ndarray)
        return -np.abs(observed - simulated).sum(keepdims=True) / float(epsilon)

    def spread(x):
        assert isinstance(x, np.ndarray)
        return np.array([x.mean(), np.ptp(x)])

    def of_tensors(epsilon, observed, simulated):
        return -pt.abs(observed - simulated) / epsilon

    found = []
    for backend in ("numpy", "c", "jax"):
        for distance in (of_arrays, of_tensors):
            graph = prior_and_likelihood(model_of(by_graph, distance=distance, sum_stat=spread, epsilon=0.4))
            f = pm.function(graph.params, graph.results, backend=backend)
            found.append(float(f(np.array([0.3]), np.zeros(0, np.int64), np.uint64(9))[1]))
    assert found == pytest.approx([found[0]] * 6)


def test_medians_and_sorted_values():
    for name, of in (("median", np.median), ("sort", np.sort)):
        graph = prior_and_likelihood(model_of(lambda rng, mu, size: 0.0 * mu + np.array([3.0, 1.0, 2.0, 9.0]), sum_stat=name))
        value = graph.run("numpy", np.array([0.3]), np.zeros(0, np.int64), np.uint64(9))[1]
        assert value == pytest.approx(-0.5 * np.sum((of(Y) - of([3.0, 1.0, 2.0, 9.0])) ** 2))


# What goes wrong ------------------------------------------------------------------------------------


def line_of(function, text):
    lines, start = inspect.getsourcelines(function)
    return start + next(i for i, line in enumerate(lines) if text in line)


def at_the_simulator(error):
    assert error.location.filename == __file__ and error.location.lineno == line_of(model_of, "pm.Simulator")


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_a_program_that_fails_says_so_at_its_line(backend):
    def broken(rng, mu, size):
        raise ZeroDivisionError("no such thing")

    with pytest.raises(SamplingError, match="the simulator broken, called with .* raised ZeroDivisionError: no such thing in broken, line") as found:
        smc(model_of(broken), backend=backend)
    at_the_simulator(found.value)


def test_a_program_that_returns_another_shape_or_nan():
    with pytest.raises(ShapeError, match=r"returned shape \(3,\), and the variable has shape \(4,\)") as found:
        smc(model_of(lambda rng, mu, size: rng.normal(mu, 1.0, size=3)))
    at_the_simulator(found.value)
    with pytest.raises(SamplingError, match="returned NaN, called with") as found:
        smc(model_of(lambda rng, mu, size: rng.normal(mu, 1.0, size=size) * np.nan))
    at_the_simulator(found.value)
    with pytest.raises(ShapeError, match=r"makes tensors of shape \(2,\)"):
        smc(model_of(lambda rng, mu, size: pm.Normal.dist(mu, 1.0, size=2)))


def test_what_can_not_be_simulated_is_left_out():
    run = smc(model_of(lambda rng, mu, size: rng.normal(mu, 1.0, size=size) if mu > 0.0 else np.full(size, np.inf), epsilon=1.0), 300, chains=2)
    assert run.draws["mu"].min() > 0.0


def test_what_needs_a_density_refuses_simulators():
    model = model_of(by_graph)
    for ask in (lambda: pm.sample(model=model), lambda: pm.find_MAP(model=model), lambda: model.logp_dlogp_function("numpy"),
                lambda: pm.sample_smc(kernel=pm.smc.HMC, model=model),
                lambda: pm.compute_log_likelihood({"mu": np.zeros((1, 5))}, model=model, extend_inferencedata=False)):  # fmt: skip
        with pytest.raises(ModelError, match="s is a simulator") as found:
            ask()
        at_the_simulator(found.value)
        assert "sample_smc" in found.value.hint


def test_a_simulator_that_is_not_observed():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        s = pm.Simulator("s", by_numpy, mu)
        pm.Normal("y", s, 1.0, observed=0.0)
    with pytest.raises(SamplingError, match="s is a simulator, and not observed"):
        smc(model)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"distance": "euclid"}, "there is no distance 'euclid'"),
        ({"sum_stat": "mode"}, "there is no sum_stat 'mode'"),
        ({"epsilon": 0.0}, "epsilon must be positive"),
        ({"params": (1.0,)}, "parameters are given one by one"),
    ],
)
def test_options_that_are_wrong(options, text):
    with pytest.raises(ModelError, match=text):
        model_of(by_numpy, **options)
    with pytest.raises(ModelError, match="the first argument is the function"):
        pm.Simulator.dist(3.0)
