"""`split`: the independent parts of a model, each as a model of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.graph.traverse import ancestors, replace
from workbench.model.context import modelcontext
from workbench.model.interventions import rebuilt

if TYPE_CHECKING:
    from workbench.model.model import Model


def split(model: Model | None = None) -> list[Model]:
    """Return the independent parts of a model: variables that share no term of the log-density are in different ones.

    Parameters
    ----------
    model
        The model; that of the surrounding block by default. It stays as it is.

    Returns
    -------
    Models whose free and observed variables, and potentials, are together those of the model, each in one of them; and of its
    deterministics those that depend on the variables of one part alone. One model, if all hangs together. What depends on no
    free variable is in the first.

    Raises
    ------
    ModelError
        If the model has no free variable, or something was summed or integrated out of it.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     a, b = pm.Normal("a"), pm.Normal("b")
    ...     x, y = pm.Normal("x", a, 1.0, observed=1.0), pm.Normal("y", b, 1.0, observed=2.0)
    >>> [list(part.named_vars) for part in pm.split(model)]
    [['a', 'x'], ['b', 'y']]
    """
    model = modelcontext(model)
    if not model.free_RVs:
        raise ModelError("the model has no free variable: there are no parts to sample")
    if model.eliminations:
        raise ModelError("variables were summed or integrated out of the model", "split it first, and marginalize its parts")
    density = model.density()
    values = model.value_vars
    together: list[set[Any]] = [set(ancestors([term]).intersection(values)) for term in density.elementwise.values()]
    groups: list[set[Any]] = []
    alone: list[set[Any]] = [{v} for v in values]
    for wanted in [*alone, *together]:
        if wanted:
            joined = [g for g in groups if g & wanted]
            groups = [g for g in groups if not g & wanted] + [set().union(wanted, *joined)]
    order = {v: i for i, v in enumerate(values)}
    groups.sort(key=lambda g: min(order[v] for v in g))
    if len(groups) == 1:
        return [model.copy()]
    terms = dict(zip(density.elementwise, together))
    expressions = dict(zip(model.deterministics, replace(model.deterministics, density.values)))
    return [_part(model, group, i == 0, terms, expressions) for i, group in enumerate(groups)]


def _part(model: Model, group: set[Any], first: bool, terms: dict[str, set[Any]], expressions: dict[Any, Any]) -> Model:
    """The model with the variables of one part alone."""
    made = rebuilt(model, {})
    of_part = [name for name, below in terms.items() if (below and below <= group) or (first and not below)]
    kept = {str(rv.name) for rv in model.free_RVs if model.rvs_to_values[rv] in group}
    kept |= {name for name in of_part if not any(rv.name == name for rv in model.free_RVs)}
    for x, of_values in expressions.items():
        below = ancestors([of_values]).intersection(model.value_vars)
        if below <= group if below else first:
            kept.add(str(x.name))
    whole = [made.named_vars[n] for n in kept]
    used = ancestors([*whole, *(made.rvs_to_values[x] for x in whole if x in made.rvs_to_values)])
    kept |= {str(x.name) for x in model.data_vars if made.named_vars[str(x.name)] in used}
    for role in ("free_RVs", "observed_RVs", "deterministics", "potentials", "data_vars"):
        setattr(made, role, [x for x in getattr(made, role) if x.name in kept])
    for table in (made.rvs_to_values, made.rvs_to_transforms, made.rvs_to_initial_values, made.rvs_to_scalings):
        for x in [x for x in table if x.name not in kept]:
            del table[x]
    made.named_vars = {n: x for n, x in made.named_vars.items() if n in kept}
    made.named_vars_to_dims = {n: d for n, d in made.named_vars_to_dims.items() if n in kept}
    return made
