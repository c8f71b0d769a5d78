"""`reparameterize`: the coordinates in which variables are sampled, chosen anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.distributions.bounded import TruncatedNormal
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Draw
from workbench.distributions.families import family_of
from workbench.errors import ModelError, ShapeError, closest
from workbench.graph.expr import Constant, Expr
from workbench.graph.properties import is_positive
from workbench.graph.traverse import replace, topological, users
from workbench.model.context import modelcontext
from workbench.model.density import values_of_variables
from workbench.model.interventions import rebuilt
from workbench.tensor import elementwise as e
from workbench.tensor.markers import Named
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.centred import Centred
from workbench.transforms.change_of_variables import Transform, default_transform
from workbench.transforms.noncentred import NonCentred, Steps, Whitened, as_share, noncentred, power, times
from workbench.transforms.quantiles import Quantiles

if TYPE_CHECKING:
    from workbench.model.model import Model

Form = Any
"""A form by name, or a share between 0 and 1: a number, or an array of the variable's shape."""

SPELLINGS = {
    "noncentred": "noncentred", "noncentered": "noncentred", "non-centred": "noncentred", "non-centered": "noncentred",
    "centred": "centred", "centered": "centred", "quantile": "quantile", "quantiles": "quantile",
}  # fmt: skip


class Change(NamedTuple):
    """Other coordinates of a variable.

    Attributes
    ----------
    variable
        Its name.
    transform
        From its own space to them.
    reason
        What they are, in a sentence.
    """

    variable: str
    transform: Transform | None
    reason: str


def reparameterize(model: Model | None = None, vars: Sequence[Any] | Mapping[Any, Form] | Any = None) -> Model:
    """Return the model with other coordinates for some variables: those in which they are sampled.

    The variables keep their names, roles, dims and starts, and results hold them in their own space. What a density is
    of, in these coordinates, is written anew: of ``x ~ Normal(mu, sigma)`` as ``x = mu + sigma * z`` it is that of `z`.

    Parameters
    ----------
    model
        The model; that of the surrounding block by default. It stays as it is.
    vars
        Variables or their names, to be sampled as their noise; by default all that have a location or a scale which
        depends on other variables, and whose coordinates were not chosen by hand. Or a mapping to forms:

        - ``"noncentred"``: the noise. Families by location and scale, in their own space (`Normal`, `StudentT`, `Cauchy`, ...),
          positive ones by their scale or rate (`HalfNormal`, `Exponential`, `Gamma`, `Weibull`, ...), `LogNormal` and `LogitNormal`,
          vectors by their Cholesky factor (`MvNormal`, `MvStudentT`, however they are given), `ZeroSumNormal`, `CAR`, random walks
          by their steps.
        - a share k between 0 and 1, or an array of them, one for each element: between the noise (0) and the variable itself
          (1), ``z ~ N(k mu, sigma**k)``. Of ``z ~ Normal(0, 1)`` in ``m + s * z``: between `z` and that sum.
        - ``"quantile"``: the probability of smaller values; for bounded distributions.
        - ``"centred"``: the variable itself. Of ``z ~ Normal(0, 1)`` that the model has in ``m + s * z`` alone, that sum.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        If a variable has no such form: says why.
    ShapeError
        If an array of shares has not the shape of its variable.

    Notes
    -----
    Sources: Papaspiliopoulos, Roberts and Skold, "A general framework for the parametrization of hierarchical models" (2007);
    Gorinova, Moore and Hoffman, "Automatic reparameterisation of probabilistic programs" (2020).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
    ...     theta = pm.Normal("theta", mu, tau, shape=8)
    >>> made = pm.reparameterize(model)
    >>> [v.name for v in made.value_vars], made.free_RVs[2].name
    (['mu', 'tau_log__', 'theta_noncentred__'], 'theta')
    >>> pm.reparameterize(model, {"theta": 0.5}).value_vars[2].name
    'theta_partial__'
    """
    model = modelcontext(model)
    if vars is None:
        changes = [c for rv in model.free_RVs for c in [_by_default(model, rv)] if c is not None]
    else:
        wanted = vars.items() if isinstance(vars, Mapping) else [(x, "noncentred") for x in ([vars] if isinstance(vars, (str, Expr)) else vars)]
        changes = [change(model, _variable(model, x), form) for x, form in wanted]
    return with_changes(model, changes)


def with_changes(model: Model, changes: Sequence[Change]) -> Model:
    """Return the model with other coordinates of variables."""
    made = rebuilt(model, {})
    for c in changes:
        made.make_value(made.named_vars[c.variable], c.transform)
    return made


def _variable(model: Model, x: Any) -> Tensor:
    name = str(x.name) if isinstance(x, Expr) else str(x)
    free = {str(rv.name): rv for rv in model.free_RVs}
    full = name if name in free else model.name_for(name)
    if full in free:
        return free[full]
    if full in model.named_vars:
        raise _refusal(model.named_vars[full], "it is no free variable", "only what is sampled has coordinates: " + ", ".join(free))
    near = closest(name, free)
    raise ModelError(f"the model has no free variable {name!r}", f"did you mean {near!r}?" if near else f"it has {', '.join(free)}")


def _refusal(rv: Tensor, why: str, hint: str = "") -> ModelError:
    return ModelError(f"{rv.name} cannot be sampled in other coordinates: {why}", hint, rv.provenance.location if rv.provenance else None)


def change(model: Model, rv: Tensor, form: Form) -> Change:
    """Return other coordinates of a free variable.

    Raises
    ------
    ModelError, ShapeError
        If there are none of that form; see :func:`reparameterize`.
    """
    if not isinstance(rv.op, Draw):
        raise _refusal(rv, "it is a function of random variables, or a part of one", "write it as a distribution of its own")
    if rv.type.kind != "f":
        raise _refusal(rv, f"it is discrete ({rv.op.name})", "pm.marginalize sums such variables out")
    now = model.rvs_to_transforms[rv]
    if not _of_ours(now) and now != default_transform(rv):
        raise _refusal(rv, f"its coordinates were chosen by hand: {now!r}", "leave out transform=, or default_transform=, where it is made")
    name = SPELLINGS.get(form) if isinstance(form, str) else None
    if isinstance(form, str) and name is None:
        raise _refusal(rv, f"there is no form {form!r}", 'it is "noncentred", "centred", "quantile", or a share between 0 and 1')
    if name == "noncentred" and isinstance(now, Centred):
        return Change(str(rv.name), default_transform(rv), f"{rv.name} is the noise itself again")
    if name == "centred":
        return _centred(model, rv, now)
    if name == "quantile":
        if Quantiles.of(rv) is None:
            raise _refusal(rv, f"{rv.op.name} has no quantile function here")
        return Change(str(rv.name), Quantiles(), f"{rv.name} is sampled as the probability of smaller values, whose density does not depend on its parameters")
    share = 0.0 if name is not None else _share(rv, form)
    if name is None and share != 0.0 and not depends_on_others(rv) and not isinstance(noise := sum_of_noise(model, rv), str):
        location, scale, whole = noise
        part = Centred(location, scale) if share == 1.0 else Centred(times(share, location), power(scale, share))
        return Change(str(rv.name), part, f"what lies between {rv.name} and {whole}, of which it is the noise, is sampled")
    if share == 1.0:
        return Change(str(rv.name), default_transform(rv), f"{rv.name} is sampled as it is")
    found = noncentred(rv, share)
    if found is None:
        few = share != 0.0 and noncentred(rv) is not None
        why = "known is its noise alone, and nothing between that and itself" if few else f"{rv.op.name} is no family by location and scale"
        raise _refusal(rv, why, 'use "noncentred"' if few else "" if Quantiles.of(rv) is None else '"quantile" may serve')
    what = "its noise, moved by its location and stretched by its scale" if share == 0.0 else "what lies between its noise and itself"
    return Change(str(rv.name), found, f"{rv.name} is sampled as {what}")


def _of_ours(transform: Transform | None) -> bool:
    return isinstance(transform, (NonCentred, Whitened, Steps, Quantiles, Centred))


def _share(rv: Tensor, given: Any) -> Any:
    try:
        numbers = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise _refusal(rv, f"its form is {given!r}", 'it is "noncentred", "centred", "quantile", or a share between 0 and 1') from None
    if not ((numbers >= 0.0) & (numbers <= 1.0)).all():
        raise _refusal(rv, f"a share is between 0, for its noise, and 1, for itself, not {numbers.flat[0] if numbers.size == 1 else numbers}")
    if numbers.ndim and (rv.type.is_open or numbers.shape != rv.type.static_shape):
        raise ShapeError(f"{rv.name}: the shares have shape {numbers.shape}, the variable has shape {rv.type.shape}")
    return as_share(numbers)


def depends_on_others(rv: Tensor, parameters: Sequence[Expr] | None = None) -> bool:
    """Whether parameters of a random variable, all by default, depend on other random variables."""
    return any(isinstance(n.op, Draw) for n in topological(rv.inputs[1:] if parameters is None else parameters))


def _by_default(model: Model, rv: Tensor) -> Change | None:
    """The noise of a variable that has some, if it is sampled as it is."""
    if not isinstance(rv.op, Draw) or rv.type.kind != "f" or model.rvs_to_transforms[rv] != default_transform(rv):
        return None
    d = rv.op.distribution
    if d is TruncatedNormal and depends_on_others(rv):
        return change(model, rv, "quantile")
    family = family_of(d)
    own = None if family is None else [rv.inputs[1 + d.parameters.index(n)] for n in (family.location, family.scale) if n is not None]
    if not depends_on_others(rv, own) or noncentred(rv) is None:
        return None
    return change(model, rv, "noncentred")


# The way back ----------------------------------------------------------------------------------


def _centred(model: Model, rv: Tensor, now: Transform | None) -> Change:
    if _of_ours(now) and not isinstance(now, Centred):
        return Change(str(rv.name), default_transform(rv), f"{rv.name} is sampled as it is")
    found = sum_of_noise(model, rv)
    if isinstance(found, str):
        if depends_on_others(rv):
            return Change(str(rv.name), now, f"{rv.name} is sampled as it is")
        raise _refusal(rv, found, "centred is what is written m + s * z, of z ~ Normal(0, 1) that is used nowhere else")
    location, scale, whole = found
    return Change(str(rv.name), Centred(location, scale), f"{whole} is sampled, of which {rv.name} is the noise")


def sum_of_noise(model: Model, z: Tensor) -> tuple[Tensor, Tensor, str] | str:
    """Return location and scale with which a model moves and stretches a standard variable, and what that is called; or why there are none."""
    if not isinstance(z.op, Draw) or z.op.distribution is not Normal or not _is(z.inputs[1], 0.0) or not _is(z.inputs[2], 1.0):
        return "it is no standard normal variable"
    roots = [*model.named_vars.values(), *model.rvs_to_scalings.values()]
    used = users([x for x in roots if x is not z] + [z])

    def user_of(x: Expr) -> Expr | None:
        found = used[x]
        while len(found) == 1 and isinstance(found[0].op, Named):
            found = used[found[0]]
        return found[0] if len(found) == 1 else None

    product = user_of(z)
    if product is None:
        return "it is used in several places" if used[z] else "it is used nowhere"
    location: Any
    if product.op is e.multiply:
        scale: Any = _other(product, z)
        whole = user_of(product)
        location = _other(whole, product) if whole is not None and whole.op is e.add and product.name is None else None
    elif product.op is e.add:
        scale, location, whole = None, _other(product, z), product
    else:
        return f"it is used in {product.op.name}, not multiplied by a scale"
    if location is None:
        whole, location = product, as_tensor(0.0)
    scale = as_tensor(1.0) if scale is None else scale
    below = set(topological([location, scale]))
    if z in below:
        return "its location or its scale depends on it"
    if whole is None or whole.type.shape != z.type.shape:
        return "what is made of it has another shape: it is repeated, or indexed"
    (of_values,) = replace([scale], values_of_variables(model))
    if not is_positive(of_values):
        return f"it is not known that its scale {scale!r} is positive"
    return location, scale, str(whole.name or f"{location!r} + {scale!r} * {z.name}")


def _other(node: Expr, x: Expr) -> Any:
    found = [i for i in node.inputs if i is not x]
    return found[0] if len(found) == 1 else None


def _is(x: Expr, number: float) -> bool:
    return isinstance(x.op, Constant) and bool((np.asarray(x.op.value) == number).all())
