"""Stan's warm-up: its windows, and the metric that each leaves."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ArgumentError
from workbench.graph import Graph
from workbench.samplers import NutsSettings, stan_windows
from workbench.samplers.nuts import NutsByStan

STAN = NutsSettings(adaptation="stan")


def stans(tune, first=75, last=50, base=25):
    """Numbers of the draws at which Stan sets the metric: `windowed_adaptation` of Stan 2.36, written out in Python."""
    if tune < 20:
        return []
    if first + base + last > tune:
        first, last = int(0.15 * tune), int(0.1 * tune)
        base = tune - first - last
    size, end, found = base, first + base - 1, []
    for counter in range(tune):
        if counter == end and first <= counter < tune - last:
            found.append(counter)
            if end == tune - last - 1:
                continue
            size *= 2
            end = counter + size
            if end == tune - last - 1:
                continue
            if end + 2 * size >= tune - last:
                end = tune - last - 1
    return found


def ours(tune):
    inputs = [pt.scalar(n, "int64") for n in ("length", "draw", "end")]
    after = function(inputs, list(stan_windows.window_after(*inputs)), backend="numpy")
    t = pt.scalar("tune", "int64")
    first, length, last = (int(x) for x in function([t], list(stan_windows.buffers(t)), backend="numpy")(tune))
    if tune < stan_windows.SHORTEST:
        return []
    found, end = [], first + length - 1
    while first <= end < tune - last:
        found.append(end)
        length, end = (int(x) for x in after(length, end, tune - last))
        if end <= found[-1]:
            break
    return found


def test_windows_are_those_of_stan():
    # Stan's reference manual: 1,000 draws of warm-up have windows of 25, 50, 100, 200 and the rest.
    assert ours(1000) == [99, 149, 249, 449, 949]
    for tune in (5, 19, 20, 50, 100, 149, 150, 151, 200, 249, 250, 275, 300, 500, 999, 1001, 2000, 5000):
        assert ours(tune) == stans(tune), tune


def test_the_metric_after_a_window_is_the_variance_of_its_draws(one_chain):
    sd = np.array([0.01, 1.0, 30.0])
    q = pt.vector("q", 3)
    z = q / sd
    chain = one_chain(NutsByStan, STAN, Graph([q], [-0.5 * pt.sum(z * z), -z / sd])).begin(sd)
    fields = type(NutsByStan().init(*[pt.constant(np.uint64(1)), q, None, *NutsByStan().parameters()]))._fields
    scale = lambda: np.array(chain.state[fields.index("scale")])
    assert (scale() == 1.0).all()
    draws, changes, before, steps = [], [], scale(), []
    for i in range(400):
        x, stats = chain.draw(1, 400)
        draws.append(x[0])
        steps.append(stats[0, list(NutsByStan.stats).index("step_size_bar")])
        if not np.array_equal(scale(), before):
            changes.append(i)
            window = np.array(draws[(changes[-2] + 1 if len(changes) > 1 else 75) :])
            n = len(window)
            np.testing.assert_allclose(scale() ** 2, n / (n + 5) * window.var(axis=0, ddof=1) + 1e-3 * 5 / (n + 5), rtol=1e-9)
            before = scale()
    assert changes == stans(400) == [99, 149, 349]
    # After warm-up the step size is the average, within jitter, and nothing changes.
    _, stats = chain.draw(200, 400)
    step = stats[:, list(NutsByStan.stats).index("step_size")]
    assert np.all(np.abs(step / steps[-1] - 1.0) <= 0.1 + 1e-12) and np.array_equal(scale(), before)


def test_draws_are_right_and_the_acceptance_that_is_asked_for():
    with pm.Model() as model:
        pm.Normal("x", np.array([-1.0, 5.0]), np.array([0.03, 20.0]))
        pm.Gamma("g", 3.0, 2.0)
    run = pm.sample(15_000, tune=600, chains=4, model=model, step=pm.NUTS(model=model, adaptation="stan"), random_seed=1, quiet=True, backend="c", return_inferencedata=False)
    for x, mean, sd in ((run.draws["x"], [-1.0, 5.0], [0.03, 20.0]), (run.draws["g"][..., None], [1.5], [np.sqrt(0.75)])):
        z = ((x - mean) / sd).reshape(100, -1, len(mean))
        for found, truth in ((z, 0.0), (z**2, 1.0)):
            means = found.mean(axis=1)
            error = means.std(axis=0, ddof=1) / 10
            assert (error < 0.02).all() and (np.abs(means.mean(axis=0) - truth) < 4.5 * error).all()
    assert abs(run.stats["acceptance_rate"].mean() - 0.8) < 0.1


def test_short_warm_up_adapts_the_step_size_alone_and_other_metrics_are_refused(one_chain):
    q = pt.vector("q", 1)
    chain = one_chain(NutsByStan, STAN, Graph([q], [-0.5 * pt.sum(q * q), -q])).begin([1.0])
    draws, _ = chain.draw(19, 19)
    assert len(draws) == 19
    with pm.Model():
        pm.Normal("x")
        with pytest.raises(ArgumentError, match="adaptation='stan' finds a diagonal, and metric='dense' is asked for"):
            pm.NUTS(adaptation="stan", metric="dense")
        with pytest.raises(ArgumentError, match="adaptation must be 'fisher' or 'stan'"):
            pm.NUTS(adaptation="pymc")
        pm.sample(20, tune=20, chains=1, nuts={"adaptation": "stan"}, quiet=True)
