"""`sample`: draws from a model's posterior."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import ArgumentError, SamplingError, warn_user
from workbench.inference import options
from workbench.inference import run as _run
from workbench.inference.approximations.pathfinder_starts import pathfinder_starts
from workbench.inference.callbacks import Callback
from workbench.inference.checks import whole
from workbench.inference.convergence import ConvergenceWarning, with_page
from workbench.inference.each_draw import seed_word
from workbench.inference.ensemble_run import ensemble_run
from workbench.inference.executors import executor_named
from workbench.inference.fitted_starts import FITTED, fitted_starts
from workbench.inference.loading_xarray import load_in_background
from workbench.inference.many_chains import Way, way_of
from workbench.inference.populations import population_of, way_of_population
from workbench.inference.run import Run
from workbench.inference.shorter_steps import check as check_steps
from workbench.inference.shorter_steps import checked as checked_steps
from workbench.inference.steps import steps_of
from workbench.inference.stores import Store
from workbench.model.context import modelcontext
from workbench.model.minibatch import refuse_minibatches
from workbench.model.model import Model
from workbench.model.points import unconstrained
from workbench.model.simulators import require_density

InitialValues = Mapping[Any, Any]


def sample(
    draws: int = 1000,
    *,
    tune: int = 1000,
    chains: int | None = None,
    cores: int | None = None,
    random_seed: Any = None,
    progressbar: bool | str = True,
    quiet: bool = False,
    var_names: Sequence[str] | str | None = None,
    initvals: InitialValues | Sequence[InitialValues | None] | None = None,
    init: str = "auto",
    jitter_max_retries: int = 10,
    target_accept: float | None = None,
    max_treedepth: int = 10,
    nuts: Mapping[str, Any] | None = None,
    stop_tuning_early: bool = False,
    shorter_steps: float | Sequence[float] | None = None,
    step: Any = None,
    nuts_sampler: str | None = "workbench",
    nuts_sampler_kwargs: Mapping[str, Any] | None = None,
    discard_tuned_samples: bool = True,
    compute_convergence_checks: bool = True,
    return_inferencedata: bool = True,
    idata_kwargs: Mapping[str, Any] | None = None,
    trace: str | os.PathLike[str] | Store | None = None,
    callback: Callback | None = None,
    blas_cores: int | str | None = "auto",
    executor: Any = None,
    model: Model | None = None,
    backend: str | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
    method: str | None = None,
    device: Any = None,
    thin: int = 1,
    blocking: bool = True,
    **others: Any,
) -> Any:
    """Draw from the posterior: with NUTS, and with step methods for what has no gradient.

    Parameters
    ----------
    draws, tune
        Draws to keep and draws of warm-up, per chain.
    chains, cores
        Number of chains (4 by default), and how many run at once (all cores by default).
    random_seed
        The same seed gives the same draws: an integer, a sequence of them, or a NumPy generator.
    progressbar
        Show progress: a dashboard in a notebook, a line in a terminal. PyMC's names of bars mean true.
    quiet
        Show no progress and warn of nothing.
    var_names
        Variables that the InferenceData keeps; all by default.
    initvals
        Where chains start: values by variable or its name, or unconstrained by value name; one for
        all chains, or one for each. Variables that are not given start around their support point.
    init
        Whether these are jittered, and which mass matrix is adapted (always from draws and gradients): "auto" jitters, and
        stretches a few directions beyond the diagonal where that pays; "adapt_diag" and "adapt_diag_grad" keep to the diagonal,
        "adapt_diag_low_rank" takes more directions, "adapt_full" all; "jitter+..." of each jitters. "pathfinder" begins at draws
        of Pathfinder's approximations: for starts that are far out or in the way; of others it shortens no warm-up. "advi" and
        "advi+adapt_diag" begin at draws of a mean-field fit, "advi_map" at those of one that begins at the mode, "map" all
        at the mode.
    jitter_max_retries
        How often to jitter anew where the log-density or its gradient is not finite.
    target_accept
        Acceptance that the step size aims at: 0.8 for NUTS, what suits the method for others.
    max_treedepth
        Doublings after which a tree of NUTS ends.
    nuts
        The two above as a mapping, as PyMC takes them, ``metric``, of "auto", "diag", "low_rank" and "dense", and what else `NUTS` takes:
        ``{"trajectories": "trees"}``. So for other step methods by their names: ``metropolis={"scaling": 2.0}``.
    stop_tuning_early
        End warm-up when the chains agree (R-hat of all values below 1.05), after 300, 450, 675 ... draws, and after `tune` at the latest. Draws of all
        chains after it are then the same in number, those of warm-up fewer.
    shorter_steps
        Acceptances to aim at in turn, such as (0.95, 0.99), where more than one in 1,000 transitions after warm-up diverge: after 150, 300,
        600 ... draws warm-up then goes on for 100 draws with shorter steps, and the draws until there are draws of warm-up.
    step
        Step methods, one or a list: ``[pm.NUTS([x], target_accept=0.9), pm.Metropolis([n])]``. The variables that they leave, all
        by default, are moved by `NUTS` if they are continuous, by `BinaryGibbsMetropolis` or `CategoricalGibbsMetropolis` if they have
        two or finitely many states, and else by `Metropolis`. A draw is a transition of each, in turn.
    nuts_sampler
        Whose NUTS: "workbench", or "numpyro", "blackjax" or "nutpie", optional packages, on the same log-density.
    nuts_sampler_kwargs
        Options for it: of the first two ``nuts_kwargs`` and ``chain_method`` ("parallel", "vectorized", "sequential"), of nutpie those of
        ``nutpie.sample``, and ``backend``.
    discard_tuned_samples
        Leave the draws of warm-up out of the InferenceData.
    compute_convergence_checks
        Warn when the draws may not represent the posterior: divergences, R-hat, effective sample size.
    return_inferencedata
        Return ArviZ's InferenceData; the `Run` if not.
    idata_kwargs
        ``log_likelihood`` and ``log_prior`` add the log-density of each observation and each free variable
        (true, or names of variables); ``include_transformed`` the unconstrained draws; ``dims`` and
        ``coords`` are added to the model's; ``save_warmup`` is another way to say `discard_tuned_samples`.
    trace
        Where draws are written as they are made: the path of a folder, or a :class:`workbench.ZarrStore`. A run that is killed
        goes on from there: :func:`workbench.resume_run` (not one of nutpie, nor of chains that another package made as one program).
        Draws are in memory only, if not given.
    callback
        Called with the run and each draw (`chain`, `draw_idx`, `tuning`, `is_last`, `stats`, `point`), in order
        in each chain, after the chunk of draws that it belongs to; by the threads that sample, one call at a
        time. A KeyboardInterrupt that it raises stops the run, and what is drawn is kept.
    blas_cores
        Threads that BLAS may use for all chains together: as many as run at once by default ("auto"), ``None`` for no limit.
    executor
        Where chains are computed: "threads" (the default), "dask" for Dask's workers (those of the client that is there, else a
        cluster on this machine for the time of the run), or a ``distributed.Client``. Draws are the same; a worker that is lost
        loses nothing. A cluster starts processes that import the script: its call stands under ``if __name__ == "__main__"``.
    model
        The model; that of the surrounding ``with`` block by default.
    backend
        "c", "numba", "jax", "numpy" or "auto"; the model's by default.
    compile_kwargs
        The backend by PyMC's name of a mode: ``{"mode": "NUMBA"}``.
    method
        How many chains are moved: "nuts", each on its own (100 chains and more on JAX in one loop, with a diagonal metric); or with
        what they learn shared, which is for hundreds or thousands of chains: "chees" (ChEES-HMC), "meads", "mams", "laps" or
        "demetropolis". By default "chees" for 100 chains and more on JAX, and NUTS otherwise. The run's ``moments()`` are then means, standard deviations, errors and
        nested R-hat from all draws.
    device
        What JAX moves chains on together: "gpu", "cpu" or "tpu" for all devices of that kind, or some of :func:`devices`.
    thin
        Keep every `thin`-th draw of chains that are moved together.
    blocking
        Wait for the end. If not, the `Run` is returned at once: ``.stop() .pause() .resume()
        .wait() .draws``.
    others
        Options that PyMC has and this function has no use for: those that would change results are errors,
        the others warn that they have no effect.

    Returns
    -------
    InferenceData or Run

    Raises
    ------
    SamplingError
        If an option is out of bounds, a start point is impossible, or nothing was drawn; if a chain fails
        later, the error's `run` has what was drawn until then. A run that is stopped in warm-up gives
        InferenceData of warm-up alone.
    ModelError
        If an option names a variable that the model does not have, or names of results would collide.
    ArgumentError
        If an option is not known, or of the wrong kind.
    StoreError
        If draws cannot be written to `trace`: there is something already, or the disk refuses.
    MissingPackageError
        If the package of `nuts_sampler` or of `executor` is not installed.

    Warns
    -----
    ConvergenceWarning
        If the draws may not represent the posterior.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 3.0, 1.0)
    ...     run = pm.sample(200, tune=200, chains=2, random_seed=1, progressbar=False, return_inferencedata=False)
    >>> run.draws["x"].shape
    (2, 200)
    """
    of_steps, others = options.of_steps(others)
    options.answer(others, ["draws", *(sample.__kwdefaults__ or ())], quiet)
    model = modelcontext(model)
    if not isinstance(model, Model):
        raise ArgumentError(f"model must be a Model, got {model!r}")
    if not model.free_RVs:
        raise SamplingError("the model has no free variable to sample", "pm.sample_prior_predictive() draws what is observed")
    refuse_minibatches(model, "sampling")
    require_density(model, "pm.sample needs one")
    chains = 4 if chains is None else whole("chains", chains, 1)
    given = options.starts(initvals, chains)
    jitter, metric = options.beginning(init)
    settings = options.settings(target_accept, max_treedepth, nuts)
    computes = options.backend_of(backend, compile_kwargs, model)
    external = options.external(nuts_sampler, nuts_sampler_kwargs, computes if backend or compile_kwargs else None,
                                metric if settings.metric == "auto" else settings.metric, settings, quiet)  # fmt: skip
    if external is not None and (step is not None or of_steps):
        raise ArgumentError(f"nuts_sampler={nuts_sampler!r} moves all variables: step methods are not for it", "leave step out, or nuts_sampler")
    workers = executor_named(executor)
    if external is not None and workers is not None:
        raise ArgumentError(f"nuts_sampler={nuts_sampler!r} computes its chains itself", "leave executor out, or nuts_sampler")
    count, tunes = whole("draws", draws, 1), whole("tune", tune, 0)
    seed, kept = seed_word(random_seed), options.kept(model, var_names, discard_tuned_samples, idata_kwargs)
    tries = whole("jitter_max_retries", jitter_max_retries, 0) + 1
    if stop_tuning_early and external is not None:
        raise ArgumentError(f"nuts_sampler={nuts_sampler!r} ends its warm-up itself", "leave stop_tuning_early out, or nuts_sampler")
    longest_tune = tunes if stop_tuning_early else None
    shorter = () if shorter_steps is None else checked_steps(shorter_steps, settings.target_accept, tunes)
    told = options.callback_of(callback)
    said = computes if backend or compile_kwargs or computes == "jax" else None
    target = None if target_accept is None else settings.target_accept
    alone = "step" if step is not None or of_steps else f"nuts_sampler={nuts_sampler!r}" if external is not None else None
    population = population_of(step)
    if population is not None:
        options.of_chains_by_themselves("step=pm.DEMetropolis()", target_accept=target_accept, method=method, **of_steps)
    each = {"nuts": nuts or None, "max_treedepth": None if max_treedepth == 10 else max_treedepth, "executor": executor, "stop_tuning_early": stop_tuning_early or None, "shorter_steps": shorter_steps,
            "init": init if metric not in ("auto", "diag") or init in ("pathfinder", *FITTED) else None}  # fmt: skip
    every = whole("thin", thin, 1)
    way: Way | None
    if population is not None:
        way = way_of_population(model, population, chains, count, every, computes, device, quiet)
    else:
        adapted = told is not None or any(x is not None for x in each.values())
        way = way_of(model, method, chains, count, every, device, said, target, alone, adapted)
    if way is not None:
        options.of_chains_by_themselves(way.sampler.asked_for, **each)
    if init == "pathfinder":
        if initvals is not None:
            raise ArgumentError('init="pathfinder" finds starts itself', "leave initvals out, or init")
        given = pathfinder_starts(model, computes, chains, seed, None if cores is None else whole("cores", cores, 1))
    elif init in FITTED:
        if initvals is not None:
            raise ArgumentError(f"init={init!r} finds starts itself", "leave initvals out, or init")
        given = fitted_starts(init, model, computes, chains, seed)
    run = ensemble_run(model, way, count, tunes, chains, seed, given, kept, jitter, tries, told, options.store_of(trace)) if way is not None else Run(
        model,
        count,
        tunes,
        chains,
        1 if external is not None and external.in_turn else None if cores is None else whole("cores", cores, 1),
        seed,
        () if external is not None else steps_of(model, step, {**options.of_nuts(settings), **of_steps}, metric, quiet),
        computes,
        given,
        kept,
        jitter,
        tries,
        told,
        external,
        options.store_of(trace),
        workers,
        longest_tune,
        shorter,
    )
    if shorter:
        check_steps(run)
    run.blas_threads = options.blas_threads(blas_cores, run.cores)
    if not any(run.places.sizes):
        raise SamplingError("the model's free variables have no elements: there is nothing to sample", "look at their shapes and dims")
    for start in {id(x): x for x in given if x is not None}.values():
        # Before compiling, and at the user's line.
        unconstrained(run.model, start)
    if return_inferencedata:
        run.results.check()
    return carry_out(run, progressbar, quiet, compute_convergence_checks, return_inferencedata, blocking)


def carry_out(run: Run, progressbar: bool | str, quiet: bool, compute_convergence_checks: bool, return_inferencedata: bool, blocking: bool) -> Any:
    """Start a run, show it, wait for its end if it is `blocking`, and say what speaks against it; options are those of :func:`sample`."""
    if return_inferencedata:
        # Not before: what Python makes for compilers and ArviZ's own would wait for one another.
        run.when_idle = load_in_background
    shown = options.shows_progress(progressbar) and not quiet
    watched = bool(_run.on_start) and shown
    if not blocking:
        return run.start(watched)
    try:
        _make(run, watched, in_terminal=shown and not watched and sys.stderr.isatty())
        if compute_convergence_checks and not quiet and not run.shows_problems:
            for problem in _problems(run):
                warn_user(with_page(problem), ConvergenceWarning)
        return run.idata if return_inferencedata else run
    except BaseException as error:
        # Whatever ends it, the draws can be had.
        if getattr(error, "run", None) is None and any(c.count for c in run.kept):
            error.run = run  # type: ignore[attr-defined]
            error.add_note("what was drawn is in the run that this error has: error.run.draws (after the fact: sys.last_value.run)")
        raise


def _make(run: Run, watched: bool, in_terminal: bool) -> None:
    """Start a run and wait for its end, wherever an interrupt comes."""
    try:
        run.start(watched)
        if in_terminal:
            _watch_in_terminal(run)
        run.wait()
    except KeyboardInterrupt:
        run.interrupt()
        run.wait()


def _problems(run: Run) -> list[str]:
    """What speaks against a run. Draws are not given up because that cannot be told."""
    try:
        return list(run.problems())
    except KeyboardInterrupt:
        return ["the check of convergence was interrupted: whether the draws can be trusted is not known"]
    except Exception as error:
        return [f"the check of convergence failed ({type(error).__name__}: {error}): whether the draws can be trusted is not known"]


def _watch_in_terminal(run: Run) -> None:
    total = run.shown_chains * run.total
    try:
        while not run.wait(0.2):
            rows = run.progress()
            made = sum(r["draws"] for r in rows)
            divergences = sum(r["divergences"] for r in rows)
            sys.stderr.write(f"\r{run.state}: {made}/{total} draws, {divergences} divergences   ")
            sys.stderr.flush()
    finally:
        sys.stderr.write("\r" + " " * 60 + "\r")
