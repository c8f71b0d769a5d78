"""Variables sampled by their quantiles: bounded ones whose density hangs on their parameters."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.distributions.constraints import checked
from workbench.distributions.distribution import Draw
from workbench.graph.frozen import frozen
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform
from workbench.transforms.logprob import logp_node


@frozen
class Quantiles(Transform):
    """Numbers, by the log-odds of the probability of smaller ones: whatever the parameters, a logistic variable."""

    name = "quantile"
    onto = True

    @staticmethod
    def of(rv: Tensor) -> Quantiles | None:
        """Return the transform of a random variable; ``None`` if its distribution has no quantiles."""
        if not isinstance(rv.op, Draw) or rv.type.kind != "f" or rv.op.distribution.event_rank:
            return None
        try:
            rv.op.distribution.icdf(pt.constant(0.5), *rv.inputs[1:])
        except NotImplementedError:
            return None
        return Quantiles()

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        assert isinstance(rv.op, Draw)
        return rv.op.distribution.icdf(pt.sigmoid(value), *rv.inputs[1:])

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        assert isinstance(rv.op, Draw)
        d, parameters = rv.op.distribution, rv.inputs[1:]
        return d.logcdf(value, *parameters) - d.logccdf(value, *parameters)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return _logistic(value) - logp_node(rv, self.backward(value, rv))

    def density(self, value: Tensor, rv: Tensor) -> Tensor:
        assert isinstance(rv.op, Draw)
        d, parameters = rv.op.distribution, rv.inputs[1:]
        return checked(d.__name__, _logistic(value), d.checks(*parameters), d.parameters, parameters)


def _logistic(value: Tensor) -> Tensor:
    return -value - 2.0 * pt.softplus(-value)
