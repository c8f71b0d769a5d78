"""The continuous distributions, from the files of their families."""

from workbench.distributions.angles import VonMises
from workbench.distributions.bounded import Beta, Kumaraswamy, LogitNormal, Triangular, TruncatedNormal, Uniform
from workbench.distributions.chi_family import Chi, Maxwell
from workbench.distributions.extreme_values import GenExtreme
from workbench.distributions.gamma_family import ChiSquared, Exponential, Gamma, InverseGamma
from workbench.distributions.half import HalfCauchy, HalfNormal, HalfStudentT
from workbench.distributions.improper import Flat, HalfFlat
from workbench.distributions.interpolated import Interpolated
from workbench.distributions.location_scale import Cauchy, Gumbel, Laplace, Logistic, Moyal, Normal, StudentT
from workbench.distributions.polya_gamma import PolyaGamma
from workbench.distributions.positive import LogNormal, Pareto, Rice, Wald, Weibull
from workbench.distributions.skewed import AsymmetricLaplace, ExGaussian, SkewNormal, SkewStudentT
from workbench.names import answers

CONTINUOUS = (
    AsymmetricLaplace, Beta, Cauchy, Chi, ChiSquared, ExGaussian, Exponential, Flat, Gamma, GenExtreme, Gumbel, HalfCauchy, HalfFlat,
    HalfNormal, HalfStudentT, Interpolated, InverseGamma, Kumaraswamy, Laplace, LogNormal, Logistic, LogitNormal, Maxwell, Moyal,
    Normal, Pareto, PolyaGamma, Rice, SkewNormal, SkewStudentT, StudentT, Triangular, TruncatedNormal, Uniform, VonMises,
    Wald, Weibull,
)  # fmt: skip

__all__ = [
    "CONTINUOUS", "AsymmetricLaplace", "Beta", "Cauchy", "Chi", "ChiSquared", "ExGaussian", "Exponential", "Flat", "Gamma", "GenExtreme",
    "Gumbel", "HalfCauchy", "HalfFlat", "HalfNormal", "HalfStudentT", "Interpolated", "InverseGamma", "Kumaraswamy",
    "Laplace", "LogNormal", "Logistic", "LogitNormal", "Maxwell", "Moyal", "Normal", "Pareto", "PolyaGamma", "Rice", "SkewNormal",
    "SkewStudentT", "StudentT", "Triangular", "TruncatedNormal", "Uniform", "VonMises", "Wald", "Weibull",
]  # fmt: skip


__getattr__ = answers(__name__)
