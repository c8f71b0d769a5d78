"""Other ways to draw than by NUTS: which a plan takes, and what they are judged by."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.inference.approximations.inla import fit_inla
from workbench.inference.approximations.latent_gaussian import latent_field
from workbench.inference.approximations.pathfinder import fit_pathfinder
from workbench.inference.planning.carrying_out import TRUSTED, apart
from workbench.inference.planning.plan import Sampling, Step
from workbench.inference.smc.sampling import sample_smc
from workbench.model.interventions import with_own_data

if TYPE_CHECKING:
    from workbench.inference.run import Run
    from workbench.model.model import Model

MANY = 100
"""Latent Gaussian elements from which their nested Laplace approximation is tried."""
FEW = 6
"""Hyperparameters up to which it is: they are integrated over on a design of points."""
ENOUGH = 400.0
"""Independent draws that importance weights must leave."""
DRAWS = 1000
"""Of each chain, of approximations."""
PARTICLES = 2000
"""Of each population."""
PATIENCE, SHORTEST = 10.0, 60.0
"""How many times the seconds that it took to find several modes, and how many seconds at least, are given to finding how much each weighs."""
SHARED = ("random_seed", "backend")


def nested_laplace(model: Model, options: Mapping[str, Any]) -> tuple[Step, Any] | None:
    """Return a step that approximates many latent Gaussian variables, on where importance weights make its draws right, and its InferenceData.

    ``None`` where they are not many, or hyperparameters are.
    """
    if any(rv.type.kind != "f" or rv.type.is_open for rv in model.free_RVs):
        return None
    if sum(rv.type.size for rv in model.free_RVs) < MANY:
        # Which of them are normal given the rest is not asked for: it takes derivatives.
        return None
    try:
        field = latent_field(with_own_data(model))
    except WorkbenchError:
        return None
    if len(field.where) < MANY or len(field.hyper) > FEW:
        return None
    how, name = _of_chains(options, DRAWS, importance_sampling="psis"), f"approximate {', '.join(field.names)}"
    begun = time.perf_counter()
    try:
        idata = fit_inla(model, quiet=True, progressbar=False, **how)
    except WorkbenchError as error:
        return Step(name, f"{', '.join(field.names)} are latent Gaussian variables, but their nested Laplace approximation fails: {error.message}", on=False), None
    k, worth = (float(idata.posterior.attrs[n]) for n in ("pareto_k", "importance_ess"))
    evidence = {"k-hat": k, "independent draws": round(worth), "seconds": time.perf_counter() - begun}
    says = f"given the {len(field.hyper)} other numbers, the {len(field.where)} elements of {', '.join(field.names)} are normal before the data: they are integrated out at their mode"
    right = k <= TRUSTED and worth >= ENOUGH
    says += ", and importance weights mend what that misses" if right else ", but importance weights cannot mend what that misses: it is not taken"
    weighted = f"{options['chains'] * DRAWS} draws of a nested Laplace approximation, weighted by the posterior over its density: no chain runs"
    return Step(name, says, evidence, right, draws=Sampling(how, weighted, name="draw by weights", function="fit_inla")), idata


def several_modes(run: Run, model: Model, options: Mapping[str, Any], begun: float, until: float | None) -> tuple[Step, Any] | None:
    """Return a step that samples by populations, on where these agree, and its run, where the chains of another run stay in different places.

    Chains are where they began: how many are in a mode says nothing of how much it weighs. Meanwhile that run waits.
    """
    if run.chains < 2 or not any(apart(x) for x in run.draws.values()):
        return None
    run.pause()
    now = time.perf_counter()
    allowed = max(PATIENCE * (now - begun), SHORTEST) if until is None else until - now
    how = _of_chains(options, PARTICLES)
    says = "the chains of the pilot stay in different places, and do not say how much each weighs: populations are taken from the prior to the posterior"
    name = "sample by populations"
    try:
        found = sample_smc(model=model, progressbar=False, quiet=True, blocking=False, return_inferencedata=False, **how)
        if not found.wait(max(allowed, 0.0)):
            found.stop()
            found.wait()
    except WorkbenchError as error:
        return Step(name, f"{says}, but that fails: {error.message}", on=False), None
    problems = list(found.problems())
    evidence = {"log marginal likelihood": f"{found.log_marginal_likelihood:.2f} +- {found.log_marginal_likelihood_se:.2f}", "seconds": time.perf_counter() - now}
    if problems:
        says += f", but they are not right either: {problems[0]}"
    reason = f"{run.chains} populations of {PARTICLES} particles, whose marginal likelihoods agree"
    return Step(name, says, evidence, not problems, draws=Sampling(how, reason, name="sample by populations", function="sample_smc")), found


def approximation(run: Run, model: Model, options: Mapping[str, Any], seconds: float) -> tuple[Step, Any] | None:
    """Return a step that approximates what no draw could be made of in the time, and its InferenceData; ``None`` if that cannot be."""
    if any(rv.type.kind != "f" for rv in model.free_RVs):
        return None
    rows = min((c.count for c in run.kept), default=0)
    run.stop()
    how = {"num_draws": options["chains"] * DRAWS, **{k: options[k] for k in SHARED if k in options}}
    begun = time.perf_counter()
    try:
        idata = fit_pathfinder(model, quiet=True, progressbar=False, **how)
    except WorkbenchError:
        return None
    k = float(idata.posterior.attrs["pareto_k"])
    says = f"in {seconds:.3g} seconds warm-up of a chain came to draw {rows} of {run.tune}: normal distributions on the way to a mode are taken instead"
    reason = "draws of an approximation, weighted by the posterior over its density; more seconds give draws of the posterior"
    evidence = {"k-hat": k, "seconds": time.perf_counter() - begun}
    return Step("approximate", says, evidence, draws=Sampling(how, reason, name="draw by weights", function="fit_pathfinder")), idata


def _of_chains(options: Mapping[str, Any], draws: int, **more: Any) -> dict[str, Any]:
    """The options of a run that other functions have too."""
    return {"chains": options["chains"], "draws": draws, **more, **{k: options[k] for k in SHARED if k in options}}


__all__ = ["approximation", "nested_laplace", "several_modes"]
