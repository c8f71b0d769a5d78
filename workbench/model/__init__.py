"""Models: named variables, dims and coords, data, and the graphs derived from them."""

from typing import TYPE_CHECKING

from workbench.model.context import current_model, modelcontext
from workbench.model.density import LogpDlogp, LogpGraph
from workbench.model.drawing import model_to_graphviz
from workbench.model.interventions import do, freeze_dims_and_data, observe
from workbench.model.minibatch import Minibatch
from workbench.model.missing import ImputationWarning
from workbench.model.model import Model
from workbench.model.variables import (
    ConstantData,
    Data,
    Deterministic,
    MutableData,
    Potential,
    set_data,
)  # fmt: skip
from workbench.names import answers, listing

if TYPE_CHECKING:
    from workbench.model.marginalization import conditional, marginalize
    from workbench.model.parametrisation import reparameterize
    from workbench.model.parts import split

__all__ = [
    "ConstantData", "Data", "Deterministic", "ImputationWarning", "LogpDlogp", "LogpGraph", "Minibatch", "Model", "MutableData",
    "Potential", "conditional", "current_model", "do", "freeze_dims_and_data", "marginalize", "model_to_graphviz", "modelcontext", "observe", "reparameterize",
    "set_data",
    "split",
]  # fmt: skip


LATER = {
    "workbench.model.marginalization": "conditional marginalize", "workbench.model.parametrisation": "reparameterize", "workbench.model.parts": "split",
}  # fmt: skip
"""Loaded when first used."""

__getattr__, __dir__ = answers(__name__, LATER), listing(__name__)
