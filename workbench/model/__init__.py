"""Models: named variables, dims and coords, data, and the graphs derived from them."""

from workbench.model.density import LogpDlogp, LogpGraph
from workbench.model.model import Model, current_model
from workbench.model.variables import Data, Deterministic, Potential

__all__ = ["Data", "Deterministic", "LogpDlogp", "LogpGraph", "Model", "Potential", "current_model"]
