"""Operations of one's own in a model: which variables they keep from having a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.graph.traverse import topological
from workbench.tensor.black_box import Called

if TYPE_CHECKING:
    from workbench.model.model import Model


def without_gradient(model: Model) -> dict[str, str]:
    """Return the names of the values in which the density has no gradient, each with the operation that has none.

    Examples
    --------
    >>> import workbench as pm, workbench.tensor as pt
    >>> from workbench.tensor.black_box import wrap_py
    >>> @wrap_py(itypes=pt.dscalar, otypes=pt.dscalar)
    ... def simulate(x):
    ...     return x**2
    >>> with pm.Model() as model:
    ...     a, b = pm.Normal("a"), pm.Normal("b")
    ...     y = pm.Normal("y", simulate(a) + b, observed=1.0)
    >>> without_gradient(model)
    {'a': 'simulate'}
    """
    nodes = topological([*model.observed_RVs, *model.potentials, *model.free_RVs])
    if not any(isinstance(node.op, Called) and not node.op.differentiable for node in nodes):
        return {}
    free = {rv: model.value_name(rv) for rv in model.free_RVs}
    # Which free variables' values each node is made of; beyond a variable is its own value, not what it depends on.
    below: dict[object, frozenset[str]] = {}
    found: dict[str, str] = {}
    for node in nodes:
        names = frozenset().union(*(frozenset([free[x]]) if x in free else below[x] for x in node.inputs))
        below[node] = names
        if isinstance(node.op, Called) and not node.op.differentiable:
            found |= {n: found.get(n, node.op.name) for n in names}
    return {n: found[n] for n in free.values() if n in found}
