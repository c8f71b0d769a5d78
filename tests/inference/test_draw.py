"""`pm.draw`: values of random expressions."""

import numpy as np
import pytest

import workbench as pm


def test_given_values_take_the_place_of_variables():
    with pm.Model():
        a = pm.Normal("a", shape=2)
        b = pm.Deterministic("b", 2.0 * a.sum())
        c = pm.Normal("c", b, 1e-9)
    drawn = pm.draw([b, c], draws=3, givens={a: [1.0, 2.0]}, random_seed=1)
    np.testing.assert_allclose(drawn, 6.0, atol=1e-6)
    assert pm.draw(b, givens=[(a, 3)]) == 12.0


def test_arguments_that_it_does_not_take_are_errors():
    x = pm.Normal.dist()
    with pytest.raises(TypeError, match="unexpected keyword argument 'given'"):
        pm.draw(x, given={x: 1.0})
    with pytest.raises(ValueError, match="at least 1"):
        pm.draw(x, draws=0)


def test_a_mode_names_the_backend():
    x = pm.Normal.dist(shape=3)
    np.testing.assert_array_equal(pm.draw(x, draws=30, random_seed=1, mode="FAST_COMPILE"), pm.draw(x, draws=30, random_seed=1, backend="numpy"))
