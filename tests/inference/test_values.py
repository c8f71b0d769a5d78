"""From positions to a model's variables: what a position holds as it is, and what is computed."""

import numpy as np

import workbench as pm
from workbench.inference.values import Values


def test_variables_without_a_transform_are_copied_and_the_rest_is_computed():
    with pm.Model() as model:
        k = pm.Poisson("k", 3.0)
        a = pm.Normal("a", 0.0, 1.0, shape=(2, 3))
        s = pm.HalfNormal("s", 1.0)
        c = pm.Normal("c", 0.0, 1.0)
        pm.Deterministic("d", a.sum() * s + c + k)
    values = Values(model, "c", 8)
    assert "exp" in values.function.source
    assert values.function.source.count("*const out") == 2  # s and d.
    rng = np.random.default_rng(1)
    q, z = rng.normal(size=(5, 8)), rng.poisson(3.0, size=(5, 1))
    found = dict(zip(values.names, values(q, z)))
    np.testing.assert_array_equal(found["a"], q[:, :6].reshape(5, 2, 3))
    np.testing.assert_array_equal(found["c"], q[:, 7])
    np.testing.assert_array_equal(found["k"], z[:, 0])
    np.testing.assert_allclose(found["s"], np.exp(q[:, 6]), rtol=1e-15)
    np.testing.assert_allclose(found["d"], found["a"].sum((1, 2)) * found["s"] + found["c"] + found["k"], rtol=1e-13)
    assert [x.dtype for x in found.values()] == values.dtypes
    q[:] = 0.0  # What was returned is the caller's own.
    assert np.all(found["c"] != 0.0)


def test_nothing_is_compiled_where_all_variables_are_as_they_are():
    with pm.Model() as model:
        pm.Normal("a", 0.0, 1.0, shape=2)
        pm.Normal("b", 0.0, 1.0)
    values = Values(model, "c", 8)
    assert values.function is None
    q = np.arange(9.0).reshape(3, 3)
    a, b = values(q, np.empty((3, 0), np.int64))
    assert a.tolist() == [[0.0, 1.0], [3.0, 4.0], [6.0, 7.0]] and b.tolist() == [2.0, 5.0, 8.0]
