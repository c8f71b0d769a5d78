"""What watching costs a run: the same run with its dashboard in a panel and without.

``python benchmarks/notebook_sampling.py [REPEATS]`` prints, for each model, the least wall and processor seconds of both, from the call
of `sample` until its draws are there; the runs take turns, so that what else the machine does is shared out evenly.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import workbench as pm
from kernel_ext.sampling.dashboard import SamplingDashboard
from kernel_ext.widget.panel import Panel
from workbench.datasets import radon as load
from workbench.inference import run as running


def small() -> pm.Model:
    """A normal of unknown mean and variance."""
    with pm.Model() as model:
        mu, sigma = pm.Normal("mu", 0.0, 10.0), pm.HalfNormal("sigma", 5.0)
        pm.Normal("y", mu, sigma, observed=np.linspace(-2.0, 3.0, 50))
    return model


def radon() -> pm.Model:
    """Varying intercepts and slopes of 85 counties: 175 elements."""
    d = load()
    with pm.Model(coords={"county": d["names"]}) as model:
        mu_a, sigma_a = pm.Normal("mu_a", 0.0, 10.0), pm.HalfNormal("sigma_a", 1.0)
        mu_b, sigma_b = pm.Normal("mu_b", 0.0, 2.0), pm.HalfNormal("sigma_b", 1.0)
        a = mu_a + sigma_a * pm.Normal("a_raw", 0.0, 1.0, dims="county")
        b = mu_b + sigma_b * pm.Normal("b_raw", 0.0, 1.0, dims="county")
        pm.Normal("y", a[d["county"]] + b[d["county"]] * d["floor"], pm.HalfNormal("eps", 1.5), observed=d["log_radon"])
    return model


class Watched:
    """Shows runs in a panel whose messages are made and thrown away."""

    def __init__(self) -> None:
        self.bytes = self.messages = 0

    def __call__(self, run: Any) -> Callable[[], None]:
        dashboard = SamplingDashboard(run)
        panel = Panel([dashboard])
        panel.send = self._send
        run.shows_problems = True
        publisher = dashboard.publisher
        assert publisher is not None
        publisher.hello()

        def finish() -> None:
            publisher.ready.wait(60)
            dashboard.static()

        self.publisher = publisher
        return finish

    def _send(self, content: Any, buffers: Any = None) -> None:
        self.bytes += len(json.dumps(content)) + sum(map(len, buffers or []))
        self.messages += 1


def timed(model: pm.Model, draws: int, watched: bool) -> tuple[float, float]:
    """Return wall and processor seconds of a run of two chains."""
    running.on_start[:] = [Watched()] if watched else []
    wall, cpu = time.perf_counter(), time.process_time()
    pm.sample(draws, tune=1000, chains=2, model=model, random_seed=1, return_inferencedata=False)
    found = time.perf_counter() - wall, time.process_time() - cpu
    if watched:
        # What goes on after the draws are there belongs to nobody's wait, but must not spoil the next measurement.
        running.on_start[0].publisher.over.wait(60)  # type: ignore[attr-defined]
    return found


def main(repeats: int) -> None:
    warnings.simplefilter("ignore")
    for name, model, draws in (("small", small(), 16_000), ("radon", radon(), 16_000)):
        timed(model, 100, True)
        timed(model, 100, False)
        pairs = [(timed(model, draws, True), timed(model, draws, False)) for _ in range(repeats)]
        (wall, cpu), (bare_wall, bare_cpu) = (np.min([p[i] for p in pairs], axis=0) for i in (0, 1))
        print(
            f"{name}: two chains of {draws:,}: watched {wall:.2f} s ({cpu:.2f} s of processors), not watched {bare_wall:.2f} s ({bare_cpu:.2f} s): "
            f"{wall / bare_wall - 1:+.1%} wall, {cpu / bare_cpu - 1:+.1%} processors", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
