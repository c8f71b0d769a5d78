"""What to say of a loss that is no number: which variable is at fault, and what would help."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import Location, SamplingError
from workbench.inference.approximations.linked_descent import Chunk
from workbench.model.density import logp_grad_graph
from workbench.model.functions import function_of
from workbench.model.inspection import report
from workbench.model.model import Model
from workbench.model.position import Places

HINT = (
    "begin nearer to the posterior, start={name: value}, and narrower, start_sigma={name: 0.1}; or take smaller steps: "
    "obj_optimizer=pm.adam(learning_rate=1e-3), total_grad_norm_constraint=100"
)


def fault(model: Model, chunk: Chunk, made: int, written_at: Location | None) -> SamplingError:
    """Return the error for a step whose loss or gradient is not finite, at the line of the first variable at fault."""
    assert chunk.at_fault is not None
    q = chunk.at_fault
    places = Places.of(model)
    when = f"at step {made}" if made else "at the first step"
    if not np.isfinite(q).all():
        bad = [name for name, (at, _) in places.continuous.items() if not np.isfinite(q[at]).all()]
        return _error(model, bad, f"{when} the draws of {', '.join(bad)} are not finite: the steps were too large", written_at)
    point = places.point(q, np.empty(0, np.int64))
    terms = model.point_logps(point)
    bad = [name for name, term in terms.items() if not np.isfinite(term)]
    if bad:
        value = sum(float(np.sum(t)) for t in terms.values())
        return _error(model, bad, f"the loss is {-value} {when}, for the log-density of {', '.join(bad)} is not finite at a draw:\n{report(model, point)}", written_at)
    _, gradient = function_of(model, "logp_grad", "numpy", logp_grad_graph)(q)
    bad = [name for name, (at, _) in places.continuous.items() if not np.isfinite(np.asarray(gradient)[at]).all()]
    if bad:
        return _error(model, bad, f"the gradient with respect to {', '.join(bad)} is not finite {when}, at a draw:\n{report(model, point)}", written_at)
    return _error(model, [], f"the loss is {chunk.loss} or its gradient is not finite {when}: parameters of the approximation are out of bounds", written_at)


def _error(model: Model, bad: list[str], message: str, written_at: Any) -> SamplingError:
    named = {**model.named_vars, **{model.value_name(rv): rv for rv in model.free_RVs}}
    made = next((named[n].provenance for n in bad if n in named), None)
    return SamplingError(message, HINT, made.location if made else written_at)
