"""Models written term by term: what computes them, and their steps, are those of the loop that they became."""

import numpy as np

import workbench as pm
from kernel_ext.graphs.computation import computation_of
from kernel_ext.stepper import RewriteStepper


def test_a_chain_of_named_variables_has_steps_and_a_computation():
    with pm.Model() as model:
        x = pm.Normal("x0")
        for i in range(1, 20):
            x = pm.Normal(f"x{i}", x, 1.0)
        pm.Normal("y", x, 1.0, observed=1.0)
    made = computation_of(model)
    at = np.linspace(-1.0, 1.0, 20)
    # A standard normal term for the first, for each step of 2/19, and for the observation, which the last is.
    logp = -0.5 * (1.0 + 19 * (2 / 19) ** 2) - 21 * 0.5 * np.log(2 * np.pi)
    # Of the optimisation what it begins with and ends with, from the flat vector to logp and gradient.
    for graph in (made.written, made.graph):
        found = graph.run("numpy", *[at for _ in graph.params])
        assert np.isclose(found[0], logp, rtol=1e-13)
    assert "reroll" in [p.name for p in made.trace.passes]
    assert "text/html" in RewriteStepper.of(model).static()
