"""The log-density as a function of one element: its differences are those of the whole log-density, at a cost that is not the whole's."""

import numpy as np
import pytest

import workbench as pm
from workbench.compile import function
from workbench.graph.traverse import topological
from workbench.model.conditional import conditional_density
from workbench.model.position import Places, block_density

N = 5


def mixture(n=N):
    z = pm.Categorical("z", pm.Dirichlet("w", np.ones(3)), shape=n)
    mu = pm.Normal("mu", 0.0, 3.0, shape=3)
    pm.Normal("y", mu[z], pm.HalfNormal("s", 1.0), observed=np.linspace(-1.0, 1.0, n))


def regression(n=N):
    beta = pm.Normal("beta", shape=2)
    z = pm.Bernoulli("z", 0.3, shape=n)
    pm.Poisson("y", pm.math.exp(np.linspace(-1.0, 1.0, 2 * n).reshape(n, 2) @ beta * z), observed=np.arange(n))


def lattice(n=3):
    z = pm.Bernoulli("z", 0.5, shape=(n, n + 1))
    s = 2 * z - 1
    pm.Potential("energy", 0.4 * ((s[1:] * s[:-1]).sum() + (s[:, 1:] * s[:, :-1]).sum()))


def chain(n=N):
    table = pm.math.log(np.array([[0.9, 0.1], [0.2, 0.8]]))
    z = pm.Bernoulli("z", 0.5, shape=n)
    pm.Potential("steps", table[z[:-1], z[1:]].sum())
    pm.Normal("y", pm.Normal("level", shape=2)[z], 1.0, observed=np.zeros(n))


def second_order(n=N):
    z = pm.Bernoulli("z", 0.5, shape=n)
    pm.Potential("bend", -0.3 * ((z[2:] - 2 * z[1:-1] + z[:-2]) ** 2).sum())


def rows(n=N):
    z = pm.Categorical("z", np.random.default_rng(0).dirichlet(np.ones(3), (n, 2)))
    scale = pm.Normal("scale", shape=(n, 1))
    pm.Normal("y", pm.Normal("mu", shape=3)[z].T * scale.T, 1.0, observed=np.ones((2, n)))


def summed_axis(n=N):
    z = pm.Bernoulli("z", 0.5, shape=n)
    pm.Normal("y", (z[:, None] * pm.Normal("mu", shape=(n, 4))).sum(axis=1), 1.0, observed=np.ones(n))


LOCAL = [mixture, regression, lattice, chain, second_order, rows, summed_axis]


def total(n=N):
    z = pm.Bernoulli("z", 0.5, shape=n)
    pm.Normal("y", z.sum() * pm.Normal("mu"), 1.0, observed=2.0)


def through_indices(n=N):
    z = pm.Bernoulli("z", 0.5, shape=n)
    pm.Normal("y", z[np.arange(2 * n) % n] * pm.Normal("mu"), 1.0, observed=np.ones(2 * n))


def selected(n=N):
    z = pm.Bernoulli("z", 0.5, shape=n)
    pm.Normal("y", np.linspace(-1.0, 1.0, 3 * n).reshape(3, n) @ (z * pm.Normal("beta", shape=n)), 1.0, observed=np.ones(3))


def one_number(n=N):
    z = pm.DiscreteUniform("z", 0, n)
    pm.Poisson("y", pm.math.switch(z >= np.arange(n), 1.0, pm.Exponential("rate", 1.0)), observed=np.arange(n))


def several(n=N):
    z = pm.Bernoulli("z", 0.5, shape=n)
    k = pm.Categorical("k", [0.2, 0.3, 0.5], shape=2)
    c = pm.Bernoulli("c", 0.4)
    pm.Normal("y", z * pm.Normal("mu", shape=3)[k[0]] + c * k[1], 1.0, observed=np.ones(n))


def in_terms_of_each_other(n=N):
    a = pm.Bernoulli("a", 0.5, shape=n)
    b = pm.Bernoulli("b", 0.2 + 0.6 * a)
    pm.Normal("y", a + 2.0 * b, 1.0, observed=np.ones(n))


def made(body, *arguments):
    with pm.Model() as model:
        body(*arguments)
    return model


def differences(model, backend):
    """Log-densities of two candidates for each element, and those of the whole model, apart."""
    names = [str(v.name) for v in model.discrete_value_vars]
    places = Places.of(model)
    d, k = places.sizes
    rng = np.random.default_rng(1)
    q, z = 0.5 * rng.normal(size=d), rng.integers(0, 2, k)
    graph, whole = conditional_density(model, names, 2), block_density(model, names, gradient=False)
    of_one, of_all = (function(g.params, g.results, backend=backend) for g in (graph, whole))
    for i in range(k):
        values = of_one(i, np.array([0, 1]), z, q, np.zeros(k, np.int64))[0]
        x = np.stack([z, z])
        x[:, i] = 0, 1
        yield values[1] - values[0], of_all(x[1], q, z)[0] - of_all(x[0], q, z)[0]


@pytest.mark.parametrize("body", [*LOCAL, total, through_indices, selected, one_number, several, in_terms_of_each_other])
def test_differences_are_those_of_the_whole_density(body):
    found, expected = np.transpose(list(differences(made(body), "numpy")))
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("body", [mixture, lattice, several])
def test_they_are_so_on_c(body):
    found, expected = np.transpose(list(differences(made(body), "c")))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("body", LOCAL)
def test_nothing_is_computed_that_grows_with_the_block(body):
    """All that is as long as the block is given: inputs, data, and parts of these."""
    n = 41
    model = made(body, n)
    graph = conditional_density(model, ["z"], 3)
    grown = {v.size for v in model.value_vars if v.size >= n}
    computed = [x for x in topological(graph.results) if x.inputs and x.type.size >= n and not _given(x)]
    assert grown and not computed, computed


def _given(node):
    """Whether it is made of inputs and constants by cutting and reshaping alone."""
    return all(not x.inputs or _given(x) for x in node.inputs) and node.op.name in ("reshape", "slice", "transpose", "named")


def test_variables_that_do_not_touch_the_block_drop_out():
    with pm.Model() as model:
        far = pm.Normal("far")
        pm.Normal("of_far", far, 1.0, observed=1.0)
        z = pm.Bernoulli("z", 0.5, shape=3)
        pm.Normal("y", z, 1.0, observed=np.ones(3))
    graph = conditional_density(model, ["z"], 2)
    assert graph.params[3].name == "q" and graph.params[3] not in set(topological(graph.results))
