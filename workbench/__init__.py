"""A workbench for Bayesian modelling: models as graphs that you can see, rewrite, compile and sample.

>>> import workbench as pm
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from workbench import config  # First: it knows when.

with config.no_collections():
    from workbench import math, names, tensor
    from workbench.compile import function
    from workbench.distributions import (
        AR,
        CAR,
        GARCH11,
        ICAR,
        AsymmetricLaplace,
        Bernoulli,
        Beta,
        BetaBinomial,
        BetaNegativeBinomial,
        Binomial,
        Categorical,
        Cauchy,
        Censored,
        Chi,
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
        GeneralizedPoisson,
        GenExtreme,
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
        Maxwell,
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
        Skellam,
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
    from workbench.errors import explain
    from workbench.graph import properties
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
        do,
        freeze_dims_and_data,
        model_to_graphviz,
        modelcontext,
        observe,
        set_data,
    )  # fmt: skip
    from workbench.transforms import (
        Lop,
        extract,
        grad,
        replace,
        stop_gradient,
        value_and_grad,
        vjp,
    )  # fmt: skip
    from workbench.transforms.logprob import icdf, logccdf, logcdf, logp

if TYPE_CHECKING:
    from workbench.compile import to_jax
    from workbench.distributions.simulator import Simulator
    from workbench.model import conditional, marginalize, reparameterize, split
    from workbench.model.formula_model import formula_model, set_formula_data
    from workbench.model.r2d2m2cp import R2D2M2CP
    from workbench.model.wishart_bartlett import WishartBartlett
    from workbench.tensor import nn
    from workbench.transforms import Rop, hessian, hessian_vector_product, jacobian, jvp, vectorize, vectorize_graph
    from workbench.transforms.prediction import for_prediction

Lognormal = LogNormal
"""PyMC's other spelling."""

__version__ = "0.1.0"


names.make_callable("workbench.compile")
properties.told_by("workbench.rewrites.matrix_properties", "workbench.rewrites.signs")

INFERENCE = frozenset([
    "ADVI", "ASVGD", "Approximation", "CheckParametersConvergence", "DADVI", "DataLoader", "Empirical", "FullRank", "FullRankADVI", "Inference", "KLqp", "LowRank",
    "LowRankADVI", "MeanField", "NFVI", "NormalizingFlow", "SVGD", "Tracker", "adadelta", "adagrad", "adagrad_window", "adam", "adamax", "adamw", "fit",
    "cosine_decay_schedule", "exponential_decay", "linear_schedule", "warmup_cosine_decay_schedule",
    "momentum", "nesterov_momentum", "norm_constraint", "prefetch", "rmsprop", "sample_approx", "sgd", "total_norm_constraint",
    "BinaryGibbsMetropolis", "BinaryMetropolis", "CategoricalGibbsMetropolis", "CauchyProposal", "CompoundStep", "DEMetropolis", "DEMetropolisZ",
    "ConjugateGibbs", "EllipticalSlice", "HamiltonianMC", "LaplaceProposal", "MALA", "Metropolis", "MultivariateNormalProposal", "NUTS", "NormalProposal", "PoissonProposal", "Slice",
    "UniformProposal", "ZarrStore",
    "check_priors", "compute_deterministics", "compute_log_likelihood", "compute_log_prior", "devices", "draw", "find_MAP", "find_constrained_prior", "recover", "resume_run", "sample", "state_probabilities", "viterbi",
    "sample_posterior_predictive", "sample_prior_predictive", "sample_smc", "sbc",
    "Plan", "infer", "join",
    "fit_inla", "fit_laplace", "fit_pathfinder",
])  # fmt: skip
"""Loaded when first used."""

LATER = {
    "workbench.compile.jax.backend": "to_jax",
    "workbench.distributions.simulator": "Simulator",
    "workbench.gp": "gp",
    "workbench.model.formula_model": "formula_model set_formula_data",
    "workbench.model.marginalization": "conditional marginalize",
    "workbench.model.parametrisation": "reparameterize",
    "workbench.model.parts": "split",
    "workbench.model.r2d2m2cp": "R2D2M2CP",
    "workbench.model.wishart_bartlett": "WishartBartlett",
    "workbench.ode": "ode",
    "workbench.rewrites": "rewrites",
    "workbench.statespace": "statespace",
    "workbench.tensor": "nn",
    "workbench.transforms.derivatives": "Rop hessian hessian_vector_product jacobian jvp",
    "workbench.transforms.prediction": "for_prediction",
    "workbench.transforms.vectorise": "vectorize vectorize_graph",
}
"""Loaded when first used."""

_others = names.answers(__name__, LATER)


def __getattr__(name: str) -> Any:
    if name in INFERENCE:
        return getattr(importlib.import_module("workbench.inference"), name)
    return _others(name)


__dir__ = names.listing(__name__, names.ALIASES[__name__])


__all__ = [
    "Lop", "Rop",
    "BinaryGibbsMetropolis", "BinaryMetropolis", "CategoricalGibbsMetropolis", "CompoundStep", "ConjugateGibbs", "DEMetropolis", "DEMetropolisZ", "EllipticalSlice", "HamiltonianMC", "MALA", "Metropolis", "NUTS", "Slice",
    "CauchyProposal", "LaplaceProposal", "MultivariateNormalProposal", "NormalProposal", "PoissonProposal", "UniformProposal",
    "CheckParametersConvergence", "Inference", "LowRank", "NormalizingFlow", "Tracker",
    "ADVI", "ASVGD", "Approximation", "DADVI", "DataLoader", "Empirical", "FullRank", "FullRankADVI", "KLqp", "LowRankADVI", "MeanField", "Minibatch", "NFVI", "SVGD",
    "adadelta", "adagrad", "adagrad_window", "adam", "adamax", "adamw", "cosine_decay_schedule", "exponential_decay", "fit", "linear_schedule", "momentum", "nesterov_momentum", "norm_constraint", "prefetch", "rmsprop", "sample_approx", "sgd",
    "total_norm_constraint", "warmup_cosine_decay_schedule",
    "Bernoulli", "Data", "Deterministic", "Exponential", "HalfNormal", "Model", "Normal", "Potential", "Uniform",
    "extract", "for_prediction", "function", "grad", "hessian", "hessian_vector_product", "jacobian", "jvp", "logp", "math", "replace", "sample",
    "stop_gradient", "tensor", "to_jax", "value_and_grad", "vectorize", "vectorize_graph",
    "vjp",
    "CAR", "Dirichlet", "DirichletMultinomial", "ICAR", "KroneckerNormal", "LKJCholeskyCov", "LKJCorr", "MatrixNormal",
    "Multinomial", "MvNormal", "MvStudentT", "OrderedMultinomial", "StickBreakingWeights", "Wishart", "ZeroSumNormal",
    "expand_packed_triangular",
    "AsymmetricLaplace", "Beta", "Cauchy", "Chi", "ChiSquared", "ExGaussian", "Flat", "Gamma", "GenExtreme", "Gumbel", "HalfCauchy",
    "HalfFlat", "HalfStudentT", "Interpolated", "InverseGamma", "Kumaraswamy", "Laplace", "LogNormal", "Logistic",
    "LogitNormal", "Maxwell", "Moyal", "Pareto", "PolyaGamma", "Rice", "SkewNormal", "SkewStudentT", "StudentT", "Triangular",
    "TruncatedNormal", "VonMises", "Wald", "Weibull",
    "AR", "BetaBinomial", "BetaNegativeBinomial", "Binomial", "Categorical", "Censored", "DiracDelta", "DiscreteMarkovChain", "DiscreteUniform", "DiscreteWeibull", "Distribution", "Lognormal",
    "EulerMaruyama", "GARCH11", "GaussianRandomWalk", "GeneralizedPoisson", "Geometric", "HurdleGamma", "HurdleLogNormal",
    "HurdleNegativeBinomial", "HurdlePoisson", "HyperGeometric", "Mixture", "MvGaussianRandomWalk",
    "MvStudentTRandomWalk", "NegativeBinomial", "NormalMixture", "OrderedLogistic", "OrderedProbit", "Poisson",
    "RandomWalk", "Skellam", "Truncated", "ZeroInflatedBinomial", "ZeroInflatedNegativeBinomial", "ZeroInflatedPoisson",
    "ConstantData", "check_priors", "CustomDist", "DensityDist", "MutableData", "compute_deterministics", "compute_log_likelihood", "compute_log_prior", "devices", "do",
    "draw", "find_MAP", "find_constrained_prior", "freeze_dims_and_data", "icdf", "invlogit", "invprobit", "logaddexp", "logccdf", "logcdf", "logit", "logsumexp", "model_to_graphviz",
    "conditional", "marginalize", "modelcontext", "observe", "probit", "recover", "reparameterize", "resume_run", "sample_posterior_predictive", "sample_prior_predictive", "sample_smc", "sbc", "set_data", "Simulator", "state_probabilities", "viterbi", "ZarrStore",
    "Plan", "explain", "infer", "join", "split",
    "fit_inla", "fit_laplace", "fit_pathfinder",
    "gp", "nn", "ode", "statespace",
    "R2D2M2CP", "WishartBartlett", "formula_model", "set_formula_data",
]  # fmt: skip
