"""Gradients where a probability is 0, or underflows, and is not taken, or counts for nothing.

Each value is a closed form, written beside its case: a derivative by hand of the function as mathematics has it, in terms of
exponentials that double precision holds. ``softmax([0, -800, 0])`` is (1/2, 1e-348, 1/2); in double precision its second is 0.
"""

import numpy as np
import pytest
import scipy.special as sp
import scipy.stats as st

import workbench as pm
import workbench.tensor as pt

BACKENDS = ["c", "numpy"]
FAR = np.array([0.0, -800.0, 0.0])
HALVES = np.array([0.5, 0.0, 0.5])
INF = np.inf


def value_and_gradient(backend, make, at):
    x = pt.tensor("x", shape=np.shape(at))
    cost = make(x)
    value, gradient = pm.function([x], [cost, pm.grad(cost, x)], backend=backend)(at)
    return float(value), np.asarray(gradient)


def user_softmax(z):
    w = pt.exp(z)
    return w / w.sum()


ROWS = np.array([FAR, [1.0, 2.0, -900.0]])
S = sp.softmax(ROWS, axis=-1)
ONE_HOT = np.array([1.0, 0.0, 0.0])
COUNTS = np.array([2.0, 0.0, 1.0])

LOGARITHMS = {
    # The gradient of log softmax(z)_i is e_i - softmax(z).
    "picked": (lambda z: pt.log(pt.softmax(z))[0], FAR, [0.5, 0.0, -0.5]),
    "picked by an array": (lambda z: pt.log(pt.softmax(z))[np.array([0, 0, 2])].sum(), FAR, [0.5, 0.0, -0.5]),
    "picked by a slice": (lambda z: pt.log(pt.softmax(z))[::2].sum(), FAR, [0.0, 0.0, 0.0]),
    "picked by a mask": (lambda z: pt.log(pt.softmax(z))[np.array([True, False, True])].sum(), FAR, [0.0, 0.0, 0.0]),
    "picked before": (lambda z: pt.log(pt.softmax(z)[0]), FAR, [0.5, 0.0, -0.5]),
    "picked, as the user writes it": (lambda z: pt.log(user_softmax(z))[0], FAR, [0.5, 0.0, -0.5]),
    "what underflows itself": (lambda z: pt.log(pt.softmax(z))[1], FAR, [-0.5, 1.0, -0.5]),
    "what underflows, as the user writes it": (lambda z: pt.log(user_softmax(z))[1], FAR, [-0.5, 1.0, -0.5]),
    "summed": (lambda z: pt.log(pt.softmax(z)).sum(), FAR, [-0.5, 1.0, -0.5]),
    "times one-hot": (lambda z: (pt.log(pt.softmax(z)) * ONE_HOT).sum(), FAR, [0.5, 0.0, -0.5]),
    "times counts": (lambda z: pt.dot(pt.log(pt.softmax(z)), COUNTS), FAR, COUNTS - 3.0 * HALVES),
    "to base 10": (lambda z: np.log(10.0) * pt.log10(pt.softmax(z)).sum(), FAR, [-0.5, 1.0, -0.5]),
    "to base 2": (lambda z: np.log(2.0) * pt.log2(pt.softmax(z)[1]), FAR, [-0.5, 1.0, -0.5]),
    "entropy": (lambda z: -pt.sum(pt.softmax(z) * pt.log(pt.softmax(z))), FAR, [0.0, 0.0, 0.0]),
    "in a scan": (
        lambda z: pt.scan(lambda s, i: ([s + pt.log(pt.softmax(z))[i]], []), [pt.constant(0.0)], [np.array([0, 0])])[0][0], FAR, [1.0, 0.0, -1.0]
    ),
    "log_softmax": (lambda z: pt.log_softmax(z)[0], FAR, [0.5, 0.0, -0.5]),
    "of rows": (lambda z: pt.log(pt.softmax(z, axis=-1))[np.arange(2), np.array([0, 1])].sum(), ROWS, np.eye(3)[[0, 1]] - S),
    "of columns": (lambda z: pt.log(pt.softmax(z, axis=0))[0, 0], ROWS.T, np.column_stack([np.eye(3)[0] - S[0], np.zeros(3)])),
    "take_along_axis": (
        lambda z: pt.take_along_axis(pt.log(pt.softmax(z, axis=-1)), np.array([[0], [1]]), axis=-1).sum(), ROWS, np.eye(3)[[0, 1]] - S
    ),
    "transposed": (lambda z: pt.log(pt.softmax(z, axis=-1)).T[np.array([0, 1]), np.arange(2)].sum(), ROWS, np.eye(3)[[0, 1]] - S),
    # exp(0) / (exp(0) + exp(z)) and the like by sigmoid: its logarithm's derivatives are sigmoids.
    "one of two": (lambda z: pt.log(pt.stack([pt.sigmoid(z[1]), 1.0 - pt.sigmoid(z[1])]))[1], FAR, [0.0, 0.0, 0.0]),
    "log of 1 - sigmoid": (lambda z: pt.log(1.0 - pt.sigmoid(-z)).sum(), FAR, [0.5, 1.0, 0.5]),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LOGARITHMS)
def test_logarithms_of_probabilities_that_underflow(name, backend):
    make, at, wanted = LOGARITHMS[name]
    value, gradient = value_and_gradient(backend, make, at)
    assert np.isfinite(value)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12, atol=1e-14)


# Weights that are 0: w_i = 0, and nothing that was observed needs them.
W = np.array([1.0, 0.0, 2.0])
F3 = st.norm([0.0, 1.0, 2.0], 1.0).pdf(0.5)


def mixture_of(weights, means, y):
    return pm.logp(pm.NormalMixture.dist(weights, mu=means, sigma=1.0), y)


WEIGHTS = {
    # d log(w_i / s) / dw_j = [i = j] / w_i - 1 / s.
    "p = w / w.sum(), categorical": (lambda w: pm.logp(pm.Categorical.dist(p=w / w.sum()), [0, 2, 0]).sum(), W, [1.0, -1.0, -0.5]),
    "p = w / w.sum(), multinomial": (lambda w: pm.logp(pm.Multinomial.dist(3, w / w.sum()), [2, 0, 1]), W, [1.0, -1.0, -0.5]),
    "p = w / w.sum(), by hand": (lambda w: pt.log(w / w.sum())[np.array([0, 2, 0])].sum(), W, [1.0, -1.0, -0.5]),
    # d log(sum w f) / dw_j = f_j / sum(w f), for w_j = 0 too.
    "a mixture's": (
        lambda w: mixture_of(w / w.sum(), [0.0, 1.0, 2.0], 0.5), W, F3 / (W @ F3) - 1.0 / 3.0
    ),
    "logsumexp(log(w) + t)": (lambda w: pt.logsumexp(pt.log(w) + np.log(F3)), W, F3 / (W @ F3)),
    "logsumexp over rows": (
        lambda w: pt.logsumexp(pt.log(w) + np.log(np.array([F3, F3[::-1]])), axis=-1).sum(), W, F3 / (W @ F3) + F3[::-1] / (W @ F3[::-1])
    ),
    "logsumexp with the weights inside": (lambda w: pt.log(pt.sum(w * F3)), W, F3 / (W @ F3)),
    "logsumexp of some that are -inf": (lambda w: pt.logsumexp(pt.where(w > 0.0, pt.log(w), -INF)), W, [1 / 3, 0.0, 1 / 3]),
    # A dead component of a mixture has no derivative in its mean.
    "means of a mixture": (lambda m: mixture_of([1.0, 0.0, 0.0], m, 0.5), np.array([0.0, 1.0, 900.0]), [0.5, 0.0, 0.0]),
    "weights by softmax": (
        lambda z: mixture_of(pt.softmax(z), [0.0, 1.0, 2.0], 0.5), FAR,
        [1.0 / (1.0 + np.exp(-1.0)) - 0.5, 0.0, 1.0 / (1.0 + np.exp(1.0)) - 0.5],
    ),
    "weights by softmax, far out": (
        # Only the component of weight 1e-348 comes near y: its term is -800 - log 2, the others' -0.5e6.
        lambda z: mixture_of(pt.softmax(z), [0.0, 1000.0, 0.0], 1000.0), FAR, [-0.5, 1.0, -0.5]
    ),
    "means of vectors": (
        lambda w: pm.logp(pm.Mixture.dist(w, [pm.MvNormal.dist(np.zeros(2), np.eye(2)), pm.MvNormal.dist(np.ones(2), np.eye(2))]), [0.0, 0.0]),
        np.array([1.0, 0.0]), [1.0, np.exp(-1.0)],
    ),
    # Root of 0 that is weighed with 0, and not picked.
    "root, weighed with 0": (lambda w: pt.sum(pt.sqrt(w) * np.array([1.0, 0.0, 1.0])), W, [0.5, 0.0, 0.5 / np.sqrt(2.0)]),
    "root, not picked": (lambda w: pt.sqrt(w)[0], W, [0.5, 0.0, 0.0]),
    "reciprocal, not picked": (lambda w: (1.0 / w)[2], W, [0.0, 0.0, -0.25]),
    "power, not picked": (lambda w: (w**0.5)[0], W, [0.5, 0.0, 0.0]),
    "entropy's terms, not picked": (lambda w: (w * pt.log(w))[2], W, [0.0, 0.0, np.log(2.0) + 1.0]),
    "gammaln, not picked": (lambda w: pt.gammaln(w)[2], W, [0.0, 0.0, sp.digamma(2.0)]),
    "arcsin, weighed with 0": (lambda w: pt.sum(pt.arcsin(w) * np.array([1.0, 0.0])), np.array([0.5, 1.0]), [1.0 / np.sqrt(0.75), 0.0]),
    "exp that overflows, not picked": (lambda w: pt.exp(w)[0], np.array([0.0, 800.0]), [1.0, 0.0]),
    "where, as users write it": (lambda w: pt.sum(pt.where(w > 0.0, pt.log(w), 0.0)), W, [1.0, 0.0, 0.5]),
    "where, then a slice": (lambda w: pt.where(w > 0.0, pt.log(w), 0.0)[1:].sum(), W, [0.0, 0.0, 0.5]),
    "switch between vectors by a scalar": (lambda w: pt.sum(pt.where(w[0] > 0.0, w, pt.log(w))), W, [1.0, 1.0, 1.0]),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_zero(name, backend):
    make, at, wanted = WEIGHTS[name]
    value, gradient = value_and_gradient(backend, make, at)
    assert np.isfinite(value)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12, atol=1e-14)


E2 = np.exp(-2.0)
PAIR = np.array([st.norm(0.0, 1.0).pdf(0.5), st.norm(3.0, 1.0).pdf(0.5)])


def pair(q):
    return pt.stack([1.0 - q, q])


def between(x):
    """Three probabilities that sum to 1."""
    return pt.stack([1.0 - x, x / 2.0, x / 2.0])


# A probability at its edge; the derivative of the log-density there.
EDGES = {
    "Categorical at 0": (lambda q: pm.logp(pm.Categorical.dist(p=pair(q)), 0), 0.0, -1.0),
    "Categorical at 1": (lambda q: pm.logp(pm.Categorical.dist(p=pair(q)), 1), 1.0, 1.0),
    "Categorical, several": (lambda q: pm.logp(pm.Categorical.dist(p=pair(q)), [0, 0, 0]).sum(), 0.0, -3.0),
    "Categorical, rows": (lambda q: pm.logp(pm.Categorical.dist(p=pt.stack([pair(q), pair(1.0 - q)])), [0, 1]).sum(), 0.0, -2.0),
    "Multinomial": (lambda q: pm.logp(pm.Multinomial.dist(3, between(q)), [3, 0, 0]), 0.0, -3.0),
    "Bernoulli, 0 at 0": (lambda q: pm.logp(pm.Bernoulli.dist(q), 0), 0.0, -1.0),
    "Bernoulli, 1 at 1": (lambda q: pm.logp(pm.Bernoulli.dist(q), 1), 1.0, 1.0),
    "Bernoulli, both": (lambda q: pm.logp(pm.Bernoulli.dist(pt.stack([q, 1.0 - q])), [1, 0]).sum(), 1.0, 2.0),
    "Binomial, none at 0": (lambda q: pm.logp(pm.Binomial.dist(5, q), 0), 0.0, -5.0),
    "Binomial, all at 1": (lambda q: pm.logp(pm.Binomial.dist(5, q), 5), 1.0, 5.0),
    "Binomial, of nothing": (lambda q: pm.logp(pm.Binomial.dist(0, q), 0), 0.0, 0.0),
    "Geometric, 1 at 1": (lambda q: pm.logp(pm.Geometric.dist(q), 1), 1.0, 1.0),
    "Poisson, 0 at 0": (lambda q: pm.logp(pm.Poisson.dist(q), 0), 0.0, -1.0),
    "Poisson, counts from rates": (lambda q: pm.logp(pm.Poisson.dist(pt.stack([q, 2.0 + q])), [0, 3]).sum(), 0.0, -1.0 + 0.5),
    # log(1 - psi + psi f(0)), f(0) = exp(-2).
    "ZeroInflatedPoisson, 0 at 0": (lambda q: pm.logp(pm.ZeroInflatedPoisson.dist(q, 2.0), 0), 0.0, E2 - 1.0),
    "ZeroInflatedPoisson, 0 at 1": (lambda q: pm.logp(pm.ZeroInflatedPoisson.dist(q, 2.0), 0), 1.0, (E2 - 1.0) / E2),
    "ZeroInflatedPoisson, 3 at 1": (lambda q: pm.logp(pm.ZeroInflatedPoisson.dist(q, 2.0), 3), 1.0, 1.0),
    "ZeroInflatedPoisson, data": (lambda q: pm.logp(pm.ZeroInflatedPoisson.dist(q, 2.0), [0, 3, 0]).sum(), 1.0, 2 * (E2 - 1.0) / E2 + 1.0),
    "ZeroInflatedPoisson, rates": (lambda q: pm.logp(pm.ZeroInflatedPoisson.dist(1.0, pt.stack([q, 2.0])), [0, 0]).sum(), 0.0, -1.0),
    "ZeroInflatedBinomial, 0 at 0": (lambda q: pm.logp(pm.ZeroInflatedBinomial.dist(q, 2, 0.5), 0), 0.0, 0.25 - 1.0),
    "ZeroInflatedBinomial, 0 at 1": (lambda q: pm.logp(pm.ZeroInflatedBinomial.dist(q, 2, 0.5), 0), 1.0, -3.0),
    "ZeroInflatedNegativeBinomial, 0 at 0": (lambda q: pm.logp(pm.ZeroInflatedNegativeBinomial.dist(q, 2.0, 2.0), 0), 0.0, 0.25 - 1.0),
    "ZeroInflatedNegativeBinomial, 0 at 1": (lambda q: pm.logp(pm.ZeroInflatedNegativeBinomial.dist(q, 2.0, 2.0), 0), 1.0, -3.0),
    "HurdlePoisson, 0 at 0": (lambda q: pm.logp(pm.HurdlePoisson.dist(q, 2.0), [0, 0]).sum(), 0.0, -2.0),
    "HurdlePoisson, 3 at 1": (lambda q: pm.logp(pm.HurdlePoisson.dist(q, 2.0), 3), 1.0, 1.0),
    "HurdleNegativeBinomial, 3 at 1": (lambda q: pm.logp(pm.HurdleNegativeBinomial.dist(q, 2.0, 2.0), 3), 1.0, 1.0),
    "HurdleGamma, 0 at 0": (lambda q: pm.logp(pm.HurdleGamma.dist(q, 2.0, 1.0), 0.0), 0.0, -1.0),
    "HurdleLogNormal, 1.5 at 1": (lambda q: pm.logp(pm.HurdleLogNormal.dist(q, 0.0, 1.0), [1.5, 0.2]).sum(), 1.0, 2.0),
    "Mixture at 0": (lambda q: mixture_of(pair(q), [0.0, 3.0], 0.5), 0.0, PAIR[1] / PAIR[0] - 1.0),
    "Mixture at 1": (lambda q: mixture_of(pair(q), [0.0, 3.0], 0.5), 1.0, 1.0 - PAIR[0] / PAIR[1]),
    "Mixture of a list": (
        lambda q: pm.logp(pm.Mixture.dist(pair(q), [pm.Normal.dist(0.0, 1.0), pm.Normal.dist(3.0, 1.0)]), [0.5, 0.5]).sum(), 0.0,
        2.0 * (PAIR[1] / PAIR[0] - 1.0),
    ),
    "Mixture that a value cannot come from": (
        lambda q: pm.logp(pm.Mixture.dist(pair(q), [pm.Normal.dist(0.0, 1.0), pm.Exponential.dist(1.0)]), -0.5), 0.0, -1.0
    ),
    "Mixture of counts": (
        lambda q: pm.logp(pm.Mixture.dist(pair(q), [pm.Poisson.dist(2.0), pm.Poisson.dist(1.0)]), 0), 0.0, np.exp(1.0) - 1.0
    ),
    "OrderedLogistic": (
        # Of -800 below both cutpoints: log(sigmoid(c - eta)) has the derivative -sigmoid(eta - c) = 0.
        lambda q: pm.logp(pm.OrderedLogistic.dist(q, [-1.0, 1.0]), 0), -800.0, 0.0
    ),
    "OrderedLogistic, far": (lambda q: pm.logp(pm.OrderedLogistic.dist(q, [-1.0, 1.0]), 2), -800.0, 1.0),
    "OrderedProbit": (lambda q: pm.logp(pm.OrderedProbit.dist(q, [-1.0, 1.0]), [0, 0]).sum(), -60.0, 0.0),
    "OrderedMultinomial": (lambda q: pm.logp(pm.OrderedMultinomial.dist(q, [-1.0, 1.0], 3), [3, 0, 0]), -800.0, 0.0),
    "Truncated": (lambda q: pm.logp(pm.Truncated.dist(pm.Poisson.dist(q), upper=0), 0), 0.0, 0.0),
    "Censored": (lambda q: pm.logp(pm.Censored.dist(pm.Poisson.dist(q), lower=0, upper=2), [0, 0]).sum(), 0.0, -2.0),
    "NegativeBinomial": (lambda q: pm.logp(pm.NegativeBinomial.dist(p=q, n=2.0), 0), 0.5, 4.0),
    "logaddexp of logarithms": (lambda q: pt.logaddexp(pt.log1p(-q) + 1.0, pt.log(q)), 0.0, (1.0 - np.e) / np.e),
    "log of a sum of both": (lambda q: pt.log((1.0 - q) * np.e + q), 0.0, (1.0 - np.e) / np.e),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", EDGES)
def test_densities_at_the_edge_of_a_probability(name, backend):
    make, at, wanted = EDGES[name]
    value, gradient = value_and_gradient(backend, make, np.float64(at))
    assert np.isfinite(value)
    assert float(gradient) == pytest.approx(wanted, rel=1e-11, abs=1e-13)


SAMPLE = [(LOGARITHMS, "summed"), (LOGARITHMS, "of rows"), (WEIGHTS, "p = w / w.sum(), categorical"), (WEIGHTS, "a mixture's"), (WEIGHTS, "root, weighed with 0"),
          (EDGES, "Mixture at 0"), (EDGES, "ZeroInflatedPoisson, data"), (EDGES, "Categorical, several")]  # fmt: skip


@pytest.mark.parametrize("backend", ["jax", "numba"])
def test_other_backends_agree(backend):
    pytest.importorskip(backend)
    inputs, outputs, wanted, given = [], [], [], []
    for table, name in SAMPLE:
        make, at, gradient = table[name]
        x = pt.tensor("x", shape=np.shape(at))
        inputs.append(x)
        outputs.append(pm.grad(make(x), x))
        given.append(np.asarray(at, float))
        wanted.append(gradient)
    for found, right, (_, name) in zip(pm.function(inputs, outputs, backend=backend)(*given), wanted, SAMPLE):
        np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-13, err_msg=name)


def test_a_model_steps_where_the_weights_of_a_component_vanish():
    with pm.Model() as model:
        z = pm.Normal("z", 0.0, 1000.0, shape=3)
        pm.NormalMixture("y", w=pm.math.softmax(z), mu=[0.0, 1.0, 2.0], sigma=1.0, observed=0.5)
    # The prior's part is -z / 1e6.
    np.testing.assert_allclose(model.compile_dlogp()({"z": FAR}), np.array([1.0 / (1.0 + np.exp(-1.0)) - 0.5, 0.0, 1.0 / (1.0 + np.exp(1.0)) - 0.5]) - FAR / 1e6, rtol=1e-12)


def test_second_derivatives_of_what_is_not_taken_are_zero_too():
    z = pt.vector("z", 3)
    h = pm.hessian(pt.log(pt.softmax(z))[0], z)
    p = HALVES
    np.testing.assert_allclose(pm.function([z], h, backend="numpy")(FAR), -(np.diag(p) - np.outer(p, p)), atol=1e-15)


def test_a_gradient_by_what_a_rule_would_look_through_is_that_of_the_expression_as_written():
    z = pt.vector("z", 3)
    p = pt.softmax(z)
    cost = pt.log(p)[0] + p.sum()
    gp, gz = pm.grad(cost, [p, z])
    found = pm.function([z], [gp, gz], backend="numpy")(np.array([0.0, 1.0, 2.0]))
    s = sp.softmax([0.0, 1.0, 2.0])
    np.testing.assert_allclose(found[0], [1.0 / s[0] + 1.0, 1.0, 1.0], rtol=1e-13)
    np.testing.assert_allclose(found[1], np.eye(3)[0] - s, rtol=1e-12, atol=1e-15)


def test_what_is_held_constant_stays_so():
    z = pt.vector("z", 3)
    p = pt.softmax(z)
    found = pm.grad(pt.log(p)[0] + z[0], z, consider_constant=[p]).eval({z: np.zeros(3)})
    np.testing.assert_allclose(found, [1.0, 0.0, 0.0])
