"""What docs/adding-a-sampler.md says can be done, done: its code runs as it stands there, and draws what it should."""

import re
import sys
import types
from pathlib import Path

import numpy as np

import workbench as pm
from workbench.inference.linked import Step
from workbench.inference.run import Run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-sampler.md"
IMPORTS = """
from __future__ import annotations
from dataclasses import dataclass
from typing import NamedTuple
import workbench.tensor as pt
from workbench.samplers.kernel import Kernel, address, known_rest
from workbench.tensor.tensor import Tensor, as_tensor
"""


def test_a_sampler_in_one_class_draws_from_the_posterior(monkeypatch):
    barker = types.ModuleType("barker")
    monkeypatch.setitem(sys.modules, "barker", barker)
    exec(IMPORTS + re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)[0], vars(barker))
    with pm.Model() as model:
        a = pm.Normal("a", 1.0, 0.5)
        pm.Exponential("b", 1.0)
        pm.Normal("y", a, 0.5, observed=2.0)
    step = Step(barker.Barker, ("a", "b_log__"), barker.BarkerSettings(1.5))
    run = Run(model, 60_000, 1_000, 2, None, 3, [step], "c", [None, None])
    run.start(watched=False).wait()
    # Normal and normal: mean 1.5, variance 1/8; the other is exponential. Some 15,000 effective draws: 4 errors of a mean are 0.012 and 0.033.
    assert abs(run.draws["a"].mean() - 1.5) < 0.012 and abs(run.draws["a"].std() - np.sqrt(1 / 8)) < 0.012
    assert abs(run.draws["b"].mean() - 1.0) < 0.035
    assert 0.3 < run.stats["accepted"].mean() < 0.95
