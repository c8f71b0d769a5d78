"""Graph to graph: gradients, derivatives, batching, log-probabilities, changes of variables."""

from workbench.graph.traverse import extract, replace
from workbench.tensor.annotations import stop_gradient
from workbench.transforms.derivatives import hessian, hessian_vector_product, jacobian, jvp
from workbench.transforms.gradient import grad, value_and_grad, vjp
from workbench.transforms.vectorise import vectorize, vectorize_graph

__all__ = [
    "extract", "grad", "hessian", "hessian_vector_product", "jacobian", "jvp", "replace", "stop_gradient",
    "value_and_grad", "vectorize", "vectorize_graph",
    "vjp",
]  # fmt: skip
