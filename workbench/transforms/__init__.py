"""Graph to graph: gradients, derivatives, batching, log-probabilities, changes of variables."""

from typing import TYPE_CHECKING

from workbench.graph.inner import extract
from workbench.graph.traverse import replace
from workbench.names import answers, listing
from workbench.tensor.markers import stop_gradient
from workbench.transforms import control_gradients
from workbench.transforms.change_of_variables import Transform
from workbench.transforms.constrained_numbers import Chain, Interval, LogExpM1, circular, log, log_exp_m1, logodds
from workbench.transforms.constrained_vectors import (
    CholeskyCorrelation,
    CholeskyCovPacked,
    Ordered,
    ZeroSumTransform,
    ordered,
    simplex,
    stick_breaking,
    sum_to_1,
)  # fmt: skip
from workbench.transforms.gradient import Lop, grad, value_and_grad, vjp

if TYPE_CHECKING:
    from workbench.transforms.derivatives import Rop, hessian, hessian_vector_product, jacobian, jvp
    from workbench.transforms.vectorise import vectorize, vectorize_graph

LATER = {
    "workbench.transforms.derivatives": "Rop hessian hessian_vector_product jacobian jvp",
    "workbench.transforms.vectorise": "vectorize vectorize_graph",
}
"""Loaded when first used."""

__getattr__, __dir__ = answers(__name__, LATER), listing(__name__)

__all__ = [
    "Lop", "Rop", "extract", "grad", "hessian", "hessian_vector_product", "jacobian", "jvp", "replace", "stop_gradient",
    "control_gradients", "value_and_grad", "vectorize", "vectorize_graph",
    "vjp",
    "Chain", "CholeskyCorrelation", "CholeskyCovPacked", "Interval", "LogExpM1", "Ordered", "Transform",
    "ZeroSumTransform", "circular", "log", "log_exp_m1", "logodds", "ordered", "simplex", "stick_breaking", "sum_to_1",
]  # fmt: skip
