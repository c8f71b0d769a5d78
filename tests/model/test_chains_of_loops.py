"""Loops that carry a discrete draw are Markov chains: summed out, against sums over all paths written here."""

import itertools

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.tensor.control.recurrence import scan

T = 5
P = np.array([[0.7, 0.2, 0.1], [0.0, 0.6, 0.4], [0.3, 0.3, 0.4]])
Y = np.array([0.2, 1.1, 1.8, 1.2, 0.1])
X = np.array([0.3, -1.0, 0.5, 2.0, -0.4])
MEANS = np.array([0.0, 1.0, 2.0])


def loop(step, before, sequences=(), others=()):
    return scan(step, sequences=list(sequences), outputs_info=[before], non_sequences=list(others), n_steps=T)[0]


def categorical(P):
    return loop(lambda z, P: pm.Categorical.dist(P[z]), pt.constant(1), others=[P])


def binary_with_a_covariate(b):
    """The probability of the other state depends on what is known of the time."""
    return loop(lambda x, z, b: pm.Bernoulli.dist(logit_p=b * x + 2.0 * z - 1.0), pt.constant(0), [pt.constant(X)], [b])


def logit_rows(b, T):
    p = special.expit(b * X[:T, None] + 2.0 * np.arange(2) - 1.0)
    return np.stack([1.0 - p, p], -1)


# How each is written, by what; the value of that; the start's probabilities and each step's table, given it.
CASES = {
    "categorical": (categorical, lambda: pm.Deterministic("table", pt.softmax(pm.Normal("q", np.zeros((3, 3))), axis=-1)), lambda q: (special.softmax(q, -1)[1], [special.softmax(q, -1)] * (T - 1))),
    "covariate": (binary_with_a_covariate, lambda: pm.Normal("q"), lambda q: (logit_rows(q, T)[0, 0], logit_rows(q, T)[1:])),
}  # fmt: skip
POINTS = {"categorical": np.log(P + 0.05), "covariate": np.array(0.8)}


def model_of(name):
    write, parameter, _ = CASES[name]
    with pm.Model() as model:
        q = parameter()
        z = pm.CustomDist("z", q, dist=lambda q, size: write(q), dtype="int64", shape=(T,))
        pm.Normal("y", pt.constant(MEANS)[z], 0.5, observed=Y)
    return model


def paths_of(name, q):
    """Every path, and the logarithm of its probability together with the data and the parameter."""
    start, tables = CASES[name][2](q)
    paths = np.array(list(itertools.product(range(len(start)), repeat=T)))
    with np.errstate(divide="ignore"):
        total = np.log(np.asarray(start))[paths[:, 0]] + sum(np.log(table)[paths[:, t], paths[:, t + 1]] for t, table in enumerate(tables))
    return paths, total + stats.norm.logpdf(Y, MEANS[paths], 0.5).sum(1) + stats.norm.logpdf(q).sum()


@pytest.mark.parametrize("name", CASES)
def test_the_density_and_its_slope_are_those_of_the_sum_over_paths(name):
    made, q = pm.marginalize(model_of(name), "z"), POINTS[name]
    assert [x.name for x in made.free_RVs] == ["q"]
    value, slope = made.logp_dlogp_function("c")(q.ravel())
    assert value == pytest.approx(special.logsumexp(paths_of(name, q)[1]), rel=1e-12)
    h = 1e-3
    for i, e in enumerate(np.eye(q.size) * h):
        ends = [special.logsumexp(paths_of(name, q + k * e.reshape(q.shape))[1]) for k in (-2, -1, 1, 2)]
        assert slope[i] == pytest.approx((ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_recovered_paths_have_their_probabilities(name):
    made, q, n = pm.marginalize(model_of(name), "z"), POINTS[name], 20_000
    drawn = pm.recover({"q": np.broadcast_to(q, (1, n, *q.shape))}, made, random_seed=1, extend_inferencedata=False).z.to_numpy()[0]
    paths, total = paths_of(name, q)
    weight = special.softmax(total)
    for t in range(T):
        wanted = weight @ MEANS[paths[:, t]]
        spread = np.sqrt(weight @ (MEANS[paths[:, t]] - wanted) ** 2 / n)
        assert abs(MEANS[drawn[:, t]].mean() - wanted) < 4.5 * spread
    both = weight @ (paths[:, 1] * paths[:, 3])
    assert abs((drawn[:, 1] * drawn[:, 3]).mean() - both) < 4.5 * np.sqrt(weight @ (paths[:, 1] * paths[:, 3] - both) ** 2 / n)


def test_a_start_that_is_a_variable_is_summed_out_after_the_loop():
    with pm.Model() as model:
        first = pm.Categorical("first", [0.5, 0.2, 0.3])
        z = pm.CustomDist("z", first, dist=lambda first, size: loop(lambda z: pm.Categorical.dist(pt.constant(P)[z]), first), dtype="int64", shape=(T,))
        pm.Normal("y", pt.constant(MEANS)[z], 0.5, observed=Y)
    made = pm.marginalize(pm.marginalize(model, "z"), "first")
    paths = np.array(list(itertools.product(range(3), repeat=T + 1)))
    with np.errstate(divide="ignore"):
        total = np.log([0.5, 0.2, 0.3])[paths[:, 0]] + np.log(P)[paths[:, :-1], paths[:, 1:]].sum(1) + stats.norm.logpdf(Y, MEANS[paths[:, 1:]], 0.5).sum(1)
    assert float(made.compile_logp(backend="numpy")({})) == pytest.approx(special.logsumexp(total), rel=1e-12)
    drawn = pm.recover({"nothing": np.zeros((1, 20_000))}, made, random_seed=1, extend_inferencedata=False).first.to_numpy()[0]
    weight = special.softmax(total)
    for k in range(3):
        p = weight[paths[:, 0] == k].sum()
        assert abs((drawn == k).mean() - p) < 4.5 * np.sqrt(p * (1.0 - p) / 20_000)


def test_the_step_is_shown():
    made = pm.marginalize(model_of("covariate"), "z")
    (record,) = [p for p in made.density().trace.passes if p.name == "forward algorithm"]
    assert record.firings[-1].rule.name == "forward_algorithm" and "z is a Markov chain of 5 states out of 2" in record.doc


def two_lags(P):
    _, z = scan(lambda a, b, P: [b, pm.Categorical.dist(P[(a + b) % 3])], outputs_info=[pt.constant(0), pt.constant(1)], non_sequences=[P], n_steps=T)[0]
    return z


def drawn_start(P):
    return loop(lambda z, P: pm.Categorical.dist(P[z]), pm.Categorical.dist([0.2, 0.3, 0.5]), others=[P])


BAD = [
    (drawn_start, "the value that the loop starts from is drawn, and is no variable of the model"),
    (two_lags, "the loop carries 2 values from step to step, and not one"),
    (lambda P: loop(lambda z, P: pm.Poisson.dist(1.0 + P[0, 0] * z), pt.constant(1), others=[P]), "the states of its Poisson are not 0, 1, ... up to"),
    (lambda P: loop(lambda z, P: pm.DiscreteUniform.dist(0, z + 1), pt.constant(1), others=[P]), "how many states a DiscreteUniform has is not known, or not the same in each step"),
]


@pytest.mark.parametrize("write, says", BAD)
def test_loops_that_are_no_chain_say_why(write, says):
    with pm.Model() as model:
        q = pm.Dirichlet("q", np.ones((3, 3)))
        z = pm.CustomDist("z", q, dist=lambda q, size: write(q), dtype="int64", shape=(T,))
        pm.Normal("y", z, 0.5, observed=Y)
    with pytest.raises(ModelError, match="z cannot be summed or integrated out") as failed:
        pm.marginalize(model, "z")
    assert says in str(failed.value) and "test_chains_of_loops.py" in str(failed.value)
