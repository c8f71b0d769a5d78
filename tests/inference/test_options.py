"""Every option of PyMC's `sample` is honoured, or answered by an error or a warning that names it."""

import warnings

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError, WorkbenchError
from workbench.inference import options as rules
from workbench.inference.start import NEARER, start_point
from workbench.inference.stores import MemoryStore
from workbench.samplers import NutsOfTrees

PYMC_5_28 = ["draws", "tune", "chains", "cores", "random_seed", "progressbar", "progressbar_theme", "quiet", "step", "var_names", "nuts_sampler", "initvals", "init", "jitter_max_retries", "n_init", "trace", "discard_tuned_samples", "compute_convergence_checks", "keep_warning_stat", "return_inferencedata", "idata_kwargs", "nuts_sampler_kwargs", "callback", "mp_ctx", "blas_cores", "model", "compile_kwargs"]
"""Names in the signature of PyMC 5.28.5's `sample`, from inspect.signature."""


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"group": ["a", "b"]}) as made:
        mu = pm.Normal("mu", 0.0, 1.0)
        s = pm.HalfNormal("s", 1.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Deterministic("double", 2.0 * level)
        pm.Normal("y", level, s, observed=[0.5, 1.0])
    return made


def sample(model, **given):
    base = dict(draws=8, tune=8, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False, return_inferencedata=False)
    return pm.sample(model=model, **{**base, **given})


HONOURED = [
    ("draws", 10.0, lambda run: run.draws["mu"].shape == (2, 10)),
    ("draws", np.int64(10), lambda run: run.draws["mu"].shape == (2, 10)),
    ("tune", 0, lambda run: not run.warmup),
    ("chains", 1, lambda run: run.draws["mu"].shape == (1, 8)),
    ("chains", None, lambda run: run.draws["mu"].shape == (4, 8)),
    ("cores", 1, lambda run: run.cores == 1),
    ("cores", None, lambda run: run.cores >= 1),
    ("random_seed", [1, 2], lambda run: run.draws),
    ("random_seed", np.array([1, 2]), lambda run: run.draws),
    ("random_seed", np.random.default_rng(0), lambda run: run.draws),
    ("random_seed", np.random.SeedSequence(3), lambda run: run.draws),
    ("progressbar", "split+stats", lambda run: run.draws),
    ("progressbar", "combined", lambda run: run.draws),
    ("progressbar_theme", None, lambda run: run.draws),
    ("quiet", True, lambda run: run.draws),
    ("step", None, lambda run: run.draws),
    ("metropolis", None, lambda run: run.draws),
    ("nuts_sampler", "pymc", lambda run: run.draws),
    ("nuts_sampler", "workbench", lambda run: run.draws),
    ("nuts_sampler_kwargs", {}, lambda run: run.draws),
    ("initvals", [{"mu": 1.0}, None], lambda run: run.draws),
    ("init", "adapt_diag", lambda run: run.steps[0].settings.metric == "diag"),
    ("init", "jitter+adapt_full", lambda run: run.steps[0].settings.metric == "dense"),
    ("init", "jitter+adapt_diag_low_rank", lambda run: run.steps[0].settings.metric == "low_rank"),
    ("nuts", {"trajectories": "trees"}, lambda run: run.steps[0].settings.trajectories == "trees" and run.steps[0].kernel is NutsOfTrees),
    ("nuts", {"metric": "dense"}, lambda run: run.steps[0].settings.metric == "dense"),
    ("jitter_max_retries", 0, lambda run: run.draws),
    ("n_init", 200_000, lambda run: run.draws),
    ("trace", None, lambda run: run.draws),
    ("trace", MemoryStore(), lambda run: run.draws),
    ("keep_warning_stat", False, lambda run: run.draws),
    ("mp_ctx", None, lambda run: run.draws),
    ("blas_cores", "auto", lambda run: run.blas_threads == 1),
    ("blas_cores", 5, lambda run: run.blas_threads == 5 // run.cores),
    ("blas_cores", None, lambda run: run.blas_threads is None),
    ("compile_kwargs", {"mode": "FAST_COMPILE"}, lambda run: run.backend == "numpy"),
    ("compile_kwargs", {"backend": "numpy"}, lambda run: run.backend == "numpy"),
    ("nuts", {"target_accept": 0.9, "max_treedepth": 5}, lambda run: (run.steps[0].settings.target_accept, run.steps[0].settings.max_treedepth) == (0.9, 5)),
    ("target_accept", np.float64(0.7), lambda run: run.steps[0].settings.target_accept == 0.7),
    ("max_treedepth", 3, lambda run: run.stats["tree_depth"].max() <= 3),
    ("callback", lambda run, draw: None, lambda run: run.draws),
    ("return_inferencedata", True, lambda idata: idata.posterior["mu"].shape == (2, 8)),
    ("var_names", "mu", lambda run: run.idata.posterior.data_vars.keys() == {"mu"}),
    ("discard_tuned_samples", False, lambda run: run.idata.warmup_posterior["mu"].shape == (2, 8)),
    ("compute_convergence_checks", False, lambda run: run.draws),
]


@pytest.mark.parametrize("name, value, holds", HONOURED, ids=lambda x: repr(x).split(" at 0x")[0][:40])
def test_it_is_honoured_without_a_warning(model, name, value, holds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert holds(sample(model, **{name: value}))


WARNED = [
    ("n_init", 1000), ("keep_warning_stat", True), ("mp_ctx", "spawn"), ("progressbar_theme", "dark"),
]  # fmt: skip


@pytest.mark.parametrize("name, value", WARNED)
def test_it_is_said_to_have_no_effect(model, name, value):
    with pytest.warns(UserWarning, match=f"^{name}=.* has no effect: ") as caught:
        sample(model, **{name: value})
    assert [w.filename for w in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample(model, quiet=True, **{name: value})


REFUSED = [
    ("draws", 10.5, ArgumentError), ("draws", "10", ArgumentError), ("draws", None, ArgumentError), ("draws", True, ArgumentError),
    ("draws", 0, SamplingError), ("draws", -1, SamplingError), ("draws", float("nan"), ArgumentError), ("draws", float("inf"), ArgumentError),
    ("draws", [10], ArgumentError),
    ("tune", -1, SamplingError), ("tune", "5", ArgumentError), ("tune", None, ArgumentError),
    ("chains", "4", ArgumentError), ("chains", 0, SamplingError), ("chains", 1.5, ArgumentError),
    ("cores", 0, SamplingError), ("cores", -1, SamplingError), ("cores", "2", ArgumentError),
    ("random_seed", 1.5, ArgumentError), ("random_seed", "1", ArgumentError), ("random_seed", [1.5, 2], ArgumentError),
    ("random_seed", np.array([0.5]), ArgumentError), ("random_seed", object(), ArgumentError),
    ("progressbar", "fancy", ArgumentError),
    ("step", object(), ArgumentError), ("step", [], ArgumentError), ("step", pm.NUTS, ArgumentError),
    ("var_names", [], ModelError), ("var_names", ["tau"], ModelError), ("var_names", "tau", ModelError), ("var_names", ["y"], ModelError),
    ("nuts_sampler", "stan", ArgumentError), ("nuts_sampler", True, ArgumentError), ("nuts_sampler_kwargs", {"a": 1}, ArgumentError),
    ("initvals", "mu", ArgumentError), ("initvals", 3, ArgumentError), ("initvals", [1.0, 2.0], ArgumentError),
    ("initvals", [{}], SamplingError), ("initvals", {"tau": 1.0}, ModelError),
    ("nuts", {"metric": "nothing"}, ArgumentError), ("nuts", {"trajectories": "none"}, ArgumentError), ("init", "nothing", SamplingError),
    ("jitter_max_retries", -1, SamplingError), ("jitter_max_retries", "x", ArgumentError),
    ("trace", ["mu"], ArgumentError), ("trace", object(), ArgumentError), ("trace", "", ArgumentError),
    ("callback", 3, ArgumentError),
    ("model", "radon", ArgumentError),
    ("compile_kwargs", {"mode": 3}, ArgumentError), ("compile_kwargs", {"profile": True}, ArgumentError), ("compile_kwargs", "JAX", ArgumentError),
    ("compile_kwargs", {"mode": "JAX", "backend": "c"}, ArgumentError),
    ("backend", "fortran", WorkbenchError),
    ("target_accept", 0.0, SamplingError), ("target_accept", 1, SamplingError), ("target_accept", -0.5, SamplingError),
    ("target_accept", float("nan"), SamplingError), ("target_accept", "0.8", ArgumentError),
    ("max_treedepth", 0, SamplingError), ("max_treedepth", -1, SamplingError), ("max_treedepth", 100, SamplingError),
    ("max_treedepth", 2.5, ArgumentError), ("max_treedepth", "10", ArgumentError),
    ("nuts", {"step_scale": 1.0}, ArgumentError), ("nuts", 0.9, ArgumentError), ("nuts", {"target_accept": 2.0}, SamplingError),
    ("metropolis", {"tune_interval": 10}, ArgumentError), ("metropolis", 3, ArgumentError), ("binary_gibbs_metropolis", {"order": [0]}, ArgumentError), ("step_scale", 0.1, ArgumentError), ("Emax", 10, ArgumentError),
    ("idata_kwargs", {"note": "x"}, ArgumentError), ("idata_kwargs", ["log_prior"], ArgumentError), ("idata_kwargs", {"prior": {}}, ArgumentError),
    ("idata_kwargs", {"log_likelihood": ["mu"]}, ModelError), ("idata_kwargs", {"log_prior": "y"}, ModelError),
    ("idata_kwargs", {"sample_dims": ["sample"]}, ArgumentError),
]  # fmt: skip


@pytest.mark.parametrize("name, value, error", REFUSED, ids=lambda x: repr(x).split(" at 0x")[0][:40])
def test_it_is_refused_by_an_error_that_names_it(model, name, value, error):
    given = {"model": value} if name == "model" else {"model": model, name: value}
    with pytest.raises(error) as caught:
        sample(**given)
    words = [name, *map(str, value)] if isinstance(value, dict) else [name]
    assert any(w in str(caught.value) for w in words), str(caught.value)
    assert isinstance(caught.value, WorkbenchError) and "\n  at " in str(caught.value)


def test_the_table_has_every_option_of_pymc():
    answered = {name for name, *_ in (*HONOURED, *WARNED, *REFUSED)}
    assert set(PYMC_5_28) <= answered


@pytest.mark.parametrize("name, near", [("start", "initvals"), ("njobs", "cores"), ("drwas", "draws"), ("seed", "random_seed")])
def test_an_unknown_option_is_an_error_that_says_which_is_meant(model, name, near):
    with pytest.raises(ArgumentError, match=f"no option '{name}'") as caught:
        sample(model, **{name: 1})
    assert f"did you mean {near}?" in str(caught.value)


def test_a_setting_given_twice_is_an_error(model):
    with pytest.raises(ArgumentError, match="target_accept is given twice"):
        sample(model, target_accept=0.9, nuts={"target_accept": 0.95})


def test_a_model_whose_variables_have_no_elements_is_refused():
    with pm.Model() as nothing:
        pm.Normal("x", shape=0)
    with pytest.raises(SamplingError, match="no elements"):
        sample(nothing)
    with nothing:
        pm.Normal("y")
    run = sample(nothing)
    assert run.draws["x"].shape == (2, 8, 0) and run.idata.posterior["x"].shape == (2, 8, 0)


def test_one_start_is_not_jittered_where_that_is_asked_for(model):
    logp_grad, seed = model.logp_dlogp_function(backend="numpy"), np.random.default_rng
    support = model.flatten(model.initial_point())
    q, z = start_point(model, lambda q, z: logp_grad(q), seed(1), jitter=False)
    np.testing.assert_array_equal(q, support)
    assert z.shape == (0,) and z.dtype == np.int64
    assert (np.abs(start_point(model, lambda q, z: logp_grad(q), seed(1))[0] - support) > 0).all()


def test_a_start_is_jittered_as_often_as_is_asked_for(model):
    seen = []

    def evaluate(q, z):
        seen.append(q)
        return -np.inf, np.zeros(len(q))

    with pytest.raises(SamplingError):
        start_point(model, evaluate, np.random.default_rng(0), tries=3)
    # Then nearer and nearer to the support point, and there.
    reach = [np.abs(q - seen[-1]).max() for q in seen]
    assert len(seen) == 3 + len(NEARER) and not np.array_equal(seen[0], seen[1])
    assert min(reach[:3]) > 0.3 and reach[3] <= 0.1 and reach[4] <= 0.01 and reach[5] == 0.0


def test_inference_data_has_the_groups_that_are_asked_for(model):
    idata = sample(
        model, return_inferencedata=True, var_names=["mu", "double"],
        idata_kwargs={
            "log_likelihood": True, "log_prior": ["mu", "s"], "include_transformed": True, "save_warmup": True,
            "dims": {"double": ["twice"]}, "coords": {"twice": ["u", "v"]},
        },
    )  # fmt: skip
    assert set(idata.posterior.data_vars) == {"mu", "double", "s_log__", "level"}
    assert idata.posterior["double"].dims == ("chain", "draw", "twice") and idata.posterior["twice"].values.tolist() == ["u", "v"]
    assert idata.warmup_posterior["double"].dims == ("chain", "draw", "twice")
    assert list(idata.log_prior.data_vars) == ["mu", "s"] and list(idata.log_likelihood.data_vars) == ["y"]
    mu, s = idata.posterior["mu"].values, np.exp(idata.posterior["s_log__"].values)
    np.testing.assert_allclose(idata.log_prior["mu"], -0.5 * mu**2 - 0.5 * np.log(2 * np.pi), rtol=1e-12)
    np.testing.assert_allclose(idata.log_prior["s"], -0.5 * s**2 + 0.5 * np.log(2 / np.pi), rtol=1e-12)
    for group in ("posterior", "sample_stats", "log_prior", "log_likelihood", "observed_data"):
        assert "note" not in idata[group].attrs and idata[group].attrs["inference_library"] == "workbench"


@pytest.mark.parametrize("options, message", [
    ({"dims": {"double": ["a", "b"]}}, "double: it has 1 axes, but 2 dims"),
    ({"dims": {"double": ["twice"]}, "coords": {"twice": ["u"]}}, "its dim 'twice' has length 2, and 1 labels"),
    ({"dims": {"nothing": ["twice"]}}, "no variable 'nothing'"),
    ({"dims": {"double": ["mu"]}}, "a variable 'mu' and a dim 'mu'"),
    ({"dims": {"double": ["draw"]}}, "its dim 'draw'"),
])  # fmt: skip
def test_labels_that_do_not_fit_are_refused_before_sampling(model, options, message):
    begun = []
    with pytest.raises((ModelError, WorkbenchError), match=message):
        sample(model, return_inferencedata=True, idata_kwargs=options, callback=lambda run, draw: begun.append(draw))
    assert not begun


def test_every_option_that_is_not_there_says_what_to_do():
    for table in (rules.WITHOUT_EFFECT, rules.NOT_THERE):
        assert all(len(text) > 20 for _, text in table.values())
