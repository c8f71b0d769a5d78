"""A workbench for Bayesian modelling: models as graphs that you can see, rewrite, compile and sample.

>>> import workbench as pm
"""

from __future__ import annotations

from typing import Any

from workbench import tensor
from workbench.compile import function
from workbench.distributions import Bernoulli, Exponential, HalfNormal, Normal, Uniform
from workbench.model import Data, Deterministic, Model, Potential
from workbench.transforms.gradient import grad
from workbench.transforms.logprob import logp

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "sample":
        from workbench.inference import sample

        return sample
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


__all__ = [
    "Bernoulli", "Data", "Deterministic", "Exponential", "HalfNormal", "Model", "Normal", "Potential", "Uniform",
    "function", "grad", "logp", "sample", "tensor",
]  # fmt: skip
