"""A workbench for Bayesian modelling: models as graphs that you can see, rewrite, compile and sample.

>>> import workbench as pm
"""

from __future__ import annotations

from typing import Any

from workbench import math, tensor
from workbench.compile import function, to_jax
from workbench.distributions import (
    CAR,
    ICAR,
    AsymmetricLaplace,
    Bernoulli,
    Beta,
    Cauchy,
    ChiSquared,
    Dirichlet,
    DirichletMultinomial,
    ExGaussian,
    Exponential,
    Flat,
    Gamma,
    Gumbel,
    HalfCauchy,
    HalfFlat,
    HalfNormal,
    HalfStudentT,
    Interpolated,
    InverseGamma,
    KroneckerNormal,
    Kumaraswamy,
    Laplace,
    LKJCholeskyCov,
    LKJCorr,
    Logistic,
    LogitNormal,
    LogNormal,
    MatrixNormal,
    Moyal,
    Multinomial,
    MvNormal,
    MvStudentT,
    Normal,
    OrderedMultinomial,
    Pareto,
    PolyaGamma,
    Rice,
    SkewNormal,
    SkewStudentT,
    StickBreakingWeights,
    StudentT,
    Triangular,
    TruncatedNormal,
    Uniform,
    VonMises,
    Wald,
    Weibull,
    Wishart,
    ZeroSumNormal,
    expand_packed_triangular,
)  # fmt: skip
from workbench.model import Data, Deterministic, Model, Potential
from workbench.transforms import (
    extract,
    grad,
    hessian,
    hessian_vector_product,
    jacobian,
    jvp,
    replace,
    stop_gradient,
    value_and_grad,
    vectorize,
    vectorize_graph,
    vjp,
)  # fmt: skip
from workbench.transforms.logprob import logp

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "sample":
        from workbench.inference import sample

        return sample
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


__all__ = [
    "Bernoulli", "Data", "Deterministic", "Exponential", "HalfNormal", "Model", "Normal", "Potential", "Uniform",
    "extract", "function", "grad", "hessian", "hessian_vector_product", "jacobian", "jvp", "logp", "math", "replace", "sample",
    "stop_gradient", "tensor", "to_jax", "value_and_grad", "vectorize", "vectorize_graph",
    "vjp",
    "CAR", "Dirichlet", "DirichletMultinomial", "ICAR", "KroneckerNormal", "LKJCholeskyCov", "LKJCorr", "MatrixNormal",
    "Multinomial", "MvNormal", "MvStudentT", "OrderedMultinomial", "StickBreakingWeights", "Wishart", "ZeroSumNormal",
    "expand_packed_triangular",
    "AsymmetricLaplace", "Beta", "Cauchy", "ChiSquared", "ExGaussian", "Flat", "Gamma", "Gumbel", "HalfCauchy",
    "HalfFlat", "HalfStudentT", "Interpolated", "InverseGamma", "Kumaraswamy", "Laplace", "LogNormal", "Logistic",
    "LogitNormal", "Moyal", "Pareto", "PolyaGamma", "Rice", "SkewNormal", "SkewStudentT", "StudentT", "Triangular",
    "TruncatedNormal", "VonMises", "Wald", "Weibull",
]  # fmt: skip
