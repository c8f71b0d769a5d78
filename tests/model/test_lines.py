"""Every node of a model's log-density and gradient knows the line of the model that it comes from, and what it is for."""

import inspect

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile.c.toolchain import find_compiler
from workbench.graph import Constant, Data, Graph, Input, depends_on, free_inputs, topological
from workbench.graph.inner import nodes_within

rng = np.random.default_rng(0)


def radon():
    county, floor = np.repeat(np.arange(5), 4), rng.normal(size=20)
    with pm.Model(coords={"county": list("abcde")}) as model:
        mu_a = pm.Normal("mu_a", 0, 10)
        sigma_a = pm.HalfNormal("sigma_a", 1)
        a = pm.Normal("a", mu_a, sigma_a, dims="county")
        b = pm.Normal("b", 0, 1)
        eps = pm.HalfNormal("eps", 1.5)
        pm.Normal("y", a[county] + b * floor, eps, observed=rng.normal(size=20))
    return model


def mixture():
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.ones(3))
        mu = pm.Normal("mu", 0, 5, shape=3)
        pm.Mixture("y", w, pm.Normal.dist(mu, 1.0), observed=rng.normal(size=30))
    return model


def gaussian_process():
    x = np.linspace(0, 1, 12)
    with pm.Model() as model:
        ls = pm.Gamma("ls", 2, 1)
        eta = pm.HalfNormal("eta", 1)
        apart = x[:, None] - x[None, :]
        covariance = eta**2 * pt.exp(-0.5 * (apart / ls) ** 2) + 1e-6 * np.eye(12)
        f = pm.MvNormal("f", np.zeros(12), cov=covariance)
        pm.Poisson("y", pt.exp(f), observed=rng.poisson(2, size=12))
    return model


def series():
    with pm.Model() as model:
        rho = pm.Normal("rho", 0, 1, shape=2)
        s = pm.HalfNormal("s", 1)
        ar = pm.AR("ar", rho, s, init_dist=pm.Normal.dist(0, 1), shape=20)
        walk = pm.GaussianRandomWalk("walk", sigma=s, init_dist=pm.Normal.dist(0, 1), shape=20)
        pm.Normal("y", ar + walk, 1.0, observed=rng.normal(size=20))
    return model


def loop():
    with pm.Model() as model:
        rate = pm.Normal("rate", 0, 1)
        first = pm.Normal("first", 0, 1)
        (_,), (path,) = pt.scan(
            lambda s, r: ([s * r + 0.1], [pt.exp(s)]),
            [first],
            non_sequences=[rate],
            n_steps=10,
        )
        pm.Deterministic("path", path)
        pm.Potential("penalty", -(rate**2))
        pm.Normal("y", path, 1.0, observed=rng.normal(size=10))
    return model


def open_data():
    with pm.Model() as model:
        x = pm.Data("x", rng.normal(size=8))
        slope = pm.StudentT("slope", 3, 0, sigma=1)
        tau = pm.Uniform("tau", 0.1, 2)
        pm.Bernoulli("y", logit_p=slope * x + tau, observed=pm.Data("seen", rng.integers(0, 2, 8)))
    return model


def missing_and_own():
    values = rng.normal(size=6)
    values[2] = np.nan
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        low = pm.Normal("low", 0, 1)
        u = pm.Uniform("u", low, low + 2)
        pm.Normal("y", mu + u, 1.0, observed=values)
        pm.CustomDist("own", mu, logp=lambda v, m: -pt.abs(v - m), observed=rng.normal(size=4))
        pm.Censored("cut", pm.Normal.dist(mu, 1.0), lower=-1.0, upper=1.0, observed=np.clip(rng.normal(size=5), -1, 1))
    return model


MODELS = [radon, mixture, gaussian_process, series, loop, open_data, missing_and_own]


@pytest.fixture(params=MODELS, ids=lambda make: make.__name__)
def traced(request):
    lines, first = inspect.getsourcelines(request.param)
    with pytest.warns(UserWarning) if request.param is missing_and_own else np.errstate():
        model = request.param()
    return model, model.trace(), range(first, first + len(lines))


def written(roots):
    """The nodes that are a model's own: what is computed from constants alone is one node in all graphs, with the line of the first."""
    nodes = list(dict.fromkeys(nodes_within([Graph(free_inputs(roots), roots)])))
    own = depends_on(nodes, [n for n in nodes if isinstance(n.op, (Input, Data))])
    return [n for n in nodes if n in own]


def test_no_node_lies_on_a_line_outside_of_the_model(traced):
    model, trace, lines = traced
    for record in trace.passes:
        for node in written([*record.before, *record.after]):
            where = node.provenance.location
            assert where is None or (where.filename == __file__ and where.lineno in lines), (node, where, node.provenance.rule)


def test_what_has_no_line_puts_several_terms_together(traced):
    model, trace, _ = traced
    roots = trace.passes[-1].after
    nodes = topological(roots)
    without = [n for n in nodes if not isinstance(n.op, Constant) and n.provenance.location is None and n.inputs]
    users = {x for n in nodes if n not in set(without) for x in n.inputs}
    # They are the top of the graph: the sum of the terms, the guard of where that is infinite, the gradients side by side.
    assert users.isdisjoint(without)
    assert len(without) <= len(model.basic_RVs) + len(model.potentials) + 12


def test_nodes_have_the_line_of_their_own_statement():
    model = radon()
    lines, first = inspect.getsourcelines(radon)
    at = {name: first + next(i for i, line in enumerate(lines) if f'"{name}"' in line and "pm." in line and "Model" not in line) for name in ("mu_a", "sigma_a", "a", "b", "eps", "y")}
    for name, term in model.density().terms.items():
        assert term.provenance.lineno == at[name]
        # Of the prior of `a` alone, other lines are of what it depends on.
        assert {n.provenance.lineno for n in written([term])} <= {at[k] for k in at} and at[name] in {n.provenance.lineno for n in written([term])}
    density = model.density()
    assert {n.provenance.lineno for n in written([density.terms["b"]])} == {at["b"]}
    assert density.terms["sigma_a"].provenance.purpose.names == ("sigma_a",)


def test_a_node_says_what_it_was_derived_for():
    model = radon()
    roots = model.trace().passes[-1].after
    purposes = {n.provenance.purpose for n in written(roots)} - {None}
    assert {(p.kind, p.names) for p in purposes} >= {
        ("prior", ("a",)), ("density", ("y",)), ("value", ("eps",)), ("gradient", ("y",)), ("gradient", ("b",)),
    }  # fmt: skip


def test_a_gradient_asked_for_elsewhere_has_the_lines_of_what_is_differentiated():
    x = pt.vector("x", 3)
    cost = pt.sum(pt.exp(x))
    line = cost.provenance.lineno
    found = pm.grad(cost, x)
    assert found.provenance.lineno == line


def test_what_a_user_asks_for_is_on_his_line():
    model = radon()
    asked = pt.exp(model["b"])
    assert asked.provenance.lineno == inspect.currentframe().f_lineno - 1
    assert asked.provenance.purpose is None


@pytest.mark.parametrize("others", [False, True], ids=["all of the vector", "a part of it"])
@pytest.mark.parametrize("backend", ["numpy", "c", "jax"])
def test_an_index_out_of_bounds_is_that_of_the_variable_on_the_line_that_indexes(backend, others):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    with pm.Model(coords={"county": list("abcde")}) as model:
        spread = pm.HalfNormal("spread") if others else 1.0
        level = pm.Normal("level", dims="county")
        county = pm.Data("at", np.array([0, 4, 7]))
        mean = level[county]
        line = inspect.currentframe().f_lineno - 1
        pm.Normal("y", mean, spread, observed=np.zeros(3))
    with pytest.raises(IndexError, match="index 7 is out of bounds for axis 0.*level") as caught:
        model.logp_dlogp_function(backend=backend)(np.zeros(model.flat_size))
    assert caught.value.location.lineno == line
