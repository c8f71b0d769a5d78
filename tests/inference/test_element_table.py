import arviz as az
import numpy as np
import pytest

import workbench as pm
from workbench.inference.element_table import CONSTANT, FEW, FINE, NOT_FINITE, Draws, ElementTable


def table_of(x, step=1):
    made = ElementTable(Draws.of_arrays([f"x[{i}]" for i in range(x.shape[2])], range(x.shape[0]), {"x": x}), step)
    made.fill()
    return made


@pytest.mark.parametrize("chains, draws", [(1, 100), (2, 501), (4, 200), (4, 1000), (8, 37)])
def test_statistics_are_those_of_arviz(chains, draws):
    rng = np.random.default_rng(draws)
    x = rng.normal(size=(chains, draws, 7)).cumsum(axis=1) * [0.0, 0, 0, 0, 0, 0, 1] + rng.standard_t(3, size=(chains, draws, 7))
    x[0, :, 1] += 1.0
    x[:, :, 2] = rng.poisson(3.0, size=(chains, draws))
    x[:, :, 3] = x[:, :, 0] > 0.5
    x[:, :, 4] = np.round(x[:, :, 4], 1)
    x[:, :, 5] = 1e8 + x[:, :, 5]
    table = table_of(x)
    for i in range(7):
        one = x[:, :, i]
        expected = {"ess_bulk": az.ess(one, method="bulk"), "ess_tail": az.ess(one, method="tail"), "mean": one.mean(), "sd": one.std(ddof=1)}
        if chains > 1:
            # ArviZ has none of one chain; its halves may differ all the same.
            expected["rhat"] = az.rhat(one)
        for name, value in expected.items():
            assert table.columns[name][i] == pytest.approx(value, rel=1e-9, nan_ok=True), (i, name)
    assert set(table.notes) == {FINE}


def test_every_step_th_draw_is_what_arviz_makes_of_it():
    x = np.random.default_rng(1).normal(size=(3, 1000, 2))
    table = ElementTable.within(Draws.of_arrays(["a", "b"], range(3), {"x": x}), 2 * 3 * 250)
    assert table.step == 4 and table.fill()
    assert table.columns["rhat"][1] == pytest.approx(az.rhat(x[:, ::4, 1]), rel=1e-9)


def test_the_worst_is_first_wherever_it_stands_and_whatever_it_is():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4, 400, 1000))
    x[0, :, 873] += 2.0
    x[2, :, 41] += 0.7
    x[:, :, 42] = x[:, :, 41]
    x[:, :, 5] = 3.0
    x[1, 17, 600] = np.nan
    x[:, :, 7] = np.arange(4)[:, None]
    table = table_of(x)
    assert list(table.worst()[:5]) == [600, 7, 873, 41, 42] and table.worst()[-1] == 5
    assert [table.notes[i] for i in (600, 7, 873, 5)] == [NOT_FINITE, FINE, FINE, CONSTANT]
    assert np.isnan(table.columns["rhat"][600]) and np.isnan(table.columns["rhat"][5])


def test_a_table_goes_on_where_it_stopped():
    x = np.random.default_rng(3).normal(size=(4, 1000, 500))
    parts = ElementTable(Draws.of_arrays([str(i) for i in range(500)], range(4), {"x": x}))
    calls = 0
    while not parts.fill(0.0):
        calls += 1
    assert calls > 3
    assert np.array_equal(parts.columns["rhat"], table_of(x).columns["rhat"])


def test_too_few_draws_say_nothing():
    table = table_of(np.zeros((2, 5, 3)))
    assert table.complete and set(table.notes) == {FEW}


def test_the_draws_of_a_run_are_all_its_elements():
    with pm.Model(coords={"g": ["u", "v"]}) as model:
        a = pm.Normal("a", 0.0, 1.0, dims="g")
        pm.Deterministic("b", a[:, None] * np.arange(3.0))
        pm.Poisson("k", 3.0)
        run = pm.sample(60, tune=50, chains=2, model=model, random_seed=1, quiet=True, return_inferencedata=False)
    draws = Draws.of_run(run)
    flat = np.concatenate([run.draws[n].reshape(2, 60, -1) for n in ("a", "k", "b")], axis=2)
    assert list(draws.names) == ["a[u]", "a[v]", "k", "b[0, 0]", "b[0, 1]", "b[0, 2]", "b[1, 0]", "b[1, 1]", "b[1, 2]"]
    assert np.array_equal(draws.read(0, 9), flat)
    assert np.array_equal(draws.read(1, 7, 4), flat[:, ::4, 1:7])
