"""Every public name says what it is, with an example; examples of what doctest does not find by itself (values, generated functions) run here."""

import doctest
import importlib
import inspect
import pkgutil
import types

import numpy as np
import pytest

import kernel_ext
import workbench as pm
import workbench.tensor as pt
from workbench.tensor.declaration import ScalarOp

NUMPYS = {"pt.mgrid", "pt.ogrid"}
"""NumPy's own objects."""
FAMILIES = ("linalg", "random", "fft", "signal", "sparse")
AREAS = ("gp", "gp.cov", "gp.mean", "gp.util", "ode", "statespace", "statespace.structural")


def public():
    """Public names as a user writes them, and what they are: each object once."""
    found = {f"pm.{n}": getattr(pm, n) for n in sorted({*pm.__all__, *pm.INFERENCE})}
    found |= {f"pt.{n}": getattr(pt, n) for n in pt.__all__}
    for family in FAMILIES:
        module = importlib.import_module(f"workbench.tensor.{family}")
        found |= {f"pt.{family}.{n}": getattr(module, n) for n in module.__all__}
    for area in AREAS:
        module = importlib.import_module(f"workbench.{area}")
        found |= {f"pm.{area}.{n}": getattr(module, n) for n in module.__all__}
    distributions = importlib.import_module("workbench.distributions")
    found |= {f"pm.distributions.{n}": x for n in distributions.__all__ if isinstance(x := getattr(distributions, n), type)}
    seen = {}
    for name, x in found.items():
        if not isinstance(x, (types.ModuleType, float, type(None))) and name not in NUMPYS:
            seen.setdefault(id(x), (name, x))
    return dict(seen.values())


PUBLIC = public()


def own_docstring(x):
    return (vars(x).get("__doc__") if isinstance(x, type) else x.__doc__) or ""


def test_there_are_many():
    assert len(PUBLIC) > 500


def test_every_public_name_has_a_docstring_with_an_example():
    assert [n for n, x in PUBLIC.items() if not own_docstring(x).strip()] == []
    assert [n for n, x in PUBLIC.items() if ">>> " not in own_docstring(x)] == []


def found_by_doctest(x):
    """Whether doctest finds an object in the module that it is defined in."""
    module = importlib.import_module(x.__module__) if getattr(x, "__module__", None) else None
    return (inspect.isroutine(x) and getattr(module, x.__name__, None) is x) or isinstance(x, type)


HERE_ALONE = sorted(n for n, x in PUBLIC.items() if isinstance(x, ScalarOp) or not found_by_doctest(x))


@pytest.mark.parametrize("name", HERE_ALONE)
def test_examples_of_values_and_generated_functions_are_true(name):
    test = doctest.DocTestParser().get_doctest(inspect.cleandoc(own_docstring(PUBLIC[name])), {"pm": pm, "pt": pt, "np": np}, name, None, 0)
    assert test.examples
    said = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(test, out=said.append)
    assert said == []


def test_public_classes_and_functions_of_the_notebook_side_are_explained():
    without = []
    for info in pkgutil.walk_packages(kernel_ext.__path__, "kernel_ext."):
        module = importlib.import_module(info.name)
        own = {n: x for n, x in vars(module).items() if not n.startswith("_") and getattr(x, "__module__", None) == info.name and (isinstance(x, type) or inspect.isfunction(x))}
        without += [f"{info.name}.{n}" for n, x in own.items() if not own_docstring(x).strip()]
    assert without == []
