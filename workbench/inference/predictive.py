"""Predictive sampling, and what is computed from posterior draws: log-likelihoods, deterministics."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.errors import ModelError, warn_user
from workbench.graph.expr import Expr
from workbench.graph.frozen import changed
from workbench.graph.traverse import ancestors, replace
from workbench.inference.each_draw import each_draw_of, seed_word
from workbench.inference.given_draws import GivenDraws
from workbench.inference.idata import extended, has_groups
from workbench.inference.idata import group as group_of
from workbench.inference.inference_data import groups_to_inference_data
from workbench.inference.layout import labels_from
from workbench.inference.loading_xarray import beside_compilers
from workbench.inference.log import tell
from workbench.inference.validity import Validity, directly_below
from workbench.model.compiled import MODES
from workbench.model.context import modelcontext
from workbench.model.density import LogpGraph
from workbench.model.elimination import Factor
from workbench.model.interventions import in_own_space
from workbench.model.missing import in_own_dtype
from workbench.model.model import Model
from workbench.model.simulators import require_density
from workbench.tensor import tensor as input_tensor
from workbench.tensor.tensor import Tensor
from workbench.transforms.logprob import logprob_pass, require_derived

# What is asked for ------------------------------------------------------------------------------


def _named(model: Model, var_names: Iterable[str] | str | None, default: Sequence[Tensor]) -> list[Tensor]:
    if var_names is None:
        return list(default)
    names = [var_names] if isinstance(var_names, str) else list(var_names)
    unknown = [n for n in names if n not in model]
    if unknown:
        raise ModelError(f"the model has no variable {', '.join(map(repr, unknown))}", f"it has {', '.join(model.named_vars)}")
    return [model[n] for n in names]


def warn_of_potentials(model: Model, source: str) -> None:
    if model.potentials:
        warn_user(f"the model has potentials: draws from {source} take no notice of them")


def backend_of(model: Model, compile_kwargs: Mapping[str, Any] | None) -> str:
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
        ``dims`` and ``coords``, added to the model's.
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
    m = modelcontext(model)
    draws = draws if samples is None else samples
    warn_of_potentials(m, "the prior")
    hidden = [*m.marginalized_RVs, *m.recovered_deterministics]
    variables = _named(m, var_names, [*m.free_RVs, *hidden, *m.deterministics, *m.observed_RVs])
    names = tuple(str(x.name) for x in variables)
    below = ancestors(variables)
    tell(f"Sampling: [{', '.join(sorted(str(x.name) for x in (*m.basic_RVs, *m.marginalized_RVs) if x in below))}]")
    backend = backend_of(m, compile_kwargs)
    with beside_compilers(return_inferencedata):
        made = each_draw_of(m, names, lambda m: ([], [m[name] for name in names]), backend, draws)([], draws, seed_word(random_seed))
    results = dict(zip(names, made))
    if not return_inferencedata:
        return results
    observed = {str(x.name) for x in m.observed_RVs}
    together = {k: v[None] for k, v in results.items()}
    groups = {
        "prior": {k: v for k, v in together.items() if k not in observed},
        "prior_predictive": {k: v for k, v in together.items() if k in observed},
    }
    return groups_to_inference_data(m, groups, constant="constant_data", observed=True, **labels_from(idata_kwargs))


def sample_posterior_predictive(
    trace: Any,
    model: Model | None = None,
    var_names: Iterable[str] | None = None,
    sample_dims: Sequence[str] | None = None,
    random_seed: Any = None,
    progressbar: bool = True,
    progressbar_theme: Any = None,
    return_inferencedata: bool = True,
    extend_inferencedata: bool = False,
    predictions: bool = False,
    idata_kwargs: Mapping[str, Any] | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Draw observed variables again, once for each draw from the posterior.

    A variable is taken from the posterior's draws if it is among them, and neither it nor what it depends
    on has changed since: data have other values (or the draws do not hold them), a variable was set by
    :func:`do`, a dim has other labels, a random variable is not among the draws, or is asked for. Else it is
    drawn too, or computed, given what it depends on. What is drawn is said ("Sampling: [y]"), and what is
    taken and what is set aside, by the logger "workbench".

    Parameters
    ----------
    trace
        Posterior draws: InferenceData, a Dataset (one of ``az.extract`` too), a `Run`, arrays (chain, draw,
        *shape) by name, or a list of points. Only InferenceData and a `Run` hold the data that they were made with.
    model
        The model; that of the surrounding block by default.
    var_names
        Variables to draw; by default those that are observed, here or in the InferenceData, and the
        deterministics that depend on them by no other random variable.
    sample_dims
        The sample axes of the draws; chain and draw by default.
    random_seed
        The same seed gives the same draws, on every backend.
    progressbar, progressbar_theme
        Taken so that code written for PyMC runs.
    return_inferencedata
        Return ArviZ's InferenceData; a dict of arrays if not.
    extend_inferencedata
        Add the new group to `trace` (in the place of an older one), and return it.
    predictions
        The data are new ones: the group is called "predictions".
    idata_kwargs, compile_kwargs
        ``dims`` and ``coords``, added to the model's; ``{"backend": ...}``.

    Raises
    ------
    ModelError
        If a name is not that of a variable, or there is nothing to draw, or no InferenceData to extend.

    Warns
    -----
    UserWarning
        If draws are set aside for no more than that something they depend on is not known or not among them.

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
    opened = modelcontext(model)
    _require_extensible(trace, extend_inferencedata)
    given = GivenDraws(trace, sample_dims)
    names = [str(x.name) for x in _named(opened, var_names, _predicted(opened, given))]
    if not names:
        raise ModelError("the model has no observed variable to draw", "give var_names")
    warn_of_potentials(opened, "the posterior predictive distribution")
    validity = Validity(opened, given, names)
    validity.warn()
    tell(str(validity))
    m = opened.at_current_shapes()
    taken = tuple(validity.taken)

    def of(m: Model) -> tuple[list[Tensor], list[Tensor]]:
        return [m[name] for name in taken], [m[name] for name in names]

    drawn = each_draw_of(opened, (taken, tuple(names)), of, backend_of(m, compile_kwargs), given.count)
    made = drawn([given.of(m[name]) for name in taken], given.count, seed_word(random_seed))
    results = given.unstacked(dict(zip(names, made)))
    if not return_inferencedata:
        return results
    group = "predictions" if predictions else "posterior_predictive"
    constant = "predictions_constant_data" if predictions else "constant_data"
    idata = groups_to_inference_data(
        m, {group: results}, constant=constant, observed=not predictions, sample=given, **labels_from(idata_kwargs)
    )
    return extended(trace, idata, {group, "predictions_constant_data"}) if extend_inferencedata else idata


def _predicted(model: Model, given: GivenDraws) -> list[Tensor]:
    """What is observed, here or where the draws were made, and the deterministics that depend on it directly."""
    random = [*model.basic_RVs, *model.marginalized_RVs]
    then = [model[name] for name in given.observed if name in model]
    seen = [*model.observed_RVs, *(x for x in then if x in {*model.free_RVs, *model.deterministics})]
    return [*seen, *directly_below(model.deterministics, seen, random)]


def _require_extensible(trace: Any, extend: bool) -> None:
    if extend and not has_groups(trace):
        raise ModelError(f"a {type(trace).__name__} has no groups that could be added to", "give InferenceData, or extend_inferencedata=False")


# From posterior draws ------------------------------------------------------------------------------


def compute_log_likelihood(
    idata: Any,
    *,
    var_names: Iterable[str] | None = None,
    extend_inferencedata: bool = True,
    model: Model | None = None,
    sample_dims: Sequence[str] | None = None,
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

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     y = pm.Normal("y", x, observed=[0.5, 1.0])
    >>> import arviz
    >>> idata = pm.compute_log_likelihood(arviz.from_dict({"x": np.zeros((1, 3))}), model=model, progressbar=False)
    >>> idata.log_likelihood["y"].shape
    (1, 3, 2)
    """
    m = modelcontext(model)
    variables = _named(m, var_names, m.observed_RVs)
    if any(not any(x is y for y in m.observed_RVs) for x in variables):
        raise ModelError("only observed variables have a log-likelihood", f"they are {', '.join(str(x.name) for x in m.observed_RVs)}")
    return _log_densities("log_likelihood", idata, m, variables, sample_dims, backend_of(m, compile_kwargs), extend_inferencedata)


def compute_log_prior(
    idata: Any,
    var_names: Iterable[str] | None = None,
    extend_inferencedata: bool = True,
    model: Model | None = None,
    sample_dims: Sequence[str] | None = None,
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

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    >>> draws = {"x": np.zeros((1, 3))}
    >>> import arviz
    >>> idata = pm.compute_log_prior(arviz.from_dict(draws), model=model, progressbar=False)
    >>> idata.log_prior["x"].shape
    (1, 3)
    """
    m = modelcontext(model)
    variables = _named(m, var_names, m.free_RVs)
    if any(not any(x is y for y in m.free_RVs) for x in variables):
        raise ModelError("only free variables have a prior", f"they are {', '.join(str(x.name) for x in m.free_RVs)}")
    return _log_densities("log_prior", idata, m, variables, sample_dims, backend_of(m, compile_kwargs), extend_inferencedata)


def _log_densities(
    group: str, idata: Any, opened: Model, variables: Sequence[Tensor], sample_dims: Sequence[str] | None, backend: str, extend: bool
) -> Any:
    """The log-density of each variable at each draw, as a group of `idata` or a Dataset."""
    _require_extensible(idata, extend)
    names, model = tuple(str(x.name) for x in variables), opened.at_current_shapes()
    given = GivenDraws(idata, sample_dims)
    given.require(model.free_RVs)
    if not variables:
        return idata if extend else _no_variables()

    def of(m: Model) -> tuple[list[Tensor], list[Tensor]]:
        inputs, terms = likelihoods(m, [m[name] for name in names])
        return inputs, [f.term for f in terms]

    run = each_draw_of(opened, (group, names), of, backend, given.count)
    made = run([given.of(x) for x in model.free_RVs], given.count, 0)
    _, terms = likelihoods(model, variables) if model.eliminations else ([], [Factor((name,), None) for name in names])
    results = given.unstacked({f.name: v for f, v in zip(terms, made)})
    found = groups_to_inference_data(model, {group: results}, sample=given, dims=_dims_of_joint(model, terms))
    return extended(idata, found, [group]) if extend else group_of(found, group)


def _no_variables() -> Any:
    import xarray

    return xarray.Dataset()


def _dims_of_joint(model: Model, terms: Sequence[Factor]) -> dict[str, Sequence[str | None]]:
    """The dims of joint terms, whose elements are those of what was eliminated."""
    joint = [f for f in terms if f.along is not None]
    if any(len(f.of) > 1 for f in joint):
        several = "; ".join(f.name for f in joint if len(f.of) > 1)
        tell(f"Variables that depend on what was summed or integrated out have one log-density together: {several}")
    return {f.name: model.named_vars_to_dims.get(str(f.along), ())[: f.term.ndim] or (None,) * f.term.ndim for f in joint}


def likelihoods(model: Model, variables: Sequence[Tensor]) -> tuple[list[Tensor], list[Factor]]:
    """Return inputs for the free variables in their own space, and the log-density of each variable over them.

    Variables that depend on something that was eliminated have one together.
    """
    require_density(model, "its log-likelihood is not known")
    if model.eliminations:
        own_space = in_own_space(model)
        density = own_space.density(jacobian=False, vars=[own_space[str(x.name)] for x in variables])
        return own_space.value_vars, [changed(f, term=density.elementwise[f.name]) for f in density.factors.all]
    inputs = [_given_value(rv) for rv in model.free_RVs]
    values: dict[Expr, Expr] = dict(zip(model.free_RVs, inputs))
    for rv in model.observed_RVs:
        values[rv] = model.rvs_to_values[rv]
    terms = [LogpGraph.likelihood(model, rv, values) for rv in variables]
    derived, _ = logprob_pass().run(terms, record=False)
    require_derived(derived)
    own: dict[Expr, Expr] = {rv: in_own_dtype(rv, value) for rv, value in values.items()}
    return inputs, [Factor((str(rv.name),), term) for rv, term in zip(variables, replace(list(derived), own))]


@functools.lru_cache(maxsize=256)
def _given_value(rv: Tensor) -> Tensor:
    """An input for a variable's value; the same at each call, so that what is made with it is found again."""
    return input_tensor(str(rv.name), rv.dtype, rv.type.shape)


def compute_deterministics(
    dataset: Any,
    *,
    var_names: Iterable[str] | None = None,
    model: Model | None = None,
    sample_dims: Sequence[str] | None = None,
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

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     y = pm.Deterministic("y", 2.0 * x)
    >>> import arviz
    >>> pm.compute_deterministics(arviz.from_dict({"x": np.ones((1, 3))}), model=model, progressbar=False)["y"].values.tolist()
    [[2.0, 2.0, 2.0]]
    """
    opened = modelcontext(model)
    m = opened.at_current_shapes()
    given = GivenDraws(dataset, sample_dims)
    variables = _named(m, var_names, m.deterministics)
    if any(not any(x is y for y in m.deterministics) for x in variables):
        raise ModelError("not all of the variables are deterministics", f"they are {', '.join(str(x.name) for x in m.deterministics)}")
    names = tuple(str(x.name) for x in variables)

    def of(m: Model) -> tuple[list[Tensor], list[Tensor]]:
        observed: dict[Expr, Expr] = {rv: in_own_dtype(rv, m.rvs_to_values[rv]) for rv in m.observed_RVs}
        outputs = replace([m[name] for name in names], observed)
        below = ancestors(outputs)
        return [rv for rv in m.free_RVs if rv in below], outputs

    needed, _ = of(m)
    given.require(needed)
    backend = backend_of(m, compile_kwargs)
    made = each_draw_of(opened, ("deterministics", names), of, backend, given.count)([given.of(x) for x in needed], given.count, 0)
    results = given.unstacked(dict(zip(names, made)))
    found = groups_to_inference_data(m, {"posterior": results}, sample=given).posterior if results else _no_variables()
    return merged(dataset.posterior if hasattr(dataset, "posterior") else dataset, found) if merge_dataset else found


def merged(whole: Any, found: Any) -> Any:
    """A Dataset with the variables of another in the place of older ones."""
    kept = whole.drop_vars([name for name in found.data_vars if name in whole])
    kept = kept.drop_dims([d for d in kept.dims if d in found.dims and not any(d in x.dims for x in kept.data_vars.values())])
    for d in kept.dims:
        if d in found.coords and d in kept.coords and not found.indexes[d].equals(kept.indexes[d]):
            raise ModelError(
                f"the dim {d!r} has other labels in the draws than in the model, and other variables of the draws are along it",
                "leave merge_dataset out: the deterministics are a Dataset of their own",
            )
    return kept.assign(found.data_vars)


__all__ = [
    "compute_deterministics", "compute_log_likelihood", "compute_log_prior", "likelihoods", "sample_posterior_predictive",
    "sample_prior_predictive",
]  # fmt: skip
