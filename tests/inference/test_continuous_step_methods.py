"""Step methods of continuous variables, and the options of Metropolis."""

import os
import re

import numpy as np
import pytest
from scipy import stats

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError
from workbench.inference.steps import steps_of

OF_PYMC = {"HamiltonianMC": "hmc", "Slice": "slice", "DEMetropolisZ": "DEMetropolisZ"}
"""Names of PyMC 5.28.5's step methods, and as what their options are given to its `sample`."""
STATS = {
    "hmc": {"accepted", "acceptance_rate", "diverging", "energy", "energy_error", "lp", "n_steps", "path_length", "step_size", "step_size_bar"},
    "slice": {"nstep_in", "nstep_out"},
    "DEMetropolisZ": {"accept", "accepted", "lambda", "scaling"},
}
"""Statistics of theirs; `acceptance_rate` and `lp` are "accept" and "model_logp" there."""


@pytest.fixture(scope="module")
def model():
    with pm.Model() as made:
        pm.Normal("x", shape=2)
        pm.HalfNormal("s")
        pm.Poisson("n", 3.0)
        pm.Multinomial("m", 5, [0.2, 0.3, 0.5])
    return made


def kernels(model, step):
    return [(s.kernel.name, s.names) for s in steps_of(model, step, {}, quiet=True)]


def test_names_are_those_of_pymc():
    assert {name: getattr(pm, name).name for name in OF_PYMC} == OF_PYMC
    assert all(STATS[getattr(pm, n).name] == set(getattr(pm, n).kind().kernel(False).stats) for n in OF_PYMC)


def population(**options):
    """A beta posterior, and a normal mean far out with another scale."""
    with pm.Model():
        p = pm.Beta("p", 0.5, 0.5)
        pm.Binomial("y", 9, p, observed=7)
        pm.Normal("far", 1000.0, 30.0)
        given = {"draws": 50, "tune": 50, "chains": 6, "random_seed": 4, "quiet": True, "backend": "c", "step": pm.DEMetropolis(), **options}
        return pm.sample(**given)


def test_a_population_draws_a_posterior():
    """Beta(7.5, 2.5) and a normal variable: moments within 4 standard errors from means of batches, each of all chains."""
    idata = population(draws=60_000, tune=2000)
    for x, truth in ((idata.posterior["p"].values, stats.beta(7.5, 2.5)), (idata.posterior["far"].values, stats.norm(1000.0, 30.0))):
        batches = np.stack([x - truth.mean(), (x - truth.mean()) ** 2 - truth.var()]).reshape(2, 6, 100, -1).mean(axis=(1, 3))
        error = batches.std(axis=1, ddof=1) / 10.0
        assert error[0] < 0.02 * truth.std()
        assert (np.abs(batches.mean(axis=1)) < 4 * error).all()


def test_a_population_has_pymcs_options_statistics_and_bounds():
    idata = population(step=None, draws=10, tune=0)
    assert "n_steps" in idata.sample_stats
    idata = population()
    assert pm.DEMetropolis.name == "DEMetropolis" and {"accept", "accepted", "lambda", "scaling"} <= set(idata.sample_stats)
    np.testing.assert_allclose(idata.sample_stats["lambda"], 2.38 / 2.0)
    assert (idata.sample_stats["scaling"] == 0.001).all() and idata.posterior.attrs["method"] == "demetropolis_in_turn"
    same, other = population(), population(random_seed=5)
    assert idata.posterior.equals(same.posterior) and not idata.posterior.equals(other.posterior)
    with pm.Model():
        pm.Normal("x", shape=8)
        step = pm.DEMetropolis(S=np.full(8, 0.5), proposal_dist=pm.UniformProposal, lamb=50.0, scaling=0.1, tune="lambda", tune_interval=10)
        with pytest.warns(UserWarning, match="8 chains of DEMetropolis move each other, and the model has 8 elements.*chains=16"):
            found = pm.sample(20, tune=20, chains=8, step=[step], progressbar=False, compute_convergence_checks=False).sample_stats
    assert np.allclose(found["scaling"], 0.1) and found["lambda"].values[0, 0] < 50.0


def test_a_population_says_what_it_is_not_for():
    with pytest.raises(SamplingError, match=r"step=pm.DEMetropolis\(\) needs at least 3 chains, got 2"):
        population(chains=2)
    for options in ({"method": "chees"}, {"target_accept": 0.9}, {"executor": "dask"}, {"nuts": {"max_treedepth": 5}}, {"metropolis": {"S": 1.0}}):
        with pytest.raises(ArgumentError, match=rf"{next(iter(options))}=.* step=pm.DEMetropolis\(\) has no use for it"):
            population(**options)
    with pm.Model() as made:
        x, y = pm.Normal("x"), pm.Normal("y")
        pm.Poisson("n", 2.0)
        with pytest.raises(ModelError, match="leaves n"):
            pm.sample(step=pm.DEMetropolis())
        with pytest.raises(ArgumentError, match="other step methods beside it"):
            pm.sample(step=[pm.DEMetropolis([x]), pm.Slice([y])])
        with pytest.raises(ModelError, match="DEMetropolis cannot move n"):
            pm.DEMetropolis(["n"])
    with pytest.raises(ArgumentError, match="moves all chains of pm.sample together"):
        steps_of(made, pm.DEMetropolis(["x"], model=made), {})


def test_nothing_but_nuts_is_assigned_to_continuous_variables(model):
    assert kernels(model, None)[0] == ("nuts", ("x", "s_log__"))


@pytest.mark.parametrize("name, kernel", [("HamiltonianMC", "hmc"), ("MALA", "mala"), ("Slice", "slice"), ("DEMetropolisZ", "de_metropolis_z")])
def test_a_method_moves_all_that_is_continuous(model, name, kernel):
    step = getattr(pm, name)(model=model)
    assert kernels(model, step)[0] == (kernel, ("x", "s_log__"))
    apart = getattr(pm, name)(["x"], model=model)
    assert kernels(model, apart)[:2] == [(kernel, ("x",)), ("nuts", ("s_log__",))]
    with pytest.raises(ModelError, match=f"{name} cannot move n: it moves continuous variables"):
        getattr(pm, name)(["n"], model=model)


def test_steps_of_a_covariance_matrix_move_all_together(model):
    covariance = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 2.0]])
    (step,) = pm.Metropolis(["x", "s"], S=covariance, blocked=True, model=model).steps()
    assert (step.kernel.name, step.names) == ("correlated_metropolis", ("x", "s_log__"))
    np.testing.assert_allclose(step.settings.arguments(3)[0], np.linalg.cholesky(covariance))


def test_elements_of_a_discrete_vector_are_moved_together(model):
    """One element of a multinomial alone cannot move: the sum is given."""
    steps = pm.Metropolis(["n", "m", "x"], model=model).steps()
    assert [s.settings.elementwise for s in steps] == [True, False, True]


WRONG = [
    (lambda: pm.Metropolis(["x"], S=np.ones(3)), SamplingError, r"S has shape \(3,\), the variables have 2 elements"),
    (lambda: pm.Metropolis(["x"], S=np.ones((2, 2))), SamplingError, "S is no covariance matrix"),
    (lambda: pm.Metropolis(["x"], S="wide"), ArgumentError, "S must be a number, or an array of them"),
    (lambda: pm.Metropolis(["x"], proposal_dist=pm.PoissonProposal), ArgumentError, "a continuous variable would only ever reach some points"),
    (lambda: pm.Metropolis(["x"], proposal_dist=np.random.normal), ArgumentError, "proposal_dist must be one of NormalProposal"),
    (lambda: pm.Metropolis(["x"], scaling=[1.0, -1.0]), SamplingError, "scaling must be positive and finite"),
    (lambda: pm.Metropolis(["x"], tune=1), ArgumentError, "tune must be True or False"),
    (lambda: pm.Slice(["x"], w=[1.0, 2.0, 3.0]), SamplingError, r"w has shape \(3,\), the variables have 2 elements"),
    (lambda: pm.Slice(["x"], iter_limit=-1), SamplingError, "iter_limit must lie between"),
    (lambda: pm.HamiltonianMC(["x"], path_length=0.0), SamplingError, "path_length must lie between"),
    (lambda: pm.HamiltonianMC(["x"], scaling=np.eye(2)), ArgumentError, "HamiltonianMC has no option 'scaling'"),
    (lambda: pm.DEMetropolisZ(["x"], tune="lamb"), ArgumentError, "tune must be 'scaling' or 'lambda' or None"),
    (lambda: pm.DEMetropolisZ(["x"], tune_drop_fraction=2.0), SamplingError, "tune_drop_fraction must lie between 0 and 1"),
    (lambda: pm.DEMetropolisZ(["x"], S=np.eye(2)), ArgumentError, "correlations come from the past"),
    (lambda: pm.DEMetropolis(["x"], tune="lamb"), ArgumentError, "tune must be 'scaling' or 'lambda' or None"),
    (lambda: pm.DEMetropolis(["x"], S=np.eye(2)), ArgumentError, "correlations come from the other chains"),
    (lambda: pm.DEMetropolis(["x"], lamb=-1.0), SamplingError, "lamb must lie between"),
    (lambda: pm.DEMetropolis(["x"], S=[1.0, 2.0, 3.0]), SamplingError, r"S has shape \(3,\), the variables have 2 elements"),
    (lambda: pm.MALA(["x"], path_length=1.0), ArgumentError, "MALA has no option 'path_length'"),
]  # fmt: skip


@pytest.mark.parametrize("make, error, words", WRONG)
def test_what_does_not_fit_is_an_error_at_the_users_line(model, make, error, words):
    with model, pytest.raises(error) as caught:
        make()
    # The message quotes the user's line, which has the words.
    said = str(caught.value)
    assert re.search(words, re.sub("at /.*", "", said)) and f"at {__file__}" in said


@pytest.mark.parametrize("name", ["HamiltonianMC", "MALA", "Slice", "DEMetropolisZ", "Metropolis"])
def test_a_beta_posterior_is_drawn(name):
    """7 of 9, a priori Beta(0.5, 0.5): Beta(7.5, 2.5)."""
    with pm.Model() as model:
        p = pm.Beta("p", 0.5, 0.5)
        pm.Binomial("y", 9, p, observed=7)
        step = getattr(pm, name)()
    idata = pm.sample(25_000, tune=1000, chains=2, model=model, step=step, random_seed=4, quiet=True, backend="c")
    draws = idata.posterior["p"].values
    truth = stats.beta(7.5, 2.5)
    # Means of 100 batches a chain, nearly independent: the mean is known to 2 % of a standard deviation, or better.
    batches = np.stack([draws, (draws - truth.mean()) ** 2]).reshape(2, 200, -1).mean(axis=2)
    error = batches.std(axis=1) / np.sqrt(200)
    assert error[0] < 0.02 * truth.std()
    assert (np.abs(batches.mean(axis=1) - [truth.mean(), truth.var()]) < 4 * error).all()


def test_each_variable_by_a_method_of_its_own():
    """A random walk of four steps whose end is seen: each position is moved given its neighbours. Normal, by linear algebra."""
    with pm.Model() as model:
        at, walk = 0.0, []
        for i in range(4):
            at = pm.Normal(f"x{i}", at, 1.0)
            walk.append(at)
        pm.Normal("y", at, 0.5, observed=3.0)
        # HMC in a compound takes its time to compile.
        first = pm.HamiltonianMC(["x0"]) if os.environ.get("WORKBENCH_TESTS") == "all" else pm.EllipticalSlice(["x0"])
        step = [first, pm.Slice(["x1"]), pm.DEMetropolisZ(["x2"]), pm.Metropolis(["x3"])]
    posterior = pm.sample(40_000, tune=1000, chains=2, model=model, step=step, random_seed=5, quiet=True, backend="c").posterior
    found = np.stack([posterior[f"x{i}"].values for i in range(4)], axis=-1).reshape(200, -1, 4)
    covariance = np.minimum.outer(np.arange(1.0, 5.0), np.arange(1.0, 5.0))
    gain = covariance[:, 3] / (4.0 + 0.25)
    mean, covariance = 3.0 * gain, covariance - np.outer(gain, covariance[3])
    centred = found - mean
    for x, truth in ((found, mean), (centred[..., :, None] * centred[..., None, :], covariance)):
        means = x.mean(axis=1)
        error = means.std(axis=0, ddof=1) / np.sqrt(200)
        assert (error < 0.03).all()
        assert (np.abs(means.mean(axis=0) - truth) < 4.5 * error).all()
