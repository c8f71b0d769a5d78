"""Options of `sample`: each is checked before anything is drawn, and none is ignored in silence."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from workbench.errors import ArgumentError, ModelError, SamplingError, warn_user
from workbench.inference.checks import whole
from workbench.inference.continuous_step_methods import NUTS
from workbench.inference.external.sampler import Chosen, checked_options, kind_of, require
from workbench.inference.results import Kept
from workbench.inference.step_methods import METHODS
from workbench.inference.stores import Store, ZarrStore
from workbench.model.compiled import MODES
from workbench.model.model import Model
from workbench.samplers import NutsSettings

PROGRESS = ("combined", "split", "combined+stats", "stats+combined", "split+stats", "stats+split")
"""PyMC's ways to show progress. There is one here: the dashboard, or a line in a terminal."""

INITS = {
    "auto": (True, "auto"), "adapt_diag": (False, "diag"), "adapt_diag_grad": (False, "diag"), "adapt_diag_low_rank": (False, "low_rank"),
    "adapt_full": (False, "dense"),
}  # fmt: skip
INITS |= {f"jitter+{name}": (True, metric) for name, (_, metric) in INITS.items() if name != "auto"} | {
    "pathfinder": (True, "auto"), "advi": (True, "auto"), "advi+adapt_diag": (True, "diag"), "advi_map": (True, "auto"), "map": (False, "auto"),
}
"""PyMC's names of ways to begin: whether the start is jittered, and the mass matrix, which is adapted from draws and gradients always."""

WITHOUT_EFFECT: dict[str, tuple[tuple[Any, ...], str]] = {
    "n_init": ((200_000, None), "a fit to start from, which init=\"advi\" makes, knows its end"),
    "keep_warning_stat": ((False, None), "no statistic called \"warning\" is made; what speaks against a run is warned of"),
    "mp_ctx": ((None,), "chains run in threads of one process"),
    "progressbar_theme": ((None,), "there is one dashboard; progressbar=False hides it"),
}
"""Options of PyMC that change no result: the values that say nothing, and why others have no effect."""

NOT_THERE: dict[str, tuple[tuple[Any, ...], str]] = {
    **dict.fromkeys(("demetropolis", "demetropolisz"), ((), "no variable is assigned this step method")),
    **dict.fromkeys(("early_max_treedepth", "scaling", "step_scale", "is_cov", "potential", "Emax", "gamma", "k", "t0", "adapt_step_size", "step_rand", "rng", "dtype", "blocked", "vars", "initial_point", "adapt_mass_matrix", "dense_mass"), ((), "options of a step method go to it: nuts={...}, or step=pm.NUTS(...)")),
}  # fmt: skip
"""Options of PyMC that would change results and are not there: the values that ask for nothing, and what to do."""

TODAYS = {
    "start": "initvals", "testval": "initvals", "njobs": "cores", "nchains": "chains", "n_chains": "chains", "seed": "random_seed",
    "random_state": "random_seed", "nuts_kwargs": "nuts", "step_kwargs": "nuts", "draw": "draws", "samples": "draws", "num_samples": "draws",
    "num_warmup": "tune", "warmup": "tune", "progress_bar": "progressbar", "live_plot": "progressbar", "varnames": "var_names",
}  # fmt: skip
"""Today's names of options that were called otherwise, or are elsewhere."""


def settings(target_accept: Any, max_treedepth: Any, nuts: Any) -> NutsSettings:
    """Return the settings of NUTS, given by themselves or as a mapping.

    Raises
    ------
    ArgumentError
        If one is of the wrong kind, is not known, or is given twice.
    SamplingError
        If one is out of bounds.
    """
    known = NutsSettings()
    given = {"target_accept": known.target_accept if target_accept is None else target_accept, "max_treedepth": max_treedepth}
    if nuts is not None and not isinstance(nuts, Mapping):
        raise ArgumentError(f"nuts must be settings by name, got {nuts!r}", 'for example nuts={"target_accept": 0.9}')
    for name, value in (nuts or {}).items():
        if name in given and given[name] != getattr(known, name):
            raise ArgumentError(f"{name} is given twice: {given[name]!r}, and {value!r} in nuts", "give it once")
        given[name] = value
    return NutsSettings(**NUTS.checked(given))


def of_nuts(settings: NutsSettings) -> dict[str, dict[str, Any]]:
    """Return those that are not the default ones, as options of a step method by its name."""
    default = NutsSettings()
    given = {name: x for name, x in vars(settings).items() if x != getattr(default, name)}
    return {NUTS.name: given} if given else {}


def of_steps(others: Mapping[str, Any]) -> tuple[dict[str, Mapping[str, Any]], dict[str, Any]]:
    """Return options of step methods by the methods' names, and the options that are left.

    Raises
    ------
    ArgumentError
        If one is no mapping.
    """
    names = {kind.name for kind in METHODS} - {NUTS.name}
    for name in names & others.keys():
        if others[name] is not None and not isinstance(others[name], Mapping):
            raise ArgumentError(f"{name} must be options by name, got {others[name]!r}", "as the step method of this name takes them")
    return {n: others[n] or {} for n in others if n in names}, {n: x for n, x in others.items() if n not in names}


OWN = ("workbench", "pymc", None)
"""Names of this package's own NUTS; code that was written for PyMC has the second."""


def external(nuts_sampler: Any, given: Any, backend: str | None, metric: str, settings: NutsSettings, quiet: bool) -> Chosen | None:
    """Return a sampler of another package, and its options; ``None`` for this package's own.

    Parameters
    ----------
    nuts_sampler, given
        Its name, and what was given as `nuts_sampler_kwargs`.
    backend
        The backend that was asked for; ``None`` for none.
    metric
        The mass matrix that was asked for.
    settings
        What else was asked for of NUTS.
    quiet
        Warn of nothing.

    Raises
    ------
    ArgumentError
        If there is no such sampler, or an option or the backend is not for it.
    MissingPackageError
        If its package is not installed.
    """
    if nuts_sampler in OWN:
        if given is not None and given != {}:
            raise ArgumentError(f"nuts_sampler_kwargs={given!r} is for other samplers", "give target_accept and max_treedepth themselves")
        return None
    kind = kind_of(nuts_sampler)
    options = checked_options(kind, given, quiet)
    if kind.on is not None and backend not in (None, "auto", kind.on):
        raise ArgumentError(f"nuts_sampler={nuts_sampler!r} computes on {kind.on}, not on {backend!r}", "leave backend out")
    if metric not in ("auto", "diag"):
        raise ArgumentError(f"a mass matrix is asked for that nuts_sampler={nuts_sampler!r} is not given by init or nuts", f"nuts_sampler_kwargs={kind.denser}")
    for own in ("adaptation", "trajectories"):
        if getattr(settings, own) != getattr(NutsSettings(), own):
            raise ArgumentError(f"{own}={getattr(settings, own)!r} is of this package's NUTS: nuts_sampler={nuts_sampler!r} has its own", "leave one of them out")
    require(kind.package)
    return Chosen(kind, options, settings.target_accept, settings.max_treedepth)


def beginning(init: Any) -> tuple[bool, str]:
    """Return whether chains start at jittered points, and the mass matrix, by PyMC's name of a way to begin."""
    if init is None or init in INITS:
        return INITS[init or "auto"]
    raise SamplingError(f"init={init!r} is not there", f"init is one of {', '.join(map(repr, INITS))}; initvals says where chains start")


def blas_threads(blas_cores: Any, cores: int) -> int | None:
    """Return how many threads BLAS may use for each of so many chains at a time, of those for all; ``None`` for no limit."""
    if blas_cores is None:
        return None
    return 1 if blas_cores == "auto" else max(1, whole("blas_cores", blas_cores, 1) // cores)


def of_chains_by_themselves(asked_for: str, **options: Any) -> None:
    """Raise where an option that chains moved together have no use for is given: one that is not ``None``.

    Raises
    ------
    ArgumentError
        If there is one.
    """
    for name, value in options.items():
        if value is not None:
            raise ArgumentError(f"{name}={value!r} is for chains by themselves, {asked_for} has no use for it", "leave it out")


def shows_progress(progressbar: Any) -> bool:
    """Return whether progress is shown."""
    if isinstance(progressbar, str):
        if progressbar not in PROGRESS:
            raise ArgumentError(f"progressbar must be True, False or one of {', '.join(map(repr, PROGRESS))}; got {progressbar!r}")
        return True
    return bool(progressbar)


def starts(initvals: Any, chains: int) -> list[Mapping[Any, Any] | None]:
    """Return the given start of each chain.

    Raises
    ------
    ArgumentError
        If there is something else than mappings.
    SamplingError
        If there are more or fewer than chains.
    """
    each = [initvals] * chains if initvals is None or isinstance(initvals, Mapping) else initvals
    if isinstance(each, str) or not isinstance(each, Iterable):
        raise ArgumentError(f"initvals must be values by variable, or a list of such, got {initvals!r}", 'for example initvals={"mu": 0.0}')
    found = list(each)
    for start in found:
        if start is not None and not isinstance(start, Mapping):
            raise ArgumentError(f"initvals must be values by variable, or a list of such; it has {start!r}", 'for example initvals={"mu": 0.0}')
    if len(found) != chains:
        raise SamplingError(f"initvals has {len(found)} starts for {chains} chains", "give one for each chain, or one for all")
    return found


def backend_of(backend: str | None, compile_kwargs: Any, model: Model) -> str:
    """Return where to compute: what is asked for, by itself or by PyMC's name of a mode, or the model's choice."""
    if compile_kwargs is not None and not isinstance(compile_kwargs, Mapping):
        raise ArgumentError(f"compile_kwargs must be options by name, got {compile_kwargs!r}", 'for example compile_kwargs={"mode": "NUMBA"}')
    options = {k: v for k, v in (compile_kwargs or {}).items() if v is not None}
    unknown = set(options) - {"mode", "backend"}
    if unknown:
        raise ArgumentError(f"compile_kwargs: {', '.join(map(repr, sorted(unknown)))} is not there", 'it takes "mode" or "backend"')
    mode = options.get("mode")
    if mode is not None and not isinstance(mode, str):
        raise ArgumentError(f"compile_kwargs: the mode must be a name, got {mode!r}", f"one of {', '.join(map(repr, MODES))}, or of a backend")
    named = None if mode is None else MODES.get(mode.upper(), mode.lower())
    asked = {b for b in (backend, options.get("backend"), named) if b is not None}
    if len(asked) > 1:
        raise ArgumentError(f"several backends are asked for: {', '.join(map(repr, sorted(asked)))}", "give one")
    return str(asked.pop()) if asked else model.backend


def kept(model: Model, var_names: Any, discard_tuned_samples: bool, idata_kwargs: Any) -> Kept:
    """Return what of a run goes into its InferenceData.

    Raises
    ------
    ModelError
        If a name is not that of a variable that is drawn, or observed.
    ArgumentError
        If an option of InferenceData is not known.
    """
    sampled = [str(x.name) for x in (*model.free_RVs, *model.deterministics)]
    names = None if var_names is None else _names("var_names", var_names, sampled, "is not sampled", "the model samples")
    if names == ():
        raise ModelError("var_names is empty: nothing would be kept", f"the model samples {', '.join(sampled)}")
    if idata_kwargs is not None and not isinstance(idata_kwargs, Mapping):
        raise ArgumentError(f"idata_kwargs must be options by name, got {idata_kwargs!r}", 'for example idata_kwargs={"log_likelihood": True}')
    options = dict(idata_kwargs or {})
    chosen = {}
    for option, variables in (("log_likelihood", model.observed_RVs), ("log_prior", model.free_RVs)):
        wanted = options.pop(option, False)
        known = [str(x.name) for x in variables]
        chosen[option] = wanted if isinstance(wanted, bool) or wanted is None else _names(option, wanted, known, "has none", "it is made of")
    dims_of_samples = options.pop("sample_dims", None)
    if dims_of_samples is not None and tuple(dims_of_samples) != ("chain", "draw"):
        raise ArgumentError(f"idata_kwargs: sample_dims={dims_of_samples!r} is not there", "the dims of draws are chain and draw; rename them in the result")
    warmup = options.pop("save_warmup", None)
    found = Kept(
        names, not discard_tuned_samples if warmup is None else bool(warmup), chosen["log_likelihood"] or False, chosen["log_prior"] or False,
        bool(options.pop("include_transformed", False)), options.pop("dims", None), options.pop("coords", None),
    )  # fmt: skip
    if options:
        takes = "log_likelihood, log_prior, dims, coords, include_transformed, save_warmup"
        hint = f"it takes {takes}; other groups are added by idata.extend(...), attributes by idata.posterior.attrs"
        raise ArgumentError(f"idata_kwargs: {', '.join(map(repr, options))} is not there", hint)
    return found


def _names(option: str, given: Any, known: Sequence[str], wrong: str, they_are: str) -> tuple[str, ...]:
    """Names of variables that were given for an option, or the variables."""
    several = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    names = [str(getattr(x, "name", x)) for x in several]
    unknown = [n for n in names if n not in known]
    if unknown:
        raise ModelError(f"{option}: {', '.join(map(repr, unknown))} {wrong}", f"{they_are} {', '.join(known) or 'nothing'}")
    return tuple(dict.fromkeys(names))


def answer(others: Mapping[str, Any], known: Sequence[str], quiet: bool) -> None:
    """Answer options that `sample` has no use for: warn of those that change nothing, refuse others.

    Parameters
    ----------
    others
        The options.
    known
        Names of those that it has.
    quiet
        Warn of nothing.

    Raises
    ------
    ArgumentError
        If an option is not there, or not known.
    """
    for name, value in others.items():
        if name in WITHOUT_EFFECT:
            nothing, why = WITHOUT_EFFECT[name]
            if not _among(value, nothing) and not quiet:
                warn_user(f"{name}={value!r} has no effect: {why}")
        elif name in NOT_THERE:
            nothing, instead = NOT_THERE[name]
            if not _among(value, nothing):
                raise ArgumentError(f"sample has no option {name}={value!r}", instead)
        else:
            near = TODAYS.get(name) or next(iter(difflib.get_close_matches(name, known, 1)), None)
            raise ArgumentError(f"sample has no option {name!r}", f"did you mean {near}?" if near else f"it has {', '.join(known)}")


def _among(value: Any, nothing: tuple[Any, ...]) -> bool:
    return any(value is x or (type(value) is type(x) and value == x) for x in nothing)


def callback_of(callback: Any) -> Callable[..., Any] | None:
    """Return a function that is told of draws."""
    if callback is not None and not callable(callback):
        raise ArgumentError(f"callback must be a function of the run and a draw, got {callback!r}")
    return callback  # type: ignore[no-any-return]


def store_of(trace: Any) -> Store | None:
    """Return where draws go, by the option `trace`: memory, if it is ``None``.

    Raises
    ------
    ArgumentError
        If it is something else than a path or a store.
    """
    if trace is None or (isinstance(trace, Store) and not isinstance(trace, type)):
        return trace
    if isinstance(trace, (str, os.PathLike)) and os.fspath(trace):
        return ZarrStore(trace)
    raise ArgumentError(
        f"trace must be a path, or a ZarrStore, got {trace!r}", 'for example trace="run.zarr"; var_names=[...] chooses variables'
    )
