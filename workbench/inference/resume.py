"""`resume_run`: a run goes on from what a store has of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import ArgumentError
from workbench.inference import options
from workbench.inference.callbacks import Callback
from workbench.inference.ensemble_run import ensemble_again
from workbench.inference.executors import executor_named
from workbench.inference.external.sampler import Chosen
from workbench.inference.origin import check_model, check_versions, steps_again
from workbench.inference.results import Kept
from workbench.inference.run import Run
from workbench.inference.sampling import carry_out
from workbench.inference.shorter_steps import Shortened
from workbench.inference.stores import ZarrStore
from workbench.model.context import modelcontext
from workbench.model.model import Model


def resume_run(
    path: str | os.PathLike[str] | ZarrStore,
    model: Model | None = None,
    *,
    draws: int | None = None,
    cores: int | None = None,
    progressbar: bool | str = True,
    quiet: bool = False,
    var_names: Sequence[str] | str | None = None,
    discard_tuned_samples: bool | None = None,
    compute_convergence_checks: bool = True,
    return_inferencedata: bool = True,
    idata_kwargs: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    executor: Any = None,
    blocking: bool = True,
) -> Any:
    """Go on with a run that was begun by ``pm.sample(..., trace=path)`` and was stopped, or killed, or is to be longer.

    The draws are those that the run would have had, bit for bit. What was written in part when it ended is dropped, and
    drawn again; what is damaged, too, with a warning.

    Parameters
    ----------
    path
        Of the store.
    model
        The model, the same as the run was begun with; that of the surrounding ``with`` block by default.
    draws
        Draws after warm-up, per chain, those that are there included; as many as were asked for at first by default.
    var_names, discard_tuned_samples, idata_kwargs
        As in :func:`workbench.sample`; as in the call that began the run by default.
    cores, progressbar, quiet, compute_convergence_checks, return_inferencedata, callback, executor, blocking
        As in :func:`workbench.sample`.

    Returns
    -------
    InferenceData or Run
        Of all draws, those that were there included.

    Raises
    ------
    StoreError
        If there is no run, it cannot be read or written, or another process writes to it; or it is one of another package's sampler
        that cannot go on: nutpie's, and chains as one program.
    ModelError
        If the model is another one: says what is different.
    SamplingError
        As :func:`workbench.sample`.

    Examples
    --------
    >>> import tempfile, workbench as pm
    >>> with tempfile.TemporaryDirectory() as folder, pm.Model() as model:
    ...     x = pm.Normal("x", 3.0, 1.0)
    ...     short = pm.sample(50, chains=2, random_seed=1, progressbar=False, quiet=True, trace=f"{folder}/x.zarr")
    ...     whole = pm.resume_run(f"{folder}/x.zarr", draws=200, progressbar=False)
    >>> whole.posterior.x.shape, bool((whole.posterior.x[:, :50] == short.posterior.x).all())
    ((2, 200), True)
    """
    model = modelcontext(model)
    if not isinstance(model, Model):
        raise ArgumentError(f"model must be a Model, got {model!r}")
    store = path if isinstance(path, ZarrStore) else ZarrStore(path)
    where = str(store.path)
    wanted = None if draws is None else options.whole("draws", draws, 1)
    contents = store.open()
    try:
        told = contents.about()
        asked = options.kept(model, var_names, True, idata_kwargs) if var_names is not None or idata_kwargs is not None else Kept(**_tuples(told["results"]))
        if discard_tuned_samples is not None:
            asked = Kept(**{**vars(asked), "warmup": not discard_tuned_samples})
        rows = contents.draws if wanted is None else wanted
        # Another package's draws have no steps of ours.
        theirs = not contents.together and not told["steps"]
        external = Chosen.again(told.get("external", {}), told["made_by"].get("nuts_sampler", "another package"), where) if theirs else None
        if external is not None and executor is not None:
            raise ArgumentError(f"nuts_sampler={external.kind.package!r} computes its chains itself", "leave executor out")
        if contents.together:
            options.of_chains_by_themselves("this run", executor=executor)
        run: Run = ensemble_again(model, told, contents.chains, rows, asked, options.callback_of(callback), store, where) if contents.together else Run(
            model, rows, contents.tune, contents.chains,
            1 if external is not None and external.in_turn else None if cores is None else options.whole("cores", cores, 1),
            int(told["random_seed"]), () if external is not None else steps_again(told, where), told["backend"],
            [None] * contents.chains, asked, callback=options.callback_of(callback), external=external, store=store, executor=executor_named(executor),
            longest_tune=told.get("longest_tune"), shorter_targets=tuple(told.get("shorter_targets", ())),
        )  # fmt: skip
        run.shortened += [Shortened(*s) for s in told.get("shortened", ())]
        check_model(run.model, told, where)
        check_versions(told, where)
        if return_inferencedata:
            run.results.check()
        run.go_on(store.go_on(wanted), contents.columns, store.seconds)
    except BaseException:
        store.release()
        raise
    return carry_out(run, progressbar, quiet, compute_convergence_checks, return_inferencedata, blocking)


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of JSON as they were."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
