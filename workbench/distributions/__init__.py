"""Distributions: one class each, with its density, draw, support and support point."""

from workbench.distributions import dist_math  # noqa: F401
from workbench.distributions.categories import (
    Categorical,
    OrderedLogistic,
    OrderedProbit,
)  # fmt: skip
from workbench.distributions.continuous import (
    AsymmetricLaplace,
    Beta,
    Cauchy,
    Chi,
    ChiSquared,
    ExGaussian,
    Exponential,
    Flat,
    Gamma,
    GenExtreme,
    Gumbel,
    HalfCauchy,
    HalfFlat,
    HalfNormal,
    HalfStudentT,
    Interpolated,
    InverseGamma,
    Kumaraswamy,
    Laplace,
    Logistic,
    LogitNormal,
    LogNormal,
    Maxwell,
    Moyal,
    Normal,
    Pareto,
    PolyaGamma,
    Rice,
    SkewNormal,
    SkewStudentT,
    StudentT,
    Triangular,
    TruncatedNormal,
    Uniform,
    VonMises,
    Wald,
    Weibull,
)  # fmt: skip
from workbench.distributions.correlation import LKJCholeskyCov, LKJCorr, expand_packed_triangular
from workbench.distributions.discrete import (
    Bernoulli,
    BetaBinomial,
    Binomial,
    Geometric,
    HyperGeometric,
)  # fmt: skip
from workbench.distributions.dispersed_counts import BetaNegativeBinomial, GeneralizedPoisson
from workbench.distributions.distribution import Distribution, Draw, key_of, set_key
from workbench.distributions.draws import draw_rules
from workbench.distributions.inflated import (
    HurdleGamma,
    HurdleLogNormal,
    HurdleNegativeBinomial,
    HurdlePoisson,
    ZeroInflatedBinomial,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
)  # fmt: skip
from workbench.distributions.markov_chains import DiscreteMarkovChain
from workbench.distributions.matrices import CholeskyKroneckerNormal, KroneckerNormal, MatrixNormal, Wishart
from workbench.distributions.mixture import (
    Mixture,
    NormalMixture,
)  # fmt: skip
from workbench.distributions.modifiers import (
    Censored,
    Truncated,
)  # fmt: skip
from workbench.distributions.multinomial_family import DirichletMultinomial, Multinomial, OrderedMultinomial
from workbench.distributions.normals import (
    CholeskyMvNormal,
    CholeskyMvStudentT,
    MvNormal,
    MvStudentT,
    PrecisionMvNormal,
    PrecisionMvStudentT,
)  # fmt: skip
from workbench.distributions.point_mass import DiracDelta
from workbench.distributions.poisson_family import DiscreteUniform, DiscreteWeibull, NegativeBinomial, Poisson
from workbench.distributions.simplex import Dirichlet, StickBreakingWeights
from workbench.distributions.skellam import Skellam
from workbench.distributions.spatial import CAR, ICAR
from workbench.distributions.time_series import (
    AR,
    GARCH11,
    EulerMaruyama,
    GaussianRandomWalk,
    MvGaussianRandomWalk,
    MvStudentTRandomWalk,
    RandomWalk,
)  # fmt: skip
from workbench.distributions.zero_sum import ZeroSumNormal
from workbench.graph.serialise import NAMED
from workbench.names import answers

__all__ = [
    "Bernoulli", "Distribution", "Draw", "Exponential", "HalfNormal", "Normal", "Uniform", "draw_rules",
    "key_of", "set_key",
    "CAR", "CholeskyKroneckerNormal", "CholeskyMvNormal", "CholeskyMvStudentT", "Dirichlet", "DirichletMultinomial",
    "ICAR", "KroneckerNormal", "LKJCholeskyCov", "LKJCorr", "MatrixNormal", "Multinomial", "MvNormal", "MvStudentT",
    "OrderedMultinomial", "PrecisionMvNormal", "PrecisionMvStudentT", "StickBreakingWeights", "Wishart", "ZeroSumNormal",
    "expand_packed_triangular",
    "AsymmetricLaplace", "Beta", "Cauchy", "Chi", "ChiSquared", "ExGaussian", "Flat", "Gamma", "GenExtreme", "Gumbel", "HalfCauchy",
    "HalfFlat", "HalfStudentT", "Interpolated", "InverseGamma", "Kumaraswamy", "Laplace", "LogNormal", "Logistic",
    "LogitNormal", "Maxwell", "Moyal", "Pareto", "PolyaGamma", "Rice", "SkewNormal", "SkewStudentT", "StudentT", "Triangular",
    "TruncatedNormal", "VonMises", "Wald", "Weibull",
    "AR", "BetaBinomial", "BetaNegativeBinomial", "Binomial", "Categorical", "Censored", "DiracDelta", "DiscreteMarkovChain", "DiscreteUniform", "DiscreteWeibull",
    "EulerMaruyama", "GARCH11", "GaussianRandomWalk", "GeneralizedPoisson", "Geometric", "HurdleGamma", "HurdleLogNormal",
    "HurdleNegativeBinomial", "HurdlePoisson", "HyperGeometric", "Mixture", "MvGaussianRandomWalk",
    "MvStudentTRandomWalk", "NegativeBinomial", "NormalMixture", "OrderedLogistic", "OrderedProbit", "Poisson",
    "RandomWalk", "Skellam", "Truncated", "ZeroInflatedBinomial", "ZeroInflatedNegativeBinomial", "ZeroInflatedPoisson",
]  # fmt: skip

NAMED["distribution"] = {
    name: found for name in __all__ if isinstance(found := globals()[name], type) and issubclass(found, Distribution)
}


__getattr__ = answers(__name__)
