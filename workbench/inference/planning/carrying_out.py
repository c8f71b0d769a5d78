"""A plan carried out: the model transformed, sampled, and what left it drawn again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.inference.convergence import convergence_problems
from workbench.inference.idata import container
from workbench.inference.recovery import recover
from workbench.inference.sampling import sample

if TYPE_CHECKING:
    from workbench.inference.planning.plan import Plan


def carry_out(plan: Plan, progressbar: bool | str) -> Any:
    """Return InferenceData of a plan, and note in it what speaks against the draws."""
    made, options = plan.transformed(), dict(plan.sampling.options)
    seed = options.get("random_seed")
    if not made.free_RVs:
        drawn = recover({"draws": np.zeros((options["chains"], options["draws"]))}, made, random_seed=seed, extend_inferencedata=False)
        plan.advice = []
        return container({"posterior": drawn})
    if plan.as_measured and plan.measured is not None:
        run = plan.measured[1]
        run.wait()
    else:
        run = sample(**options, model=made, progressbar=progressbar, quiet=not progressbar, return_inferencedata=False)
    begun = time.perf_counter()
    plan.advice = advice(list(convergence_problems(run)), run)
    idata = run.idata
    if any(s.recovers for s in plan.chosen):
        idata = recover(idata, made, random_seed=seed)
    plan.seconds["results"] = time.perf_counter() - begun
    idata.posterior.attrs["plan"] = plan.code()
    return idata


def advice(problems: list[str], run: Any) -> list[str]:
    """What speaks against a run, each with what would be tried next."""
    found = list(problems)
    if any("R-hat" in p for p in problems) and apart(run):
        found.append("the chains stay in different places: there may be several modes; pm.sample_smc moves between them")
    return found


def apart(run: Any) -> bool:
    """Whether chains of a run do not overlap: the means of some element differ by more than all that is within a chain."""
    for x in run.draws.values():
        flat = x.reshape(*x.shape[:2], -1)
        within, means = flat.std(axis=1).max(axis=0), flat.mean(axis=1)
        if (np.ptp(means, axis=0) > 4.0 * within).any():
            return True
    return False
