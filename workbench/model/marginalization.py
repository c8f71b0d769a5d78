"""`marginalize`: a model with variables summed or integrated out; `conditional`: what they are distributed as given the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.graph.expr import Expr
from workbench.graph.traverse import replace
from workbench.model.barren_variables import is_barren
from workbench.model.elimination import Elimination, kinds, refused, settle
from workbench.model.interventions import rebuilt
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.model.model import Model


def marginalize(model: Model, vars: Any, *, upper: int | Mapping[str, int] | None = None) -> Model:
    """Return the model with free variables summed or integrated out of its posterior.

    What depends on a variable has then the density that it has whatever that is. The variable stays in the model: it is drawn by
    :func:`sample_prior_predictive`, and :func:`recover` draws it from its exact conditional distribution for each draw of the others.
    Deterministics that depend on it are computed then.

    Parameters
    ----------
    model
        The model; it stays as it is.
    vars
        Free variables, or their names: one or several.
    upper
        The last state that is summed of variables that have infinitely many, such as `Poisson`; one for all, or by name. By default it
        follows from the prior and the data. What is left out is proven to be less than 1e-12 of the sum where the density is a number;
        elsewhere it is NaN, which a sampler counts as a divergence.

    Notes
    -----
    Which elements of a variable an element of a density depends on follows from the graph. Where elements are independent of one another
    given the rest, n of them with K states cost n K terms. Else they are summed out one after the other in the order that costs least,
    which for a tree is n K**2 terms, and for a grid of m rows about K**m.

    Raises
    ------
    ModelError
        If one is no free variable, or cannot be summed out: with its name and line, why, and what would help.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     z = pm.Bernoulli("z", 0.3, shape=3)
    ...     y = pm.Normal("y", pm.math.where(z, 4.0, 0.0), 1.0, observed=[0.1, 3.8, 4.1])
    >>> marginal = pm.marginalize(model, "z")
    >>> marginal.free_RVs, marginal.marginalized_RVs
    ([], [Bernoulli(key, 0.3)])
    >>> round(float(marginal.compile_logp(backend="numpy")({})), 4)
    -5.549
    """
    variables = _free(model, vars)
    options = {} if upper is None else {"upper": {model[n].name: m for n, m in upper.items()} if isinstance(upper, Mapping) else upper}
    elimination = _plan(model, variables, options)
    if elimination is not None:
        return eliminated_from(model, elimination)
    # What no kind does together is done in turn: what nothing depends on, what is discrete, and of the rest what depends on others before these.
    if len(variables) > 1:
        leaves = [[str(rv.name)] for rv in variables if is_barren(model.at_current_shapes(), model.at_current_shapes()[str(rv.name)])]
        if leaves:
            named = [str(rv.name) for rv in variables if [str(rv.name)] not in leaves]
            for names in leaves:
                model = marginalize(model, names)
            return marginalize(model, named) if named else model
    discrete = [str(rv.name) for rv in variables if rv.type.kind != "f"]
    rest = [[str(rv.name)] for rv in reversed(model.free_RVs) if any(rv is x for x in variables) and rv.type.kind == "f"]
    turns = [discrete, *rest] if discrete else rest
    if len(turns) == 1:
        raise refused(model, turns[0][0], f"nothing is known that does it for a {model[turns[0][0]].op.name}")
    for names in turns:
        model = marginalize(model, names, upper=upper)
    return model


def _plan(model: Model, variables: Sequence[Tensor], options: Mapping[str, Any]) -> Elimination | None:
    """How variables would be eliminated together; ``None`` if no kind of elimination does it."""
    now = model.at_current_shapes()
    plans = (kind.plan(now, [now[str(rv.name)] for rv in variables], **options) for kind in kinds())
    return next((plan for plan in plans if plan is not None), None)


def eliminated_from(model: Model, elimination: Elimination) -> Model:
    """Return the model with the variables of an elimination out of its posterior.

    Raises
    ------
    ModelError
        If one is no free variable, or the elimination cannot be done.
    """
    made = rebuilt(model, {})
    for name in elimination.variables:
        x = made[name]
        made.free_RVs = [rv for rv in made.free_RVs if rv is not x]
        made.marginalized_RVs.append(x)
        made.make_value(x, None)
    made.eliminations = (*made.eliminations, elimination)
    settle(made)
    made.at_current_shapes().density()
    return made


def _free(model: Model, vars: Any) -> list[Tensor]:
    given = [vars] if isinstance(vars, (str, Expr)) else list(vars)
    found: list[Any] = [model[x] if isinstance(x, str) else x for x in given]
    for x in found:
        if any(x is rv for rv in model.free_RVs):
            continue
        name = x.name or repr(x)
        if any(x is rv for rv in model.marginalized_RVs):
            raise ModelError(f"{name} has been summed or integrated out already")
        free = ", ".join(str(rv.name) for rv in model.free_RVs) or "none"
        what = "it is observed" if any(x is rv for rv in model.observed_RVs) else "it is no random variable of the model"
        raise ModelError(f"{name} cannot be summed or integrated out: {what}", f"free variables are {free}")
    if not found:
        raise ModelError("nothing to sum out is given", "marginalize(model, [names])")
    if len({str(x.name) for x in found}) < len(found):
        raise ModelError("a variable is given twice")
    return found


def conditional(model: Model) -> dict[str, Tensor]:
    """Return what each variable that was summed or integrated out is distributed as, given the values of the others and the data.

    Returns
    -------
    Random expressions by name, in the order in which they are drawn: the variable that left last comes first, and those that
    follow are made of it. They are made of `value_vars`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     z = pm.Bernoulli("z", 0.3, shape=3)
    ...     y = pm.Normal("y", pm.math.where(z, 4.0, 0.0), 1.0, observed=[0.1, 3.8, 4.1])
    >>> z = pm.conditional(pm.marginalize(model, "z"))["z"]
    >>> pm.draw(z, 10, random_seed=1).shape
    (10, 3)
    """
    density = model.density(jacobian=False)
    drawn: dict[Expr, Any] = {}
    found: dict[str, Tensor] = {}
    for elimination, factors in reversed(list(zip(model.eliminations, density.stages))):
        for name, expression in elimination.recover(factors).items():
            (made,) = replace([expression], drawn)
            drawn[factors.placeholder(name)] = made
            found[name] = made
    return found


__all__: Sequence[str] = ["conditional", "eliminated_from", "marginalize"]
