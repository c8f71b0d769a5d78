"""What help and editors show of distributions: their signatures, against what PyMC's sources declare, and what calls take.

tests/reference/parameters.json is made by make_parameters.py.
"""

import inspect
import json
from pathlib import Path

import pytest

import workbench as pm
import workbench.distributions as distributions
from workbench.distributions.signatures import parameters_of_calls

THEIRS = json.loads((Path(__file__).parents[1] / "reference" / "parameters.json").read_text())["parameters"]
OURS = {
    n: x
    for module in (distributions, pm)
    for n in module.__all__
    if isinstance(x := getattr(module, n), type) and issubclass(x, pm.Distribution) and x is not pm.Distribution
}
OPTIONS = ["dims", "shape", "observed", "initval", "transform", "default_transform", "total_size", "model", "size"]
MORE = {"AR": {"exogenous"}, "CustomDist": {"moment", "class_name"}, "NormalMixture": {"comp_shape"}, "MvNormal": {"method"}}
"""Keywords beyond those of PyMC's `dist`: of its past, taken by its `__new__` or `rv_op`, or ours (exogenous terms)."""
READ_ELSEWHERE = {"GaussianRandomWalk", "MvGaussianRandomWalk", "MvStudentTRandomWalk", "OrderedMultinomial"}
"""PyMC's `dist` of these takes `*args`, and says nothing."""


@pytest.mark.parametrize("name", sorted(OURS))
def test_parameters_are_those_of_pymc_in_its_order(name):
    if name not in THEIRS:
        assert name in {"BetaNegativeBinomial", "Chi", "GenExtreme", "GeneralizedPoisson", "Maxwell", "Skellam", "CholeskyKroneckerNormal", "CholeskyMvNormal", "CholeskyMvStudentT", "DensityDist", "DiscreteMarkovChain", "Lognormal", "PrecisionMvNormal", "PrecisionMvStudentT"}
        return
    found = parameters_of_calls(OURS[name])
    positional = [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD]
    keywords = {p.name for p in found if p.kind is p.KEYWORD_ONLY}
    if name not in READ_ELSEWHERE:
        assert positional == THEIRS[name]["positional"]
        assert keywords == set(THEIRS[name]["keyword"]) | MORE.get(name, set())


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_signature_has_the_name_the_parameters_and_what_every_variable_takes(name):
    shown = inspect.signature(OURS[name])
    names = list(shown.parameters)
    own = [p.name for p in parameters_of_calls(OURS[name])]
    assert names[: 1 + len(own)] == ["name", *own]
    assert names[-len(OPTIONS) :] == OPTIONS
    assert all(p.annotation is p.empty for p in shown.parameters.values())
    assert "args" not in names
    assert "kwargs" not in names


def test_signatures_say_defaults_and_alternatives():
    assert str(inspect.signature(pm.Normal)).startswith("(name, mu=0.0, sigma=None, tau=None, *, dims=None, shape=None, observed=None, initval=None, ")
    assert str(inspect.signature(pm.StudentT)).startswith("(name, nu, mu=0.0, *, sigma=None, lam=None, dims=None, ")
    assert "compute_p=True" in str(inspect.signature(pm.OrderedLogistic))
    assert "store_in_trace=True" in str(inspect.signature(pm.LKJCholeskyCov))


def test_what_a_signature_says_is_what_a_call_takes():
    bound = inspect.signature(pm.Normal).bind("x", 1.0, 2.0, dims="row", initval=0.5)
    with pm.Model(coords={"row": range(3)}) as model:
        pm.Normal(*bound.args, **bound.kwargs)
    assert str(model) == "x[row] ~ Normal(1, 2)"
