"""`recover`: what was summed or integrated out of a posterior, drawn given each of its draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.errors import ModelError
from workbench.graph.expr import Expr
from workbench.graph.traverse import replace
from workbench.inference.each_draw import each_draw_of, seed_word
from workbench.inference.given_draws import GivenDraws
from workbench.inference.idata import group, put
from workbench.inference.inference_data import groups_to_inference_data
from workbench.inference.predictive import backend_of, merged
from workbench.model.context import modelcontext
from workbench.model.density import values_for_variables
from workbench.model.interventions import in_own_space
from workbench.model.marginalization import conditional
from workbench.model.model import Model
from workbench.tensor.tensor import Tensor


def recover(
    idata: Any,
    model: Model | None = None,
    var_names: Iterable[str] | str | None = None,
    random_seed: Any = None,
    extend_inferencedata: bool = True,
    sample_dims: Sequence[str] | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Draw what was summed or integrated out of a model from its exact conditional distribution, for each draw of the others.

    With these, the draws are draws from the posterior of the model that it was taken out of. Deterministics that depend on it are
    computed, too.

    Parameters
    ----------
    idata
        Posterior draws of the model that :func:`marginalize` returned: InferenceData, or any form that
        :func:`sample_posterior_predictive` takes.
    model
        That model; that of the surrounding block by default.
    var_names
        Variables to draw or compute; by default all that were taken out of the model, and all deterministics that depend on them.
    random_seed
        The same seed gives the same draws, on every backend.
    extend_inferencedata
        Put them into the posterior of `idata`, and return that; else return a Dataset.
    sample_dims, compile_kwargs
        As in :func:`sample_posterior_predictive`.

    Raises
    ------
    ModelError
        If nothing was taken out of the model, a name is of something else, or the draws lack a variable.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu", 0.0, 3.0)
    ...     z = pm.Bernoulli("z", 0.3, shape=2)
    ...     y = pm.Normal("y", pm.math.where(z, mu, -mu), 1.0, observed=[9.8, -10.1])
    >>> draws = {"mu": np.full((1, 100), 10.0)}
    >>> drawn = pm.recover(draws, pm.marginalize(model, "z"), random_seed=1, extend_inferencedata=False)
    >>> drawn.z.mean(("chain", "draw")).to_numpy().tolist()
    [1.0, 0.0]
    """
    opened = modelcontext(model)
    m = opened.at_current_shapes()
    hidden = [*m.marginalized_RVs, *m.recovered_deterministics]
    if not hidden:
        raise ModelError("nothing was summed or integrated out of the model", "give the model that pm.marginalize returned")
    wanted = [var_names] if isinstance(var_names, str) else list(var_names) if var_names is not None else [str(x.name) for x in hidden]
    unknown = [n for n in wanted if not any(n == x.name for x in hidden)]
    if unknown:
        known = ", ".join(str(x.name) for x in hidden)
        raise ModelError(f"{', '.join(map(repr, unknown))}: nothing that was taken out of the model", f"it is {known}")
    if extend_inferencedata and not hasattr(idata, "posterior"):
        raise ModelError(f"a {type(idata).__name__} has no posterior that could be added to", "give InferenceData, or extend_inferencedata=False")
    given = GivenDraws(idata, sample_dims)
    given.require(m.free_RVs)

    def of(m: Model) -> tuple[list[Tensor], list[Tensor]]:
        return recovered(m, wanted)

    made = each_draw_of(opened, ("recover", tuple(wanted)), of, backend_of(m, compile_kwargs), given.count)
    drawn = made([given.of(x) for x in m.free_RVs], given.count, seed_word(random_seed))
    results = given.unstacked(dict(zip(wanted, drawn)))
    found = groups_to_inference_data(m, {"posterior": results}, sample=given)
    found = group(found, "posterior")
    if not extend_inferencedata:
        return found
    put(idata, "posterior", merged(group(idata, "posterior"), found))
    return idata


def recovered(model: Model, names: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
    """Return inputs for the free variables in their own space, and variables that were taken out of a model, drawn given them."""
    own = in_own_space(model)
    drawn = conditional(own)
    placeholders: dict[Expr, Any] = {own.rvs_to_values[own[name]]: x for name, x in drawn.items()}
    computed = [own[name] for name in names if name not in drawn]
    _, computed = values_for_variables(own, computed)
    values = dict(zip([n for n in names if n not in drawn], replace(computed, placeholders)))
    return own.value_vars, [drawn[n] if n in drawn else values[n] for n in names]
