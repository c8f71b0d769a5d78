"""NUTS of other packages on our log-density: what needs none of them, and with each that is installed posteriors that are known."""

import sys
import time
import warnings

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError, MissingPackageError, ModelError, SamplingError
from workbench.inference.external import sampler as external
from workbench.inference.external.on_jax import checked, jax_logp
from workbench.inference.external.sampler import STATS, External, Rows

PACKAGES = ("numpyro", "blackjax", "nutpie")


@pytest.fixture(scope="module")
def model():
    """Groups with labels and a deterministic; the posterior of `level` is normal, each of its own."""
    with pm.Model(coords={"group": ["a", "b", "c"]}) as made:
        level = pm.Normal("level", 0.0, 2.0, dims="group")
        pm.Deterministic("double", 2.0 * level, dims="group")
        pm.Normal("y", level, 1.0, observed=[0.5, 1.0, -3.0], dims="group")
    return made


def sample(model, **given):
    base = dict(draws=300, tune=300, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False)
    return pm.sample(model=model, **{**base, **given})


# What needs no package ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_named_with_what_to_install(model, monkeypatch, name):
    for loaded in [m for m in sys.modules if m.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackageError, match=f"needs the Python package {name}") as caught:
        sample(model, nuts_sampler=name)
    assert f"pip install 'bayes-workbench[{name}]'" in str(caught.value) and isinstance(caught.value, ImportError) and __file__ in str(caught.value)


def test_what_a_package_misses_is_named(model, monkeypatch, tmp_path):
    (tmp_path / "nutpie.py").write_text("import a_package_that_is_not_there")
    for loaded in [m for m in sys.modules if m.partition(".")[0] == "nutpie"]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingPackageError, match="the package nutpie cannot be imported: No module named 'a_package_that_is_not_there'"):
        sample(model, nuts_sampler="nutpie")


@pytest.mark.parametrize("given, message", [
    ({"nuts_sampler": "stan"}, "there is no nuts_sampler='stan'"),
    ({"nuts_sampler": 3}, "there is no nuts_sampler=3"),
    ({"nuts_sampler_kwargs": {"maxdepth": 3}}, "is for other samplers"),
    ({"nuts_sampler": "numpyro", "nuts_sampler_kwargs": {"maxdepth": 3}}, "nuts_sampler='numpyro' takes no 'maxdepth'"),
    ({"nuts_sampler": "blackjax", "nuts_sampler_kwargs": {"jitter": False}}, "takes no 'jitter'"),
    ({"nuts_sampler": "nutpie", "nuts_sampler_kwargs": {"chain_method": "parallel"}}, "nuts_sampler='nutpie' takes no 'chain_method'"),
    ({"nuts_sampler": "nutpie", "nuts_sampler_kwargs": {"transform_adapt": True}}, "takes no 'transform_adapt'"),
    ({"nuts_sampler": "nutpie", "nuts_sampler_kwargs": [1]}, "must be options by name"),
    ({"nuts_sampler": "numpyro", "init": "adapt_full"}, "dense_mass"), ({"nuts_sampler": "nutpie", "init": "jitter+adapt_diag_low_rank"}, "low_rank_mod"),
    ({"nuts_sampler": "numpyro", "backend": "c"}, "computes on jax, not on 'c'"),
    ({"nuts_sampler": "blackjax", "compile_kwargs": {"mode": "NUMBA"}}, "computes on jax, not on 'numba'"),
])  # fmt: skip
def test_what_cannot_be_is_refused_before_a_package_is_looked_for(model, given, message):
    with pytest.raises(ArgumentError, match=message):
        sample(model, **given)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_option_says_what_it_is(name):
    kind = external.kind_of(name)
    assert kind.package == name
    for table in (kind.takes, kind.no_effect, kind.instead):
        assert all(len(text) > 10 for text in table.values())
    assert not (set(kind.takes) & set(kind.no_effect)) | (set(kind.takes) & set(kind.instead))
    with pytest.warns(UserWarning, match="has no effect"):
        assert external.checked_options(kind, dict.fromkeys(kind.no_effect, 1), quiet=False) == {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        external.checked_options(kind, dict.fromkeys(kind.no_effect, 1), quiet=True)
        external.checked_options(kind, dict.fromkeys(kind.no_effect), quiet=False)


def test_an_option_of_their_nuts_that_is_not_known_is_named():
    def nuts(potential_fn, dense_mass=False, **rest): ...

    assert checked({"dense_mass": True}, nuts, ["potential_fn"], "NUTS") == {"dense_mass": True}
    for wrong in ("potential_fn", "rest", "steps"):
        with pytest.raises(ArgumentError, match=f"NUTS takes no option '{wrong}'"):
            checked({wrong: 1}, nuts, ["potential_fn"], "NUTS")
    with pytest.raises(ArgumentError, match="options by name"):
        checked([1], nuts, [], "NUTS")


def test_a_discrete_variable_is_refused():
    with pm.Model() as discrete:
        pm.Poisson("k", 3.0)
        pm.Normal("x")
    with pytest.raises(ModelError, match="k: a discrete free variable"):
        jax_logp(discrete)


def test_the_density_is_a_jax_function_with_our_gradient():
    import jax

    with pm.Model() as m:
        mu = pm.Normal("mu", 0.0, 2.0)
        s = pm.HalfNormal("s", 1.0)
        pm.Normal("y", mu, s, observed=[0.5, 1.0])
    logp, both = jax_logp(m)
    evaluate = m.logp_dlogp_function(backend="numpy")
    points = np.random.default_rng(0).normal(size=(5, 2))
    for q in points:
        value, gradient = evaluate(q)
        assert float(logp(q)) == pytest.approx(value, rel=1e-12)
        for slope in (jax.grad(logp), jax.jit(jax.grad(logp)), jax.jacfwd(logp)):
            np.testing.assert_allclose(slope(q), gradient, rtol=1e-12)
        np.testing.assert_allclose(both(q)[1], gradient, rtol=1e-12)
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(logp)))(points)
    np.testing.assert_allclose(values, [evaluate(q)[0] for q in points], rtol=1e-12)
    np.testing.assert_allclose(slopes, [evaluate(q)[1] for q in points], rtol=1e-12)


class Stand(External):
    """In the place of a package: exact draws of `level`, in blocks as large as it is told, with a wait before each."""

    package = "numpy"
    block, wait, fails_at = 400, 0.0, None

    def logp_grad(self, q):
        value, gradient = self.task.model.logp_dlogp_function(backend="numpy")(q)
        return value, gradient

    def draw(self, keys, starts):
        rng = [np.random.default_rng(k) for k in keys]
        made = 0
        while made < self.task.total and not self.task.stop.is_set():
            time.sleep(self.wait)
            if made == self.fails_at:
                raise RuntimeError("it broke")
            n = min(self.block, self.task.total - made)
            q = np.stack([0.8 * np.array([0.5, 1.0, -3.0]) + np.sqrt(0.8) * r.normal(size=(n, 3)) for r in rng])
            stats = np.zeros((len(keys), n, len(STATS)))
            stats[..., list(STATS).index("n_steps")] = 3.0
            made += n
            yield Rows(q, stats)


@pytest.fixture
def stand(monkeypatch):
    """A sampler of a package that is there; attributes of it may be set."""
    kind = type("Standing", (Stand,), {})
    monkeypatch.setitem(external.SAMPLERS, "stand", f"{__name__}:Stand")
    monkeypatch.setattr(external, "kind_of", lambda name: kind)
    from workbench.inference import options

    monkeypatch.setattr(options, "kind_of", lambda name: kind)
    return kind


@pytest.fixture(scope="module")
def ours(model):
    return sample(model, draws=20, tune=10, discard_tuned_samples=False, idata_kwargs={"log_likelihood": True})


@pytest.mark.parametrize("together, block", [(False, 1), (True, 7), (False, 400), (True, 10_000)])
def test_draws_become_inference_data_as_ours_do(model, stand, ours, together, block):
    stand.together, stand.block = together, block
    draws = 600 if block > 1 else 60
    idata = sample(model, nuts_sampler="stand", draws=draws, tune=120, discard_tuned_samples=False, idata_kwargs={"log_likelihood": True})
    assert set(idata.groups()) == set(ours.groups())
    for group in idata.groups():
        assert set(idata[group].dims) == set(ours[group].dims)
        if not group.endswith("sample_stats"):
            assert {k: (v.dims, v.dtype) for k, v in idata[group].data_vars.items()} == {k: (v.dims, v.dtype) for k, v in ours[group].data_vars.items()}
    assert idata.posterior.sizes["draw"] == draws and idata.warmup_posterior.sizes["draw"] == 120
    assert {k: idata.sample_stats[k].dtype for k in STATS} == {k: np.dtype(v) for k, v in STATS.items()}
    level = idata.posterior["level"]
    np.testing.assert_array_equal(idata.posterior["double"], 2.0 * level)
    assert level["group"].values.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(level.mean(("chain", "draw")), 0.8 * np.array([0.5, 1.0, -3.0]), atol=4 * np.sqrt(0.8 / (2 * draws)))
    assert not np.array_equal(level[0], level[1])


def test_a_run_is_watched_and_stopped_as_ours_is(model, stand):
    stand.block, stand.wait = 5, 0.005
    run = sample(model, nuts_sampler="stand", draws=100_000, tune=5, blocking=False)
    while sum(row["draws"] for row in run.progress()) < 50:
        time.sleep(0.01)
    assert run.state == "sampling"
    run.stop()
    assert run.wait(10) and run.state == "stopped"
    assert 10 < run.idata.posterior.sizes["draw"] < 100_000 and run.progress()[0]["gradients"] == 3.0


def test_a_failure_keeps_what_was_drawn(model, stand):
    stand.block, stand.fails_at = 10, 40
    with pytest.raises(SamplingError, match="RuntimeError: it broke") as caught:
        sample(model, nuts_sampler="stand", draws=100, tune=10, cores=1)
    assert caught.value.run.draws["level"].shape[1] >= 30


def test_callbacks_are_told_of_each_draw(model, stand):
    told = []
    sample(model, nuts_sampler="stand", draws=5, tune=2, chains=1, callback=lambda run, draw: told.append(draw))
    assert [d.draw_idx for d in told] == list(range(7)) and told[-1].is_last
    assert set(told[0].stats[0]) == set(STATS) and told[0].point["double"].shape == (3,)


# With the packages ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKAGES)
def test_the_posterior_is_that_of_the_model(model, name):
    pytest.importorskip(name)
    idata = sample(model, nuts_sampler=name, draws=1000, tune=500, discard_tuned_samples=False)
    level = idata.posterior["level"].values
    error = pm.mcse(idata.posterior)["level"].values
    assert (np.abs(level.mean((0, 1)) - 0.8 * np.array([0.5, 1.0, -3.0])) < 4 * error).all()
    np.testing.assert_allclose(level.std((0, 1)), np.sqrt(0.8), rtol=0.1)
    assert idata.posterior["double"].dims == ("chain", "draw", "group")
    assert idata.posterior.attrs["nuts_sampler"].startswith(f"{name} ") and idata.posterior.attrs["inference_library"] == "workbench"
    assert set(STATS) <= set(idata.sample_stats.data_vars) and float(idata.sample_stats["acceptance_rate"].mean()) > 0.6
    q = idata.posterior["level"].values.reshape(-1, 3)
    lp = [model.logp_dlogp_function(backend="numpy")(x)[0] for x in q[:5]]
    np.testing.assert_allclose(idata.sample_stats["lp"].values.ravel()[:5], lp, rtol=1e-9)
    again = sample(model, nuts_sampler=name, draws=1000, tune=500)
    np.testing.assert_array_equal(again.posterior["level"], level)


@pytest.mark.parametrize("name", PACKAGES)
def test_chains_start_where_they_are_told(model, name):
    pytest.importorskip(name)
    starts = [{"level": np.full(3, 1e4)}, {"level": np.full(3, -1e4)}]
    idata = sample(model, nuts_sampler=name, draws=1, tune=2, initvals=starts, discard_tuned_samples=False)
    first = idata.warmup_posterior["level"].values[:, 0]
    assert (first[0] > 1.0).all() and (first[1] < -1.0).all()


@pytest.mark.parametrize("method", ["vectorized", "sequential"])
@pytest.mark.parametrize("name", ["numpyro", "blackjax"])
def test_chains_run_as_asked_for(model, name, method):
    pytest.importorskip(name)
    idata = sample(model, nuts_sampler=name, chains=3, nuts_sampler_kwargs={"chain_method": method})
    level = idata.posterior["level"].values
    assert level.shape == (3, 300, 3) and not np.array_equal(level[0], level[1])
    np.testing.assert_allclose(level.mean((0, 1)), 0.8 * np.array([0.5, 1.0, -3.0]), atol=0.2)


@pytest.mark.parametrize("name, options", [
    ("numpyro", {"nuts_kwargs": {"dense_mass": True, "max_tree_depth": 3}}), ("blackjax", {"nuts_kwargs": {"is_mass_matrix_diagonal": False, "max_num_doublings": 3}}),
    ("nutpie", {"low_rank_modified_mass_matrix": True, "maxdepth": 3}), ("nutpie", {"backend": "numpy", "maxdepth": 3}), ("nutpie", {"backend": "numba", "maxdepth": 3}),
])  # fmt: skip
def test_their_options_reach_them(model, name, options):
    pytest.importorskip(name)
    idata = sample(model, nuts_sampler=name, nuts_sampler_kwargs=options, draws=100)
    assert int(idata.sample_stats["tree_depth"].max()) <= 3


@pytest.mark.parametrize("name", PACKAGES)
def test_a_run_of_each_is_stopped_and_keeps_its_draws(model, name):
    pytest.importorskip(name)
    run = sample(model, nuts_sampler=name, draws=1_000_000, tune=200, blocking=False)
    while sum(row["draws"] for row in run.progress()) < 1000:
        assert not run.wait_quietly(0.02), run.error
    run.stop()
    assert run.wait(20) and run.state == "stopped"
    assert 100 < run.idata.posterior.sizes["draw"] < 1_000_000


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_what_fails_in_a_density_that_nutpie_calls_is_said(backend):
    pytest.importorskip("nutpie")
    import workbench.tensor as pt

    with pm.Model() as far:
        x = pm.Normal("x", 0.0, 1.0)
        index = pt.cast(pt.floor(2.0 * pt.abs(x)), "int64")
        pm.Normal("y", pt.constant(np.arange(4.0))[index], 1.0, observed=0.5)
    with pytest.raises(SamplingError, match="IndexBoundsError: index .* is out of bounds for axis 0"):
        sample(far, nuts_sampler="nutpie", backend=backend, initvals={"x": 0.1}, draws=4000)


def test_nutpie_does_not_start_where_there_is_no_slope():
    pytest.importorskip("nutpie")
    with pm.Model() as m:
        pm.Normal("x", 0.0, 1.0, shape=2)
        pm.Normal("z", 0.0, 1.0)
    with pytest.raises(SamplingError, match="no slope.* along x\n"):
        sample(m, nuts_sampler="nutpie", init="adapt_diag", initvals={"z": 0.5})


def test_warm_up_of_nothing(model):
    pytest.importorskip("nutpie")
    with pytest.raises(SamplingError, match="needs warm-up"):
        sample(model, nuts_sampler="nutpie", tune=0)


@pytest.mark.parametrize("name", ["numpyro", "blackjax"])
def test_pymc_s_names(model, name):
    pytest.importorskip(name)
    from workbench.sampling.jax import sample_blackjax_nuts, sample_numpyro_nuts

    assert pm.sampling_jax.sample_numpyro_nuts is sample_numpyro_nuts
    draw = {"numpyro": sample_numpyro_nuts, "blackjax": sample_blackjax_nuts}[name]
    idata = draw(50, tune=100, chains=2, model=model, random_seed=1, progressbar=False, keep_untransformed=True, compute_convergence_checks=False)
    assert idata.posterior["level"].shape == (2, 50, 3)
