"""Results have what PyMC 5.28.5's have, group by group.

`PYMC` was printed from the InferenceData of the same model with PyMC 5.28.5 and ArviZ 0.23.4:
``pm.sample(50, tune=60, chains=2, cores=1, random_seed=1, discard_tuned_samples=False, idata_kwargs=dict(log_likelihood=True,
log_prior=True, include_transformed=True))``; for each group its variables with dtype and dims, and its attributes.
"""

import datetime

import numpy as np
import pytest

import workbench as pm

DRAWS = ("chain", "draw")
VARIABLES = {
    "mu": ("float64", DRAWS), "s_log__": ("float64", DRAWS), "l": ("float64", (*DRAWS, "g")), "k": ("float64", (*DRAWS, "k_dim_0")),
    "s": ("float64", DRAWS), "z": ("float64", (*DRAWS, "g")),
}  # fmt: skip
STATS = {
    "n_steps": "float64", "reached_max_treedepth": "bool", "diverging": "bool", "perf_counter_start": "float64", "step_size_bar": "float64",
    "divergences": "int64", "smallest_eigval": "float64", "largest_eigval": "float64", "perf_counter_diff": "float64",
    "energy_error": "float64", "process_time_diff": "float64", "lp": "float64", "index_in_trajectory": "int64", "energy": "float64",
    "max_energy_error": "float64", "step_size": "float64", "acceptance_rate": "float64", "tree_depth": "int64",
}  # fmt: skip
ABOUT = {"created_at", "arviz_version", "inference_library", "inference_library_version"}
OF_RUN = {*ABOUT, "sampling_time", "tuning_steps"}
PYMC = {
    "posterior": (VARIABLES, OF_RUN),
    "log_likelihood": ({"y": ("float64", (*DRAWS, "obs"))}, ABOUT),
    "log_prior": ({k: VARIABLES[k] for k in ("mu", "l", "s", "k")}, ABOUT),
    "sample_stats": ({k: (dtype, DRAWS) for k, dtype in STATS.items()}, OF_RUN),
    "observed_data": ({"y": ("float64", ("obs",))}, ABOUT),
    "constant_data": ({"x": ("float64", ("obs",)), "one": ("float64", ())}, ABOUT),
    "warmup_posterior": (VARIABLES, OF_RUN),
    "warmup_sample_stats": ({k: (dtype, DRAWS) for k, dtype in STATS.items()}, OF_RUN),
}
LABELS = {"g": "<U1", "k_dim_0": "int64", "obs": "int64", "chain": "int64", "draw": "int64"}
WITHOUT = {"smallest_eigval", "largest_eigval"}
"""Always NaN in PyMC while the mass matrix is diagonal."""


@pytest.fixture(scope="module")
def idata():
    with pm.Model(coords={"g": ["a", "b", "c"]}) as model:
        x = pm.Data("x", [0.0, 1.0, 2.0, 3.0], dims="obs")
        one = pm.Data("one", 1.0)
        mu = pm.Normal("mu", 0, 1)
        s = pm.HalfNormal("s", 1)
        level = pm.Normal("l", mu, 1, dims="g")
        pm.Normal("k", 0, 1, shape=2)
        pm.Deterministic("z", 2 * level, dims="g")
        pm.Normal("y", mu + x, s * one, observed=[0.5, 1.0, 1.5, 3.0], dims="obs")
    return pm.sample(
        50, tune=60, chains=2, model=model, random_seed=1, progressbar=False, discard_tuned_samples=False, compute_convergence_checks=False,
        idata_kwargs={"log_likelihood": True, "log_prior": True, "include_transformed": True},
    )  # fmt: skip


@pytest.mark.parametrize("group", PYMC)
def test_a_group_has_pymcs_variables_dtypes_dims_and_attributes(idata, group):
    variables, attributes = PYMC[group]
    found = idata[group]
    expected = {k: v for k, v in variables.items() if k not in WITHOUT}
    assert {k: v.dims for k, v in found.data_vars.items()} == {k: dims for k, (_, dims) in expected.items()}
    # A number of leapfrogs is a whole number here.
    kinds = {k: "int64" if k == "n_steps" else dtype for k, (dtype, _) in expected.items()}
    assert {k: str(v.dtype) for k, v in found.data_vars.items()} == kinds
    used = {d for _, dims in expected.values() for d in dims}
    assert {str(k): str(v.dtype) for k, v in found.coords.items()} == {d: LABELS[d] for d in used}
    assert attributes <= set(found.attrs)
    assert found.attrs["inference_library"] == "workbench" and found.attrs["inference_library_version"] == pm.__version__
    assert datetime.datetime.fromisoformat(found.attrs["created_at"]).tzinfo is not None


def test_the_groups_are_pymcs(idata):
    assert set(idata.groups()) == set(PYMC)


def test_statistics_mean_what_pymcs_mean(idata):
    after, before = idata.sample_stats, idata.warmup_sample_stats
    np.testing.assert_array_equal(after["divergences"], np.cumsum(after["diverging"], axis=1))
    assert not before["divergences"].any()
    assert (after["perf_counter_diff"] >= 0).all() and (np.diff(after["perf_counter_start"], axis=1) >= 0).all()
    assert float(after["perf_counter_diff"].sum()) <= 2 * 60
    # After warm-up the step size is the average over it, jittered by a tenth.
    average = after["step_size_bar"].to_numpy()
    assert (np.ptp(average, axis=1) == 0).all() and (abs(after["step_size"] / average - 1) <= 0.1 + 1e-12).all()


def test_results_are_the_same_after_a_file(idata, tmp_path):
    import arviz as az

    idata.to_netcdf(str(tmp_path / "results"))
    read = az.from_netcdf(str(tmp_path / "results"))
    for group in PYMC:
        for name, values in idata[group].data_vars.items():
            np.testing.assert_array_equal(read[group][name], values)
        assert read[group].attrs == idata[group].attrs
