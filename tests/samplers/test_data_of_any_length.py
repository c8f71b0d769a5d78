"""A model is derived, rewritten and compiled once for all lengths of its data; runs keep the data that they began with.

Densities are compared with SciPy's, modes with their closed forms, draws with those of the same model of plain arrays.
"""

import gc
import threading
import weakref

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.compile import cache
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import ModelError, ShapeError
from workbench.graph.rewrite import Mode
from workbench.model.density import logp_grad_graph
from workbench.model.functions import reason_for_one_length

BACKENDS = [b for b in ("c", "numba", "numpy") if b != "c" or find_compiler() is not None]
COMPILED = [b for b in BACKENDS if b != "numpy"]
QUICK = BACKENDS[0]
LENGTHS = (1, 0, 7)


def values(n):
    rng = np.random.default_rng(n)
    return {"x": rng.normal(size=(n, 3)), "group": rng.integers(0, 4, size=n), "y": rng.normal(size=n)}


def regression(n, data=pm.Data):
    """Levels of groups, slopes as many as columns of data, and an effect of each row."""
    given = values(n)
    with pm.Model(coords={"column": range(3)}) as model:
        x, group, y = data("x", given["x"], dims=("row", "column")), data("group", given["group"], dims="row"), data("y", given["y"], dims="row")
        spread = pm.HalfNormal("spread", 1.0)
        levels, slopes = pm.Normal("levels", 0.0, spread, shape=4), pm.Normal("slopes", 0.0, 1.0, dims="column")
        effect = pm.Normal("effect", 0.0, 1.0, dims="row")
        middle = pm.Deterministic("middle", levels[group] + x @ slopes + effect, dims="row")
        pm.Normal("seen", middle, 1.0, observed=y, dims="row")
    return model


def run_of(model, backend, **options):
    short = dict(draws=4, tune=2, max_treedepth=3) if backend != "numpy" else dict(draws=2, tune=1, max_treedepth=2)
    given = dict(chains=1, model=model, random_seed=3, backend=backend, progressbar=False, return_inferencedata=False, compute_convergence_checks=False)
    return pm.sample(**{**given, **short, **options})


def draws(model, backend, **options):
    return {name: v.copy() for name, v in run_of(model, backend, **options).draws.items()}


@pytest.fixture
def rewritten(monkeypatch):
    """How many graphs are rewritten."""
    found, run = [], Mode.run
    monkeypatch.setattr(Mode, "run", lambda self, *a, **k: found.append(a) or run(self, *a, **k))
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_other_lengths_compile_and_rewrite_nothing(backend, rewritten):
    model = regression(12)
    draws(model, backend)
    built = cache.statistics.built
    rewritten.clear()
    for n in LENGTHS:
        pm.set_data(values(n), model)
        found = draws(model, backend)
        assert {k: v.shape[2:] for k, v in found.items()} == {"spread": (), "levels": (4,), "slopes": (3,), "effect": (n,), "middle": (n,)}
    assert cache.statistics.built == built and not rewritten


@pytest.mark.parametrize("backend", BACKENDS[:1] + BACKENDS[2:])
def test_draws_are_those_of_plain_arrays(backend):
    model = regression(12)
    for n in LENGTHS:
        pm.set_data(values(n), model)
        known = regression(n, pm.ConstantData)
        assert not known["effect"].type.is_open
        exact = draws(known, backend)
        for name, v in draws(model, backend).items():
            # What is constant is computed with, and sums may be added up in another order.
            np.testing.assert_allclose(v, exact[name], rtol=1e-9, atol=1e-11, err_msg=f"{name}, {n} rows")


def normal(n):
    rng = np.random.default_rng(n)
    with pm.Model() as model:
        y, sd = pm.Data("y", rng.normal(size=n)), pm.Data("sd", 1.0 + rng.uniform(size=n))
        pm.Normal("seen", pm.Normal("mu", 0.0, 2.0), sd, observed=y)
    return model


@pytest.mark.parametrize("backend", [*BACKENDS, "jax"])
def test_densities_follow_their_data(backend):
    model = normal(5)
    f = model.logp_dlogp_function(backend=backend)
    for n in (5, 0, 1, 40):
        rng = np.random.default_rng(n)
        y, sd = rng.normal(size=n), 1.0 + rng.uniform(size=n)
        pm.set_data({"y": y, "sd": sd}, model)
        if backend == "jax":
            f = model.logp_dlogp_function(backend=backend)
        value, slope = f(np.array([0.7]))
        np.testing.assert_allclose(value, stats.norm(0, 2).logpdf(0.7) + stats.norm(0.7, sd).logpdf(y).sum(), rtol=1e-12)
        np.testing.assert_allclose(slope, [-0.7 / 4 + np.sum((y - 0.7) / sd**2)], rtol=1e-12)


@pytest.mark.parametrize("backend", COMPILED)
def test_modes_are_found_without_compiling(backend, rewritten):
    model = normal(5)
    pm.find_MAP(model=model, backend=backend)
    built = cache.statistics.built
    for n in (1, 40):
        rng = np.random.default_rng(n)
        y, sd = rng.normal(size=n), 1.0 + rng.uniform(size=n)
        pm.set_data({"y": y, "sd": sd}, model)
        best = pm.find_MAP(model=model, backend=backend)
        np.testing.assert_allclose(best["mu"], np.sum(y / sd**2) / (1 / 4 + np.sum(1 / sd**2)), rtol=1e-5)
    assert cache.statistics.built == built


@pytest.mark.parametrize("backend", COMPILED)
def test_a_run_keeps_the_data_that_it_began_with(backend):
    with pm.Model() as model:
        y, sd = pm.Data("y", [1.0, 2.0, 4.0]), pm.Data("sd", 0.5)
        pm.Normal("seen", pm.Normal("mu", 0.0, 2.0), sd, observed=y)
    wanted = draws(model, backend, tune=300)
    changed = threading.Event()

    def change(run, draw):
        if not changed.is_set():
            changed.set()
            pm.set_data({"y": np.full(50, -90.0), "sd": 30.0}, model)

    found = draws(model, backend, tune=300, callback=change)
    assert changed.is_set()
    np.testing.assert_array_equal(found["mu"], wanted["mu"])
    pm.set_data({"y": [1.0, 2.0, 4.0], "sd": 0.5}, model)
    run = run_of(model, backend, tune=300, blocking=False)
    pm.set_data({"y": [-90.0], "sd": 30.0}, model)
    run.wait()
    np.testing.assert_array_equal(run.draws["mu"], wanted["mu"])
    assert run.observed["seen"].tolist() == [1.0, 2.0, 4.0] and run.constants["sd"] == 0.5


def test_a_model_that_has_changed_is_derived_again():
    model = normal(3)
    at = np.array([0.7])
    before = model.logp_dlogp_function(backend="numpy")(at)[0]
    with model:
        pm.Potential("more", 5.0 * model["mu"])
    assert np.isclose(model.logp_dlogp_function(backend="numpy")(at)[0], before + 3.5)
    copy = model.copy()
    with copy:
        pm.Normal("late", 0.0, 1.0, observed=2.0)
    late = stats.norm.logpdf(2.0)
    assert np.isclose(copy.logp_dlogp_function(backend="numpy")(at)[0], before + 3.5 + late)
    assert np.isclose(model.logp_dlogp_function(backend="numpy")(at)[0], before + 3.5)
    assert np.isclose(pm.do(copy, {"late": 2.0}).logp_dlogp_function(backend="numpy")(at)[0], before + 3.5)


def test_variables_added_while_a_run_compiles_are_not_its_own():
    model = normal(3)
    run = run_of(model, QUICK, blocking=False)
    with model:
        pm.Deterministic("twice", 2.0 * model["mu"])
        pm.Normal("other", 0.0, 1.0)
    run.wait()
    assert list(run.draws) == ["mu"]
    assert set(draws(model, QUICK)) == {"mu", "other", "twice"}


def test_what_was_compiled_goes_with_its_model():
    model = normal(3)
    f = weakref.ref(model.logp_dlogp_function(backend="numpy").function)
    assert f() is not None and model.logp_dlogp_function(backend="numpy").function is f()
    del model
    gc.collect()
    assert f() is None


def test_vectors_and_data_of_other_lengths_are_errors():
    model = regression(4)
    f = model.logp_dlogp_function(backend=QUICK)
    f(np.zeros(model.flat_size))
    pm.set_data(values(6), model)
    with pytest.raises(ShapeError, match=r"axis 0 of q has length 12.*row is 6"):
        f(np.zeros(12))
    other = normal(4)
    with pytest.raises(ShapeError, match=r"(?s)4.*3|3.*4"):
        pm.set_data({"y": np.zeros(3)}, other)
        draws(other, QUICK)


@pytest.mark.parametrize("backend", BACKENDS[:1])
def test_values_of_one_element_less_have_one_density_for_all_lengths(backend):
    with pm.Model() as model:
        prior = pm.Data("prior", np.ones(3))
        shares = pm.Dirichlet("shares", prior)
        pm.Multinomial("seen", 10, shares, observed=pm.Data("counts", [5, 3, 2]))
    assert not reason_for_one_length(model, "logp_grad", backend, logp_grad_graph)
    for counts in ([5, 3, 2], [4, 3, 2, 1]):
        pm.set_data({"prior": np.ones(len(counts)), "counts": counts}, model)
        f = model.logp_dlogp_function(backend=backend)
        q = np.linspace(-0.4, 0.5, len(counts) - 1)
        with pm.Model() as known:
            pm.Multinomial("seen", 10, pm.Dirichlet("shares", np.ones(len(counts))), observed=np.array(counts))
        wanted = known.logp_dlogp_function(backend="numpy")(q)
        np.testing.assert_allclose(f(q)[0], wanted[0], rtol=1e-12)
        np.testing.assert_allclose(f(q)[1], wanted[1], rtol=1e-12)
        assert draws(model, backend)["shares"].shape == (1, 4, len(counts))


def test_regressions_follow_all_lengths():
    assert not reason_for_one_length(regression(4), "logp_grad", QUICK, logp_grad_graph)
    assert "JAX" in reason_for_one_length(regression(4), "logp_grad", "jax", logp_grad_graph)


def test_a_density_of_ones_own_may_ask_for_numbers():
    def logp(value, mu):
        return sum(-0.5 * (value[i] - mu) ** 2 for i in range(int(value.type.static_shape[0])))

    with pm.Model() as model:
        pm.CustomDist("seen", pm.Normal("mu", 0.0, 1.0), logp=logp, observed=pm.Data("y", [1.0, 2.0]))
    for y in ([1.0, 2.0], [1.0, 2.0, 4.0]):
        pm.set_data({"y": y}, model)
        value, slope = model.logp_dlogp_function(backend="numpy")(np.array([0.5]))
        assert np.isclose(value, stats.norm.logpdf(0.5) - 0.5 * np.sum((np.array(y) - 0.5) ** 2))
        assert np.isclose(slope[0], -0.5 + np.sum(np.array(y) - 0.5))


def test_errors_of_a_model_are_its_own():
    with pm.Model() as model:
        y = pm.Data("y", [1.0, 2.0])
        pm.Normal("seen", pm.Normal.dist(0.0, 1.0), 1.0, observed=y)
        pm.Normal("mu", 0.0, 1.0)
    with pytest.raises(ModelError, match="no variable of the model"):
        model.logp_dlogp_function(backend="numpy")


@pytest.mark.parametrize("backend", COMPILED[:1])
def test_numbers_in_data_are_lengths_of_one_density(backend):
    with pm.Model() as model:
        n, x = pm.Data("n", 3), pm.Data("x", np.arange(6.0))
        model.add_coord("group", length=n)
        z = pm.Normal("z", 0.0, 1.0, dims="group")
        pm.Normal("seen", z + x[:n], 2.0, observed=np.float64(1.0) + pt.zeros(n) + x[0])
    f = model.logp_dlogp_function(backend=backend)
    for k in (5, 1, 3):
        pm.set_data({"n": k}, model)
        at = np.linspace(-1.0, 1.0, k)
        value, slope = f(at)
        np.testing.assert_allclose(value, stats.norm.logpdf(at).sum() + stats.norm(at + np.arange(k), 2.0).logpdf(1.0).sum(), rtol=1e-12)
        np.testing.assert_allclose(slope, -at + (1.0 - at - np.arange(k)) / 4.0, rtol=1e-12, atol=1e-14)
    assert f.function.compilations == 1 and not reason_for_one_length(model, "logp_grad", backend, logp_grad_graph)
    assert draws(model, backend)["z"].shape == (1, 4, 3)
