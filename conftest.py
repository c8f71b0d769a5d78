"""Names that examples of docstrings use without importing them."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt


@pytest.fixture(autouse=True)
def names_of_examples(doctest_namespace):
    for name, module in (("np", np), ("pm", pm), ("pt", pt)):
        doctest_namespace.setdefault(name, module)
