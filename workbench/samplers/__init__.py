"""Samplers, each written once as a graph: model and sampler compile together to any backend."""

from workbench.samplers.compiled import ROWS, CompiledSampler, compiled_apart, compiled_sampler
from workbench.samplers.de_metropolis_z import DEMetropolisZ, DEMetropolisZSettings
from workbench.samplers.demetropolis_in_turn import DEMetropolisInTurn, DEMetropolisSettings
from workbench.samplers.elliptical_slice import EllipticalSlice, EllipticalSliceSettings
from workbench.samplers.gibbs import Gibbs, GibbsSettings
from workbench.samplers.hmc import Hmc, HmcSettings
from workbench.samplers.kernel import Kernel, Position
from workbench.samplers.mala import Mala, MalaSettings
from workbench.samplers.metropolis import (
    CorrelatedIntegerMetropolis,
    CorrelatedMetropolis,
    IntegerMetropolis,
    Metropolis,
    MetropolisSettings,
)
from workbench.samplers.nuts import Nuts, NutsOfTrees, NutsSettings
from workbench.samplers.proposals import (
    CauchyProposal,
    LaplaceProposal,
    MultivariateNormalProposal,
    NormalProposal,
    PoissonProposal,
    Proposal,
    UniformProposal,
)
from workbench.samplers.slice import Slice, SliceSettings

__all__ = [
    "ROWS", "CauchyProposal", "CompiledSampler", "CorrelatedIntegerMetropolis", "CorrelatedMetropolis", "DEMetropolisInTurn",
    "DEMetropolisSettings", "DEMetropolisZ", "DEMetropolisZSettings",
    "EllipticalSlice", "EllipticalSliceSettings", "Gibbs", "GibbsSettings",
    "Hmc", "HmcSettings", "IntegerMetropolis", "Kernel", "LaplaceProposal", "Mala", "MalaSettings", "Metropolis", "MetropolisSettings",
    "MultivariateNormalProposal", "NormalProposal", "Nuts", "NutsOfTrees", "NutsSettings", "PoissonProposal", "Position", "Proposal", "Slice",
    "SliceSettings", "UniformProposal", "compiled_apart", "compiled_sampler",
]  # fmt: skip
