"""The inference button: a plan of steps, each with its reason and what was measured, and the run that follows from it."""

from workbench.inference.planning.infer import infer
from workbench.inference.planning.plan import Plan, Step

__all__ = ["Plan", "Step", "infer"]
