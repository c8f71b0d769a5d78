"""A workbench for Bayesian modelling: models as graphs that you can see, rewrite, compile and sample.

>>> import workbench as pm
"""

from __future__ import annotations

import importlib
from typing import Any

from workbench import config, math, names, tensor  # noqa: F401 (config first: it knows when)
from workbench.compile import function, to_jax
from workbench.distributions import (
    AR,
    CAR,
    GARCH11,
    ICAR,
    AsymmetricLaplace,
    Bernoulli,
    Beta,
    BetaBinomial,
    Binomial,
    Categorical,
    Cauchy,
    Censored,
    ChiSquared,
    DiracDelta,
    Dirichlet,
    DirichletMultinomial,
    DiscreteMarkovChain,
    DiscreteUniform,
    DiscreteWeibull,
    Distribution,
    EulerMaruyama,
    ExGaussian,
    Exponential,
    Flat,
    Gamma,
    GaussianRandomWalk,
    Geometric,
    Gumbel,
    HalfCauchy,
    HalfFlat,
    HalfNormal,
    HalfStudentT,
    HurdleGamma,
    HurdleLogNormal,
    HurdleNegativeBinomial,
    HurdlePoisson,
    HyperGeometric,
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
    Mixture,
    Moyal,
    Multinomial,
    MvGaussianRandomWalk,
    MvNormal,
    MvStudentT,
    MvStudentTRandomWalk,
    NegativeBinomial,
    Normal,
    NormalMixture,
    OrderedLogistic,
    OrderedMultinomial,
    OrderedProbit,
    Pareto,
    Poisson,
    PolyaGamma,
    RandomWalk,
    Rice,
    SkewNormal,
    SkewStudentT,
    StickBreakingWeights,
    StudentT,
    Triangular,
    Truncated,
    TruncatedNormal,
    Uniform,
    VonMises,
    Wald,
    Weibull,
    Wishart,
    ZeroInflatedBinomial,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
    ZeroSumNormal,
    expand_packed_triangular,
)  # fmt: skip
from workbench.distributions.custom import CustomDist, DensityDist
from workbench.distributions.simulator import Simulator
from workbench.errors import explain
from workbench.math import invlogit, invprobit, logaddexp, logit, logsumexp, probit
from workbench.model import (
    ConstantData,
    Data,
    Deterministic,
    ImputationWarning,  # noqa: F401
    Minibatch,
    Model,
    MutableData,
    Potential,
    conditional,
    do,
    freeze_dims_and_data,
    marginalize,
    model_to_graphviz,
    modelcontext,
    observe,
    reparameterize,
    set_data,
    split,
)  # fmt: skip
from workbench.transforms import (
    Lop,
    Rop,
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
from workbench.transforms.logprob import icdf, logccdf, logcdf, logp

Lognormal = LogNormal
"""PyMC's other spelling."""

__version__ = "0.1.0"


names.make_callable("workbench.compile")
# What is known of expressions, from the start; the rules come with the first graph that is rewritten.
importlib.import_module("workbench.rewrites")

INFERENCE = frozenset([
    "ADVI", "ASVGD", "Approximation", "CheckParametersConvergence", "DADVI", "Empirical", "FullRank", "FullRankADVI", "Inference", "KLqp", "LowRank",
    "LowRankADVI", "MeanField", "NFVI", "NormalizingFlow", "SVGD", "Tracker", "adadelta", "adagrad", "adagrad_window", "adam", "adamax", "fit",
    "momentum", "nesterov_momentum", "norm_constraint", "rmsprop", "sample_approx", "sgd", "total_norm_constraint",
    "BinaryGibbsMetropolis", "BinaryMetropolis", "CategoricalGibbsMetropolis", "CauchyProposal", "CompoundStep", "DEMetropolis", "DEMetropolisZ",
    "ConjugateGibbs", "EllipticalSlice", "HamiltonianMC", "LaplaceProposal", "MALA", "Metropolis", "MultivariateNormalProposal", "NUTS", "NormalProposal", "PoissonProposal", "Slice",
    "UniformProposal", "ZarrStore",
    "check_priors", "compute_deterministics", "compute_log_likelihood", "compute_log_prior", "devices", "draw", "find_MAP", "find_constrained_prior", "recover", "resume_run", "sample", "state_probabilities", "viterbi",
    "sample_posterior_predictive", "sample_prior_predictive", "sample_smc", "sbc",
    "Plan", "infer", "join",
    "fit_inla", "fit_laplace", "fit_pathfinder",
])  # fmt: skip
"""Loaded when first used."""

LAYERS = frozenset(["gp"])
"""Modules that are loaded when first used."""


def __getattr__(name: str) -> Any:
    if name in LAYERS:
        return importlib.import_module(f"workbench.{name}")
    if name in INFERENCE:
        return getattr(importlib.import_module("workbench.inference"), name)
    return names.find(__name__, name)


__all__ = [
    "Lop", "Rop",
    "ADVI", "ASVGD", "Approximation", "DADVI", "Empirical", "FullRank", "FullRankADVI", "KLqp", "LowRankADVI", "MeanField", "Minibatch", "NFVI", "SVGD",
    "adadelta", "adagrad", "adagrad_window", "adam", "adamax", "fit", "momentum", "nesterov_momentum", "norm_constraint", "rmsprop", "sample_approx", "sgd",
    "total_norm_constraint",
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
    "AR", "BetaBinomial", "Binomial", "Categorical", "Censored", "DiracDelta", "DiscreteMarkovChain", "DiscreteUniform", "DiscreteWeibull", "Distribution", "Lognormal",
    "EulerMaruyama", "GARCH11", "GaussianRandomWalk", "Geometric", "HurdleGamma", "HurdleLogNormal",
    "HurdleNegativeBinomial", "HurdlePoisson", "HyperGeometric", "Mixture", "MvGaussianRandomWalk",
    "MvStudentTRandomWalk", "NegativeBinomial", "NormalMixture", "OrderedLogistic", "OrderedProbit", "Poisson",
    "RandomWalk", "Truncated", "ZeroInflatedBinomial", "ZeroInflatedNegativeBinomial", "ZeroInflatedPoisson",
    "ConstantData", "check_priors", "CustomDist", "DensityDist", "MutableData", "compute_deterministics", "compute_log_likelihood", "compute_log_prior", "devices", "do",
    "draw", "find_MAP", "find_constrained_prior", "freeze_dims_and_data", "icdf", "invlogit", "invprobit", "logaddexp", "logccdf", "logcdf", "logit", "logsumexp", "model_to_graphviz",
    "conditional", "marginalize", "modelcontext", "observe", "probit", "recover", "reparameterize", "resume_run", "sample_posterior_predictive", "sample_prior_predictive", "sample_smc", "sbc", "set_data", "Simulator", "state_probabilities", "viterbi", "ZarrStore",
    "Plan", "explain", "infer", "join", "split",
    "fit_inla", "fit_laplace", "fit_pathfinder",
    "gp",
]  # fmt: skip
