"""Conjugate pairs: posteriors and evidences are those that quadrature finds with SciPy's densities."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy import integrate, stats

import workbench as pm
import workbench.tensor as pt
from workbench.transforms.conjugacy import added_by, family_of, log_evidence, posterior, selected
from workbench.transforms.logprob import logp

Y = np.array([0.7, 2.1, 1.3])
COUNTS = np.array([3, 0, 5])
UNIT, POSITIVE = (0.0, 1.0), (0.0, np.inf)


# Prior, its SciPy density; observations given t, their SciPy density, values; where t lies.
CASES = {
    "beta, bernoulli": (pm.Beta.dist(2.5, 1.5), stats.beta(2.5, 1.5), lambda t: pm.Bernoulli.dist(t, shape=3), lambda t: stats.bernoulli(t).logpmf, np.array([1, 0, 1]), UNIT),
    "beta, failure": (pm.Beta.dist(2.5, 1.5), stats.beta(2.5, 1.5), lambda t: pm.Bernoulli.dist(1.0 - t, shape=3), lambda t: stats.bernoulli(1 - t).logpmf, np.array([1, 0, 1]), UNIT),
    "uniform, binomial": (pm.Uniform.dist(0.0, 1.0), stats.uniform(), lambda t: pm.Binomial.dist([7, 1, 5], t), lambda t: stats.binom([7, 1, 5], t).logpmf, COUNTS, UNIT),
    "beta, geometric": (pm.Beta.dist(2.5, 1.5), stats.beta(2.5, 1.5), lambda t: pm.Geometric.dist(t, shape=3), lambda t: stats.geom(t).logpmf, COUNTS + 1, UNIT),
    "beta, negative binomial": (pm.Beta.dist(2.5, 3.5), stats.beta(2.5, 3.5), lambda t: pm.NegativeBinomial.dist(p=t, n=[2.0, 3.5, 1.0]), lambda t: stats.nbinom([2.0, 3.5, 1.0], t).logpmf, COUNTS, UNIT),
    "gamma, poisson": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.Poisson.dist(t * np.array([1.0, 0.5, 2.0])), lambda t: stats.poisson(t * np.array([1.0, 0.5, 2.0])).logpmf, COUNTS, POSITIVE),
    "exponential, poisson": (pm.Exponential.dist(0.4), stats.expon(scale=2.5), lambda t: pm.Poisson.dist(t, shape=3), lambda t: stats.poisson(t).logpmf, COUNTS, POSITIVE),
    "gamma, exponential": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.Exponential.dist(2.0 * t, shape=3), lambda t: stats.expon(scale=0.5 / t).logpdf, Y, POSITIVE),
    "gamma, gamma": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.Gamma.dist(3.5, t / 2.0, shape=3), lambda t: stats.gamma(3.5, scale=2 / t).logpdf, Y, POSITIVE),
    "gamma, inverse gamma": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.InverseGamma.dist(3.5, t, shape=3), lambda t: stats.invgamma(3.5, scale=t).logpdf, Y, POSITIVE),
    "gamma, pareto": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.Pareto.dist(t, 0.5, shape=3), lambda t: stats.pareto(t, scale=0.5).logpdf, Y, POSITIVE),
    "gamma, normal precision": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.Normal.dist(0.5, tau=t, shape=3), lambda t: stats.norm(0.5, t**-0.5).logpdf, Y, POSITIVE),
    "chi-squared, normal precision": (pm.ChiSquared.dist(5.0), stats.chi2(5.0), lambda t: pm.Normal.dist(0.5, sigma=3.0 * t**-0.5, shape=3), lambda t: stats.norm(0.5, 3 * t**-0.5).logpdf, Y, POSITIVE),
    "gamma, half-normal precision": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.HalfNormal.dist(tau=t, shape=3), lambda t: stats.halfnorm(scale=t**-0.5).logpdf, Y, POSITIVE),
    "gamma, log-normal precision": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.LogNormal.dist(0.5, tau=t, shape=3), lambda t: stats.lognorm(t**-0.5, scale=np.exp(0.5)).logpdf, Y, POSITIVE),
    "gamma, laplace": (pm.Gamma.dist(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda t: pm.Laplace.dist(0.5, 1.0 / t, shape=3), lambda t: stats.laplace(0.5, 1 / t).logpdf, Y, POSITIVE),
    "inverse gamma, normal variance": (pm.InverseGamma.dist(2.5, 1.5), stats.invgamma(2.5, scale=1.5), lambda t: pm.Normal.dist(0.5, pt.sqrt(t), shape=3), lambda t: stats.norm(0.5, t**0.5).logpdf, Y, POSITIVE),
    "inverse gamma, exponential scale": (pm.InverseGamma.dist(2.5, 1.5), stats.invgamma(2.5, scale=1.5), lambda t: pm.Exponential.dist(scale=2.0 * t, shape=3), lambda t: stats.expon(scale=2 * t).logpdf, Y, POSITIVE),
    "inverse gamma, laplace": (pm.InverseGamma.dist(2.5, 1.5), stats.invgamma(2.5, scale=1.5), lambda t: pm.Laplace.dist(0.5, t, shape=3), lambda t: stats.laplace(0.5, t).logpdf, Y, POSITIVE),
}  # fmt: skip


def updated(prior, observations, values):
    """The posterior of a scalar, and the log-density of the observations."""
    t = pt.scalar("t")
    family, parameters = family_of(prior)
    y = observations(t)
    added = added_by(family, t, y.op.distribution, y.inputs[1:], pt.constant(values))
    assert not isinstance(added, str), added
    after = posterior(family, parameters, [added], t)
    density = pt.sum(logp(y, values))
    at = pm.function([t], density, backend="numpy")(family.reference(t))
    evidence = at + float(pt.sum(added.to_density).eval()) + float(log_evidence(family, parameters, after).eval())
    return family.distribution.dist(*after), evidence


@pytest.mark.parametrize("case", CASES)
def test_evidence_and_posterior_are_those_of_quadrature(case):
    prior, prior_density, observations, density, values, (low, high) = CASES[case]
    made, evidence = updated(prior, observations, values)

    def joint(t):
        return np.exp(prior_density.logpdf(t) + np.sum(density(t)(values)))

    total, _ = integrate.quad(joint, low, high, epsabs=0, epsrel=1e-11, limit=500)
    assert evidence == pytest.approx(np.log(total), rel=1e-9)
    at = np.array([0.2, 0.6, 0.9])
    known = [prior_density.logpdf(t) + np.sum(density(t)(values)) - np.log(total) for t in at]
    assert logp(made, at).eval() == pytest.approx(known, rel=1e-8)


def test_categories_are_counted():
    """The evidence is that of Polya's urn, in whole numbers: a product of shares."""
    a, seen = [2, 1, 3], [2, 0, 2, 2, 1]
    t = pt.vector("t", 3)
    family, parameters = family_of(pm.Dirichlet.dist(np.array(a, float)))
    y = pm.Categorical.dist(t, shape=5)
    added = added_by(family, t, y.op.distribution, y.inputs[1:], pt.constant(seen))
    after = posterior(family, parameters, [added], t)
    counts, exact = list(a), Fraction(1)
    for k in seen:
        exact *= Fraction(counts[k], sum(counts))
        counts[k] += 1
    assert after[0].eval().tolist() == counts
    at = pm.function([t], pt.sum(logp(y, seen)), backend="numpy")(np.ones(3) / 3)
    evidence = at + pt.sum(added.to_density).eval() + log_evidence(family, parameters, after).eval()
    assert evidence == pytest.approx(np.log(float(exact)), rel=1e-12)


def test_rows_of_counts_go_to_their_rows():
    t = pt.matrix("t", 2, 3)
    family, parameters = family_of(pm.Dirichlet.dist(np.ones((2, 3))))
    y = pm.Multinomial.dist([4, 2, 3], t[np.array([1, 0, 1])])
    added = added_by(family, t, y.op.distribution, y.inputs[1:], pt.constant([[1, 0, 3], [2, 0, 0], [0, 3, 0]]))
    assert added.to_prior[0].eval().tolist() == [[2, 0, 0], [1, 3, 3]]
    after = posterior(family, parameters, [added], t)
    # Multinomial coefficients are of the observations: 4, 1, 1; rows have Polya's probabilities by comb.
    at = pm.function([t], pt.sum(logp(y, [[1, 0, 3], [2, 0, 0], [0, 3, 0]])), backend="numpy")(np.ones((2, 3)) / 3)
    evidence = at + pt.sum(added.to_density).eval() + pt.sum(log_evidence(family, parameters, after)).eval()
    rows = [Fraction(2 * 1, 3 * 4), Fraction(6 * 6, 3 * 4 * 5 * 6 * 7 * 8 * 9) * comb(4, 1)]
    assert evidence == pytest.approx(np.log(float(rows[0] * rows[1])), rel=1e-12)


def test_elements_that_are_chosen_get_what_is_theirs():
    t = pt.vector("t", 3)
    family, _ = family_of(pm.Beta.dist(np.array([1.0, 2.0, 3.0]), 1.0))
    y = pm.Binomial.dist(10, t[np.array([2, 0, 2, 2])])
    added = added_by(family, t, y.op.distribution, y.inputs[1:], pt.constant([1, 2, 3, 4]))
    assert [u.eval().tolist() for u in added.to_prior] == [[2, 0, 8], [8, 0, 22]]


@pytest.mark.parametrize(
    "parameter, found",
    [
        (lambda t: t, (1, False)),
        (lambda t: 2.0 * t, (1, True)),
        (lambda t: t**-0.5, (Fraction(-1, 2), False)),
        (lambda t: 3.0 / pt.sqrt(t), (Fraction(-1, 2), True)),
        (lambda t: pt.sqrt(1.0 / t), (Fraction(-1, 2), False)),
        (lambda t: 1.0 / t**2, (-2, False)),
    ],
)
def test_powers_of_a_variable_are_found(parameter, found):
    t = pt.vector("t", 3)
    made = selected(parameter(t)[np.array([0, 2, 2, 1])], t)
    assert (made.power, made.scaled) == found
    values = np.array([0.5, 2.0, 3.0])
    np.testing.assert_array_equal(made.elements.eval({t: values}), values[[0, 2, 2, 1]])


@pytest.mark.parametrize("parameter", [lambda t: pt.exp(t), lambda t: t + 1.0, lambda t: pt.sum(t), lambda t: t[0] * t[1], lambda t: pt.cumsum(t)])
def test_other_functions_are_none(parameter):
    t = pt.vector("t", 3)
    assert selected(parameter(t), t) is None


def test_what_is_not_conjugate_is_said():
    t = pt.scalar("t")
    family, _ = family_of(pm.Beta.dist(1.0, 1.0))
    y = pm.Binomial.dist(10, pm.math.sigmoid(t))
    assert "p of Binomial is computed from it" in added_by(family, t, y.op.distribution, y.inputs[1:], pt.constant(3))
    y = pm.Normal.dist(t, 1.0)
    assert "Normal is none of the distributions that Beta is conjugate to: Bernoulli" in added_by(family, t, y.op.distribution, y.inputs[1:], pt.constant(3.0))
    family, _ = family_of(pm.Gamma.dist(1.0, 1.0))
    y = pm.Normal.dist(t, t)
    assert "it is in the parameter mu and sigma of Normal" in added_by(family, t, y.op.distribution, y.inputs[1:], pt.constant(3.0))
    y = pm.Normal.dist(0.0, pt.sqrt(t))
    assert "sigma of Normal is no multiple of 1 / its square root" in added_by(family, t, y.op.distribution, y.inputs[1:], pt.constant(3.0))
    assert family_of(pm.Uniform.dist(0.0, 2.0)) is None
