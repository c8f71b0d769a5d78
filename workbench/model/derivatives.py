"""First and second derivatives of a model's log-density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import workbench.tensor as pt
from workbench import transforms
from workbench.errors import ModelError
from workbench.graph.expr import Expr
from workbench.model.density import slope_of_zero
from workbench.model.shapes import is_open
from workbench.tensor.tensor import Tensor
from workbench.transforms.gradient import grad

if TYPE_CHECKING:
    from workbench.model.model import Model


def _by(model: Model, vars: Any) -> list[Tensor]:
    """The values by which to differentiate."""
    if vars is None:
        return model.continuous_value_vars
    wanted = [vars] if isinstance(vars, (Expr, str)) else list(vars)
    found = []
    for x in wanted:
        rv: Any = model[x] if isinstance(x, str) else x
        if not any(rv is y for y in model.free_RVs):
            raise ModelError(f"{rv!r} is no free variable: the log-density has no derivative by it")
        found.append(model.rvs_to_values[rv])
    return found


def _flat(parts: list[Tensor]) -> Tensor:
    return pt.concatenate([pt.reshape(p, (-1,)) for p in parts]) if parts else pt.zeros(0)


def dlogp(model: Model, vars: Any = None, jacobian: bool = True) -> Tensor:
    """Return the gradient of the log-density by the values of free variables, a vector."""
    by = _by(model, vars)
    total = model.logp(jacobian=jacobian)
    found = grad(total, by, disconnected_inputs="ignore")
    # A gradient may come narrower than its variable, to be broadcast.
    return slope_of_zero(total, _flat([pt.broadcast_to(g, v.shape) for g, v in zip(found, by)]))


def d2logp(model: Model, vars: Any = None, jacobian: bool = True, negate_output: bool = True) -> Tensor:
    """Return the matrix of second derivatives of the log-density by the values of free variables."""
    by = _by(model, vars)
    gradient = dlogp(model, vars, jacobian)
    if any(is_open(x) for x in model.data_vars):
        raise ModelError(
            "second derivatives need data of known lengths", "freeze them: pm.freeze_dims_and_data(model).d2logp()"
        )
    blocks = transforms.jacobian(gradient, by, disconnected_inputs="ignore")
    rows = [pt.reshape(b, (gradient.shape[0], -1)) for b in blocks]
    matrix = pt.concatenate(rows, axis=1) if rows else pt.zeros((0, 0))
    return -matrix if negate_output else matrix
