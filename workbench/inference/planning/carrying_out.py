"""A plan carried out: the model transformed, sampled, and what left it drawn again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.inference.approximations.inla import fit_inla
from workbench.inference.approximations.pathfinder import fit_pathfinder
from workbench.inference.convergence import convergence_problems
from workbench.inference.idata import container
from workbench.inference.recovery import recover
from workbench.inference.run import Run
from workbench.inference.sampling import sample
from workbench.inference.smc.run import SmcRun
from workbench.inference.smc.sampling import sample_smc

if TYPE_CHECKING:
    from workbench.inference.planning.plan import Plan
    from workbench.model.model import Model

Array = np.ndarray[Any, Any]

TRUSTED = 0.5
"""k-hat up to which importance weights have a finite variance: errors of means are those that the number of draws says."""


def carry_out(plan: Plan, progressbar: bool | str) -> Any:
    """Return InferenceData of a plan, and note in it what speaks against the draws."""
    made, how = plan.transformed(), plan.how
    seed = how.options.get("random_seed")
    if not made.free_RVs:
        draws = np.zeros((how.options["chains"], how.options["draws"]))
        plan.advice = []
        return container({"posterior": recover({"draws": draws}, made, random_seed=seed, extend_inferencedata=False)})
    measured = plan.measured[1] if plan.as_measured and plan.measured is not None else None
    found = FUNCTIONS[how.function](how.options, made, progressbar) if measured is None else measured
    if isinstance(found, Run | SmcRun):
        found.wait()
    begun = time.perf_counter()
    plan.advice = advice(found)
    idata = found.idata if isinstance(found, Run | SmcRun) else found
    if any(s.recovers for s in plan.chosen):
        idata = recover(idata, made, random_seed=seed)
    plan.seconds["results"] = time.perf_counter() - begun
    idata.posterior.attrs["plan"] = plan.code()
    return idata


def _run(function: Any) -> Any:
    def begin(options: Mapping[str, Any], model: Model, progressbar: bool | str) -> Any:
        return function(**options, model=model, progressbar=progressbar, quiet=not progressbar, return_inferencedata=False)

    return begin


def _fit(function: Any) -> Any:
    def begin(options: Mapping[str, Any], model: Model, progressbar: bool | str) -> Any:
        return function(**{**options, "quiet": True}, model=model, progressbar=bool(progressbar))

    return begin


FUNCTIONS = {"sample": _run(sample), "sample_smc": _run(sample_smc), "fit_inla": _fit(fit_inla), "fit_pathfinder": _fit(fit_pathfinder)}
"""What draws, by its name in ``pm``: from its options, a model and how progress is shown, to a run that is over, or to InferenceData."""


def advice(found: Any) -> list[str]:
    """What speaks against draws, each with what would be tried next."""
    if isinstance(found, SmcRun):
        return list(found.problems())
    if not isinstance(found, Run):
        about = found.posterior.attrs
        return [] if about["pareto_k"] <= TRUSTED else [f"it is an approximation, and {about['pareto_k_words']}"]
    problems = list(convergence_problems(found))
    if any("R-hat" in p for p in problems) and any(apart(x) for x in found.draws.values()):
        problems.append("the chains stay in different places: there may be several modes; pm.sample_smc moves between them")
    return problems


def apart(draws: Array) -> bool:
    """Whether chains do not overlap, by their draws (chain, draw, ...): the means of some element differ by more than all that is within a chain."""
    flat = draws.reshape(*draws.shape[:2], -1)
    within, means = flat.std(axis=1).max(axis=0), flat.mean(axis=1)
    return bool((np.ptp(means, axis=0) > 4.0 * within).any())
