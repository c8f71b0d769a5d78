"""Models made of models: variables fixed, observed, frozen, or with other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.errors import LogProbError, ModelError, ShapeError
from workbench.graph.expr import Data, Expr, give_name, intern
from workbench.graph.traverse import ancestors, replace
from workbench.model.elimination import settle
from workbench.model.functions import Moment
from workbench.model.missing import Observed, observed_values, require_whole
from workbench.model.restrictions import note
from workbench.model.shapes import CurrentShapes, has_open_lengths, is_open, unfit
from workbench.tensor.keys import LABEL
from workbench.tensor.markers import Named
from workbench.tensor.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from workbench.model.model import Model


ROLES = ("free_RVs", "observed_RVs", "marginalized_RVs", "deterministics", "recovered_deterministics", "potentials", "data_vars")
"""What a variable may be in a model: its lists of them."""


def rebuilt(model: Model, new: Mapping[Expr, Expr]) -> Model:
    """Return the model with expressions in the place of others; its variables keep names and roles.

    What is itself replaced by something that is not random becomes data, if it is made of data.
    """
    made = model.without_variables()
    roots: list[Expr] = [*model.named_vars.values(), *(v for v in model.rvs_to_values.values())]
    lengths = [n for n in model.dim_lengths.values() if isinstance(n, Tensor)]
    found = dict(zip([*roots, *lengths], replace([*roots, *lengths], new)))
    starts = (x for rv in model.rvs_to_values for x in [model.rvs_to_initial_values.get(rv)] if isinstance(x, Expr))
    for old in (*starts, *model.rvs_to_scalings.values()):
        (found[old],) = replace([old], new)
    for name, x in model.named_vars.items():
        if found[x].name != name:
            found[x] = give_name(found[x] if found[x].name is None and found[x].inputs else Named(name)(found[x]), name)
    made.named_vars = {name: found[x] for name, x in model.named_vars.items()}
    for role in ROLES:
        setattr(made, role, [found[x] for x in getattr(model, role)])
    made.eliminations = model.eliminations
    made.rvs_to_transforms = {
        found[rv]: t if t is None or not t.inputs else t.with_inputs(replace(t.inputs, found)) for rv, t in model.rvs_to_transforms.items()
    }
    for rv, t in made.rvs_to_transforms.items():
        note(rv, t)
    made.rvs_to_initial_values = {
        found[rv]: found[v] if isinstance(v, Expr) else v for rv, v in model.rvs_to_initial_values.items()
    }
    made.rvs_to_scalings = {found[rv]: found[scale] for rv, scale in model.rvs_to_scalings.items()}
    made.named_vars_to_dims = dict(model.named_vars_to_dims)
    made._kept_lengths = [(replace([n], new)[0], was, variable) for n, was, variable in model._kept_lengths]  # type: ignore[misc]
    made.dim_lengths = {d: found[n] if isinstance(n, Tensor) else n for d, n in model.dim_lengths.items()}
    free: set[Expr] = {*model.free_RVs, *model.marginalized_RVs}
    for rv, value in model.rvs_to_values.items():
        kept = found[value]
        if rv in free and found[rv].type.shape != rv.type.shape:
            made.make_value(found[rv], made.rvs_to_transforms[found[rv]])
        else:
            made.rvs_to_values[found[rv]] = kept
    return made


def at_current_shapes(model: Model) -> Model:
    """Return the model with data of the shapes that they have now; itself, if no shape can change.

    Raises
    ------
    ModelError
        If the shape of a free variable depends on a random variable.
    ShapeError
        If data have been replaced by others that do not fit together.
    """
    variables = [*model.free_RVs, *model.observed_RVs, *model.marginalized_RVs]
    if not has_open_lengths(model):
        return model
    roots = [*model.named_vars.values(), *model.rvs_to_values.values()]
    try:
        closed: dict[Expr, Expr] = dict(zip(roots, model.shapes.closed(roots)))
    except ShapeError:
        _name_what_does_not_fit(model)
        raise
    for rv in variables:
        if closed[rv].type.is_open:
            raise ModelError(
                f"{rv.name}: its shape is known only at run time, it depends on a random variable",
                "such a variable can be drawn (pm.draw, with the NumPy backend), but it has no density to sample from",
                rv.provenance.location if rv.provenance else None,
            )
    made = rebuilt(model, closed)
    made.dim_lengths = {d: model.length_of(d) for d in model.dim_lengths}
    made.taken_from = Moment(copied(model), {x: x.op.value for x in ancestors(roots) if is_open(x)})
    return made


def _name_what_does_not_fit(model: Model) -> None:
    """Raise the error of lengths that do not fit for the first variable that has it, at its line."""
    for x in (*model.free_RVs, *model.marginalized_RVs, *model.observed_RVs, *model.deterministics, *model.potentials):
        try:
            model.shapes.closed([x])
        except ShapeError as error:
            raise unfit(x.name, error, x.provenance.location if x.provenance else None) from None


def copied(model: Model) -> Model:
    """Return a model of the same variables, with the functions that have been made of these."""
    made = rebuilt(model, {})
    made.compiled_functions, made.taken_from = model.compiled_functions, model.taken_from
    return made


def in_own_space(model: Model) -> Model:
    """Return the model with free variables that are not transformed: its values are theirs."""
    made = rebuilt(model, {})
    for rv in made.free_RVs:
        made.make_value(rv, None)
    return made


def with_own_data(model: Model) -> Model:
    """Return the model at its current shapes, with data of its own: replacing the given model's does not change it."""
    given, kept = model.taken_from or (copied(model), {})
    roots = [*given.named_vars.values(), *given.rvs_to_values.values()]
    data = {x: kept.get(x, x.op.value) for x in ancestors(roots) if isinstance(x.op, Data) and x.op.label != LABEL}
    made = at_current_shapes(model)
    own: dict[Expr, Expr] = {}
    for x in made.data_vars:
        if isinstance(x.op, Data) and x in data:
            own[x] = intern(Data(x.op.label, [data[x]], x.op.type))
            own[x].name = x.name
    made = rebuilt(made, own)
    made.taken_from = Moment(given, data)
    return made


def freeze_dims_and_data(model: Model, dims: Sequence[str] | None = None, data: Sequence[str] | None = None) -> Model:
    """Return the model with data and lengths of dims fixed: rules may compute with them.

    Parameters
    ----------
    model
        The model.
    dims, data
        Names of dims and data to freeze; all by default.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Data("x", [1.0, 2.0])
    ...     y = pm.Normal("y", x, 1.0)
    >>> y.type.is_open, pm.freeze_dims_and_data(model)["y"].type.shape
    (True, (2,))
    """
    along = {n for n, ds in model.named_vars_to_dims.items() if dims is None or any(d in dims for d in ds)}
    frozen: dict[Expr, Expr] = {}
    for x in model.data_vars:
        if isinstance(x.op, Data) and (data is None or x.name in data) and (dims is None or data is not None or x.name in along):
            frozen[x] = Named(str(x.name))(pt.constant(x.op.value))
            frozen[x].name = x.name
    shapes = CurrentShapes(kept=[x for x in model.data_vars if x not in frozen])
    shapes.memo.update(frozen)
    roots = [*model.named_vars.values(), *model.rvs_to_values.values(), *(n for n in model.dim_lengths.values() if isinstance(n, Tensor))]
    return rebuilt(model, dict(zip(roots, shapes.closed(roots))))


def _variables(model: Model, given: Mapping[Any, Any]) -> dict[Tensor, Any]:
    return {model[k] if isinstance(k, str) else k: v for k, v in given.items()}


def do(
    model: Model,
    vars_to_interventions: Mapping[Any, Any],
    *,
    make_interventions_shared: bool = True,
    prune_vars: bool = False,
) -> Model:
    """Return the model with variables set to values, whatever causes them: Pearl's intervention.

    Parameters
    ----------
    model
        The model; it stays as it is.
    vars_to_interventions
        Values by variable or name.
    make_interventions_shared
        Make the values data, so that they can be replaced by `set_data`.
    prune_vars
        Leave out variables that no observed variable, potential or deterministic depends on any more.

    Raises
    ------
    ModelError
        If one is no free variable, deterministic or data, or is observed.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     y = pm.Normal("y", x, 1.0)
    >>> pm.do(model, {"x": 3.0}).free_RVs
    [Normal(key, x, 1.0)]
    """
    new: dict[Expr, Expr] = {}
    set_here: list[Tensor] = []
    for x, value in _variables(model, vars_to_interventions).items():
        kinds = (getattr(model, role) for role in ROLES if role != "potentials")
        if not any(x is y for kind in kinds for y in kind):
            raise ModelError(f"{x.name or repr(x)} cannot be set: it is no variable of the model")
        given = as_tensor(value)
        require_whole(str(x.name), "value", given, x.dtype)
        if given.dtype != x.dtype:
            given = pt.cast(given, x.dtype)
        now = model.shapes.of(x)
        try:
            given = pt.broadcast_to(given, [n if isinstance(n, int) else given.type.shape[i] for i, n in enumerate(now)])
        except ShapeError:
            raise ShapeError(f"{x.name}: the value has shape {given.type.shape}, the variable has shape {now}") from None
        fixed = not ancestors([given]) & set(model.named_vars.values())
        made: Tensor = pt.data(str(x.name), given.eval(), shape=x.type.shape) if make_interventions_shared and fixed else Named(str(x.name))(given)
        made.name = x.name
        new[x] = made
        set_here.append(x)
    return _without(rebuilt(model, new), [str(x.name) for x in set_here], prune_vars)


def _without(made: Model, names: Sequence[str], prune: bool) -> Model:
    """Let variables that were set be no longer random; leave out what has no use any more."""
    made.interventions |= set(names)
    for name in names:
        x = made.named_vars[name]
        _forget(made, x)
        if isinstance(x.op, Data):
            made.data_vars.append(x)
        else:
            made.deterministics.append(x)
    if made.eliminations:
        settle(made)
    if prune:
        computed = [*made.deterministics, *made.recovered_deterministics]
        used = ancestors([*made.observed_RVs, *made.potentials, *(d for d in computed if d.name not in names)])
        for name, x in list(made.named_vars.items()):
            if x not in used and not any(x is y for y in made.observed_RVs):
                _forget(made, x)
                made.data_vars = [y for y in made.data_vars if y is not x]
                del made.named_vars[name]
        settle(made)
    return made


def _forget(made: Model, x: Tensor) -> None:
    """Take a variable out of the lists of random variables and deterministics."""
    for role in (r for r in ROLES if r != "potentials"):
        setattr(made, role, [y for y in getattr(made, role) if y is not x])
    for table in (made.rvs_to_values, made.rvs_to_transforms, made.rvs_to_initial_values, made.rvs_to_scalings):
        table.pop(x, None)


def observe(model: Model, vars_to_observations: Mapping[Any, Any]) -> Model:
    """Return the model with free variables, or deterministics, observed; or with other data of observed ones.

    Parameters
    ----------
    model
        The model; it stays as it is.
    vars_to_observations
        Data by variable or name. The density of a deterministic is derived.

    Raises
    ------
    ModelError
        If one is no random variable or deterministic, or data are missing.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     y = pm.Normal("y", x, 1.0)
    >>> observed = pm.observe(model, {"y": 1.5})
    >>> observed.free_RVs, observed.observed_RVs
    ([Normal(key, 0.0, 1.0)], [Normal(key, x, 1.0)])
    """
    made = rebuilt(model, {})
    for x, data in _variables(model, vars_to_observations).items():
        if not any(x is y for y in (*made.basic_RVs, *made.marginalized_RVs, *made.deterministics, *made.recovered_deterministics)):
            raise ModelError(f"{x.name or repr(x)} cannot be observed: it is no random variable or deterministic of the model")
        values: Observed = observed_values(str(x.name), data, x.dtype, isinstance(x.op, Draw) and x.op.distribution.missing_as_nan)
        if values.missing is not None:
            raise ModelError(f"{x.name}: the data have missing values", "write observed= in the model: they are imputed there")
        now, have = model.shapes.of(x), model.shapes.of(values.values)
        if now != have and all(isinstance(n, int) for n in now):
            raise ShapeError(f"{x.name}: the data have shape {have}, the variable has shape {now}")
        scale = made.rvs_to_scalings.get(x)
        _forget(made, x)
        if scale is not None:
            made.rvs_to_scalings[x] = scale
        made.observed_RVs.append(x)
        made.rvs_to_values[x] = values.values
        made.rvs_to_transforms[x] = None
        if made.eliminations:
            settle(made)
        if not isinstance(x.op, Draw):
            try:
                made.density(vars=[x])
            except LogProbError as error:
                raise ModelError(
                    f"{x.name} cannot be observed: given the model's variables, {error.message}",
                    "observe what has randomness of its own, such as mu + Normal.dist(0, 1)",
                ) from None
    return made
