"""Predictive sampling, and what is computed from posterior draws: log-likelihoods, deterministics."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ModelError, warn_user
from workbench.graph.expr import Expr
from workbench.graph.traverse import ancestors, replace
from workbench.inference.each_draw import each_draw, seed_word
from workbench.inference.results import groups_to_inference_data
from workbench.model.compiled import MODES
from workbench.model.context import modelcontext
from workbench.model.density import LogpGraph
from workbench.model.missing import in_own_dtype
from workbench.model.model import Model
from workbench.tensor import tensor as input_tensor
from workbench.tensor.tensor import Tensor
from workbench.transforms.logprob import logprob_pass, require_derived

Array = np.ndarray[Any, Any]


# Draws that are given --------------------------------------------------------------------------


class Given:
    """Draws by variable, (sample, *shape), with the axes that the samples had.

    Attributes
    ----------
    values
        Draws by name.
    dims, lengths
        Names and lengths of the sample axes.
    coords, stacked
        Labels of the sample axes; the indices of those that are several axes stacked.
    constants, labels
        Data and labels of dims that the draws were made with.
    """

    def __init__(self, trace: Any, sample_dims: Sequence[str] | None = None) -> None:
        self.coords: dict[str, Any] = {}
        self.constants: dict[str, Array] = {}
        self.stacked: dict[str, Any] = {}
        self.labels: dict[str, Array] = {}
        source = trace
        if hasattr(trace, "posterior"):
            source = trace.posterior
            if hasattr(trace, "constant_data"):
                self.constants = {str(k): np.asarray(v) for k, v in trace.constant_data.data_vars.items()}
        if isinstance(source, Sequence):
            points = list(source)
            # One chain of them.
            source = {k: np.stack([np.asarray(p[k]) for p in points])[None] for k in points[0]}
        self.dims = tuple(sample_dims or ("chain", "draw"))
        if hasattr(source, "data_vars"):
            arrays = {str(k): v.transpose(*self.dims, ...).to_numpy() for k, v in source.data_vars.items() if set(self.dims) <= set(v.dims)}
            self.coords = {d: source.coords[d].to_numpy() for d in self.dims if d in source.coords}
            self.stacked = {d: source.indexes[d] for d in self.dims if d in source.indexes and source.indexes[d].nlevels > 1}
            self.labels = {str(d): c.to_numpy() for d, c in source.coords.items()}
        elif isinstance(source, Mapping):
            arrays = {str(k): np.asarray(v) for k, v in source.items()}
        elif hasattr(source, "draws") and isinstance(source.draws, Mapping):
            arrays = dict(source.draws)
        else:
            raise ModelError(f"draws cannot be read from a {type(trace).__name__}", "give InferenceData, a Dataset, a dict of arrays or a list of points")
        rank = len(self.dims)
        if not arrays:
            raise ModelError("there are no draws")
        self.lengths = next(iter(arrays.values())).shape[:rank]
        self.count = int(np.prod(self.lengths))
        self.values = {k: v.reshape((self.count, *v.shape[rank:])) for k, v in arrays.items()}

    def unstacked(self, results: Mapping[str, Array]) -> dict[str, Array]:
        """Return results with the sample axes in the place of one."""
        return {k: v.reshape((*self.lengths, *v.shape[1:])) for k, v in results.items()}


def observed_dependent(model: Model) -> list[Tensor]:
    """Return the deterministics that depend on observed variables."""
    observed = set(model.observed_RVs)
    return [d for d in model.deterministics if ancestors([d]) & observed]


def _named(model: Model, var_names: Iterable[str] | str | None, default: Sequence[Tensor]) -> list[Tensor]:
    if var_names is None:
        return list(default)
    names = [var_names] if isinstance(var_names, str) else list(var_names)
    unknown = [n for n in names if n not in model]
    if unknown:
        raise ModelError(f"the model has no variable {', '.join(map(repr, unknown))}", f"it has {', '.join(model.named_vars)}")
    return [model[n] for n in names]


def _backend(model: Model, compile_kwargs: Mapping[str, Any] | None) -> str:
    options = compile_kwargs or {}
    mode = options.get("mode")
    return str(options.get("backend") or (MODES.get(str(mode).upper()) if mode else None) or model.backend)


# Predictive sampling -----------------------------------------------------------------------------


def sample_prior_predictive(
    draws: int = 500,
    model: Model | None = None,
    var_names: Iterable[str] | None = None,
    random_seed: Any = None,
    return_inferencedata: bool = True,
    idata_kwargs: Mapping[str, Any] | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
    samples: int | None = None,
) -> Any:
    """Draw all variables of a model, observed ones too, as if nothing had been observed.

    Parameters
    ----------
    draws
        How many draws.
    model
        The model; that of the surrounding block by default.
    var_names
        Variables to keep; all by default.
    random_seed
        The same seed gives the same draws, on every backend.
    return_inferencedata
        Return ArviZ's InferenceData; a dict of arrays (draws, *shape) if not.
    idata_kwargs
        Further attributes for the InferenceData.
    compile_kwargs
        ``{"backend": ...}``; the model's by default.
    samples
        An older name of `draws`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Normal("y", mu, 1.0, observed=[1.0, 2.0])
    ...     drawn = pm.sample_prior_predictive(10, random_seed=1, return_inferencedata=False)
    >>> drawn["y"].shape
    (10, 2)
    """
    m = modelcontext(model).at_current_shapes()
    draws = draws if samples is None else samples
    if m.potentials:
        warn_user("the model has potentials: draws from the prior take no notice of them")
    variables = _named(m, var_names, [*m.free_RVs, *m.deterministics, *m.observed_RVs])
    backend = _backend(m, compile_kwargs)
    made = each_draw([], variables, backend)([], draws, seed_word(random_seed))
    results = {str(x.name): v for x, v in zip(variables, made)}
    if not return_inferencedata:
        return results
    observed = {str(x.name) for x in m.observed_RVs}
    together = {k: v[None] for k, v in results.items()}
    groups = {
        "prior": {k: v for k, v in together.items() if k not in observed},
        "prior_predictive": {k: v for k, v in together.items() if k in observed},
    }
    return groups_to_inference_data(m, groups, constant="constant_data", observed=True, **dict(idata_kwargs or {}))


def sample_posterior_predictive(
    trace: Any,
    model: Model | None = None,
    var_names: Iterable[str] | None = None,
    sample_dims: Sequence[str] | None = None,
    random_seed: Any = None,
    progressbar: bool = True,
    return_inferencedata: bool = True,
    extend_inferencedata: bool = False,
    predictions: bool = False,
    idata_kwargs: Mapping[str, Any] | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Draw observed variables again, once for each draw from the posterior.

    A variable is taken from the posterior's draws if it is among them, unless it is asked for, or
    depends on data or coords that have changed since, or on a variable that is drawn again: then it
    is drawn too, given those that it depends on.

    Parameters
    ----------
    trace
        Posterior draws: InferenceData, a Dataset, or arrays (chain, draw, *shape) by name.
    model
        The model; that of the surrounding block by default.
    var_names
        Variables to draw; by default the observed ones, and deterministics that depend on them.
    sample_dims
        The sample axes of the draws; chain and draw by default.
    random_seed
        The same seed gives the same draws, on every backend.
    progressbar
        Taken so that code written for PyMC runs.
    return_inferencedata
        Return ArviZ's InferenceData; a dict of arrays if not.
    extend_inferencedata
        Add the new groups to `trace`, and return it.
    predictions
        The data are new ones: the group is called "predictions".
    idata_kwargs, compile_kwargs
        Further attributes for the InferenceData; ``{"backend": ...}``.

    Raises
    ------
    ModelError
        If a name is not that of a variable.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> with pm.Model():
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Normal("y", mu, 1.0, observed=[1.0, 2.0])
    ...     posterior = {"mu": np.zeros((2, 50))}
    ...     drawn = pm.sample_posterior_predictive(posterior, random_seed=1, return_inferencedata=False)
    >>> drawn["y"].shape
    (2, 50, 2)
    """
    m = modelcontext(model).at_current_shapes()
    given = Given(trace, sample_dims)
    variables = _named(m, var_names, [*m.observed_RVs, *observed_dependent(m)])
    if not variables:
        raise ModelError("the model has no observed variable to draw", "give var_names")
    taken = _taken(m, given, variables)
    backend = _backend(m, compile_kwargs)
    made = each_draw(taken, variables, backend)([given.values[str(x.name)] for x in taken], given.count, seed_word(random_seed))
    results = given.unstacked({str(x.name): v for x, v in zip(variables, made)})
    if not return_inferencedata:
        return results
    name = "predictions" if predictions else "posterior_predictive"
    constant = "predictions_constant_data" if predictions else "constant_data"
    idata = groups_to_inference_data(
        m, {name: results}, constant=constant, observed=not predictions, sample=given, **dict(idata_kwargs or {})
    )
    if extend_inferencedata:
        trace.extend(idata)
        return trace
    return idata


def _taken(model: Model, given: Given, asked: Sequence[Tensor]) -> list[Tensor]:
    """The variables whose values are those of the given draws."""
    fresh: set[Expr] = set(asked)
    for x in model.data_vars:
        known = given.constants.get(str(x.name))
        if known is not None and not _same(known, np.asarray(x.eval())):
            fresh.add(x)
    changed = {d for d, labels in model.coords.items() if d in given.labels and labels is not None and not _same(given.labels[d], np.asarray(labels))}
    for x in _in_order(list(dict.fromkeys(model.named_vars.values()))):
        if x in fresh:
            continue
        random = any(x is y for y in (*model.free_RVs, *model.observed_RVs))
        along = any(d in changed for d in model.named_vars_to_dims.get(str(x.name), ()))
        below = (ancestors([x]) - {x}) & fresh
        if below or (random and (str(x.name) not in given.values or along)):
            fresh.add(x)
    return [x for x in (*model.free_RVs, *model.deterministics) if str(x.name) in given.values and x not in fresh]


def _in_order(variables: Sequence[Tensor]) -> list[Tensor]:
    """Variables, each after those that it depends on."""
    from workbench.graph.traverse import topological

    wanted = set(variables)
    return [x for x in topological(variables) if x in wanted]  # type: ignore[misc]


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f" and b.dtype.kind == "f"))


# From posterior draws ------------------------------------------------------------------------------


def compute_log_likelihood(
    idata: Any,
    *,
    var_names: Iterable[str] | None = None,
    extend_inferencedata: bool = True,
    model: Model | None = None,
    sample_dims: Sequence[str] = ("chain", "draw"),
    progressbar: bool = True,
    compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Return the log-density of each observation at each posterior draw, for comparing models.

    Parameters
    ----------
    idata
        Posterior draws.
    var_names
        Observed variables; all by default.
    extend_inferencedata
        Add the group "log_likelihood" to `idata`, and return it; else return the Dataset.
    model, sample_dims, progressbar, compile_kwargs
        As in :func:`sample_posterior_predictive`.

    Raises
    ------
    ModelError
        If a variable is not observed, or the draws lack a free variable.
    """
    m = modelcontext(model).at_current_shapes()
    variables = _named(m, var_names, m.observed_RVs)
    if any(not any(x is y for y in m.observed_RVs) for x in variables):
        raise ModelError("only observed variables have a log-likelihood", f"they are {', '.join(str(x.name) for x in m.observed_RVs)}")
    return _log_densities("log_likelihood", idata, m, variables, sample_dims, _backend(m, compile_kwargs), extend_inferencedata)


def compute_log_prior(
    idata: Any,
    var_names: Iterable[str] | None = None,
    extend_inferencedata: bool = True,
    model: Model | None = None,
    sample_dims: Sequence[str] = ("chain", "draw"),
    progressbar: bool = True,
    compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Return the log-density of each free variable at each posterior draw, in its own space, given those it depends on.

    Parameters
    ----------
    idata
        Posterior draws.
    var_names
        Free variables; all by default.
    extend_inferencedata
        Add the group "log_prior" to `idata`, and return it; else return the Dataset.
    model, sample_dims, progressbar, compile_kwargs
        As in :func:`sample_posterior_predictive`.

    Raises
    ------
    ModelError
        If a variable is not free, or the draws lack one.
    """
    m = modelcontext(model).at_current_shapes()
    variables = _named(m, var_names, m.free_RVs)
    if any(not any(x is y for y in m.free_RVs) for x in variables):
        raise ModelError("only free variables have a prior", f"they are {', '.join(str(x.name) for x in m.free_RVs)}")
    return _log_densities("log_prior", idata, m, variables, sample_dims, _backend(m, compile_kwargs), extend_inferencedata)


def _log_densities(
    group: str, idata: Any, model: Model, variables: Sequence[Tensor], sample_dims: Sequence[str], backend: str, extend: bool
) -> Any:
    """The log-density of each variable at each draw, as a group of `idata` or a Dataset."""
    given = Given(idata, sample_dims)
    missing = [str(x.name) for x in model.free_RVs if str(x.name) not in given.values]
    if missing:
        raise ModelError(f"the draws lack {', '.join(missing)}")
    inputs, outputs = likelihoods(model, variables)
    made = each_draw(inputs, outputs, backend)([given.values[str(x.name)] for x in model.free_RVs], given.count, 0)
    results = given.unstacked({str(x.name): v for x, v in zip(variables, made)})
    found = groups_to_inference_data(model, {group: results}, sample=given)
    if not extend:
        return found[group]
    idata.extend(found)
    return idata


def likelihoods(model: Model, variables: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Return inputs for the free variables in their own space, and the log-density of each variable over them."""
    inputs = [_given_value(rv) for rv in model.free_RVs]
    values: dict[Expr, Expr] = dict(zip(model.free_RVs, inputs))
    for rv in model.observed_RVs:
        values[rv] = model.rvs_to_values[rv]
    terms = [LogpGraph.likelihood(model, rv, values) for rv in variables]
    derived, _ = logprob_pass().run(terms, record=False)
    require_derived(derived)
    own: dict[Expr, Expr] = {rv: in_own_dtype(rv, value) for rv, value in values.items()}
    return inputs, replace(list(derived), own)


@functools.lru_cache(maxsize=256)
def _given_value(rv: Tensor) -> Tensor:
    """An input for a variable's value; the same at each call, so that what is made with it is found again."""
    return input_tensor(str(rv.name), rv.dtype, rv.type.shape)


def compute_deterministics(
    dataset: Any,
    *,
    var_names: Iterable[str] | None = None,
    model: Model | None = None,
    sample_dims: Sequence[str] = ("chain", "draw"),
    merge_dataset: bool = False,
    progressbar: bool = True,
    compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Return the deterministics of a model at given draws of its free variables, as a Dataset.

    Parameters
    ----------
    dataset
        Draws of the free variables: a Dataset such as ``idata.posterior``, or InferenceData.
    var_names
        Deterministics; all by default.
    merge_dataset
        Return `dataset` with the deterministics added.
    model, sample_dims, progressbar, compile_kwargs
        As in :func:`sample_posterior_predictive`.

    Raises
    ------
    ModelError
        If a variable is not a deterministic, or the draws lack a variable.
    """
    m = modelcontext(model).at_current_shapes()
    given = Given(dataset, sample_dims)
    variables = _named(m, var_names, m.deterministics)
    if any(not any(x is y for y in m.deterministics) for x in variables):
        raise ModelError("not all of the variables are deterministics", f"they are {', '.join(str(x.name) for x in m.deterministics)}")
    observed: dict[Expr, Expr] = {rv: in_own_dtype(rv, m.rvs_to_values[rv]) for rv in m.observed_RVs}
    outputs = replace(list(variables), observed)
    needed = [rv for rv in m.free_RVs if rv in ancestors(outputs)]
    missing = [str(x.name) for x in needed if str(x.name) not in given.values]
    if missing:
        raise ModelError(f"the draws lack {', '.join(missing)}")
    backend = _backend(m, compile_kwargs)
    made = each_draw(needed, outputs, backend)([given.values[str(x.name)] for x in needed], given.count, 0)
    results = given.unstacked({str(x.name): v for x, v in zip(variables, made)})
    found = groups_to_inference_data(m, {"posterior": results}, sample=given).posterior
    if not merge_dataset:
        return found
    whole = dataset.posterior if hasattr(dataset, "posterior") else dataset
    return whole.assign(found.data_vars)


__all__ = [
    "compute_deterministics", "compute_log_likelihood", "compute_log_prior", "likelihoods", "sample_posterior_predictive",
    "sample_prior_predictive",
]  # fmt: skip
