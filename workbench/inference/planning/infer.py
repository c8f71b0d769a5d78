"""`infer`: the best inference that is found in the time given, and why it is that."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, ModelError, SamplingError
from workbench.graph.traverse import ancestors
from workbench.inference.checks import whole
from workbench.inference.each_draw import seed_word
from workbench.inference.planning.methods import approximation, nested_laplace, several_modes
from workbench.inference.planning.model_steps import integrated_out, summed_out
from workbench.inference.planning.pilots import (
    PILOT,
    Candidate,
    Findings,
    begin,
    candidates,
    findings,
    shares,
    together_with,
    wait_for,
)
from workbench.inference.planning.plan import Plan, Sampling, Step
from workbench.inference.run import Run
from workbench.model.context import modelcontext
from workbench.model.model import Model
from workbench.model.parametrisation import reparameterize

WARM_UP = 500
"""Draws of warm-up: step size and mass matrix settle within these."""
LEAST, MOST = 1000, 4000
"""Draws of each chain: as many as take the time that it took to come to the first, between these."""
HEALTHY = 0.05
"""Effective draws a gradient from which no other form is tried, where nothing diverges."""
BETTER = 1.3
"""By how much another form must be better to be taken."""
SOME, MANY = 0.002, 0.01
"""Shares of trajectories that diverge: more than one of a pilot's, and as many as make its effective draws doubtful."""
LITTLE, MUCH = 1.5, 5.0
"""How many times fewer effective draws a gradient a form may have that diverges less, where the other has some divergences, or many."""
SHORTER = (0.9, 0.95, 0.99)
"""Acceptances that are aimed at in turn where trajectories diverge: of a pilot, and after warm-up."""
SETTLED = 200
"""Draws after warm-up from which it is known how long each takes; they are more than those after which steps are first made shorter."""
LAST_PART = 0.25
"""Share of the time that is left for an approximation, where warm-up is far from its end by then."""
NONE, ALL = 0.25, 0.75
"""Shares below and above which a variable is sampled as its noise, and as itself."""


def infer(
    model: Model | None = None,
    seconds: float | None = None,
    show: bool = True,
    run: bool = True,
    *,
    chains: int = 4,
    random_seed: Any = None,
    backend: str | None = None,
    progressbar: bool | str = False,
) -> Any:
    """Find out how to sample a model, say why, and do it.

    A plan is made: discrete variables are summed out, what is known in closed form is integrated out, and variables that hang on a
    scale are sampled as themselves, as their noise or in between, as short pilots show. Pilots are the beginnings of runs: that which
    is best goes on. Then as many draws are made as take the time it took to come to the first.

    Many latent Gaussian variables are approximated by :func:`fit_inla`, where importance weights make its draws right. Chains that stay in
    different places give way to :func:`sample_smc`, which finds how much each mode weighs; modes that no chain comes to are not seen. Where
    `seconds` are too few for NUTS, :func:`fit_pathfinder` approximates, and the advice says what its draws are worth.

    Parameters
    ----------
    model
        The model; that of the surrounding block by default.
    seconds
        Wall time for all of it; as much as is needed by default.
    show
        Print the plan when it is made, and what speaks against the draws.
    run
        Carry the plan out. If not, it is measured and returned: ``plan["non-centre a"].on = False``, ``plan.code()``, ``plan.run()``.
    chains, random_seed, backend, progressbar
        As in :func:`sample`.

    Returns
    -------
    InferenceData of all variables of the model, with the plan as code in ``posterior.attrs["plan"]``; the `Plan`, if not `run`.

    Raises
    ------
    SamplingError
        If there is nothing to infer, or the log-density is not finite where chains start.
    ModelError
        If a variable has an improper prior, and no data or potential depend on it.
    ArgumentError
        If `seconds` is not positive.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Normal("y", mu, 1.0, observed=[0.5, 1.5])
    >>> idata = pm.infer(model, random_seed=1)
    1. integrate out mu
       mu has a posterior in closed form given the rest: it is drawn exactly, and need not be sampled [how: normal
       integral]
    2. draw exactly
       all is drawn from closed forms: no chain runs
    """
    m = modelcontext(model)
    if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
        raise ArgumentError(f"seconds must be a positive number, got {seconds!r}", "None for as much as is needed")
    if not m.free_RVs:
        raise SamplingError("the model has no free variable: there is nothing to infer", "leave observed= out of one")
    _require_proper(m)
    seed = seed_word(random_seed)
    options = {"draws": MOST, "tune": WARM_UP, "chains": whole("chains", chains, 1), "random_seed": seed, **({} if backend is None else {"backend": backend})}
    plan = _planned(m, options, seconds)
    if not run:
        if show:
            print(plan)
        return plan
    if show:
        print(plan)
    idata = plan.run(progressbar)
    if show and plan.advice:
        print("\n".join(f"! {line}" for line in plan.advice))
    return idata


def _require_proper(model: Model) -> None:
    """Raise for a variable whose prior has no integral, where nothing else says where it is."""
    terms = [*model.observed_RVs, *model.potentials, *(rv for rv in model.free_RVs)]
    for rv in model.free_RVs:
        name = getattr(rv.op, "name", "")
        if name in ("Flat", "HalfFlat") and not any(rv in ancestors([x]) for x in terms if x is not rv):
            raise ModelError(
                f"{rv.name} has an improper prior ({name}), and no data depend on it: it has no posterior",
                "give it a proper prior",
                rv.provenance.location if rv.provenance else None,
            )


def _planned(model: Model, options: dict[str, Any], seconds: float | None) -> Plan:
    """The plan, measured; the run that it ends with has begun."""
    begun = time.perf_counter()
    until = None if seconds is None else begun + seconds
    steps, made = summed_out(model)
    more, made = integrated_out(made)
    steps += more
    plan = Plan(model, steps, Sampling(options, ""))
    plan.came_to(made)
    if not made.free_RVs:
        plan.sampling.options["draws"] = MOST
        plan.seconds["planning"] = time.perf_counter() - begun
        return plan
    if any(rv.type.kind == "f" for rv in made.free_RVs):
        options = {**options, "shorter_steps": SHORTER}
    plan.sampling.options = {**options, "draws": LEAST}
    if not _takes(plan, nested_laplace(made, options)):
        run, options = _in_best_form(plan, made, candidates(made), options, until)
        _sample(plan, run, options, begun, until)
    plan.seconds["planning and sampling"] = time.perf_counter() - begun
    return plan


def _sample(plan: Plan, run: Run, options: dict[str, Any], begun: float, until: float | None) -> None:
    """Let a run go on to its end, or draw otherwise where it does not come to draws in time, or its chains stay apart."""
    plan.sampling.options = {**options, "draws": LEAST}
    if not _warmed_up(run, begun, until):
        if _takes(plan, approximation(run, plan.transformed(), options, time.perf_counter() - begun)):
            return
    elif _takes(plan, several_modes(run, plan.transformed(), options, begun, until)):
        run.stop()
        return
    run.resume()
    plan.sampling = _length(run, options, begun, until)
    plan.measured = plan.key, run


def _takes(plan: Plan, found: tuple[Step, Any] | None) -> bool:
    """Add the step of another way to draw to a plan; return whether it is on, and the draws that it has made are the plan's."""
    if found is None:
        return False
    step, draws = found
    plan.steps.append(step)
    if step.on:
        plan.measured = plan.key, draws
    return step.on


# Which coordinates -----------------------------------------------------------------------------


def _in_best_form(plan: Plan, made: Model, found: list[Candidate], options: Mapping[str, Any], until: float | None) -> tuple[Run, dict[str, Any]]:
    """Add the steps that choose coordinates; return the run that goes on, and its options."""
    run, options = begin(made, options), dict(options)
    if not found:
        return run, options
    wait_for(run, PILOT, until)
    if _over(until):
        return run, options
    now = findings(run, PILOT // 2, PILOT)
    target, steps = _forms(run, made, found)
    careful = {**options, "target_accept": SHORTER[0], "shorter_steps": SHORTER[1:]} if now.divergences > 0.0 else options
    if not target:
        for c in found:
            plan.steps.append(_kept(c, now, "what the data say of it fits that form"))
        if careful is options:
            return run, options
        run.stop()
        return begin(made, careful), careful
    apart = now.slowest.isdisjoint(together_with(made, target))
    if now.divergences == 0.0 and (now.each > HEALTHY or apart):
        for step in steps:
            step.on = False
            step.reason += f", but what is slowest does not hang on it: {', '.join(sorted(now.slowest)[:3])}" if apart else ", but the pilot is fast as it is"
            step.evidence = {**step.evidence, **_measured("as written", now)}
        plan.steps += steps
        return run, options
    run.pause()
    other = begin(reparameterize(made, target), careful)
    wait_for(other, PILOT, until)
    then = findings(other, PILOT // 2, PILOT)
    taken = _is_better(then, now)
    for step in steps:
        step.on = taken
        step.evidence = {**step.evidence, **_measured("as written", now), **_measured("so", then)}
        step.reason += "" if taken else ", but it was no better in a pilot"
    plan.steps += steps
    loser, winner = (run, other) if taken else (other, run)
    loser.stop()
    winner.resume()
    return winner, careful if taken else options


def _is_better(other: Findings, now: Findings) -> bool:
    """Whether another form is to be taken: it diverges less, or has more effective draws a gradient."""
    most = max(now.divergences, other.divergences)
    if most > SOME:
        price = LITTLE if most <= MANY else MUCH
        if other.divergences < 0.5 * now.divergences:
            return other.each > now.each / price
        if now.divergences < 0.5 * other.divergences:
            return other.each > price * now.each
    return other.each > BETTER * now.each


def _measured(what: str, f: Findings) -> dict[str, Any]:
    return {f"{what}, effective draws a gradient": float(f.each), f"{what}, divergences": f"{100.0 * f.divergences:.1f} %"}


def _kept(c: Candidate, now: Findings, why: str) -> Step:
    name = "keep" if c.written == "centred" else "keep the noise"
    return Step(f"{name} {c.name}", f"{c.called} is sampled as it is written: {why}", _measured("as written", now))


def _forms(run: Run, made: Model, found: list[Candidate]) -> tuple[dict[str, Any], list[Step]]:
    """The forms that the draws ask for, by name, where these are others, and the steps that choose them."""
    target: dict[str, Any] = {}
    steps: list[Step] = []
    for c in found:
        known = shares(run, c)
        usable = known is not None and np.isfinite(known).all()
        level = float(np.median(known)) if usable and known is not None else float("nan")
        form: Any = None
        if not usable:
            form = "noncentred" if c.written == "centred" else None
        elif known is not None and c.written == "noncentred" and (known > ALL).all():
            form = "centred"
        elif known is not None and (known < NONE).all():
            form = "noncentred" if c.written == "centred" else None
        elif known is not None and c.continuous and (known < ALL).any():
            rounded = np.round(known, 1)
            form = rounded.tolist() if rounded.ndim and np.ptp(rounded) > 0.0 else float(rounded.flat[0])
        elif known is not None and level < 0.5:
            form = "noncentred"
        if form is None or form == 1.0 or (form == "noncentred" and c.written == "noncentred"):
            continue
        target[c.name] = form
        what = {"noncentred": "non-centre", "centred": "centre"}.get(form if isinstance(form, str) else "", "partly centre")
        says = "it is not known how much the data say of it" if not usable else f"the posterior of {c.called} is pulled {100.0 * level:.0f} % of the way from its prior to its data"
        steps.append(
            Step(
                f"{what} {c.name}", says, {} if not usable else {"share of the data": level}, True, f"made = pm.reparameterize(made, {{{c.name!r}: {form!r}}})",
                functools.partial(reparameterize, vars={c.name: form}),
            )
        )
    return target, steps


# How long --------------------------------------------------------------------------------------


def _warmed_up(run: Run, begun: float, until: float | None) -> bool:
    """Wait until it is known how long each draw takes; return whether there are draws after warm-up, or will be in time."""
    early = None if until is None else until - LAST_PART * (until - begun)
    wait_for(run, run.tune + 1, early)
    if _over(early) and min((c.count for c in run.kept), default=0) < (1.0 - LAST_PART) * run.tune:
        return False
    tune = -1
    while tune != run.tune and not _over(until):
        # Warm-up may go on.
        tune = run.tune
        wait_for(run, tune + SETTLED, until)
    return len(run.kept) == run.chains and min(c.count for c in run.kept) > run.tune


def _length(run: Run, options: Mapping[str, Any], begun: float, until: float | None) -> Sampling:
    """Let the run end in time; how long it is, and why."""
    why = "the time was over: it was stopped"
    each = max(run.sampling_seconds / max(sum(c.count for c in run.kept), 1) * run.chains, 1e-9)
    if not _over(until):
        have = min(c.count for c in run.kept) - run.tune
        draws = int(np.clip((time.perf_counter() - begun) / each - have, LEAST, MOST))
        why = "as many draws as take the time that it took to come to the first"
        if until is not None:
            draws = max(1, min(draws, have + int((until - time.perf_counter()) / each)))
            why = "as many draws as the time allows"
        run.shorten(max(100 * (draws // 100), min(draws, 100)))
    if until is not None and not run.wait_quietly(max(0.0, until - time.perf_counter())):
        run.stop()
    run.wait()
    draws = run.draws_requested if run.state == "done" else min((c.count for c in run.kept), default=0) - run.tune
    if draws < 1:
        raise SamplingError(
            f"the time was over before the first draw after warm-up: {time.perf_counter() - begun:.1f} seconds", "give more seconds, or None for as much as is needed"
        )
    said = [f"{run.chains} chains of {run.tune} draws of warm-up and {draws}: {why}"]
    for s in run.shortened:
        said.append(f"{s.divergences} of {run.chains * s.draws} trajectories diverged: warm-up went on with shorter steps, for an acceptance of {s.target}")
    return Sampling({**options, "draws": draws}, "; ".join(said), {"seconds a draw": each})


def _over(until: float | None) -> bool:
    return until is not None and time.perf_counter() > until
