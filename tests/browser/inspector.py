"""What inspector.mjs looks at: a hierarchy, a computation of 10,000 nodes, 2,000 variables, two models, names that are no names, NaN, nothing."""

from __future__ import annotations

import numpy as np

import workbench as pm
import workbench.tensor as pt
from kernel_ext.display import panel_of
from kernel_ext.graphs.inspector import GraphInspector
from kernel_ext.widget.panel import Panel

HOSTILE = ("<img src=x onerror=alert(1)>", "x" * 300, "\u202eevil", "מודל", "日本語")


def hierarchy(scale: float = 1.0, robust: bool = False) -> pm.Model:
    with pm.Model(coords={"county": [f"c{i}" for i in range(30)]}) as made:
        mu, sigma = pm.Normal("mu", 0.0, 10.0), pm.HalfNormal("sigma", scale)
        a = pm.Normal("a", mu, sigma, dims="county")
        eps = pm.HalfNormal("eps", 1.5)
        where = np.arange(90) % 30
        if robust:
            pm.StudentT("y", 4.0, a[where], sigma=eps, observed=np.linspace(-1, 1, 90))
        else:
            pm.Normal("y", a[where], sigma=eps, observed=np.linspace(-1, 1, 90))
    return made


def large(count: int) -> pt.Tensor:
    """A computation of so many nodes, each of two of the sixty before it."""
    rng = np.random.default_rng(0)
    nodes = [pt.vector(f"v{i}", 3) for i in range(20)]
    ends = set(range(20))
    while len(nodes) < count:
        a, b = (max(0, len(nodes) - 1 - int(i)) for i in rng.integers(0, 60, 2))
        nodes.append(nodes[a] + nodes[b] if len(nodes) % 2 else nodes[a] * nodes[b])
        ends = (ends - {a, b}) | {len(nodes) - 1}
    return pt.sum(pt.concatenate([nodes[i] for i in sorted(ends)]))


def crowd(count: int) -> pm.Model:
    with pm.Model() as made:
        for i in range(count):
            pm.Normal(f"x{i}")
    return made


def hostile() -> pm.Model:
    with pm.Model() as made:
        for name in HOSTILE:
            pm.Normal(name)
        pm.Deterministic("bad", made[HOSTILE[0]] * np.array([1.0, np.nan, 2.0]))
    return made


def panels() -> list[Panel]:
    return [
        panel_of(hierarchy(), "radon"), Panel([GraphInspector(large(10_000), "large")]), panel_of(crowd(2000), "crowd"),
        Panel([GraphInspector(hierarchy(), "m1", compare=hierarchy(2.0, robust=True), compared_to="m2")]), panel_of(hostile(), "hostile"), panel_of(pm.Model(), "nothing"),
    ]  # fmt: skip
