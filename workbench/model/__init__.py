"""Models: named variables, dims and coords, data, and the graphs derived from them."""

from workbench.model.context import current_model, modelcontext
from workbench.model.density import LogpDlogp, LogpGraph
from workbench.model.drawing import model_to_graphviz
from workbench.model.interventions import do, freeze_dims_and_data, observe
from workbench.model.marginalization import conditional, marginalize
from workbench.model.minibatch import Minibatch
from workbench.model.missing import ImputationWarning
from workbench.model.model import Model
from workbench.model.parametrisation import reparameterize
from workbench.model.parts import split
from workbench.model.variables import (
    ConstantData,
    Data,
    Deterministic,
    MutableData,
    Potential,
    set_data,
)  # fmt: skip
from workbench.names import answers

__all__ = [
    "ConstantData", "Data", "Deterministic", "ImputationWarning", "LogpDlogp", "LogpGraph", "Minibatch", "Model", "MutableData",
    "Potential", "conditional", "current_model", "do", "freeze_dims_and_data", "marginalize", "model_to_graphviz", "modelcontext", "observe", "reparameterize",
    "set_data",
    "split",
]  # fmt: skip


__getattr__ = answers(__name__)
