"""NUTS is compiled once in a cache's life: what a model of another structure and size compiles is its own code alone."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import workbench as pm
from workbench.compile import cache
from workbench.compile.c.toolchain import find_compiler
from workbench.samplers import Nuts, compiled, compiled_sampler

MODELS = """
import numpy as np
import workbench as pm

def regression(d):
    rng = np.random.default_rng(d)
    with pm.Model() as model:
        slopes = pm.Normal("slopes", 0.0, 1.0, shape=d - 1)
        noise = pm.HalfNormal("noise", 1.0)
        pm.Normal("y", rng.normal(size=(30, d - 1)) @ slopes, noise, observed=rng.normal(size=30))
    return model

def rates(d):
    with pm.Model() as model:
        level = pm.Normal("level", 0.0, 1.0)
        rate = pm.Gamma("rate", 2.0, pm.math.exp(level), shape=d - 1)
        pm.Poisson("y", rate, observed=np.arange(d - 1) % 4)
    return model

def groups(k, scale=2.3):
    # Labels for the groups, and all lengths of the data its own.
    rng = np.random.default_rng(k)
    group = rng.integers(0, k, 10 * k)
    with pm.Model(coords={"group": [f"g{i}" for i in range(k)], "obs": range(10 * k)}) as model:
        spread = pm.HalfNormal("spread", scale)
        a = pm.Normal("a", 0.7 * scale, spread, dims="group")
        b = pm.StudentT("b", nu=5.0, mu=0.0, sigma=scale, dims="group")
        noise = pm.Gamma("noise", scale, 1.0)
        pm.Normal("y", a[group] + b[group] * rng.normal(size=10 * k), noise, observed=rng.normal(size=10 * k), dims="obs")
    return model

def draws(model, backend, depth=10):
    run = pm.sample(40, tune=60, chains=1, model=model, random_seed=3, backend=backend, progressbar=False, blocking=False,
                    return_inferencedata=False, max_treedepth=depth)
    run.wait()
    return {name: v[0, -1].tolist() for name, v in run.draws.items()}
"""
exec(MODELS)

BACKENDS = [b for b in ("c", "numba") if b != "c" or find_compiler() is not None]


def in_a_fresh_process(tmp_path, call):
    """What a call gives in a process and a cache of its own."""
    environment = {**os.environ, "WORKBENCH_CACHE_DIR": str(tmp_path / "cache"), "WORKBENCH_CHECK": ""}
    code = f"{MODELS}\nimport json\nprint(json.dumps({call}))"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_models_of_any_structure_and_size_share_the_samplers_code(backend):
    draws(regression(5), backend)  # noqa: F821
    nuts = compiled_sampler(backend, (Nuts,), True)
    advance, init = nuts.advance, nuts.init
    kept = [list(f._code.values()) for f in (advance, init)]

    for model in (regression(12), rates(9), rates(2)):  # noqa: F821
        built = cache.statistics.built
        draws(model, backend)  # noqa: F821
        # The log-density, and the values of its variables.
        assert cache.statistics.built - built <= 2
        assert compiled_sampler(backend, (Nuts,), True) is nuts and nuts.advance is advance and nuts.init is init
        assert [list(f._code.values()) for f in (advance, init)] == kept
        assert advance.compilations == init.compilations == 1
    built = cache.statistics.built
    draws(rates(9), backend, depth=6)  # noqa: F821
    draws(rates(9), backend, depth=12)  # noqa: F821
    assert cache.statistics.built == built


@pytest.mark.parametrize("backend", BACKENDS)
def test_other_groups_data_and_scales_of_priors_compile_nothing(backend):
    """Cross-validation, fits to subsets, simulation-based calibration, another prior: the code is that of the first fit."""
    draws(groups(6), backend)  # noqa: F821
    built = cache.statistics.built
    for model in (groups(11), groups(85), groups(7, 2.7)):  # noqa: F821
        draws(model, backend)  # noqa: F821
    assert cache.statistics.built == built


def chosen(k):
    return np.random.default_rng(k).integers(0, k, 10 * k)


def noise(k, times=1):
    return np.random.default_rng(k + 1).normal(size=times * k)


KINDS = {
    "non-centred": lambda k: pm.Poisson("y", pm.math.exp((pm.Normal("mu") + pm.HalfNormal("s") * pm.Normal("z", dims="g"))[chosen(k)]), observed=chosen(k) % 4),
    "shares": lambda k: pm.Binomial("y", 20, pm.Beta("p", pm.Gamma("a", 2.0, 0.1), pm.Gamma("b", 2.0, 0.1), dims="g"), observed=np.arange(k) % 7),
    "sums to zero": lambda k: pm.Normal("y", pm.ZeroSumNormal("z", 1.0, dims="g")[chosen(k)], 1.0, observed=noise(k, 10)),
    "a simplex": lambda k: pm.Multinomial("y", 3 * k, pm.Dirichlet("p", np.full(k, 2.0)), observed=np.full(k, 3)),
    "correlated": lambda k: pm.Normal("y", pm.math.dot(pm.LKJCholeskyCov("c", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0))[0], pm.Normal("z", shape=(2, k)))[1][chosen(k)], 1.0, observed=noise(k, 10)),
    "a walk": lambda k: pm.StudentT("y", 4.0, pm.GaussianRandomWalk("w", sigma=pm.HalfNormal("s"), init_dist=pm.Normal.dist(0.0, 1.0), dims="g"), sigma=1.0, observed=noise(k)),
    "missing values": lambda k: pm.Normal("y", pm.Normal("a", dims="g")[chosen(k)], 1.0, observed=np.where(np.arange(10 * k) % 5, noise(k, 10), np.nan)),
    "a mixture": lambda k: pm.NormalMixture("y", pm.Dirichlet("w", np.ones(3)), pm.Normal("m", np.arange(3.0), 1.0) + pm.Normal("a", dims="g")[:, None], 1.0, observed=noise(k)),
    "as many components": lambda k: pm.NormalMixture("y", pm.Dirichlet("w", np.full(k, 2.0)), pm.Normal("m", dims="g"), 1.0, observed=noise(7)),
    "one's own": lambda k: pm.CustomDist("y", pm.Normal("a", dims="g"), logp=lambda v, a: -((v - a) ** 2), observed=noise(k)),
    "a process": lambda k: pm.gp.Marginal(cov_func=pm.gp.cov.ExpQuad(1, pm.Gamma("l", 2.0, 1.0))).marginal_likelihood("y", np.linspace(0.0, 1.0, k)[:, None], noise(k), pm.HalfNormal("s")),
    "two ways": lambda k: pm.Bernoulli("y", logit_p=pm.Normal("a", 0.0, pm.HalfNormal("s"), shape=(k, 6))[chosen(k), np.arange(10 * k) % 6], observed=chosen(k) % 2),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::workbench.ImputationWarning")
@pytest.mark.parametrize("backend", BACKENDS if os.environ.get("WORKBENCH_TESTS") == "all" else BACKENDS[:1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_another_number_of_groups_is_the_code_of_the_last(kind, backend):
    built = []
    for k in (85, 60):
        with pm.Model(coords={"g": range(k)}) as model:
            KINDS[kind](k)
        value, _ = model.logp_dlogp_function(backend)(model.flatten(model.initial_point()))
        assert np.isfinite(value)
        built.append(cache.statistics.built)
    assert built[0] == built[1]


def test_code_says_which_of_its_sizes_are_lengths_of_dims():
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    code = groups(85).logp_dlogp_function("c").source  # noqa: F821
    said = re.findall(r"const int64_t n\d+ = env->sizes\[\d+\];  // (.*)", code)
    assert sorted(said) == ["group", "obs"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_new_data_of_other_lengths_compile_nothing(backend):
    def data(n):
        x = np.linspace(0.0, 1.0, n)
        return {"x": x, "group": np.arange(n) % 3, "y": x**2}

    with pm.Model(coords={"region": list("abc")}) as model:
        x, group, y = (pm.Data(name, value) for name, value in data(30).items())
        slope = pm.Normal("slope", 0.0, 1.0, dims="region")
        pm.Normal("observed", slope[group] * x, 0.3, observed=y)
    draws(model, backend)  # noqa: F821
    built = cache.statistics.built
    for n in (24, 41):
        pm.set_data(data(n), model=model)
        draws(model, backend)  # noqa: F821
    assert cache.statistics.built == built


@pytest.mark.parametrize("call", ["draws(groups(9, 1.7), 'c')", "draws(rates(7), 'c')", "draws(regression(11), 'c', 5)"])
def test_draws_are_those_of_a_freshly_compiled_process(call, tmp_path):
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    # Another folder's tests may have compiled it with other optimisations, whose last bits differ.
    compiled_sampler.cache_clear()
    compiled._apart.clear()
    draws(regression(6), "c")  # noqa: F821
    assert eval(call) == in_a_fresh_process(tmp_path, call)


def test_numba_draws_what_c_draws():
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    a, b = (draws(rates(7), backend) for backend in ("c", "numba"))  # noqa: F821
    for name, v in a.items():
        np.testing.assert_allclose(b[name], v, rtol=1e-6)


def test_runs_that_start_at_once_wait_for_one_compilation(monkeypatch):
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    compiled_sampler.cache_clear()
    compiled._apart.clear()
    called = []
    kept_function = compiled.kept_function
    monkeypatch.setattr(compiled, "kept_function", lambda own, backend: called.append(own.name) or kept_function(own, backend))
    runs = [
        pm.sample(5, tune=5, chains=1, model=rates(d), random_seed=1, backend="c", progressbar=False, blocking=False, return_inferencedata=False)  # noqa: F821
        for d in (3, 4, 5)
    ]
    for run in runs:
        run.wait()
    assert sorted(called) == ["directions", "nuts", "nuts_init"]


def test_other_kernels_share_their_code_too():
    """Of any model and size, and of any proposal distribution."""
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")

    def draw(model, step):
        pm.sample(20, tune=20, chains=1, model=model, step=step, random_seed=3, backend="c", quiet=True)

    draw(regression(4), pm.Metropolis(model=regression(4), blocked=True))  # noqa: F821
    for d, given in ((7, {"proposal_dist": pm.UniformProposal}), (9, {"proposal_dist": pm.CauchyProposal, "S": np.full(9, 0.5)})):
        model = regression(d)  # noqa: F821
        built = cache.statistics.built
        draw(model, pm.Metropolis(model=model, blocked=True, **given))
        # The log-density, and the values of its variables.
        assert cache.statistics.built - built <= 2
