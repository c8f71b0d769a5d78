"""Graph to graph: gradients, log-probabilities, changes of variables."""

from workbench.transforms.gradient import grad, value_and_grad

__all__ = ["grad", "value_and_grad"]
