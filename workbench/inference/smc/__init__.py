"""Sequential Monte Carlo: populations from the prior to the posterior, with the marginal likelihood."""

from workbench.inference.smc.run import SmcChain, SmcRun
from workbench.inference.smc.sampling import sample_smc
from workbench.samplers.population import Population
from workbench.samplers.population_moves import HMC, IMH, MH

__all__ = ["HMC", "IMH", "MH", "Population", "SmcChain", "SmcRun", "sample_smc"]
