"""Distributions: one class each, with its density, draw, support and support point."""

from workbench.distributions.continuous import Exponential, HalfNormal, Normal, Uniform
from workbench.distributions.discrete import Bernoulli
from workbench.distributions.distribution import Distribution, Draw, draw_rules, key_of, set_key
from workbench.graph.serialise import NAMED

__all__ = [
    "Bernoulli", "Distribution", "Draw", "Exponential", "HalfNormal", "Normal", "Uniform", "draw_rules",
    "key_of", "set_key",
]  # fmt: skip

NAMED["distribution"] = {d.__name__: d for d in (Bernoulli, Exponential, HalfNormal, Normal, Uniform)}
