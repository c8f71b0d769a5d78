"""Step methods: which variables each moves, its options, and what is assigned where nothing is said."""

import logging
import re
import sys
import warnings

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError, WorkbenchError
from workbench.inference.steps import steps_of

OF_PYMC = {
    "NUTS": "nuts", "Metropolis": "metropolis", "BinaryMetropolis": "binary_metropolis", "BinaryGibbsMetropolis": "binary_gibbs_metropolis",
    "CategoricalGibbsMetropolis": "categorical_gibbs_metropolis",
}  # fmt: skip
"""Names of PyMC 5.28.5's step methods, and as what their options are given to its `sample`."""


@pytest.fixture(scope="module")
def model():
    with pm.Model() as made:
        pm.Normal("x")
        pm.HalfNormal("s")
        pm.Bernoulli("b", 0.5, shape=2)
        pm.Categorical("c", [0.2, 0.3, 0.5], shape=3)
        pm.Poisson("n", 3.0)
        pm.Geometric("g", 0.5)
    return made


@pytest.fixture(scope="module")
def small():
    """Of two kernels: the checks of compiled programs take long for many."""
    with pm.Model() as made:
        pm.Bernoulli("b", 0.5, shape=2)
        pm.Poisson("n", 3.0)
        pm.Geometric("g", 0.5)
    return made


def assigned(model, step=None, **options):
    """Kernels by name, and what they move."""
    return [(s.kernel.name, s.names) for s in steps_of(model, step, options, quiet=True)]


def sample(model, **given):
    base = dict(draws=20, tune=10, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False)
    return pm.sample(model=model, quiet=True, **{**base, **given})


def test_names_are_those_of_pymc():
    assert {name: getattr(pm, name).name for name in OF_PYMC} == OF_PYMC


def test_each_variable_is_assigned_the_most_competent_method(model):
    assert assigned(model) == [
        ("nuts", ("x", "s_log__")), ("binary_gibbs", ("b",)), ("categorical_gibbs", ("c",)), ("integer_metropolis", ("n",)), ("integer_metropolis", ("g",)),
    ]  # fmt: skip


def test_the_order_of_methods_is_not_that_of_variables():
    with pm.Model() as model:
        pm.Poisson("n", 3.0)
        pm.Categorical("c", [0.2, 0.3, 0.5], shape=3)
        pm.Bernoulli("b", 0.5)
        pm.Normal("x")
    assert assigned(model) == [("nuts", ("x",)), ("binary_gibbs", ("b",)), ("categorical_gibbs", ("c",)), ("integer_metropolis", ("n",))]


@pytest.mark.parametrize("variable, kernel", [
    (lambda: pm.Bernoulli("z", 0.3), "binary_gibbs"),
    (lambda: pm.Bernoulli("z", pm.Beta("p", 1.0, 1.0), shape=2), "binary_gibbs"),
    (lambda: pm.Categorical("z", [0.5, 0.5]), "binary_gibbs"),
    (lambda: pm.Categorical("z", pm.Dirichlet("p", np.ones(4))), "categorical_gibbs"),
    (lambda: pm.DiscreteUniform("z", 3, 4), "binary_gibbs"),
    (lambda: pm.DiscreteUniform("z", -5, [2, 7]), "categorical_gibbs"),
    (lambda: pm.DiscreteUniform("z", 0, 10**9), "integer_metropolis"),
    (lambda: pm.DiscreteUniform("z", 0, pm.Poisson("n", 4.0) + 1), "integer_metropolis"),
    (lambda: pm.Binomial("z", 10, 0.5), "categorical_gibbs"),
    (lambda: pm.Binomial("z", pm.Data("n", [3, 5]), 0.5), "categorical_gibbs"),
    (lambda: pm.BetaBinomial("z", n=5, alpha=1.0, beta=1.0), "categorical_gibbs"),
    (lambda: pm.HyperGeometric("z", N=20, k=5, n=4), "categorical_gibbs"),
    (lambda: pm.OrderedLogistic("z", eta=0.0, cutpoints=[-1.0, 1.0]), "categorical_gibbs"),
    (lambda: pm.ZeroInflatedBinomial("z", psi=0.5, n=4, p=0.5), "categorical_gibbs"),
    (lambda: pm.Truncated("z", pm.Poisson.dist(3.0), upper=6), "categorical_gibbs"),
    (lambda: pm.Truncated("z", pm.Poisson.dist(3.0), lower=1), "integer_metropolis"),
    (lambda: pm.Censored("z", pm.Poisson.dist(3.0), lower=None, upper=6), "categorical_gibbs"),
    (lambda: pm.Poisson("z", 3.0), "integer_metropolis"),
    (lambda: pm.NegativeBinomial("z", mu=3.0, alpha=1.0), "integer_metropolis"),
    (lambda: pm.Multinomial("z", n=5, p=[0.5, 0.3, 0.2]), "integer_metropolis"),
])  # fmt: skip
def test_it_depends_on_the_states_of_a_variable(variable, kernel):
    with pm.Model() as model:
        variable()
    assert (kernel, ("z",)) in assigned(model)


def test_what_is_said_goes_first_and_the_rest_is_assigned(model):
    with model:
        step = [pm.Metropolis(["n"]), [pm.CompoundStep([pm.CategoricalGibbsMetropolis([model["c"], "b"])])]]
    assert assigned(model, step) == [
        ("integer_metropolis", ("n",)), ("categorical_gibbs", ("c", "b")), ("nuts", ("x", "s_log__")), ("integer_metropolis", ("g",)),
    ]  # fmt: skip


def test_a_method_moves_all_that_it_can_by_default(model):
    with model:
        assert pm.NUTS().names == ("x", "s_log__") and pm.BinaryGibbsMetropolis().names == ("b",)
        assert pm.CategoricalGibbsMetropolis().names == ("b", "c") and len(pm.Metropolis().names) == 6
    assert [k for k, _ in assigned(model, pm.Metropolis(model=model))] == ["metropolis"] * 2 + ["integer_metropolis"] * 4
    together = assigned(model, pm.Metropolis(model=model, blocked=True))
    assert together == [("metropolis", ("x", "s_log__")), ("integer_metropolis", ("b", "c", "n", "g"))]


@pytest.mark.parametrize("given", ["s", "s_log__", lambda m: m["s"], lambda m: m.rvs_to_values[m["s"]], lambda m: [m["s"]], lambda m: (m["s"],)])
def test_variables_are_given_in_any_of_pymcs_ways(model, given):
    assert pm.NUTS(given(model) if callable(given) else given, model=model).names == ("s_log__",)


WRONG = [
    (lambda: pm.NUTS(["n"]), ModelError, "NUTS cannot move n: it moves continuous variables"),
    (lambda: pm.BinaryGibbsMetropolis(["c"]), ModelError, "BinaryGibbsMetropolis cannot move c: it moves variables of two states"),
    (lambda: pm.CategoricalGibbsMetropolis(["n"]), ModelError, "cannot move n: .* finitely many"),
    (lambda: pm.NUTS(["tau"]), ModelError, "tau is no free variable of the model"),
    (lambda: pm.NUTS([]), ArgumentError, "no variable is given"),
    (lambda: pm.NUTS(["x", "x"]), ModelError, "x is given twice"),
    (lambda: pm.NUTS(["x"], target_accept=1.5), SamplingError, "target_accept must lie between 0 and 1"),
    (lambda: pm.NUTS(["x"], max_treedepth=2.5), ArgumentError, "max_treedepth must be a whole number"),
    (lambda: pm.NUTS(["x"], step_scale=0.1), ArgumentError, "NUTS has no option 'step_scale'"),
    (lambda: pm.NUTS(["x"], rng=1), ArgumentError, "random_seed is an option of sample"),
    (lambda: pm.BinaryGibbsMetropolis(["b"], transit_p=1.5), SamplingError, "transit_p must lie between"),
    (lambda: pm.BinaryGibbsMetropolis(["b"], order=[0]), ArgumentError, "order has 1 numbers for the 2 elements of b"),
    (lambda: pm.BinaryGibbsMetropolis(["b"], order=[0, 0]), ArgumentError, "order must be"),
    (lambda: pm.CategoricalGibbsMetropolis(["c"], proposal="best"), ArgumentError, "proposal must be 'conditional' or"),
    (lambda: pm.Metropolis(["n"], scaling=-1.0), SamplingError, "scaling must be positive"),
]  # fmt: skip


@pytest.mark.parametrize("make, error, words", WRONG)
def test_what_does_not_fit_is_an_error_at_the_users_line(model, make, error, words):
    with model, pytest.raises(error) as caught:
        make()
    # The message quotes the user's line, which has the words.
    said = str(caught.value)
    assert isinstance(caught.value, WorkbenchError) and f"at {__file__}" in said
    assert re.search(words, re.sub("at /.*", "", said))


def test_observed_variables_and_models_of_others_are_refused(model):
    with pm.Model() as other:
        pm.Normal("x")
        pm.Normal("w")
        pm.Normal("y", observed=1.0)
        with pytest.raises(ModelError, match="y is observed"):
            pm.NUTS(["y"])
        step = pm.NUTS(["w"])
    with pytest.raises(ModelError, match="moves w, which the model does not have"):
        sample(model, step=step)
    with pytest.raises(ModelError, match="there is no model here"):
        pm.NUTS()
    with pm.Model() as nothing:
        pm.Poisson("n", 1.0)
        with pytest.raises(ModelError, match="no variable that it moves: it moves continuous"):
            pm.NUTS()
    del other, nothing


def test_a_variable_of_two_steps_is_refused(model):
    with pytest.raises(ModelError, match=r"n is moved by two step methods, Metropolis\(\[n\]\) and Metropolis\(\[n, g\]\)"):
        sample(model, step=[pm.Metropolis(["n"], model=model), pm.Metropolis(["n", "g"], model=model)])


@pytest.mark.parametrize("options, words", [
    ({"categorical_gibbs_metropolis": {"proposal": "uniform"}}, "is for no variable"),
    ({"target_accept": 0.9}, "nuts={'target_accept': 0.9} is for no variable"),
    ({"metropolis": {"nothing": 1}}, "Metropolis has no option 'nothing'"),
])  # fmt: skip
def test_options_that_fit_no_variable_are_refused(options, words):
    with pm.Model() as counts:
        pm.Poisson("n", 3.0)
    with pytest.raises(ArgumentError, match=words):
        sample(counts, **options)


def test_options_reach_the_methods_that_are_assigned(model):
    options = {"nuts": {"max_treedepth": 4}, "metropolis": {"scaling": 2.5}, "binary_gibbs_metropolis": {"transit_p": 0.5}}
    settings = {s.kernel.name: s.settings for s in steps_of(model, None, options)}
    assert settings["nuts"].max_treedepth == 4 and settings["integer_metropolis"].scaling == 2.5 and settings["binary_gibbs"].tendency == 0.5


def test_a_finite_variable_is_said_to_be_better_summed_out(model, caplog):
    with caplog.at_level(logging.INFO, logger="workbench"):
        steps_of(model, None, {})
    assert [r.message for r in caplog.records] == [
        "b, c have finitely many states, which are sampled in turn. pm.marginalize(model, ['b', 'c']) sums them out of the model: "
        "the rest is then sampled by its gradient, and pm.recover(idata) draws them for each draw"
    ]
    with pm.Model() as counts:
        pm.Poisson("n", 3.0)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="workbench"):
        steps_of(counts, None, {})
    assert not caplog.records


def test_statistics_are_those_of_pymc():
    """Names, dims and lengths of PyMC 5.28.5 for the same assignment; what several methods have lies along a dim."""
    with pm.Model() as model:
        pm.Normal("x")
        pm.Poisson("n", 3.0)
    of_nuts = {"energy", "index_in_trajectory", "n_steps", "acceptance_rate", "divergences", "energy_error", "step_size", "diverging",
               "reached_max_treedepth", "max_energy_error", "step_size_bar", "tree_depth", "lp", "perf_counter_start", "perf_counter_diff",
               "process_time_diff"}  # fmt: skip
    stats = sample(model).sample_stats
    assert of_nuts | {"accept", "accepted", "scaling"} <= set(stats.data_vars)
    assert all(x.dims == ("chain", "draw") for x in stats.data_vars.values())


def test_statistics_of_several_methods_and_what_a_callback_is_told(small):
    seen = []
    stats = sample(small, callback=lambda run, draw: seen.append(draw)).sample_stats
    for name in ("accept", "accepted", "scaling"):
        assert stats[name].dims == ("chain", "draw", f"{name}_dim_0") and stats[name].shape == (2, 20, 2)
    assert [set(s) for s in seen[0].stats] == [set(), {"accept", "accepted", "scaling"}, {"accept", "accepted", "scaling"}]
    assert set(seen[0].point) == {"b", "n", "g"} and seen[0].point["b"].dtype == np.int64


def test_the_same_seed_gives_the_same_draws_however_they_are_cut(small, monkeypatch):
    from workbench.inference import executors
    from workbench.inference import run as runs

    one = sample(small, chains=2, cores=2).posterior
    monkeypatch.setattr(runs, "FIRST_BUDGET", 7)
    monkeypatch.setattr(executors.Threads, "seconds", 1e-9)
    two = sample(small, chains=2, cores=1).posterior
    assert one.equals(two)


def test_missing_counts_are_sampled():
    """Missing values of known rate: draws are of the prior."""
    with warnings.catch_warnings(), pm.Model() as model:
        warnings.simplefilter("ignore", pm.ImputationWarning)
        pm.Poisson("y", 2.0, observed=[3.0, np.nan, 1.0, np.nan])
        pm.Bernoulli("z", 0.25, observed=np.ma.masked_values([1, -1, 0], -1))
    assert assigned(model) == [("integer_metropolis", ("y_unobserved",)), ("binary_gibbs", ("z_unobserved",))]
    posterior = sample(model, draws=4000, tune=500, chains=4).posterior
    np.testing.assert_allclose(posterior["y_unobserved"].mean(("chain", "draw")), 2.0, atol=0.2)
    np.testing.assert_allclose(posterior["z_unobserved"].mean(), 0.25, atol=0.02)
    assert (posterior["y"][..., [0, 2]] == [3, 1]).all()
    np.testing.assert_array_equal(posterior["y"][..., [1, 3]], posterior["y_unobserved"])


def test_variables_may_be_given_in_any_order(monkeypatch):
    """Alone and beside others; elements of `order` are counted in the order that is given."""
    monkeypatch.delenv("WORKBENCH_CHECK", raising=False)
    with pm.Model() as model:
        pm.Bernoulli("a", [0.9, 0.7], shape=2)
        pm.Bernoulli("b", 0.1)
    with model:
        steps = [pm.BinaryGibbsMetropolis(["b", "a"], order=[0, 2, 1]), pm.BinaryMetropolis(["b", "a"]), pm.CategoricalGibbsMetropolis(["b", "a"])]
    for step in steps:
        posterior = sample(model, step=step, draws=3000).posterior
        np.testing.assert_allclose(posterior["a"].mean(("chain", "draw")), [0.9, 0.7], atol=0.06)
        np.testing.assert_allclose(posterior["b"].mean(), 0.1, atol=0.06)
    with pm.Model() as reals:
        pm.Normal("x", [5.0, 7.0], 1.0, shape=2)
        pm.Normal("y", -5.0, 0.1)
    posterior = sample(reals, step=pm.NUTS(["y", "x"], model=reals), draws=1000, tune=300).posterior
    np.testing.assert_allclose(posterior["x"].mean(("chain", "draw")), [5.0, 7.0], atol=0.25)
    np.testing.assert_allclose(posterior["y"].std(), 0.1, atol=0.02)


def test_lengths_of_data_may_change(monkeypatch):
    monkeypatch.delenv("WORKBENCH_CHECK", raising=False)
    with pm.Model() as model:
        y = pm.Data("y", [0.0, 4.0])
        z = pm.Bernoulli("z", 0.5, shape=y.shape[0])
        pm.Normal("seen", 4.0 * z, 1.0, observed=y)
    np.testing.assert_allclose(sample(model, draws=500).posterior["z"].mean(("chain", "draw")), [0.0, 1.0], atol=0.02)
    with model:
        pm.set_data({"y": [4.0, 0.0, 4.0]})
    np.testing.assert_allclose(sample(model, draws=500).posterior["z"].mean(("chain", "draw")), [1.0, 0.0, 1.0], atol=0.02)


def test_a_step_out_of_the_states_is_not_taken(monkeypatch):
    """A random walk may propose a category that is none, which is an index of something else."""
    monkeypatch.delenv("WORKBENCH_CHECK", raising=False)
    with pm.Model() as model:
        z = pm.Categorical("z", [0.2, 0.3, 0.5])
        n = pm.Poisson("n", 1.0)
        pm.Normal("y", pm.tensor.constant([0.0, 1.0, 2.0])[z], 1.0, observed=1.5)
        pm.Potential("few", pm.math.switch(n < 4, pm.tensor.constant([0.0, 0.5, 1.0, 0.0])[pm.math.minimum(n, 3)], -np.inf))
    draws = sample(model, step=pm.Metropolis(model=model), draws=20_000, tune=500, return_inferencedata=False).draws
    p = np.array([0.2, 0.3, 0.5]) * np.exp(-0.5 * (1.5 - np.arange(3)) ** 2)
    np.testing.assert_allclose([(draws["z"] == k).mean() for k in range(3)], p / p.sum(), atol=0.02)
    p = np.array([1.0, 1.0, 0.5, 1.0 / 6.0]) * np.exp([0.0, 0.5, 1.0, 0.0])
    np.testing.assert_allclose([(draws["n"] == k).mean() for k in range(4)], p / p.sum(), atol=0.02)


def test_assigning_methods_takes_steps_in_proportion_to_the_variables():
    def lines(n):
        with pm.Model() as model:
            for k in range(n):
                pm.Normal(f"x{k}")
        steps_of(model, None, {}, quiet=True)  # What is loaded once is not counted.
        count = 0

        def line(frame, event, argument):
            nonlocal count
            count += 1
            return line

        sys.settrace(line)
        try:
            steps_of(model, None, {}, quiet=True)
        finally:
            sys.settrace(None)
        return count

    assert lines(160) < 10 * lines(20)
