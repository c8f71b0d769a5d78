"""The rewrite stepper: every state of a graph on its way from a model to code, and what each step does."""

from kernel_ext.stepper.part import RewriteStepper, samplers_by_name, trace_of
from kernel_ext.stepper.replay import Replay

__all__ = ["Replay", "RewriteStepper", "samplers_by_name", "trace_of"]
