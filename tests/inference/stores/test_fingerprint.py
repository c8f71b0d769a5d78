"""Two models can be told apart, and one is the same in every process."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
from workbench.inference.stores.fingerprint import describe, differences, fingerprint

ROOT = Path(__file__).parents[3]


def rich(k=1.0):
    """A model of many kinds: missing values, a function of one's own, a potential, dims, integers, transforms, scales."""
    with pm.Model(coords={"g": ["a", "b"]}) as made:
        x = pm.Data("x", np.arange(6.0).reshape(2, 3), dims=("g", None))
        mu = pm.Normal("mu", 0.0, k, dims="g")
        p = pm.Dirichlet("p", np.ones(3))
        pm.Categorical("kind", p)
        own = pm.CustomDist("own", mu.sum(), logp=lambda v, m: -((v - m) ** 2))
        pm.Potential("pot", -(own**2))
        pm.Deterministic("d", pm.math.exp(mu) * x.sum(axis=1), dims="g")
        pm.Normal("gaps", mu[0], 1.0, observed=np.ma.masked_invalid([1.0, np.nan, 3.0]))
        pm.Poisson("count", pm.math.exp(mu[1]), observed=[1, 2, 3], total_size=30)
    return made


def test_it_is_the_same_in_every_process():
    code = "from tests.inference.stores.test_fingerprint import *; print(fingerprint(describe(rich())))"
    said = {
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout.strip()
        for seed in ("1", "2")
    }
    assert said == {fingerprint(describe(rich()))}


def test_it_goes_through_json():
    import json

    told = json.loads(json.dumps(describe(rich())))
    assert fingerprint(told) == fingerprint(describe(rich())) and differences(describe(rich()), told) == []


def one(**given):
    base = dict(mu=0.0, lower=0.0, transform=True, y=(1.0, 2.0), dtype=float, size=None, total=None)
    g = {**base, **given}
    with pm.Model() as made:
        x = pm.Normal("x", g["mu"], 1.0)
        u = pm.Uniform("u", g["lower"], 1.0, **({} if g["transform"] else {"default_transform": None}))
        pm.Normal("y", x + u, 1.0, observed=np.array(g["y"], g["dtype"]), total_size=g["total"])
    return describe(made)


@pytest.mark.parametrize("given, said", [
    ({}, []),
    ({"mu": -0.0}, []),  # Its density is the same graph.
    ({"mu": np.nextafter(0.0, 1.0)}, ["'x' is another Normal: its parameters, or its transform, are not the same"]),
    ({"lower": -1.0}, ["'u' is another Uniform: its parameters, or its transform, are not the same"]),
    ({"y": (1.0, 2.0 + 1e-15)}, ["the observed values of 'y' are others"]),
    ({"y": (2.0, 1.0)}, ["the observed values of 'y' are others"]),
    ({"total": 10}, ["'y' is another Normal: its parameters, or its transform, are not the same"]),
], ids=str)  # fmt: skip
def test_what_differs_is_said(given, said):
    found = differences(one(**given), one())
    # What depends on a variable whose bounds are others is another formula of its unconstrained value.
    assert [d for d in found if "'y' is another Normal" not in d or given.keys() == {"total"}] == said


def test_another_transform_is_another_model():
    found = differences(one(transform=False), one())
    assert any(d.startswith("'u' is another Uniform") for d in found)


def test_data_that_are_set_are_other_data_until_they_are_set_back():
    model, before = rich(), describe(rich())
    with model:
        pm.set_data({"x": np.ones((2, 3))})
    assert differences(describe(model), before) == ["the data 'x' are others"]
    with model:
        pm.set_data({"x": np.arange(6.0).reshape(2, 3)})
    assert describe(model) == before


def test_large_data_cost_little():
    import time

    with pm.Model() as model:
        b = pm.Normal("b", 0, 1, shape=20)
        pm.Normal("y", np.random.default_rng(0).normal(size=(100_000, 20)) @ b, 1.0, observed=np.zeros(100_000))
    begun = time.process_time()
    describe(model)
    assert time.process_time() - begun < 5.0
