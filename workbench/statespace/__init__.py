"""State spaces: linear systems of normal states, whose densities, states and forecasts the Kalman filter gives.

Names are those of pymc-extras' ``statespace``. A model is a thing that makes variables.
"""

from workbench.statespace import structural
from workbench.statespace.distribution import LinearGaussianStateSpace
from workbench.statespace.dynamic_factor import BayesianDynamicFactor
from workbench.statespace.ets import BayesianETS
from workbench.statespace.model import StateSpace
from workbench.statespace.sarimax import BayesianSARIMAX
from workbench.statespace.varmax import BayesianVARMAX

__all__ = ["BayesianDynamicFactor", "BayesianETS", "BayesianSARIMAX", "BayesianVARMAX", "LinearGaussianStateSpace", "StateSpace", "structural"]
